"""One copy serves every pair of stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from lading.errors import IntegrityError, InvalidInput, NotFound, Unavailable, Unsupported
from lading.ports import Content, Reader, Source
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest
from lading.stores.memory import MemoryStore
from lading.transfer import Progress, copy, read, survey


def blob(store: MemoryStore, raw: bytes) -> Descriptor:
    descriptor = Descriptor.of(raw, "application/octet-stream")
    store.push(descriptor, BytesContent(raw))
    return descriptor


def version(store: MemoryStore, *layers: bytes, name: str = "1.0.0") -> Descriptor:
    """An index with two manifests over the same layers."""
    config = blob(store, b"{}")
    descriptors = tuple(blob(store, layer) for layer in layers)
    manifests = []
    for kind in ("a/one", "a/two"):
        manifest = Manifest.build(config, descriptors, artifact_type=kind)
        store.push(manifest.descriptor, BytesContent(manifest.raw))
        manifests.append(manifest.descriptor)
    index = Index.build(tuple(manifests))
    store.push(index.descriptor, BytesContent(index.raw), name)
    return index.descriptor


class Elsewhere:
    """A store that nothing can be mounted from."""

    def __init__(self, inner: Source) -> None:
        self.inner = inner

    def resolve(self, name: str) -> Descriptor:
        return self.inner.resolve(name)

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        return self.inner.fetch(descriptor, offset)


class Ordered(MemoryStore):
    """Remembers in which order content arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[tuple[Descriptor, str | None]] = []
        self.lock = threading.Lock()

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        super().push(descriptor, content, name)
        with self.lock:
            self.arrived.append((descriptor, name))


def test_everything_below_a_root_arrives_byte_for_byte() -> None:
    source, target = MemoryStore(), MemoryStore()
    root = version(source, b"weights" * 9999, b"config")

    copy(source, target, root, name="1.0.0")

    assert target.resolve("1.0.0") == root
    for leaf in survey(source, root).leaves:
        assert read(target, leaf) == read(source, leaf)


def test_the_named_root_arrives_last_and_leaves_before_manifests() -> None:
    source, target = MemoryStore(), Ordered()
    root = version(source, b"large" * 5000, b"small")

    copy(source, target, root, name="1.0.0", jobs=2)

    manifests = [descriptor.is_manifest for descriptor, _ in target.arrived]
    assert manifests == sorted(manifests)
    assert target.arrived[-1] == (root, "1.0.0")
    assert [name for _, name in target.arrived[:-1]] == [None] * (len(target.arrived) - 1)


def test_the_largest_leaf_goes_first() -> None:
    source, target = MemoryStore(), Ordered()
    root = version(source, b"s", b"large" * 5000, b"middle" * 10)

    copy(source, target, root, jobs=1)

    leaves = [descriptor.size for descriptor, _ in target.arrived if not descriptor.is_manifest]
    assert leaves == sorted(leaves, reverse=True)


def test_what_the_target_has_is_not_moved() -> None:
    source, target = MemoryStore(), Ordered()
    root = version(source, b"weights", b"config")
    blob(target, b"weights")
    target.arrived.clear()

    tally = copy(Elsewhere(source), target, root)

    assert Digest.of(b"weights") not in {descriptor.digest for descriptor, _ in target.arrived}
    assert tally.statuses[Digest.of(b"weights")] == "present"
    assert tally.statuses[Digest.of(b"config")] == "sent"


def test_what_a_sibling_has_is_mounted() -> None:
    source, target = MemoryStore(), MemoryStore()
    root = version(source, b"weights")

    tally = copy(source, target, root)

    assert tally.statuses[Digest.of(b"weights")] == "mounted"
    assert tally.bytes("mounted") == len(b"weights") + len(b"{}")


def test_a_root_left_to_the_caller_is_not_pushed() -> None:
    source, target = MemoryStore(), MemoryStore()
    root = version(source, b"weights")

    copy(source, target, root, leave_root=True)

    assert not target.exists(root)
    assert target.exists(Descriptor.of(b"weights", "application/octet-stream"))


def test_only_selected_leaves_move() -> None:
    source, target = MemoryStore(), _Anything()
    root = version(source, b"wanted", b"unwanted")

    copy(source, target, root, select=lambda leaf: leaf.digest == Digest.of(b"wanted"))

    assert target.leaves == [Digest.of(b"wanted")]


class _Anything:
    """A target like a folder being unpacked: it takes part of a version."""

    def __init__(self) -> None:
        self.leaves: list[Digest] = []

    def exists(self, descriptor: Descriptor) -> bool:
        return False

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        if not descriptor.is_manifest:
            self.leaves.append(descriptor.digest)


