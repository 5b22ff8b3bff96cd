"""What a folder of documents runs, read from its digests; and the same for another version.

Whoever can write to a repository wrote this: nothing in it is believed before it has been parsed,
and what this room does not know is refused, since a digest that stays behind would run on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from lading.deploy import kustomize, run, values
from lading.deploy.edit import Path, Text, load
from lading.deploy.pins import EVENT, STAGE, Pins
from lading.deploy.resource import Resource
from lading.deploy.said import SAID, Running, Way, one, running_by, said, unknown
from lading.errors import InvalidInput
from lading.spec.digest import Digest

_DIGESTED: Final = re.compile(r"(?:[a-z+]+://)?[^\s\"'=,]*@sha(?:256|512):[0-9A-Za-z]*", re.ASCII)
_BARE: Final = re.compile(r"sha(?:256|512):[0-9a-f]{64}", re.ASCII)
_SCHEME: Final = re.compile(r"[a-z+]+://", re.ASCII)
# In front of an image that KServe starts beside a server.
_MODELCAR: Final = "oci://"
# What only the documents say, and no pod: it would start anew where nothing else changed.
_OUTER: Final = (STAGE, EVENT)

_Role = Literal["model", "serving", "puller", "modelcar"]


class _Named(NamedTuple):
    """A place in the documents that names something by digest."""

    path: Path
    role: _Role
    # What stands in front, ``oci+native://``.
    scheme: str
    reference: str


def running(text: str) -> Running:
    """What ``digests.yaml`` makes its documents run.

    Raises:
        InvalidInput: it is no YAML, names something else than digests, or several versions.
        Unsupported: it names something that only somebody knows who wrote it.
    """
    return _read(Text.parse(text))


def _read(text: Text) -> Running:
    runs = said(lambda name: _annotations(text, name))
    places = list(_named(text, runs.reference))
    main = _main(text)
    return running_by(
        runs,
        serving=_of(places, "serving"),
        pulling=_of(places, "puller"),
        way=_way(places),
        kind=text.scalars[(main, "kind")].value,
        name=_base_name(text, main, runs.digest),
        modelcar=one(_of(places, "modelcar"), "modelcar"),
    )


def named(documents: Iterable[Resource]) -> tuple[str, ...]:
    """Everything that documents name by digest, HOST/NAME@DIGEST, in their order."""
    found = dict[str, None]()
    for text in _texts(list(documents)):
        found |= dict.fromkeys(_SCHEME.sub("", each) for each in _DIGESTED.findall(text))
    return tuple(found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value


def moved(text: str, pins: Pins, bare: Iterable[Resource]) -> str:
    """``digests.yaml`` for another version: only what names it is another, byte by byte.

    ``bare`` are the documents that it is a patch for.

    Raises:
        InvalidInput: as :func:`running`; or a value stands where it cannot be changed by itself.
    """
    parsed = Text.parse(text)
    old = _read(parsed)
    wanted: dict[Path, str | None] = {}
    for parent in _annotated(parsed):
        wanted |= _renewed(parsed, parent, pins)
    texts = {
        "model": pins.runs.reference,
        "serving": pins.serving.reference,
        "puller": (pins.puller if old.puller else None) or pins.serving.reference,
        "modelcar": pins.modelcar,
    }
    for each in _named(parsed, old.reference):
        before = parsed.scalars[each.path].value
        now = texts[each.role]
        if now is None:
            raise InvalidInput("no image is known that is the modelcar of the other version")
        wanted[each.path] = before.replace(each.reference, now)
    wanted |= _renamed(parsed, old, pins)
    return _called(parsed.changed(wanted), tuple(bare), pins)


def moved_values(text: str, pins: Pins) -> str:
    """A file of values for another version; what else is in it stays.

    Raises:
        InvalidInput: it is no YAML; or a value stands where it cannot be changed by itself.
    """
    parsed = Text.parse(text)
    wanted: dict[Path, str | None] = {
        (0, *path): value for path, value in _leaves(values.values(pins))
    }
    for name in SAID:
        wanted.setdefault((0, "annotations", name), None)
    return parsed.changed(wanted)


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, (*path, name))
    else:
        yield path, str(value)


# Annotations


def _annotated(text: Text) -> list[Path]:
    """The mappings that say which version runs."""
    return list(dict.fromkeys(path[:-1] for path in text.scalars if _is_said(path)))


def _annotations(text: Text, name: str) -> Iterator[str]:
    for path, scalar in text.scalars.items():
        if path[-2:] == ("annotations", name):
            yield scalar.value


def _renewed(text: Text, parent: Path, pins: Pins) -> dict[Path, str | None]:
    """What an annotated document is to say; pods say nothing of stages."""
    inner = len(parent) > _DEPTH_OF_METADATA
    return {
        (*parent, name): pins.annotations.get(name)
        for name in SAID
        if not (inner and name in _OUTER and (*parent, name) not in text.scalars)
    }


# DOCUMENT, metadata, annotations.
_DEPTH_OF_METADATA: Final = 3


# Names with a digest


def _named(text: Text, model: str) -> Iterator[_Named]:
    """Every place that names something by digest, and what that is.

    Raises:
        Unsupported: nobody knows what it is for.
    """
    for path, scalar in text.scalars.items():
        if _BARE.search(_DIGESTED.sub("", scalar.value)) and not _is_said(path):
            raise unknown(scalar.value, path)
        for found in _DIGESTED.findall(scalar.value):
            scheme = match[0] if (match := _SCHEME.match(found)) else ""
            reference = found.removeprefix(scheme)
            role = _role(path, scheme, reference, model)
            if role is None:
                raise unknown(found, path)
            yield _Named(path, role, scheme, reference)


def _of(places: Iterable[_Named], role: _Role) -> Iterator[str]:
    return (each.reference for each in places if each.role == role)


def _is_said(path: Path) -> bool:
    return len(path) > 1 and path[-2] == "annotations" and path[-1] in SAID


def _role(path: Path, scheme: str, reference: str, model: str) -> _Role | None:
    if path[-1] == "image" and not scheme:
        if "initContainers" in path or path[-2] == "container":
            return "puller"
        if "containers" in path or path[-2] == "model":
            return "serving"
    if reference == model:
        return "model"
    return "modelcar" if path[-1] == "storageUri" and scheme == _MODELCAR else None


def _way(places: list[_Named]) -> Way:
    """How the model gets to its server."""
    if any(each.role == "modelcar" for each in places):
        return "beside"
    paths = [each.path for each in places if each.role == "model"]
    if not paths:
        return "held"
    return "pulled" if any("initContainers" in path for path in paths) else "mounted"


# Documents


def _main(text: Text) -> int:
    """The document that runs the version."""
    numbers = {path[0] for path in _annotated(text)}
    for number in sorted(numbers, key=int):
        if isinstance(number, int) and {(number, "kind"), (number, "metadata", "name")} <= set(
            text.scalars
        ):
            return number
    raise InvalidInput("a document has no kind, or no name")


def _base_name(text: Text, main: int, digest: Digest) -> str:
    name = text.scalars[(main, "metadata", "name")].value
    is_job = text.scalars[(main, "kind")].value == "Job"
    return run.base_name(name, digest) if is_job else name


def _renamed(text: Text, old: Running, pins: Pins) -> dict[Path, str | None]:
    """A job is called after its version."""
    return {
        path: scalar.value.removesuffix(old.digest.short) + pins.runs.digest.short
        for path, scalar in text.scalars.items()
        if path[1:] == ("metadata", "name")
        and text.scalars[(path[0], "kind")].value == "Job"
        and scalar.value.endswith(f"-{old.digest.short}")
    }


def _called(text: str, bare: tuple[Resource, ...], pins: Pins) -> str:
    """The same with jobs called after all that they do now."""
    wanted: dict[Path, str | None] = {}
    for number, patch in enumerate(load(text)):
        if patch["kind"] == "Job":
            (job,) = (each for each in bare if kustomize.is_for(patch, each))
            (made,) = kustomize.merge((job,), (patch,))
            base = run.base_name(patch["metadata"]["name"], pins.runs.digest)
            wanted[number, "metadata", "name"] = run.run_name(base, made["spec"], pins.runs.digest)
    return Text.parse(text).changed(wanted) if wanted else text
