"""Remove a version, or a tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import Conflict, InvalidInput, LadingError
from lading.operations import stores
from lading.ports import Deleter
from lading.spec import tags
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.reference import Reference
from lading.spec.version import Version, highest_release
from lading.transfer import read, survey

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.stores.layout import LayoutStore
    from lading.stores.remote.registry import RemoteStore


@dataclass(frozen=True, slots=True)
class RemoveResult:
    """The tags that are gone."""

    reference: str
    digest: str
    removed: tuple[str, ...]
    notes: tuple[str, ...]


def remove(reference: str | Reference, *, settings: Settings | None = None) -> RemoveResult:
    """Forget a version or a tag; its bytes go with the store's next garbage collection.

    ``latest`` moves to the highest release that is left. A version that a stage's tag still
    names is not removed.

    Raises:
        NotFound: there is no such tag.
        Conflict: another tag names the same version.
        Unsupported: this registry can delete nothing.
    """
    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    if place.digest or not place.tag:
        raise InvalidInput(
            "remove needs a tag", hint=f"lading remove {place.base}:TAG; lading list {place.base}"
        )
    if place.tag == tags.LATEST or tags.is_own(place.tag):
        raise InvalidInput(f"{place.tag} follows by itself and is not removed by hand")
    store = stores.open_store(place, settings)
    removal = _Removal(store, place, place.tag)
    return removal.done()


@dataclass(frozen=True, slots=True)
class _Removal:
    store: RemoteStore | LayoutStore
    place: Reference
    tag: str

    def done(self) -> RemoveResult:
        root = self.store.resolve(self.tag)
        names = frozenset(self.store.names())
        removed = [self.tag]
        notes = ["the registry's garbage collection frees the bytes"] if self.place.host else []
        if Version.from_tag(self.tag):
            self._refuse_if_named(root.digest, names)
            children = [child.digest for child, _ in survey(self.store, root).manifests]
            self._move_latest(names)
            self._untag(self.tag)
            removed += self._untag_children(children, names)
        else:
            self._untag(self.tag)
        if not self.place.host:
            notes += self._collect()
        return RemoveResult(str(self.place), root.digest, tuple(removed), tuple(notes))

    def _refuse_if_named(self, digest: str, names: frozenset[str]) -> None:
        others = [
            name
            for name in sorted(names - {self.tag, tags.LATEST})
            if not tags.is_own(name)
            and not Version.from_tag(name)
            and self.store.resolve(name).digest == digest
        ]
        if others:
            raise Conflict(
                f"{self.place} is in use",
                cause=f"{', '.join(others)} names it",
                hint=f"lading remove {self.place.base}:{others[0]} first, or move that tag",
            )

    def _move_latest(self, names: frozenset[str]) -> None:
        if tags.LATEST not in names:
            return
        left = highest_release([name for name in names if name != self.tag])
        if left is None:
            self._untag(tags.LATEST)
            return
        wanted = self.store.resolve(left.tag)
        if self.store.resolve(tags.LATEST).digest != wanted.digest:
            self.store.push(wanted, BytesContent(read(self.store, wanted)), tags.LATEST)

    def _untag(self, name: str) -> None:
        assert isinstance(self.store, Deleter)
        self.store.untag(name)

    def _untag_children(self, children: list[Digest], names: frozenset[str]) -> list[str]:
        """Take away the keep tags of children that no version left needs."""
        candidates = {tags.keep_tag(child) for child in children} & names
        if not candidates:
            return []
        for name in names - {self.tag}:
            if Version.from_tag(name):
                root = self.store.resolve(name)
                needed = {tags.keep_tag(c.digest) for c, _ in survey(self.store, root).manifests}
                candidates -= needed
        for name in sorted(candidates):
            self._untag(name)
        return sorted(candidates)

    def _collect(self) -> list[str]:
        from lading.stores.layout import LayoutStore

        if not isinstance(self.store, LayoutStore):
            return []
        try:
            freed = self.store.collect()
        except LadingError as error:
            return [f"its bytes were not freed: {error}"]
        return [f"{freed} bytes were freed"]