class _Failing:
    """A source with one bad blob, and others without an end until they are told to stop."""

    def __init__(self, inner: Source, bad: Digest) -> None:
        self.inner = inner
        self.bad = bad
        self.endless_started = threading.Event()

    def resolve(self, name: str) -> Descriptor:
        return self.inner.resolve(name)

    @contextmanager
    def fetch(self, descriptor: Descriptor, offset: int = 0) -> Iterator[Reader]:
        if descriptor.is_manifest:
            with self.inner.fetch(descriptor, offset) as reader:
                yield reader
        elif descriptor.digest == self.bad:
            assert self.endless_started.wait(10)
            raise Unavailable("the blob is gone")
        else:
            self.endless_started.set()
            yield _Endless()


class _Endless:
    def readinto(self, buffer: memoryview, /) -> int:
        buffer[:1] = b"x"
        return 1


class _Swallowing(_Anything):
    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        if descriptor.is_manifest:
            return
        buffer = memoryview(bytearray(1024))
        with content.open() as reader:
            while reader.readinto(buffer):
                pass


def test_the_first_failure_stops_the_other_transfers_and_is_the_one_raised() -> None:
    inner = MemoryStore()
    root = version(inner, b"bad", b"endless" * 100)
    source = _Failing(inner, Digest.of(b"bad"))

    with pytest.raises(Unavailable, match="the blob is gone"):
        copy(source, _Swallowing(), root, jobs=3)


def test_progress_counts_every_byte_once() -> None:
    source, target = MemoryStore(), MemoryStore()
    root = version(source, b"a" * 100_000, b"b" * 300)
    blob(target, b"b" * 300)
    events: list[Progress] = []

    copy(Elsewhere(source), target, root, on_progress=events.append)

    total = 100_000 + 300 + len(b"{}")
    assert events[-1].total_size == total
    assert max(event.total_done for event in events) == total
    assert {event.kind for event in events} == {"started", "advanced", "finished", "skipped"}


def test_a_digest_that_lies_is_refused() -> None:
    store = MemoryStore()
    descriptor = blob(store, b"content")

    with pytest.raises(IntegrityError):
        read(_Lying(store), descriptor)


class _Lying:
    def __init__(self, inner: Source) -> None:
        self.inner = inner

    def resolve(self, name: str) -> Descriptor:
        return self.inner.resolve(name)

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        return BytesContent(b"CONTENT").open(offset)


def test_a_size_that_lies_takes_no_more_memory_than_what_arrives() -> None:
    store = MemoryStore()
    descriptor = blob(store, b"content")
    liar = Descriptor(descriptor.media_type, descriptor.digest, 4_000_000)

    with pytest.raises(IntegrityError, match="7 bytes instead of 4000000"):
        read(_Lying(store), liar)


def test_content_above_the_limit_is_not_read() -> None:
    with pytest.raises(InvalidInput, match="too large"):
        read(MemoryStore(), Descriptor("a/b", Digest.of(b""), 5 * 1024 * 1024))


def test_manifests_that_nest_too_deeply_are_refused() -> None:
    store = MemoryStore()
    root = version(store, b"x")
    for _ in range(12):
        index = Index.build((root,))
        store.push(index.descriptor, BytesContent(index.raw), "deep")
        root = index.descriptor

    with pytest.raises(Unsupported, match="nests"):
        survey(store, root)


def test_referrers_come_along_with_what_refers_to_them() -> None:
    source, target = MemoryStore(), MemoryStore()
    root = version(source, b"weights")
    config = blob(source, b'{"evaluation":1}')
    evidence = Manifest.build(config, (config,), artifact_type="a/evaluation", subject=root)
    source.push(evidence.descriptor, BytesContent(evidence.raw))
    second = Manifest.build(
        config, (config,), artifact_type="a/signature", subject=evidence.descriptor
    )
    source.push(second.descriptor, BytesContent(second.raw))

    copy(source, target, root, name="1.0.0", referrers=True)

    assert [found.digest for found in target.referrers(root)] == [evidence.descriptor.digest]
    assert [f.digest for f in target.referrers(evidence.descriptor)] == [second.descriptor.digest]


def test_a_missing_root_is_not_found() -> None:
    missing = Descriptor(mediatypes.IMAGE_INDEX, Digest.of(b"nothing"), 7)

    with pytest.raises(NotFound):
        copy(MemoryStore(), MemoryStore(), missing)
