"""What this machine knows by heart, for who is typing a name: no registry is ever asked.

Models of the local store, what searches have left in the catalogue, what the settings name, and the
stages of the policy. All of it may be old or missing; it is an offer and no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput, LadingError
from lading.operations import stores
from lading.spec.plain import table
from lading.spec.reference import Reference
from lading.spec.tags import LATEST, image_of, is_own
from lading.spec.version import Version

if TYPE_CHECKING:
    from types import ModuleType

    from lading.settings import Settings

# A longer list helps nobody.
MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class _Known:
    """The tags of a repository: versions from the highest down, then its other names."""

    versions: tuple[str, ...]
    others: tuple[str, ...]


def models(beginning: str, settings: Settings) -> tuple[str, ...]:
    """The names of models that begin so, as they may be written here."""
    found = {*_local(beginning, settings), *_remote(beginning, settings)}
    return tuple(sorted(found)[:MOST])


def references(beginning: str, settings: Settings) -> tuple[str, ...]:
    """The names of models that begin so; of one alone, or after its colon, what it holds, too."""
    names = models(beginning, settings)
    named, colon, tag = _split(beginning)
    if colon:
        return (*names, *_under(named, tag, settings))
    return (*names, *_under(names[0], "", settings)) if len(names) == 1 else names


def versions(model: str, settings: Settings) -> tuple[str, ...]:
    """The versions of a model, from the highest down, as a person writes them."""
    parsed = (Version.from_tag(tag) for tag in _known(model, settings).versions)
    return tuple(str(version) for version in parsed if version)


def stages(settings: Settings) -> tuple[str, ...]:
    """The stages that the policy names, in its order; the four usual ones where it names none."""
    from lading.policy.rules import USUAL

    usual = tuple(rules.stage for rules in USUAL.stages)
    try:
        words = _policys_words(settings)
    except LadingError:
        return usual
    models = words.get("models")
    others = (_named(each) for each in (models if isinstance(models, list) else ()))
    return tuple(dict.fromkeys(chain(_named(words) or usual, *others)))


def metrics(model: str | None, settings: Settings) -> tuple[str, ...]:
    """The names of metrics: those of a model where any are known of it, else all."""
    glance, path = _catalogue(settings)
    own: tuple[str, ...] = ()
    if model is not None and (place := _place(model, settings)):
        own = glance.metrics(path, place.base)
    return own or glance.metrics(path)


def _split(text: str) -> tuple[str, str, str]:
    """A name, the colon before its tag, and the tag as far as it was typed; a port is none."""
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return head + slash + name, colon, tag


def _under(model: str, tag: str, settings: Settings) -> Iterator[str]:
    known = _known(model, settings)
    for each in islice((*known.versions, *known.others), MOST):
        if each.startswith(tag):
            yield f"{model}:{each}"


def _local(beginning: str, settings: Settings) -> Iterator[str]:
    if settings.registry:
        return  # then a name without a host is meant to be there
    with suppress(OSError):
        yield from islice(stores.local_repositories(settings, beginning), MOST)


def _remote(beginning: str, settings: Settings) -> Iterator[str]:
    glance, path = _catalogue(settings)
    # HOST/PREFIX/* is no name of a model.
    named = (name for name in settings.repositories if not name.endswith("*"))
    for base in (*glance.repositories(path, beginning), *named):
        if base.startswith(beginning) and (place := _place(base, settings)) and place.host:
            yield base
    if settings.registry:
        whole = settings.registry.rstrip("/") + "/"
        for base in glance.repositories(path, whole + beginning):
            if _place(base, settings):
                yield base.removeprefix(whole)


def _known(model: str, settings: Settings) -> _Known:
    place = _place(model, settings)
    if place is None:
        return _Known((), ())
    tags = set(_tags(place, settings))
    found = {tag: version for tag in tags if (version := Version.from_tag(tag))}
    order = {name: at for at, name in enumerate(stages(settings))}
    others = (tag for tag in tags - found.keys() if not (is_own(tag) or image_of(tag)))
    return _Known(
        tuple(sorted(found, key=found.__getitem__, reverse=True)),
        tuple(sorted(others, key=lambda tag: (tag == LATEST, order.get(tag, len(order)), tag))),
    )


def _tags(place: Reference, settings: Settings) -> Iterable[str]:
    if place.host:
        glance, path = _catalogue(settings)
        return (*glance.versions(path, place.base), *glance.stages(path, place.base))
    try:
        return tuple(stores.open_store(place, settings).names())
    except LadingError:
        return ()


def _place(model: str, settings: Settings) -> Reference | None:
    try:
        return stores.locate(model, settings)
    except InvalidInput:
        return None


def _policys_words(settings: Settings) -> Mapping[str, Any]:
    """What the policy's file says, unchecked: to check it takes longer than all else here."""
    from lading.operations.lifecycle.policy_file import policy_bytes, policy_path
    from lading.spec.yaml_text import read_yaml

    raw = policy_bytes(settings)
    if raw is None:
        return {}
    return table(read_yaml(raw.decode("utf-8", "replace"), str(policy_path(settings))))


def _named(rules: object) -> tuple[str, ...]:
    """The stages that a part of the policy names."""
    from lading.spec.event import stage_name

    found = []
    for name in table(table(rules).get("stages")):
        with suppress(InvalidInput):
            found.append(stage_name(name))
    return tuple(found)


def _catalogue(settings: Settings) -> tuple[ModuleType, Path]:
    from lading.catalogue import glance
    from lading.catalogue.catalogue import FILE

    return glance, settings.cache / FILE
