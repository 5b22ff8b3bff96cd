"""One algorithm for every pair of stores: leaves first, then manifests, then the named root."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from lading.errors import InvalidInput, Unsupported
from lading.ports import Content, Mounter, Reader, Referrers, Source, Target
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest, parse
from lading.transfer.believe import believed
from lading.transfer.pool import run
from lading.transfer.progress import Meter, OnProgress, counted, label
from lading.transfer.read import read

Status = Literal["sent", "present", "mounted"]

# Deeper nesting than any real artifact; a hostile graph stops here.
_MAX_DEPTH = 8


@dataclass(slots=True)
class Tally:
    """What became of each piece of content."""

    statuses: dict[Digest, Status] = field(default_factory=dict)
    sizes: dict[Digest, int] = field(default_factory=dict)

    def note(self, descriptor: Descriptor, status: Status) -> None:
        """Remember what became of this content."""
        self.statuses[descriptor.digest] = status
        self.sizes[descriptor.digest] = descriptor.size

    def bytes(self, status: Status) -> int:
        """How many bytes met this fate."""
        return sum(self.sizes[digest] for digest, is_ in self.statuses.items() if is_ == status)


@dataclass(frozen=True, slots=True)
class Graph:
    """What hangs below a root: leaves, and manifests with children before parents."""

    leaves: tuple[Descriptor, ...]
    manifests: tuple[tuple[Descriptor, bytes], ...]

    @property
    def size(self) -> int:
        """The bytes of all leaves."""
        return sum(leaf.size for leaf in self.leaves)


def copy(
    source: Source,
    target: Target,
    root: Descriptor,
    *,
    name: str | None = None,
    jobs: int = 4,
    on_progress: OnProgress | None = None,
    meter: Meter | None = None,
    select: Callable[[Descriptor], bool] | None = None,
    referrers: bool = False,
    already_sent: Iterable[Descriptor] = (),
    leave_root: bool = False,
) -> Tally:
    """Move everything below a root, and name the root at the very end.

    Leaves move many at once, the largest first; what the target has is not moved; what it can
    take from a sibling is mounted. Interrupted and run again, it goes on where it was.
    With ``leave_root`` the root itself is left to the caller, who has something to check first.

    Raises:
        InvalidInput: the root is to have a name, and is said to be no manifest.
        LadingError: the first failure; the transfers beside it are stopped.
    """
    if name is not None and not root.is_manifest:
        # Else it would be sent as a blob, and its name be missing without a word.
        raise InvalidInput(
            f"{name[:200]} cannot name {root.digest}",
            cause=f"it is said to be {root.media_type[:200]!r}, which is no manifest",
        )
    tally = Tally()
    graph = survey(source, root, select=select)
    meter = meter or Meter(on_progress, graph.size)
    for leaf in already_sent:
        tally.note(leaf, "sent")
    leaves = [leaf for leaf in graph.leaves if leaf.digest not in tally.statuses]
    _move_leaves(source, target, leaves, jobs=jobs, meter=meter, tally=tally)
    for descriptor, raw in graph.manifests:
        if leave_root and descriptor == root:
            continue
        target.push(descriptor, BytesContent(raw), name if descriptor == root else None)
        tally.note(descriptor, "sent")
    if referrers:
        _copy_referrers(source, target, graph, jobs, tally)
    return tally


def survey(
    source: Source, root: Descriptor, *, select: Callable[[Descriptor], bool] | None = None
) -> Graph:
    """Read the manifests below a root; kilobytes.

    Raises:
        Unsupported: manifests are nested too deeply.
    """
    leaves: dict[Digest, Descriptor] = {}
    manifests: dict[Digest, tuple[Descriptor, bytes]] = {}

    def visit(descriptor: Descriptor, depth: int) -> None:
        if descriptor.digest in manifests:
            return
        if not descriptor.is_manifest:
            if select is None or select(descriptor):
                leaves[descriptor.digest] = _named(leaves.get(descriptor.digest), descriptor)
            return
        if depth > _MAX_DEPTH:
            raise Unsupported(f"{root.digest} nests more than {_MAX_DEPTH} manifests")
        raw = read(source, descriptor)
        for child in parse(raw, descriptor.media_type).children:
            visit(child, depth + 1)
        manifests[descriptor.digest] = (descriptor, raw)

    visit(root, 0)
    # Registries spend a fixed time for each blob: small ones fill the gaps beside large ones.
    ordered = sorted(leaves.values(), key=lambda leaf: -leaf.size)
    return Graph(tuple(ordered), tuple(manifests.values()))


def _named(known: Descriptor | None, other: Descriptor) -> Descriptor:
    """Of two descriptors of one content the one that tells a person what it is."""
    return other if known is None or mediatypes.TITLE in other.annotations else known


def _move_leaves(
    source: Source,
    target: Target,
    leaves: Iterable[Descriptor],
    *,
    jobs: int,
    meter: Meter,
    tally: Tally,
) -> None:
    def move(leaf: Descriptor) -> None:
        track = meter.track(label(leaf), leaf.digest, leaf.size)
        if target.exists(leaf):
            track.skip()
            tally.note(leaf, "present")
        elif isinstance(target, Mounter) and target.mount(leaf, source):
            track.skip()
            tally.note(leaf, "mounted")
        else:
            track.start()
            content = counted(content_of(source, leaf), track)
            believed(source, leaf, lambda: target.push(leaf, content))
            track.finish()
            tally.note(leaf, "sent")

    run(move, leaves, jobs=jobs, on_failure=meter.cancel)


def _copy_referrers(source: Source, target: Target, graph: Graph, jobs: int, tally: Tally) -> None:
    if not isinstance(source, Referrers):
        return
    for subject, _ in graph.manifests:
        for referrer in source.referrers(subject):
            # What a referrer names, and what refers to it in turn, belongs to the evidence.
            nested = copy(source, target, referrer, jobs=jobs, referrers=True)
            tally.statuses |= nested.statuses
            tally.sizes |= nested.sizes


@dataclass(frozen=True, slots=True)
class FetchedContent:
    """Content that a source holds; every opening is a fetch."""

    source: Source
    descriptor: Descriptor

    @property
    def size(self) -> int:
        """What the descriptor says."""
        return self.descriptor.size

    def open(self, offset: int = 0) -> AbstractContextManager[Reader]:
        """Fetch from that offset on."""
        return self.source.fetch(self.descriptor, offset)


def content_of(source: Source, descriptor: Descriptor) -> Content:
    """The content in its fastest form: a source may know a better one than a stream."""
    own = getattr(source, "content", None)
    if own is not None:
        content: Content | None = own(descriptor)
        if content is not None:
            return content
    return FetchedContent(source, descriptor)


def children(source: Source, root: Descriptor) -> Manifest | Index:
    """The parsed manifest of a root."""
    return parse(read(source, root), root.media_type)
