"""What registries say when something was pushed: distribution, Harbor and zot.

Only a repository and a tag are taken from it, as hints where to look. Whoever sends it may be
lying, so nothing else is read, and nothing here is believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from lading.errors import InvalidInput
from lading.spec.encoding import check_depth
from lading.spec.mediatypes import MANIFESTS
from lading.spec.plain import Fields, table, tables
from lading.spec.tags import TAG, event_of

# A registry that was cut off sends what it kept; nobody sends more at once.
_MOST: Final = 1000
_LONGEST_NAME: Final = 255

_HARBOR = frozenset({"PUSH_ARTIFACT", "CREATE_TAG", "harbor.artifact.pushed", "harbor.tag.created"})
# zot's prefix can be set; the rest cannot.
_ZOT = ("image.updated", "repository.created")


@dataclass(frozen=True, slots=True)
class Hint:
    """Somewhere to look: a repository as the registry calls it, and the tag where one was said."""

    repository: str
    tag: str | None = None

    @property
    def matters(self) -> bool:
        """Whether an event may have come: it has a tag of its own kind, or nobody says which."""
        return self.tag is None or event_of(self.tag) is not None


def hints(headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
    """Where a notification says that something was pushed; empty where it tells of other things.

    Raises:
        InvalidInput: it is no notification of any kind that is known.
    """
    value = _decoded(body)
    found = {name.lower(): text for name, text in headers.items()}
    if kind := found.get("ce-type"):  # CloudEvents in binary mode: the body is the data alone
        return tuple(_cloud_event(kind, value))
    messages = tables(value if isinstance(value, list) else [value])
    if not messages:
        raise InvalidInput("the notification is no JSON object")
    said = (hint for message in messages for hint in _message(message))
    return tuple(islice(said, _MOST))


def _decoded(body: bytes) -> Any:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the notification is not JSON", cause=str(error)[:200]) from error
    check_depth(value, "the notification")
    return value


def _message(message: Fields) -> Iterator[Hint]:
    kind = message.get("type")
    if isinstance(message.get("events"), list):
        yield from (hint for event in tables(message["events"]) for hint in _distribution(event))
    elif isinstance(kind, str) and "specversion" in message:
        yield from _cloud_event(kind, message.get("data"))
    elif isinstance(kind, str) and "event_data" in message:
        yield from _harbor(kind, table(message.get("event_data")))
    else:
        raise InvalidInput("this is no notification of distribution, Harbor or zot")


def _distribution(event: Fields) -> Iterator[Hint]:
    target = table(event.get("target"))
    # Blobs have no tag, and no event of ours is one.
    kind = target.get("mediaType")
    if event.get("action") == "push" and isinstance(kind, str) and kind in MANIFESTS:
        yield from _hint(target.get("repository"), target.get("tag"))


def _cloud_event(kind: str, data: object) -> Iterator[Hint]:
    if kind.endswith(_ZOT):
        said = table(data)
        yield from _hint(said.get("name"), said.get("reference"))
    else:
        yield from _harbor(kind, table(data))


def _harbor(kind: str, data: Fields) -> Iterator[Hint]:
    if kind not in _HARBOR:
        return
    repository = table(data.get("repository")).get("repo_full_name")
    for resource in tables(data.get("resources")):
        yield from _hint(repository, resource.get("tag"))


def _hint(repository: object, tag: object) -> Iterator[Hint]:
    if not isinstance(repository, str) or not 0 < len(repository) <= _LONGEST_NAME:
        return
    # Harbor and zot name a digest where a tag would be.
    known = isinstance(tag, str) and TAG.fullmatch(tag) is not None
    yield Hint(repository, str(tag) if known else None)
