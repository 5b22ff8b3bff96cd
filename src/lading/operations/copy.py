"""Copy a version, or a whole repository, between any two places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lading.errors import Conflict, InvalidInput, NotFound
from lading.operations import stores
from lading.spec import tags
from lading.spec.descriptor import Descriptor
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.transfer import OnProgress, Tally
from lading.transfer import copy as transfer_copy

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.stores.layout import LayoutStore
    from lading.stores.remote.registry import RemoteStore

    AnyStore = RemoteStore | LayoutStore


@dataclass(frozen=True, slots=True)
class CopiedTag:
    """One root that was copied, and its tag at the destination."""

    tag: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What was copied; the sizes are bytes."""

    source: str
    destination: str
    copied: tuple[CopiedTag, ...]
    sent: int
    mounted: int
    present: int


def copy(
    source: str | Reference,
    destination: str | Reference,
    *,
    referrers: bool = False,
    all_versions: bool = False,
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> CopyResult:
    """Copy; the digest never changes.

    With ``referrers`` its evidence comes along; with ``all_versions`` everything of the
    repository does.

    Raises:
        NotFound: the source is not there.
        Conflict: the destination's version exists with other content.
    """
    settings = stores.settled(settings)
    from_place = stores.locate(source, settings)
    to_place = stores.locate(destination, settings)
    if all_versions and (from_place.name or to_place.name):
        raise InvalidInput("--all copies a repository: leave out tags and digests")
    if to_place.digest:
        raise InvalidInput("a copy cannot name the destination's digest", hint="name a tag")
    from_store = stores.open_store(from_place, settings)
    to_store = stores.open_store(to_place, settings, create=True)
    shipment = _Shipment(
        from_store,
        to_store,
        to_place,
        jobs or settings.jobs,
        referrers or all_versions,
        on_progress,
    )
    if all_versions:
        shipment.everything()
    else:
        root = stores.resolve(from_store, from_place)
        shipment.one(root, to_place.tag or from_place.tag)
    return CopyResult(
        source=str(from_place),
        destination=str(to_place),
        copied=tuple(shipment.copied),
        sent=shipment.tally.bytes("sent"),
        mounted=shipment.tally.bytes("mounted"),
        present=shipment.tally.bytes("present"),
    )


@dataclass(slots=True)
class _Shipment:
    source: AnyStore
    target: AnyStore
    place: Reference
    jobs: int
    referrers: bool
    on_progress: OnProgress | None
    tally: Tally = field(default_factory=Tally)
    copied: list[CopiedTag] = field(default_factory=list)

    def one(self, root: Descriptor, tag: str | None) -> None:
        """Copy one root and give it its tag."""
        if tag:
            self._refuse_to_move(tag, root.digest)
        moved = transfer_copy(
            self.source,
            self.target,
            root,
            name=tag,
            jobs=self.jobs,
            on_progress=self.on_progress,
            referrers=self.referrers,
        )
        self.tally.statuses |= moved.statuses
        self.tally.sizes |= moved.sizes
        self.copied.append(CopiedTag(tag, root.digest))

    def everything(self) -> None:
        """Copy every tag, Lading's own included, versions first and names that move last."""
        for name in sorted(self._names(), key=_order):
            self.one(self.source.resolve(name), name)

    def _names(self) -> Iterator[str]:
        names = list(self.source.names())
        if not names:
            raise NotFound("the source has no tags", hint="lading list shows what is there")
        for name in names:
            # The target keeps its own books: it makes keep tags where it needs them, and lists
            # referrers as they arrive.
            if not name.startswith(("keep-", "sha256-", "sha512-")):
                yield name

    def _refuse_to_move(self, tag: str, digest: str) -> None:
        if Version.from_tag(tag) is None:
            return
        try:
            there = self.target.resolve(tag)
        except NotFound:
            return
        if there.digest != digest:
            raise Conflict(
                f"{replace(self.place, tag=tag)} exists with other content",
                cause=f"there: {there.digest}, yours: {digest}",
                hint="a version never changes: copy to another tag or repository",
            )


def _order(name: str) -> tuple[bool, bool, str]:
    return (Version.from_tag(name) is None, not tags.is_own(name), name)
