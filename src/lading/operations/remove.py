"""Remove a version, or a tag."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from lading.errors import Conflict, InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.operations.lifecycle.in_use import refuse_stage, refuse_version
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.ports import Deleter, Source
from lading.spec import tags
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import REMOVED, Draft
from lading.spec.manifest import is_image, parse
from lading.spec.reference import Reference
from lading.spec.version import Version, highest_release
from lading.transfer import read, survey
from lading.transfer.pool import run

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings

# The grace of layouts: somebody may be about to name what was just written.
NOT_YET: Final = (
    "nothing is freed yet: what was written or read within an hour stays on the disk until a later"
    " lading remove, or lading gc --delete"
)
_JOBS: Final = 4
_TRIES: Final = 4
_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class RemoveResult:
    """The tags that are gone."""

    reference: str
    digest: str
    removed: tuple[str, ...]
    notes: tuple[str, ...]


def remove(
    reference: str | Reference, *, force: bool = False, settings: Settings | None = None
) -> RemoveResult:
    """Forget a version or a tag; its bytes go with the store's next garbage collection.

    A version's images go with it.

    ``latest`` moves to the highest release that is left. A version that a stage names, by its tag
    or by the ledger, is not removed; one that a protected stage ever named goes by ``force`` only.
    What the ledger says of a version stays, and its number is not given again to other content.

    Raises:
        NotFound: there is no such tag.
        InvalidInput: it follows by itself, as ``latest`` does, or it is a stage that events move.
        Conflict: another tag or a stage names the same version, or a protected stage once did.
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
    logbook = open_logbook(place, settings, store=store)
    return Removal(store, place, place.tag, logbook, force).done()


