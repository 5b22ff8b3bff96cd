"""A bundle is read in place, and written once; who made it may be anybody."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from contract.samples import fetch, push_bytes, push_evidence, push_model

from lading.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    LadingError,
    LocalFailure,
    NotFound,
    Unsupported,
)
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.stores.bundle import BundleStore, NewArchive, NewBundleStore, new_archive, open_archive

MARKER = b'{"imageLayoutVersion":"1.0.0"}'
EMPTY_INDEX = b'{"schemaVersion":2,"manifests":[]}'
Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bundle.tar"


def member(
    name: str, raw: bytes = b"", kind: bytes = tarfile.REGTYPE
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type = len(raw), kind
    return info, raw


def plain() -> Members:
    return [member("oci-layout", MARKER), member("index.json", EMPTY_INDEX)]


def written(path: Path, members: Members, *, format: int = tarfile.GNU_FORMAT) -> Path:  # noqa: A002
    with tarfile.open(path, "w", format=format) as archive:
        for info, raw in members:
            archive.addfile(info, io.BytesIO(raw))
    return path


def store_of(archive: NewArchive) -> NewBundleStore:
    store = NewBundleStore(archive, "ml/fraud")
    push_model(store, "fraud", "1.0.0")
    return store


# What is written is read


def test_repositories_are_read_as_they_were_written(file: Path) -> None:
    with new_archive(file) as archive:
        first, second = (NewBundleStore(archive, name) for name in ("ml/fraud", "ml/churn"))
        fraud, churn = push_model(first, "fraud", "1.0.0"), push_model(second, "churn", "1.0.0")
        evidence = push_evidence(first, fraud, "accuracy")

    read = {name: BundleStore(open_archive(file), name) for name in ("ml/fraud", "ml/churn")}
    assert read["ml/fraud"].resolve("1.0.0") == fraud
    assert read["ml/churn"].resolve("1.0.0") == churn
    assert list(read["ml/fraud"].referrers(fraud)) == [evidence]
    assert list(read["ml/churn"].referrers(churn)) == []
    assert list(read["ml/churn"].names()) == ["1.0.0"]


def test_what_two_repositories_share_is_in_the_file_once(file: Path) -> None:
    raw = os.urandom(3_000_000)

    with new_archive(file) as archive:
        for name in ("ml/one", "ml/two"):
            push_bytes(NewBundleStore(archive, name), raw)

    assert file.stat().st_size < 3_100_000


def test_what_another_repository_brought_is_not_read_again(file: Path) -> None:
    class Unreadable(BytesContent):
        def open(self, offset: int = 0) -> io.BytesIO:
            raise AssertionError("it was read")

    with new_archive(file) as archive:
        descriptor = push_bytes(NewBundleStore(archive, "ml/one"), b"shared")
        store = NewBundleStore(archive, "ml/two")

        assert not store.exists(descriptor)
        store.push(descriptor, Unreadable(b"shared"))
        assert store.exists(descriptor)


def test_every_member_is_what_tar_itself_reads(file: Path) -> None:
    pieces = [os.urandom(size) for size in (0, 1, 511, 512, 513, 100_000)]

    with new_archive(file) as archive, ThreadPoolExecutor(4) as pool:
        store = NewBundleStore(archive, "ml/fraud")
        found = list(pool.map(lambda raw: push_bytes(store, raw), pieces))

    with tarfile.open(file) as archive_file:
        for descriptor, raw in zip(found, pieces, strict=True):
            content = archive_file.extractfile(f"blobs/sha256/{descriptor.digest.hex}")
            assert content is not None
            assert content.read() == raw
        assert archive_file.getnames().count("index.json") == 1


def test_a_long_digest_has_its_long_name(file: Path) -> None:
    import hashlib

    from lading.spec.digest import Digest

    digest = Digest("sha512:" + hashlib.sha512(b"long").hexdigest())
    descriptor = Descriptor(mediatypes.MODEL_LAYER, digest, 4)

    with new_archive(file) as archive:
        NewBundleStore(archive, "ml/fraud").push(descriptor, BytesContent(b"long"))

    assert open_archive(file).places[digest].size == 4


# It has its name when it is whole


def test_a_file_that_breaks_off_leaves_nothing(file: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_archive(file) as archive:
        push_model(NewBundleStore(archive, "ml/fraud"), "fraud", "1.0.0")
        assert not file.exists()
        raise KeyboardInterrupt

    assert list(file.parent.iterdir()) == []


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(file: Path) -> None:
    left = file.parent / f".{file.name}.lading-part-dead"
    left.write_bytes(b"half of it")

    with pytest.raises(Conflict), new_archive(file):
        assert not left.exists()
        with new_archive(file):
            assert len(list(file.parent.iterdir())) == 2

    assert list(file.parent.iterdir()) == [file]


def test_content_that_was_wrong_in_the_midst_gives_the_file_no_name(file: Path) -> None:
    wrong = Descriptor.of(b"what was promised", mediatypes.MODEL_LAYER)

    class Late(BytesContent):
        """Wrong, while other content has come behind it."""

        def open(self, offset: int = 0) -> io.BytesIO:
            push_bytes(store, b"behind it")
            return io.BytesIO(b"what was sent ..")

    with pytest.raises(IntegrityError, match="cannot be finished"), new_archive(file) as archive:
        store = NewBundleStore(archive, "ml/fraud")
        with pytest.raises(IntegrityError):
            store.push(wrong, Late(b""))
        assert not store.exists(wrong)

    assert list(file.parent.iterdir()) == []


def test_a_file_that_is_there_is_not_replaced(file: Path) -> None:
    file.write_bytes(b"precious")

    with pytest.raises(Conflict), new_archive(file):
        pass

    assert file.read_bytes() == b"precious"


def test_a_full_disk_is_said_and_leaves_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, piece: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(LocalFailure, match="No space left") as refusal,
        new_archive(file) as archive,
    ):
        store = NewBundleStore(archive, "ml/fraud")
        monkeypatch.setattr(os, "pwrite", full)
        push_bytes(store, b"too much")

    assert refusal.value.what == f"cannot write {file}"
    assert "free some space" in (refusal.value.hint or "")
    assert list(file.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure), new_archive(tmp_path / "nowhere" / "b.tar"):
        pass


def test_a_whole_file_is_only_read(file: Path) -> None:
    with new_archive(file) as archive:
        descriptor = push_model(NewBundleStore(archive, "ml/fraud"), "fraud", "1.0.0")
    store = BundleStore(open_archive(file), "ml/fraud")

    with pytest.raises(Unsupported, match="written once"):
        store.push(descriptor, BytesContent(b""), "2.0.0")
    with pytest.raises(Unsupported, match="written once"):
        store.untag("1.0.0")


# Files of others


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_kind_of_tar_is_read(file: Path, format: int) -> None:  # noqa: A002
    info, raw = member(f"./blobs/sha256/{Descriptor.of(b'x', '').digest.hex}", b"x")
    info.mtime = 1.5

    written(file, [member("./", kind=tarfile.DIRTYPE), *plain(), (info, raw)], format=format)

    assert len(open_archive(file).places) == 1


def named(name: str, digest: str = "a" * 64) -> bytes:
    return (
        '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json",'
        f'"digest":"sha256:{digest}","size":2,'
        f'"annotations":{{"org.opencontainers.image.ref.name":"{name}"}}}}]}}'
    ).encode()


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("1.2.0", "", "1.2.0"),
        ("ml/fraud:1.2.0", "ml/fraud", "1.2.0"),
        ("registry.example.com:5000/ml/fraud:1.2.0", "ml/fraud", "1.2.0"),
        ("localhost/fraud:1.2.0", "fraud", "1.2.0"),
        ("what: ever", "", None),
    ],
)
def test_names_that_other_tools_write_are_understood(
    file: Path, name: str, repository: str, tag: str | None
) -> None:
    written(file, [member("oci-layout", MARKER), member("index.json", named(name))])

    names = open_archive(file).repositories[repository]

    assert list(names.tags) == ([tag] if tag else [])


HOSTILE: dict[str, Callable[[], Members]] = {
    "above": lambda: [*plain(), member("../escaped", b"x")],
    "deep above": lambda: [*plain(), member("blobs/sha256/../../../escaped", b"x")],
    "absolute": lambda: [*plain(), member("/etc/escaped", b"x")],
    "a symbolic link": lambda: [*plain(), member("blobs", kind=tarfile.SYMTYPE)],
    "a hard link": lambda: [*plain(), member("blobs/sha256/x", kind=tarfile.LNKTYPE)],
    "a device": lambda: [*plain(), member("blobs/null", kind=tarfile.CHRTYPE)],
    "a pipe": lambda: [*plain(), member("blobs/pipe", kind=tarfile.FIFOTYPE)],
    "sparse": lambda: [*plain(), member("blobs/sparse", b"x", tarfile.GNUTYPE_SPARSE)],
    "two of one name": lambda: [*plain(), member("index.json", EMPTY_INDEX)],
    "two blobs": lambda: [*plain(), *(member("blobs/sha256/" + "a" * 64, b"x") for _ in "ab")],
    "two spellings": lambda: [*plain(), member("./index.json", EMPTY_INDEX)],
    "no digest": lambda: [*plain(), member("blobs/sha256/short", b"x")],
    "no marker": lambda: plain()[1:],
    "no index": lambda: plain()[:1],
    "another version": lambda: [member("oci-layout", b'{"imageLayoutVersion":"9"}'), plain()[1]],
    "a marker that is none": lambda: [member("oci-layout", b"[]"), plain()[1]],
    "a huge marker": lambda: [member("oci-layout", b" " * 5000), plain()[1]],
    "an index that is none": lambda: [plain()[0], member("index.json", b"[" * 100_000)],
    "a repository that is none": lambda: [
        plain()[0],
        member(
            "index.json",
            named("x")
            .replace(b"org.opencontainers.image.ref.name", b"dev.lading.repository")
            .replace(b'"x"', b'"../../etc"'),
        ),
    ],
    "a name for two things": lambda: [
        plain()[0],
        member(
            "index.json",
            named("a:1", "a" * 64)[:-2]
            + b","
            + named("h.example.com/a:1", "b" * 64)[len(b'{"schemaVersion":2,"manifests":[') :],
        ),
    ],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_and_nothing_is_written(file: Path, what: str) -> None:
    written(file, HOSTILE[what]())
    before = sorted(file.parent.rglob("*"))

    with pytest.raises((IntegrityError, InvalidInput)) as refusal:
        open_archive(file)

    assert refusal.value.cause
    assert sorted(file.parent.rglob("*")) == before


def test_an_index_that_would_fill_memory_is_refused(file: Path) -> None:
    written(file, [plain()[0]])
    with file.open("r+b") as raw:
        raw.seek(1024)
        header = tarfile.TarInfo("index.json")
        header.size = 65 * 1024 * 1024
        raw.write(header.tobuf(tarfile.GNU_FORMAT))
        raw.truncate(1024 + 512 + header.size + 1024)

    with pytest.raises(InvalidInput, match="too large"):
        open_archive(file)


def test_a_size_that_the_file_does_not_have_is_refused(file: Path) -> None:
    written(file, [*plain(), member("blobs/sha256/" + "a" * 64, b"x" * 5000)])
    raw = file.read_bytes()
    file.write_bytes(raw[: 512 * 6])

    with pytest.raises(IntegrityError, match="refused"):
        open_archive(file)


@pytest.mark.parametrize("cut", [1, 511, 512, 700, 1024, 2048])
def test_a_file_that_is_cut_off_is_refused(file: Path, cut: int) -> None:
    raw = written(file, plain()).read_bytes()
    file.write_bytes(raw[:cut])

    with pytest.raises(LadingError):
        open_archive(file)


def test_cargo_behind_the_end_is_refused(file: Path) -> None:
    with written(file, plain()).open("ab") as end:
        end.write(b"hidden")

    with pytest.raises(IntegrityError, match="refused"):
        open_archive(file)


def test_a_compressed_file_is_named_as_such(file: Path) -> None:
    import gzip

    file.write_bytes(gzip.compress(b"anything"))

    with pytest.raises(InvalidInput, match="compressed with gzip"):
        open_archive(file)


def test_a_pipe_and_a_missing_file_are_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InvalidInput):
        open_archive(tmp_path / "pipe")
    with pytest.raises(NotFound):
        open_archive(tmp_path / "missing")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("missing.tar", "lading bundle REF -o missing.tar"),
        ("oci:fraud.tar", "without oci: it is a file: fraud.tar"),
        ("example.com/ml/fraud:1.0.0", "lading bundle example.com/ml/fraud:1.0.0 -o fraud.tar"),
    ],
)
def test_what_is_no_files_name_is_told_what_to_write(written: str, instead: str) -> None:
    with pytest.raises(NotFound) as caught:
        open_archive(Path(written))

    assert instead in str(caught.value.hint)


def test_a_folder_is_told_by_what_is_in_it(file: Path, tmp_path: Path) -> None:
    folders = {each: tmp_path / each for each in ("empty", "layout", "disk")}
    for folder in folders.values():
        folder.mkdir()
    (folders["layout"] / "oci-layout").touch()
    (folders["disk"] / "fraud.tar").touch()
    hints = {}

    for name, folder in folders.items():
        with pytest.raises(InvalidInput, match="a bundle is one file") as caught:
            open_archive(folder)
        hints[name] = caught.value.hint

    assert hints == {
        "empty": "lading bundle REF -o FILE.tar writes one",
        "layout": f"it is a layout: lading copy --all oci:{folders['layout']} HOST/NAME",
        "disk": f"lading unbundle {folders['disk'] / 'fraud.tar'}",
    }


def test_a_manifest_that_is_not_its_digest_is_refused(file: Path) -> None:
    with new_archive(file) as archive:
        descriptor = push_model(NewBundleStore(archive, "ml/fraud"), "fraud", "1.0.0")
    raw = bytearray(file.read_bytes())
    raw[open_archive(file).places[descriptor.digest].offset + 20] ^= 1
    file.write_bytes(raw)

    with pytest.raises(IntegrityError, match="damaged"):
        open_archive(file).read_manifest(descriptor.digest)


def test_a_descriptor_that_lies_about_a_size_is_refused(file: Path) -> None:
    with new_archive(file) as archive:
        descriptor = push_bytes(store_of(archive), b"hello")
    lie = Descriptor(descriptor.media_type, descriptor.digest, 4)

    store = BundleStore(open_archive(file), "ml/fraud")

    assert not store.exists(lie)
    with pytest.raises(IntegrityError):
        fetch(store, lie)


def test_a_file_that_changed_since_it_was_looked_through_is_not_read(file: Path) -> None:
    with new_archive(file) as archive:
        descriptor = push_bytes(store_of(archive), b"hello")
    store = BundleStore(open_archive(file), "ml/fraud")

    file.write_bytes(file.read_bytes() + bytes(512))

    with pytest.raises(IntegrityError, match="changed while"):
        fetch(store, descriptor)


def test_a_repository_that_is_not_there_names_those_that_are(file: Path) -> None:
    with new_archive(file) as archive:
        push_model(NewBundleStore(archive, "ml/fraud"), "fraud", "1.0.0")

    with pytest.raises(NotFound) as refusal:
        BundleStore(open_archive(file), "ml/frod")

    assert "ml/fraud" in (refusal.value.hint or "")
