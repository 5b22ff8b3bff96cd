"""A team that works on one model: who acts, under which policy, and what they push."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.operations import stores
from lading.operations.publishing.captured import Capture
from lading.operations.push import push
from lading.operations.status import StageStatus, status
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.transfer import read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore

ADA, BOB, EVE = "Ada <ada@example.com>", "Bob <bob@example.com>", "Eve <eve@example.com>"
NOTHING = Capture(without=frozenset({"all"}))
_NUMBERS = itertools.count()


class Later:
    """The clock in forty days."""

    @staticmethod
    def now(zone: tzinfo) -> datetime:
        return datetime.now(zone) + timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Team:
    """Somebody of a team, at one repository."""

    place: str
    settings: Settings
    folder: Path

    def acting(self, actor: str) -> Team:
        """Another one of them."""
        return replace(self, settings=replace(self.settings, actor=actor))

    def under(self, policy: str) -> Team:
        """The same one with a policy: what its file says."""
        path = self.folder / f"policy-{next(_NUMBERS)}.yaml"
        path.write_text(policy)
        return replace(self, settings=replace(self.settings, policy=path))

    def elsewhere(self) -> Team:
        """The same one on another machine, or as another user where the store is this machine's."""
        folder = self.folder / f"machine-{next(_NUMBERS)}"
        fresh = replace(self.settings, cache=folder / "cache")
        if stores.locate(self.place, self.settings).host or self.place.startswith("oci:"):
            fresh = replace(fresh, home=folder / "home")
        return replace(self, settings=fresh)

    def at(self, place: str) -> Team:
        """The same one at another repository."""
        return replace(self, place=place)

    def push(self, version: str, **words: Any) -> str:
        """A small version; its digest."""
        path = self.folder / "weights.bin"
        path.write_bytes(f"weights of {version}".encode())
        reference = f"{self.place}:{version}"
        return push(path, reference, capture=NOTHING, settings=self.settings, **words).digest

    @property
    def store(self) -> AnyStore:
        """The repository as it is stored."""
        return stores.open_store(stores.locate(self.place, self.settings), self.settings)

    def tag(self, name: str) -> str | None:
        """What a tag names, asked of the store itself."""
        store = self.store
        return store.resolve(name).digest if name in set(store.names()) else None

    def set_tag(self, name: str, version: str) -> None:
        """Move a tag as another tool would, without a word to the ledger."""
        store = self.store
        root = store.resolve(version)
        store.push(root, BytesContent(read(store, root)), name)

    def stage(self, name: str) -> StageStatus:
        """How a stage stands."""
        found = status(self.place, settings=self.settings).stages
        return next(stage for stage in found if stage.stage == name)

    def versions(self, name: str) -> list[str | None]:
        """The versions that the ledger says a stage names."""
        return [member.version for member in self.stage(name).members]

    def events(self) -> list[str]:
        """The tags of the events."""
        return sorted(name for name in self.store.names() if name.startswith("evt."))