@dataclass(frozen=True, slots=True)
class Removal:
    """One tag, and with a version's all that only this version needs."""

    store: AnyStore
    place: Reference
    tag: str
    logbook: Logbook
    force: bool = False
    # Whether this machine's disk is to be freed at once; who removes many does that at the end.
    collects: bool = True
    # What manifests are read from, where somebody has them at hand.
    reader: Source | None = None

    def done(self) -> RemoveResult:
        """Remove it.

        Raises:
            NotFound: there is no such tag.
            Conflict: another tag names the same version.
            Unsupported: this registry can delete nothing.
        """
        root = self.store.resolve(self.tag)
        names = frozenset(self.store.names())
        removed = [self.tag]
        notes = ["the registry's garbage collection frees the bytes"] if self.place.host else []
        if version := Version.from_tag(self.tag):
            refuse_version(
                self.logbook, self.place, str(version), root.digest, names, force=self.force
            )
            images = {name for name in names if (of := tags.image_of(name)) and of[1] == version}
            others = self._others(names - images)
            self._refuse_if_named(root.digest, others)
            belongings = [
                *self._images(images, others),
                *self._belongings(root, others, names),
            ]
            self._record(root, version, names)
            self._move_latest(names)
            self._untag(self.tag)
            removed += self._untag_all(root, belongings, names, images)
            notes += delete_manifests(self.store, belongings)
        else:
            refuse_stage(self.logbook, self.tag, names)
            self._untag(self.tag)
        notes += self.logbook.notes
        if self.collects and not self.place.host:
            notes += free(self.store)
        return RemoveResult(str(self.place), root.digest, tuple(removed), tuple(notes))

    def _record(self, root: Descriptor, version: Version, names: frozenset[str]) -> None:
        """Say in the history who removed it, before it is done: afterwards nothing is left."""
        if tags.LEDGER not in names:
            return
        book, _ = self.logbook.read(names=names)
        draft = Draft(
            kind="noted",
            repository=self.place.repository,
            digest=root.digest,
            version=str(version),
            actor=self.logbook.actor,
            reason=REMOVED,
            policy=self.logbook.judge.policy,
        )
        self.logbook.recorded(book, draft)

    def _others(self, names: frozenset[str]) -> dict[str, Descriptor]:
        """What every other name that a person knows stands for."""
        found: dict[str, Descriptor] = {}

        def look(name: str) -> None:
            if descriptor := listed(self.store, name):
                found[name] = descriptor

        wanted = (n for n in names - {self.tag, tags.LATEST} if not tags.is_own(n))
        run(look, sorted(wanted), jobs=_JOBS, on_failure=_nothing)
        return dict(sorted(found.items()))

    def _refuse_if_named(self, digest: Digest, others: dict[str, Descriptor]) -> None:
        using = [
            name
            for name, descriptor in others.items()
            if descriptor.digest == digest and not Version.from_tag(name)
        ]
        if using:
            raise Conflict(
                f"{self.place} is in use",
                cause=f"{', '.join(using)} names it",
                hint=f"lading remove {self.place.base}:{using[0]} first, or move that tag;"
                f" lading status {self.place.base} where it is a stage",
            )

    def _belongings(
        self, root: Descriptor, others: dict[str, Descriptor], names: frozenset[str]
    ) -> list[Descriptor]:
        """The manifests that only this version needs: lists of evidence, evidence, the version."""
        reader, needed = self.reader or self.store, self._needed(others)
        own = [m for m, _ in survey(reader, root).manifests if m.digest not in needed]
        if root not in own:
            return []
        lists = [tags.fallback_tag(manifest.digest) for manifest in own]
        return [
            *(self.store.resolve(name) for name in lists if name in names),
            *chain.from_iterable(map(self.store.referrers, own)),
            *reversed(own),
        ]

    def _images(
        self, images: Collection[str], others: dict[str, Descriptor]
    ) -> Iterator[Descriptor]:
        """The manifests of this version's images, those that others name last.

        Images that had the tag before are found by gc. Whoever may push may have set these tags:
        what is no image, such as an event, stays.
        """
        reader, needed = self.reader or self.store, self._needed(others)
        roots = {found for name in images if (found := listed(self.store, name))}
        for root in sorted(roots, key=lambda each: each.digest):
            for manifest, raw in reversed(survey(reader, root).manifests):
                if manifest.digest not in needed and is_image(parse(raw, manifest.media_type)):
                    needed.add(manifest.digest)
                    yield manifest

    def _needed(self, others: dict[str, Descriptor]) -> set[Digest]:
        """The manifests that other names reach."""
        reader = self.reader or self.store
        surveys = (survey(reader, other).manifests for other in others.values())
        return {manifest.digest for manifests in surveys for manifest, _ in manifests}

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

    def _untag_all(
        self,
        root: Descriptor,
        belongings: list[Descriptor],
        names: frozenset[str],
        images: Collection[str],
    ) -> list[str]:
        """Take away images' tags, keep tags, and the lists that registries without an API need."""
        own = {*images} | {tags.keep_tag(manifest.digest) for manifest in belongings}
        own |= {tags.fallback_tag(manifest.digest) for manifest in (root, *belongings)}
        gone = sorted(own & names)
        for name in gone:
            with suppress(NotFound):  # somebody else clears away, too
                self._untag(name)
        return gone


def listed(store: Source, name: str) -> Descriptor | None:
    """What a tag names that was listed just now; None where it is gone since."""
    for attempt in range(_TRIES):
        try:
            return store.resolve(name)
        except NotFound:
            # Distribution 2.x writes a tag in place: for a moment nothing is there.
            time.sleep(_PAUSE * (attempt + 1))
    return None


def delete_manifests(store: AnyStore, manifests: Iterable[Descriptor]) -> list[str]:
    """Delete manifests by digest: untagged ones some registries would keep for good."""
    from lading.stores.remote.registry import RemoteStore

    if not isinstance(store, RemoteStore):
        return []
    try:
        for manifest in manifests:
            store.delete_manifest(manifest.digest)
    except LadingError as error:
        return [f"its manifests were not deleted, only its tags: {error}"]
    return []


def free(store: AnyStore) -> list[str]:
    """Free what nothing names any more, where that is this machine's own disk."""
    from lading.stores.layout import LayoutStore

    if not isinstance(store, LayoutStore):
        return []
    try:
        freed = store.collect()
    except LadingError as error:
        return [f"its bytes were not freed: {error}"]
    if not freed:
        return [NOT_YET]
    return [f"{freed} bytes were freed"]


def _nothing() -> None:
    """Nothing here runs so long that it would have to be stopped."""
