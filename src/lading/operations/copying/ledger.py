"""The ledger, and the names that follow from what is there, from one place to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.errors import NotFound
from lading.operations.reading.cached_source import CachedSource
from lading.spec import mediatypes, tags
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import parse
from lading.spec.version import highest_release
from lading.transfer import read
from lading.transfer.copy import content_of
from lading.transfer.pool import run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lading.cache import Cache
    from lading.ledger.line import Line
    from lading.operations.stores import AnyStore
    from lading.ports import Content, Source, Target
    from lading.spec.digest import Digest


def copy_events(
    source: Source, target: Target, lines: Iterable[Line], *, shelf: Cache, jobs: int
) -> None:
    """Give a store these events, in their order, each under its own tag.

    Raises:
        LadingError: one cannot be read, or not be written.
    """
    cached = CachedSource(source, shelf)
    manifests: dict[str, tuple[Descriptor, bytes]] = {}
    content: dict[Digest, Descriptor] = {}
    for line in lines:
        event = Descriptor(mediatypes.IMAGE_MANIFEST, line.digest, line.size)
        manifests[line.tag] = event, read(cached, event)
        for child in parse(manifests[line.tag][1], event.media_type).children:
            content[child.digest] = child

    def push(leaf: Descriptor) -> None:
        if not target.exists(leaf):
            inline = leaf.data
            found: Content = BytesContent(inline) if inline else content_of(source, leaf)
            target.push(leaf, found)

    # Content is seen by nobody, so it may go in any order; then each event commits itself.
    run(push, content.values(), jobs=jobs, on_failure=_stop)
    for tag, (event, raw) in manifests.items():
        target.push(event, BytesContent(raw), tag)


def name_highest(target: AnyStore, names: Collection[str]) -> None:
    """Let ``latest`` name the highest release, where it is there or among names that came."""
    there = list(target.names())
    highest = highest_release(there)
    if highest is None or tags.LATEST not in {*there, *names}:
        return
    root = target.resolve(highest.tag)
    try:
        current = target.resolve(tags.LATEST).digest
    except NotFound:
        current = None
    if current != root.digest:
        target.push(root, BytesContent(read(target, root)), tags.LATEST)


def _stop() -> None:
    """Nothing runs so long that it would have to be stopped."""
