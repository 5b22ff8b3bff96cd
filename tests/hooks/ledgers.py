"""A repository with a ledger to write in, as ``promote`` and its like do."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from typing import Any, cast

from lading.ledger.artifact import EMPTY, EMPTY_CONFIG, seal
from lading.ledger.book import LedgerStore
from lading.ledger.read import read_book
from lading.ledger.write import record, settle
from lading.operations.event import EventResult
from lading.operations.stores import open_store
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import Draft, Event, Kind, Recorded, now
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference

_NUMBERS = itertools.count()


@dataclass(slots=True)
class Ledger:
    """One repository."""

    name: str
    settings: Settings
    store: LedgerStore = field(init=False)

    def __post_init__(self) -> None:
        place = Reference.parse(self.name)
        self.store = cast("LedgerStore", open_store(place, self.settings, create=True))

    def version(self, tag: str) -> Digest:
        """A version: as small a manifest as can be, under its tag."""
        self.store.push(EMPTY_CONFIG, BytesContent(EMPTY))
        annotations = {"number": f"{next(_NUMBERS)} {secrets.token_hex(4)}"}
        manifest = Manifest.build(EMPTY_CONFIG, (EMPTY_CONFIG,), annotations=annotations)
        self.store.push(manifest.descriptor, BytesContent(manifest.raw), tag)
        return manifest.descriptor.digest

    def write(self, kind: Kind, version: str = "1.0.0", **fields: Any) -> Recorded:
        """Record an event about a version, and show it; the version is made where it is not."""
        names = set(self.store.names())
        digest = self.store.resolve(version).digest if version in names else self.version(version)
        said: dict[str, Any] = (
            {"kind": kind, "repository": "ml/fraud", "digest": digest, "version": version}
            | {"actor": "ada"}
            | fields
        )
        draft = Draft(**said)
        book = read_book(self.store)
        recorded = record(self.store, book, draft, fold=lambda b: b.state())
        settle(self.store, book, fold=lambda b: b.state())
        return recorded

    def assign(self, version: str = "1.0.0", stage: str = "prod", **fields: Any) -> Recorded:
        """Move a stage."""
        return self.write("assigned", version, stage=stage, **fields)

    def beside(self, parents: tuple[Digest, ...], seq: int, **fields: Any) -> Recorded:
        """An event by somebody who knew no more than these parents: a laggard, or a fork."""
        said: dict[str, Any] = (
            {"kind": "assigned", "stage": "prod", "repository": "ml/fraud", "actor": "bob"}
            | {"digest": self.version(f"0.{next(_NUMBERS)}.0"), "version": "0.9.0"}
            | {"seq": seq, "parents": parents, "time": now(), "nonce": secrets.token_hex(16)}
            | fields
        )
        sealed = seal(Event(**said))
        self.store.push(EMPTY_CONFIG, BytesContent(EMPTY))
        self.store.push(sealed.layer, BytesContent(sealed.content))
        self.store.push(sealed.descriptor, BytesContent(sealed.manifest.raw), sealed.tag)
        return sealed.recorded


def ids(*recorded: Recorded) -> list[tuple[int, str]]:
    """What events are known by, within one repository."""
    return [(each.event.seq, each.digest) for each in recorded]


def told(events: list[EventResult]) -> list[tuple[int, str]]:
    """The same of events that were told."""
    return [(event.seq, event.event) for event in events]
