"""The layout's folder: what is written, what is refused, and what faults leave behind."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import parts
import pytest
from contract.samples import fetch, index_of, model, push_bytes, push_manifest, push_model
from parts.child import as_nobody, in_a_child

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.stores.layout import LayoutStore


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "layout")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach too; pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="lading-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


# What is written


def test_a_new_layout_is_what_the_specification_says(store: LayoutStore) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")

    assert json.loads((store.folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((store.folder / "index.json").read_bytes()) == {
        "schemaVersion": 2,
        "mediaType": mediatypes.IMAGE_INDEX,
        "manifests": [
            {
                "mediaType": mediatypes.IMAGE_MANIFEST,
                "digest": str(descriptor.digest),
                "size": descriptor.size,
                "annotations": {mediatypes.REF_NAME: "1.0.0"},
            }
        ],
    }
    assert store.blob_path(descriptor) == store.folder / "blobs/sha256" / descriptor.digest.hex
    assert store.blob_path(descriptor).read_bytes() == model(store, "fraud").raw


def test_looking_makes_nothing(store: LayoutStore) -> None:
    descriptor = Descriptor.of(b"", mediatypes.MODEL_LAYER)

    assert list(store.names()) == []
    assert list(store.referrers(descriptor)) == []
    assert not store.exists(descriptor)
    assert store.only() is None
    assert store.collect() == 0
    with pytest.raises(NotFound):
        store.resolve("1.0.0")
    with pytest.raises(NotFound):
        store.untag("1.0.0")

    assert not store.folder.exists()


def test_an_index_is_one_entry_and_its_children_are_none(store: LayoutStore) -> None:
    manifests = [model(store, text) for text in "abcd"]
    for manifest in manifests:
        push_manifest(store, manifest)

    root = push_manifest(store, index_of(*manifests), "1.0.0")

    assert [entry["digest"] for entry in entries(store)] == [root.digest]


def test_pushing_what_is_there_writes_nothing(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")
    before = snapshot(store.folder)

    push_model(store, "fraud", "1.0.0")

    assert snapshot(store.folder) == before


def test_nobody_writes_into_a_blob(store: LayoutStore) -> None:
    descriptor = push_bytes(store, b"weights")

    assert stat.S_IMODE(store.blob_path(descriptor).stat().st_mode) & 0o222 == 0


def test_the_users_umask_holds(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path / "layout")
    before = os.umask(0o077)
    try:
        descriptor = push_model(store, "private", "1.0.0")
    finally:
        os.umask(before)

    assert stat.S_IMODE(store.blob_path(descriptor).stat().st_mode) == 0o400
    assert stat.S_IMODE((store.folder / "index.json").stat().st_mode) == 0o600


def test_a_cut_blob_is_not_here_and_is_mended_by_a_push(store: LayoutStore) -> None:
    descriptor = push_bytes(store, b"hello world")
    path = store.blob_path(descriptor)
    path.unlink()
    path.write_bytes(b"hello")

    assert not store.exists(descriptor)
    with pytest.raises(IntegrityError):
        fetch(store, descriptor)
    push_bytes(store, b"hello world")

    assert fetch(store, descriptor) == b"hello world"


def test_a_damaged_manifest_is_not_believed(store: LayoutStore) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")
    path = store.blob_path(descriptor)
    raw = path.read_bytes()
    path.unlink()
    path.write_bytes(raw.replace(b"fraud", b"FRAUD"))
    store.untag("1.0.0")

    with pytest.raises(IntegrityError):
        store.resolve(descriptor.digest)


def test_memory_stays_flat(store: LayoutStore) -> None:
    content = Zeros(64 * 1024 * 1024)

    tracemalloc.start()
    try:
        descriptor = store.absorb(content, mediatypes.MODEL_LAYER)
        store.push(Descriptor(mediatypes.MODEL_LAYER, descriptor.digest, content.size), content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert store.exists(descriptor)
    assert peak < 2 * 1024 * 1024


def test_content_without_an_end_is_refused_when_it_is_too_long(store: LayoutStore) -> None:
    push_bytes(store, b"the layout is made")
    before = snapshot(store.folder)

    for media_type in (mediatypes.MODEL_LAYER, mediatypes.IMAGE_MANIFEST):
        with pytest.raises(IntegrityError):
            store.push(Descriptor.of(b"short", media_type), Zeros(2**50))

    assert snapshot(store.folder) == before


def test_with_fsync_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LayoutStore(tmp_path / "layout", fsync=True)
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def traced_fsync(fd: int) -> None:
        fsync(fd)
        steps.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")

    def traced_replace(source: str, target: str) -> None:
        replace(source, target)
        steps.append("rename")

    push_bytes(store, b"the layout is made")
    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "replace", traced_replace)

    push_bytes(store, b"weights")

    assert steps == ["file", "rename", "folder"]


# What is refused


def test_a_missing_layout_is_not_found_where_none_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        LayoutStore(tmp_path / "layout", create=False)
    with pytest.raises(NotFound):
        LayoutStore(tmp_path, create=False)

    assert list(tmp_path.iterdir()) == []


BEGINNINGS = {
    "blobs": None,
    "index.json": '{"manifests":null}',
    "oci-layout": '{"imageLayoutVersion": "1.0.0"}',
    ".lading.lock": "",
}


@pytest.mark.parametrize(
    "begun",
    [["blobs"], ["blobs", "index.json"], [".lading.lock"], ["oci-layout"], ["blobs", "oci-layout"]],
    ids="+".join,
)
def test_a_layout_whose_making_was_killed_is_made_by_the_next(
    store: LayoutStore, begun: list[str]
) -> None:
    store.folder.mkdir()
    for name in begun:
        text = BEGINNINGS[name]
        if text is None:
            (store.folder / name / "sha256").mkdir(parents=True)
        else:
            (store.folder / name).write_text(text)

    assert list(store.names()) == []
    descriptor = push_model(store, "fraud", "1.0.0")

    assert LayoutStore(store.folder, create=False).resolve("1.0.0") == descriptor


def test_an_empty_folder_becomes_a_layout(tmp_path: Path) -> None:
    descriptor = push_model(LayoutStore(tmp_path), "fraud", "1.0.0")

    assert LayoutStore(tmp_path, create=False).resolve("1.0.0") == descriptor


def test_a_folder_with_other_things_is_not_made_a_layout(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(InvalidInput):
        LayoutStore(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_layout(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")

    with pytest.raises(InvalidInput):
        LayoutStore(tmp_path / "file")


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"{}",
        b"[]",
        b'{"imageLayoutVersion":"2.0.0"}',
        b'{"imageLayoutVersion":1}',
        b" " * 9999,
    ],
)
def test_a_marker_that_is_not_understood_is_refused(tmp_path: Path, marker: bytes) -> None:
    (tmp_path / "oci-layout").write_bytes(marker)

    with pytest.raises(InvalidInput):
        LayoutStore(tmp_path)


def test_content_without_a_marker_is_no_layout(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")
    (store.folder / "oci-layout").unlink()

    with pytest.raises(InvalidInput):
        LayoutStore(store.folder)


DAMAGED_INDEXES = [
    b"",
    b"{",
    b"[]",
    b'{"manifests":{}}',
    b'{"manifests":[[]]}',
    b'{"manifests":[{"digest":"sha256:00","size":1,"mediaType":"a"}]}',
    b'{"manifests":[{"digest":"sha256:' + b"0" * 64 + b'","size":-1,"mediaType":"a"}]}',
    b'{"manifests":[{"digest":"sha256:' + b"0" * 64 + b'","size":1}]}',
    b"\xff\xfe\x00",
    b"[" * 100_000,
]


@pytest.mark.parametrize("damaged", DAMAGED_INDEXES, ids=range(len(DAMAGED_INDEXES)))
def test_a_damaged_index_is_said_to_be_and_never_overwritten(
    store: LayoutStore, damaged: bytes
) -> None:
    push_model(store, "fraud", "1.0.0")
    (store.folder / "index.json").write_bytes(damaged)
    actions: list[Callable[[], object]] = [
        lambda: store.resolve("1.0.0"),
        store.names,
        store.collect,
        lambda: store.untag("1.0.0"),
        lambda: push_model(store, "fraud", "1.0.1"),
    ]

    for action in actions:
        with pytest.raises(InvalidInput, match=r"index\.json"):
            action()

    assert (store.folder / "index.json").read_bytes() == damaged


def test_a_lost_index_is_not_taken_for_an_empty_one(store: LayoutStore) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")
    (store.folder / "index.json").unlink()

    for action in (store.names, store.collect, lambda: push_model(store, "fraud", "1.0.0")):
        with pytest.raises(InvalidInput):
            action()

    assert store.exists(descriptor)
    assert not (store.folder / "index.json").exists()


def test_an_index_of_any_size_is_not_read(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")
    os.truncate(store.folder / "index.json", 64 * 1024 * 1024 + 1)

    with pytest.raises(InvalidInput, match="too large"):
        store.resolve("1.0.0")


def test_a_pipe_in_place_of_the_index_is_not_waited_for(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")
    (store.folder / "index.json").unlink()
    os.mkfifo(store.folder / "index.json")

    with pytest.raises(InvalidInput, match="regular file"):
        store.resolve("1.0.0")


def test_a_pipe_in_place_of_a_blob_is_not_waited_for(store: LayoutStore) -> None:
    descriptor = push_bytes(store, b"")
    store.blob_path(descriptor).unlink()
    os.mkfifo(store.blob_path(descriptor))

    assert not store.exists(descriptor)
    with pytest.raises(InvalidInput, match="regular file"):
        fetch(store, descriptor)


def test_a_blob_cannot_have_a_name(store: LayoutStore) -> None:
    descriptor = Descriptor.of(b"weights", mediatypes.MODEL_LAYER)

    with pytest.raises(InvalidInput):
        store.push(descriptor, BytesContent(b"weights"), "1.0.0")


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "-a", "a" * 129, "ä"])
def test_a_name_that_is_no_tag_is_refused(store: LayoutStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        push_model(store, "fraud", name)


def test_a_manifest_above_four_megabytes_is_refused_unread(store: LayoutStore) -> None:
    descriptor = Descriptor(
        mediatypes.IMAGE_MANIFEST, Descriptor.of(b"", "").digest, 4 * 1024 * 1024 + 1
    )

    with pytest.raises(InvalidInput):
        store.push(descriptor, Unreadable())


# Faults


def test_a_source_that_breaks_leaves_nothing(store: LayoutStore) -> None:
    push_bytes(store, b"the layout is made")
    before = snapshot(store.folder)

    with pytest.raises(ConnectionResetError):
        store.push(Descriptor.of(b"x" * 10, mediatypes.MODEL_LAYER), Unreadable())

    assert snapshot(store.folder) == before


def test_a_layout_in_a_folder_that_is_only_read_is_read(open_folder: Path) -> None:
    store = LayoutStore(open_folder / "layout")
    descriptor = push_model(store, "fraud", "1.0.0")
    (store.folder / ".lading.lock").unlink()

    def read() -> None:
        reader = LayoutStore(store.folder)
        assert list(reader.names()) == ["1.0.0"]
        assert reader.exists(reader.resolve("1.0.0"))
        assert fetch(reader, reader.resolve(descriptor.digest))

    with unwritable(store.folder):
        before = snapshot(store.folder)
        outcome = as_nobody(read)
        after = snapshot(store.folder)

    assert outcome == "done"
    assert after == before


@pytest.mark.parametrize(
    "write",
    [
        lambda store: push_bytes(store, b"more"),
        lambda store: push_model(store, "fraud", "1.0.1"),
        lambda store: store.untag("1.0.0"),
        lambda store: store.collect(grace=0),
        lambda store: store.absorb(BytesContent(b"more"), mediatypes.MODEL_LAYER),
    ],
    ids=["blob", "manifest", "untag", "collect", "absorb"],
)
@pytest.mark.parametrize("lock", ["with", "without"])
def test_writing_into_a_folder_that_is_only_read_is_a_local_failure(
    open_folder: Path, write: Callable[[LayoutStore], object], lock: str
) -> None:
    store = LayoutStore(open_folder / "layout")
    push_model(store, "fraud", "1.0.0")
    push_bytes(store, b"nobody names this")
    if lock == "without":
        (store.folder / ".lading.lock").unlink()

    with unwritable(store.folder):
        outcome = as_nobody(lambda: write(LayoutStore(store.folder)))

    assert outcome.startswith("LocalFailure: ")
    assert outcome.endswith("\nlook at the owner and the mode of that folder")


def test_a_layout_that_may_not_be_read_is_a_local_failure(open_folder: Path) -> None:
    store = LayoutStore(open_folder / "layout")
    push_model(store, "fraud", "1.0.0")
    store.folder.chmod(0)

    outcome = as_nobody(lambda: LayoutStore(store.folder))
    store.folder.chmod(0o755)

    assert outcome.startswith("LocalFailure")


def test_a_write_that_the_kernel_cuts_short_leaves_nothing(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")
    before = snapshot(store.folder)

    def push() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, 1024 * 1024))
        store.absorb(Zeros(8 * 1024 * 1024), mediatypes.MODEL_LAYER)

    assert in_a_child(push).startswith("LocalFailure")
    assert snapshot(store.folder) == before


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is a tmpfs of a namespace")
def test_a_full_disk_is_a_local_failure_and_leaves_what_was_there(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from contract.samples import fetch, push_bytes, push_model
from lading.errors import LocalFailure
from lading.stores.layout import LayoutStore

store = LayoutStore(Path(sys.argv[1]) / "layout")
descriptor = push_model(store, "fraud", "1.0.0")
try:
    push_bytes(store, b"x" * 4_000_000)
except LocalFailure as error:
    print(error.cause, "|", error.hint)
assert store.resolve("1.0.0") == descriptor and fetch(store, descriptor)
assert not [path for path in store.folder.iterdir() if "part" in path.name]
push_model(store, "small", "1.0.1")
"""
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    demand_namespaces()
    mounted = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" -c "$3" "$1"'

    done = subprocess.run(
        [*command, mounted, "sh", str(tmp_path), sys.executable, program],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "No space left on device | free some space on that disk"


def test_what_a_killed_writer_left_is_removed(store: LayoutStore) -> None:
    push_bytes(store, b"the layout is made")
    killed = store.folder / ".lading-part-0123456789abcdef01"
    killed.write_bytes(b"half of something")

    push_bytes(LayoutStore(store.folder), b"the next one")

    assert not killed.exists()


def test_what_is_being_written_is_left_alone(store: LayoutStore) -> None:
    raw = b"slowly written"
    descriptor = Descriptor.of(raw, mediatypes.MODEL_LAYER)
    content = Interrupted(raw, lambda: push_bytes(LayoutStore(store.folder), b"in between"))

    store.push(descriptor, content)

    assert fetch(store, descriptor) == raw


def test_a_layout_is_made_once_by_many(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from contract.samples import push_model
from lading.stores.layout import LayoutStore

for line in sys.stdin:
    push_model(LayoutStore(Path(sys.argv[1]) / line.strip()), "model", sys.argv[2])
    print("done", flush=True)
"""
    children = [started(program, tmp_path, f"1.0.{n}") for n in range(6)]

    for round_ in range(25):
        for child in children:
            assert child.stdin
            child.stdin.write(f"layout{round_}\n")
            child.stdin.flush()
        for child in children:
            assert child.stdout
            assert child.stdout.readline() == "done\n"

    assert [finished(child) for child in children] == [0] * 6
    for round_ in range(25):
        store = LayoutStore(tmp_path / f"layout{round_}", create=False)
        assert sorted(store.names()) == [f"1.0.{n}" for n in range(6)]


def test_eight_processes_writing_tags_lose_nothing(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from contract.samples import push_model
from lading.stores.layout import LayoutStore

store = LayoutStore(Path(sys.argv[1]))
for number in range(25):
    push_model(store, f"model {number % 5}", f"{sys.argv[2]}.{number}.0")
"""
    children = [started(program, tmp_path / "layout", str(n)) for n in range(8)]

    codes = [finished(child) for child in children]

    store = LayoutStore(tmp_path / "layout")
    assert codes == [0] * 8
    assert sorted(store.names()) == sorted(f"{n}.{k}.0" for n in range(8) for k in range(25))
    assert len({store.resolve(name).digest for name in store.names()}) == 5


def test_a_writer_killed_at_any_moment_leaves_a_layout_that_reads(tmp_path: Path) -> None:
    program = """
import itertools, os, sys
from pathlib import Path
from contract.samples import push_bytes, push_evidence, push_model
from lading.stores.layout import LayoutStore

store = LayoutStore(Path(sys.argv[1]))
for number in itertools.count():
    push_bytes(store, os.urandom(300_000))
    descriptor = push_model(store, f"model {sys.argv[2]} {number}", f"{sys.argv[2]}.{number}.0")
    push_evidence(store, descriptor, "evidence")
    print(f"{sys.argv[2]}.{number}.0", flush=True)
"""
    promised: set[str] = set()
    for round_ in range(8):
        child = started(program, tmp_path / "layout", str(round_))
        assert child.stdout
        promised.add(child.stdout.readline().strip())
        time.sleep(0.003 * round_)
        child.send_signal(signal.SIGKILL)
        promised |= {line.strip() for line in child.stdout.readlines() if line.endswith("\n")}
        child.wait(60)
        child.stdout.close()

    store = LayoutStore(tmp_path / "layout", create=False)
    names = {name for name in store.names() if not name.startswith("sha256-")}
    assert promised <= names
    for name in names:
        manifest = store.resolve(name)
        assert Descriptor.of(fetch(store, manifest), manifest.media_type) == manifest
        for referrer in store.referrers(manifest):
            assert store.exists(referrer)
    for path in (store.folder / "blobs/sha256").iterdir():
        assert Descriptor.of(path.read_bytes(), "").digest.hex == path.name
    store.collect(grace=0)
    assert not [path for path in store.folder.iterdir() if "part" in path.name]
    assert {name for name in store.names() if not name.startswith("sha256-")} == names


# Content of another layout


def test_content_of_another_layout_is_shared_not_copied(tmp_path: Path) -> None:
    source, target = LayoutStore(tmp_path / "source"), LayoutStore(tmp_path / "target")
    descriptor = push_bytes(source, b"weights")

    assert target.mount(descriptor, source)

    assert fetch(target, descriptor) == b"weights"
    source.blob_path(descriptor).unlink()
    assert fetch(target, descriptor) == b"weights"


def test_a_file_that_somebody_may_write_to_is_not_linked(tmp_path: Path) -> None:
    source, target = LayoutStore(tmp_path / "source"), LayoutStore(tmp_path / "target")
    descriptor = push_bytes(source, b"weights")
    source.blob_path(descriptor).chmod(0o644)

    target.mount(descriptor, source)
    push_bytes(target, b"weights")
    source.blob_path(descriptor).write_bytes(b"changed")

    assert fetch(target, descriptor) == b"weights"


def test_a_link_in_place_of_a_blob_is_not_linked(tmp_path: Path) -> None:
    source, target = LayoutStore(tmp_path / "source"), LayoutStore(tmp_path / "target")
    descriptor = push_bytes(source, b"weights")
    real = source.blob_path(descriptor).rename(tmp_path / "elsewhere")
    source.blob_path(descriptor).symlink_to(real)

    target.mount(descriptor, source)

    assert not target.blob_path(descriptor).is_symlink()
    assert fetch(source, descriptor) == b"weights"


def test_cut_content_is_not_shared(tmp_path: Path) -> None:
    source, target = LayoutStore(tmp_path / "source"), LayoutStore(tmp_path / "target")
    descriptor = push_bytes(source, b"weights")
    source.blob_path(descriptor).chmod(0o644)
    os.truncate(source.blob_path(descriptor), 3)
    source.blob_path(descriptor).chmod(0o444)

    assert not target.mount(descriptor, source)
    assert not target.exists(descriptor)


def test_a_manifest_is_pushed_never_mounted(tmp_path: Path) -> None:
    source, target = LayoutStore(tmp_path / "source"), LayoutStore(tmp_path / "target")
    descriptor = push_model(source, "fraud", "1.0.0")

    assert not target.mount(descriptor, source)


def test_another_disk_is_not_linked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = LayoutStore(tmp_path / "source"), LayoutStore(tmp_path / "target")
    descriptor = push_bytes(source, b"weights")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr("fcntl.ioctl", refuse)

    assert not target.mount(descriptor, source)
    assert not target.exists(descriptor)


# Parts of these tests


class Zeros:
    """Content that is nowhere."""

    def __init__(self, size: int) -> None:
        self.size = size

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[_ZeroReader]:
        yield _ZeroReader(self.size - offset)


class _ZeroReader:
    def __init__(self, left: int) -> None:
        self._left = left

    def readinto(self, buffer: memoryview) -> int:
        count = min(self._left, len(buffer))
        self._left -= count
        return count


class Unreadable:
    """Content whose connection breaks."""

    size = 10

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Unreadable]:
        yield self

    def readinto(self, _buffer: memoryview) -> int:
        raise ConnectionResetError(errno.ECONNRESET, "reset")


class Interrupted:
    """Content in the middle of which something else happens."""

    def __init__(self, raw: bytes, meanwhile: Callable[[], object]) -> None:
        self.size = len(raw)
        self._rest = memoryview(raw)
        self._meanwhile = meanwhile

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Interrupted]:
        yield self

    def readinto(self, buffer: memoryview) -> int:
        self._meanwhile()
        count = min(1, len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def entries(store: LayoutStore) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((store.folder / "index.json").read_bytes())[
        "manifests"
    ]
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its inode and size."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    paths = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in paths:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(0o755)


def demand_namespaces() -> None:
    """Fail (in CI) or skip (elsewhere) where no disk of the test's own can be mounted."""
    probe = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        reason = f"{parts.MISSING}the right to mount a tmpfs in a namespace"
        pytest.fail(reason, pytrace=False) if parts.strict() else pytest.skip(reason)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=environment(),
        stdin=subprocess.PIPE if "stdin" in program else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


def finished(child: subprocess.Popen[str]) -> int:
    child.communicate(timeout=60)
    return child.returncode
