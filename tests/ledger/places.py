"""Where a ledger lies, with what may happen to a registry behind everybody's back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from parts.turns import Shared

from lading.spec.digest import Digest
from lading.stores.layout import LayoutStore
from lading.stores.memory import MemoryStore


class Place(Protocol):
    """A repository, and its operator."""

    @property
    def store(self) -> Shared:
        """What everybody else sees."""
        ...

    def save(self) -> object:
        """A backup."""
        ...

    def set_back(self, saved: object) -> None:
        """Play a backup in again."""
        ...

    def collect_garbage(self) -> None:
        """Remove what no tag leads to."""
        ...

    def close(self) -> None:
        """Be gone."""
        ...


class Memory:
    """A repository in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def save(self) -> object:
        store = self.store
        return dict(store._content), dict(store._manifests), dict(store._tags)

    def set_back(self, saved: object) -> None:
        assert isinstance(saved, tuple)
        self.store._content, self.store._manifests, self.store._tags = map(dict, saved)

    def collect_garbage(self) -> None:
        store = self.store
        reached: set[Digest] = set()
        waiting = list(store._tags.values())
        while waiting:
            digest = waiting.pop()
            if digest not in reached:
                reached.add(digest)
                manifest = store._manifests.get(digest)
                waiting += [child.digest for child in manifest.children] if manifest else []
        store._content = {d: raw for d, raw in store._content.items() if d in reached}
        store._manifests = {d: m for d, m in store._manifests.items() if d in reached}

    def close(self) -> None:
        """Nothing outlives the process."""


class Layout:
    """A repository in a folder."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lading-ledger-"))
        self._saved = 0
        self._live = self._folder / "live"
        self.store = LayoutStore(self._live)

    def save(self) -> object:
        self._saved += 1
        backup = self._folder / f"saved-{self._saved}"
        shutil.copytree(self._live, backup)
        return backup

    def set_back(self, saved: object) -> None:
        assert isinstance(saved, Path)
        shutil.rmtree(self._live)
        shutil.copytree(saved, self._live)

    def collect_garbage(self) -> None:
        self.store.collect(grace=0)

    def close(self) -> None:
        shutil.rmtree(self._folder)
