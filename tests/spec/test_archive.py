"""Archives taken apart: what is read, and what is refused. No file is touched here."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packing.trees import trees
from packing.unpack.layers import FORMATS, MIB, member, noise, tar

from lading.errors import IntegrityError, LadingError
from lading.spec import archive
from lading.spec.archive import ArchiveParser

BLOCK = 512


class Recorder:
    """A sink that remembers everything."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: list[str] = []
        self.stream = bytearray()
        self.framed = 0
        self._path = ""
        self._content = bytearray()
        self._size = 0

    def frame(self, piece: memoryview) -> None:
        self.stream += piece
        self.framed += len(piece)

    def folder(self, path: str) -> None:
        self.folders.append(path)

    def start_file(self, path: str, size: int) -> None:
        self._path, self._size = path, size
        self._content = bytearray()

    def file_bytes(self, piece: memoryview) -> None:
        self._content += piece
        self.stream += piece

    def end_file(self) -> None:
        assert len(self._content) == self._size
        self.files[self._path] = bytes(self._content)


def parse(raw: bytes, *, step: int = 1 << 30, size: int | None = None) -> Recorder:
    recorder = Recorder()
    parser = ArchiveParser(recorder, size)
    for start in range(0, len(raw), step):
        parser.feed(memoryview(raw)[start : start + step])
    parser.finish()
    return recorder


def refusal(raw: bytes, *, size: int | None = None) -> str:
    with pytest.raises(IntegrityError) as caught:
        parse(raw, size=size)
    return f"{caught.value.what} {caught.value.cause}"


@given(trees(), st.sampled_from(sorted(FORMATS)), st.integers(1, 2000))
def test_any_archive_is_read_in_pieces_of_any_size(
    tree: tuple[dict[str, bytes], tuple[str, ...]], form: str, step: int
) -> None:
    files, folders = tree
    members = [(name, None) for name in folders] + sorted(files.items())
    try:
        raw = tar(members, form=form)
    except ValueError:
        return  # the name is too long for ustar

    recorder = parse(raw, step=step, size=len(raw))

    assert recorder.files == files
    assert recorder.folders == list(folders)
    assert bytes(recorder.stream) == raw


@given(st.binary(max_size=3000))
@example(b"\0" * 512)
def test_no_bytes_at_all_are_more_than_refused(raw: bytes) -> None:
    try:
        parse(raw)
    except LadingError:
        return
    assert not raw.strip(b"\0")


@given(st.data())
def test_a_damaged_archive_is_refused_or_read_but_never_a_crash(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(sorted(FORMATS)))
    long_name = "d/" + "n" * 150 if form != "ustar" else "d/short"
    raw = bytearray(tar([("d", None), ("d/a", b"x" * 700), (long_name, b"y")], form=form))
    spots = data.draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))))
    for position, byte in spots:
        raw[position] = byte
    if data.draw(st.booleans()):
        _mend_checksums(raw)

    try:
        recorder = parse(bytes(raw), step=data.draw(st.integers(1, 1500)))
    except LadingError:
        return

    for path in (*recorder.files, *recorder.folders):
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))
        assert "\\" not in path
        assert "\0" not in path


def _mend_checksums(raw: bytearray) -> None:
    """Make damaged headers believable, so that what lies behind the checksum is reached."""
    for start in range(0, len(raw) - BLOCK + 1, BLOCK):
        block = raw[start : start + BLOCK]
        if block[257:262] == b"ustar":
            total = sum(block) - sum(block[148:156]) + 8 * 0x20
            raw[start + 148 : start + 156] = b"%06o\0 " % total


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_folders_are_told_before_and_without_files(form: str) -> None:
    raw = tar([("a", None), ("a/b", None), ("a/f", b"1")], form=form)

    recorder = parse(raw)

    assert recorder.folders == ["a", "a/b"]
    assert recorder.files == {"a/f": b"1"}


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_names_longer_than_a_header_are_read(form: str) -> None:
    name = "models/" + "/".join(["long" * 20] * 6) + "/weights.bin"

    assert parse(tar([(name, b"w")], form=form)).files == {name: b"w"}


def test_a_ustar_prefix_is_part_of_the_name() -> None:
    name = "models/" + "p" * 90 + "/" + "n" * 90

    assert parse(tar([(name, b"w")], form="ustar")).files == {name: b"w"}


def test_a_size_in_base_256_is_read() -> None:
    raw = bytearray(tar([("big", b"x" * 600)]))
    raw[124:136] = b"\x80" + (600).to_bytes(11, "big")
    _mend_checksums(raw)

    assert parse(bytes(raw)).files == {"big": b"x" * 600}


def test_the_size_in_an_extended_header_wins() -> None:
    info = member("big", pax_headers={"size": "600"})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as written:
        written.addfile(info)  # its own header says 0
    raw = out.getvalue()[: 3 * BLOCK] + b"x" * 600 + b"\0" * 424 + b"\0" * 1024

    assert parse(raw).files == {"big": b"x" * 600}


def test_a_global_header_is_passed_over() -> None:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "a commit"}
    ) as written:
        written.addfile(member("a"))

    assert parse(out.getvalue()).files == {"a": b""}


@pytest.mark.parametrize("key", ["path", "size"])
def test_a_global_header_that_concerns_every_member_is_refused(key: str) -> None:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={key: "1"}
    ) as written:
        written.addfile(member("a"))

    assert "global header" in refusal(out.getvalue())


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.CHRTYPE, "character device"),
        (tarfile.BLKTYPE, "block device"),
        (tarfile.FIFOTYPE, "named pipe"),
        (tarfile.GNUTYPE_SPARSE, "sparse"),
        (b"V", "volume label"),
        (b"Z", "unknown type 'Z'"),
    ],
)
def test_what_is_neither_file_nor_folder_is_refused_by_name(kind: bytes, word: str) -> None:
    raw = tar([("good", b"1"), (member("models/bad", kind, linkname="good"), None)])

    said = refusal(raw)

    assert "'models/bad'" in said
    assert word in said


def test_a_link_with_a_long_target_is_refused_too() -> None:
    raw = tar([(member("bad", tarfile.SYMTYPE, linkname="t" * 300), None)])

    assert "symbolic link" in refusal(raw)


@pytest.mark.parametrize("version", ["0.0", "1.0"])
def test_a_sparse_file_of_gnu_tar_is_refused_in_pax_too(version: str) -> None:
    key = "GNU.sparse.size" if version == "0.0" else "GNU.sparse.major"
    raw = tar([(member("bad", pax_headers={key: "1"}), b"x")], form="pax")

    assert "sparse" in refusal(raw)


def test_a_contiguous_file_is_a_file() -> None:
    assert parse(tar([(member("a", tarfile.CONTTYPE), b"1")])).files == {"a": b"1"}


@pytest.mark.parametrize("kind", [tarfile.AREGTYPE, tarfile.REGTYPE])
def test_a_file_whose_name_ends_in_a_slash_is_a_folder_as_before_posix(kind: bytes) -> None:
    recorder = parse(tar([(member("old/", kind), b"")]))

    assert recorder.folders == ["old"]
    assert recorder.files == {}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil", "contains .."),
        ("a/../../evil", "contains .."),
        ("a/..", "contains .."),
        ("..", "contains .."),
        ("/etc/passwd", "absolute"),
        (".//etc/passwd", "absolute"),
        ("a//b", "empty component"),
        ("a/./b", "empty component"),
        (".", "empty component"),
        ("", "no name"),
        ("./", "no name"),
        ("a\\b", "backslash"),
        ("..\\evil", "backslash"),
        ("a\nb", "control characters"),
        ("a\x1b[2Jb", "control characters"),
        ("a\x7f", "control characters"),
        ("a\x9b", "control characters"),
        ("n" * 256, "too long"),
        ("d/" * 2048 + "n", "too long"),
        ("d/" * 100 + "n", "100 folders deep"),
    ],
)
@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, reason: str, form: str) -> None:
    # A regular file whose name is only a folder's: size 1 keeps it from being taken for one.
    raw = tar([("good", b"1"), (name, b"1")], form=form)

    said = refusal(raw)

    assert reason in said or "folder of 1 bytes" in said


@pytest.mark.parametrize("name", ["/", "/etc", "..", "a/..", "a//b/"])
def test_a_folder_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError):
        parse(tar([(name, None)]))


def test_a_name_that_is_not_utf8_is_refused() -> None:
    raw = bytearray(tar([("aaaa", b"")]))
    raw[0:4] = b"\xff\xfe\x80a"
    _mend_checksums(raw)

    assert "not UTF-8" in refusal(bytes(raw))


def test_a_name_goes_no_further_than_its_nul() -> None:
    raw = bytearray(tar([("good", b"")]))
    raw[5:12] = b"../evil"
    _mend_checksums(raw)

    assert list(parse(bytes(raw)).files) == ["good"]


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_a_nul_within_a_long_name_is_refused(form: str) -> None:
    raw = tar([("a" * 150 + "~" + "b" * 50, b"")], form=form).replace(b"~", b"\0")

    assert "control characters" in refusal(raw)


@pytest.mark.parametrize("name", ["./a/b", "././a/b"])
def test_a_leading_dot_is_left_out(name: str) -> None:
    assert list(parse(tar([("./", None), (name, b"")])).files) == ["a/b"]


@pytest.mark.parametrize(
    "names",
    [["a", "a"], ["a", "./a"], ["a", "a/b"], ["a/b", "a"], ["a/b/c", "a/b"]],
)
def test_members_that_contradict_each_other_are_refused(names: list[str]) -> None:
    raw = tar([(name, b"1") for name in names])

    assert "another member" in refusal(raw) or "is a file" in refusal(raw)


@pytest.mark.parametrize(
    "members",
    [
        [("a", b"1"), ("a", None)],
        [("a", None), ("a", b"1")],
        [("a", None), ("a", None)],
        [("a", b"1"), ("a/b", None)],
    ],
)
def test_files_and_folders_of_one_name_are_refused(
    members: list[tuple[str | tarfile.TarInfo, bytes | None]],
) -> None:
    with pytest.raises(IntegrityError):
        parse(tar(members))


def test_a_folder_may_be_named_after_its_files() -> None:
    assert parse(tar([("a/b", b"1"), ("a", None)])).folders == ["a"]


def test_a_wrong_checksum_is_refused() -> None:
    raw = bytearray(tar([("abcd", b"1")]))
    raw[0] ^= 1

    assert "checksum" in refusal(bytes(raw))


def test_a_checksum_of_signed_characters_is_taken() -> None:
    raw = bytearray(tar([("é", b"1")]))
    block = raw[:BLOCK]
    signed = sum(b - 256 if b > 127 else b for b in block[:148] + block[156:]) + 8 * 0x20
    raw[148:156] = b"%06o\0 " % signed

    assert parse(bytes(raw)).files == {"é": b"1"}


def test_an_archive_that_is_cut_off_anywhere_is_refused() -> None:
    raw = tar([("d", None), ("d/" + "n" * 120, b"x" * 600)])
    end = len(raw.rstrip(b"\0"))

    for length in range(0, end, 97):
        assert "cut off" in refusal(raw[:length])


def test_an_archive_without_its_end_mark_is_refused() -> None:
    assert "end mark" in refusal(tar([("a", b"x" * 512)])[: 2 * BLOCK])


def test_one_block_of_zeros_ends_an_archive() -> None:
    assert parse(tar([("a", b"")])[: 2 * BLOCK]).files == {"a": b""}


def test_zeros_after_the_end_are_tolerated() -> None:
    assert parse(tar([("a", b"")]) + bytes(100_000), step=7777).files == {"a": b""}


@pytest.mark.parametrize("tail", [b"x", tar([("hidden", b"cargo")])])
def test_anything_else_after_the_end_is_refused(tail: bytes) -> None:
    assert "follows its end mark" in refusal(tar([("a", b"")]) + tail)


@pytest.mark.parametrize("size", [1025, 8**11 - 1])
def test_a_member_larger_than_its_layer_is_refused_before_its_bytes(size: int) -> None:
    raw = bytearray(tar([("huge", b"")]))
    raw[124:136] = b"%011o\0" % size
    _mend_checksums(raw)
    recorder = Recorder()

    with pytest.raises(IntegrityError, match="more than the whole layer has left"):
        ArchiveParser(recorder, BLOCK + 1024).feed(memoryview(bytes(raw[:BLOCK])))


@pytest.mark.parametrize("field", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"12345678901x", b"-1"])
def test_a_size_that_is_no_number_is_refused(field: bytes) -> None:
    raw = bytearray(tar([("a", b"")]))
    raw[124:136] = field.ljust(12, b"\0")
    _mend_checksums(raw)

    assert "a number in its header" in refusal(bytes(raw))


@pytest.mark.parametrize("size", ["-1", "1e3", "9" * 30, "½"])
def test_an_extended_size_that_is_no_number_is_refused(size: str) -> None:
    raw = tar([(member("a", pax_headers={"size": size}), b"")], form="pax")

    assert "size is malformed" in refusal(raw)


@pytest.mark.parametrize("kind", [b"L", b"x", b"g", b"K"])
def test_a_header_that_would_fill_memory_is_refused(kind: bytes) -> None:
    raw = bytearray(tar([(member("a", kind), b"")]))
    raw[124:136] = b"%011o\0" % (MIB + 1)
    _mend_checksums(raw)

    assert f"{MIB + 1} bytes" in refusal(bytes(raw))


@pytest.mark.parametrize(
    "body", [b"nonsense", b"11 path=a\n", b"9 path=a", b"7 path\n", b"999999999999 path=a\n"]
)
def test_an_extended_header_that_is_malformed_is_refused(body: bytes) -> None:
    raw = tar([(member("x", tarfile.XHDTYPE), body), ("a", b"")])

    assert "extended header is malformed" in refusal(raw)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_two_names_for_one_member_are_refused(kind: bytes) -> None:
    body = b"8 a=bcd\n" if kind == tarfile.XHDTYPE else b"name\0"

    assert "it has two" in refusal(tar([(member("x", kind), body)] * 2 + [("a", b"")]))


def test_a_long_name_without_its_member_is_refused() -> None:
    raw = tar([(member("x", tarfile.GNUTYPE_LONGNAME), b"name\0")])

    assert "without its member" in refusal(raw)


def test_the_number_of_members_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MEMBER_LIMIT", 3)

    assert len(parse(tar([(str(n), b"") for n in range(3)])).files) == 3
    assert "more than 3 members" in refusal(tar([(str(n), b"") for n in range(4)]))


def test_the_memory_for_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_NAMES_LIMIT", 1000)

    assert "fill memory" in refusal(tar([(f"{n:0250}", b"") for n in range(5)]))


def test_a_printed_name_is_harmless() -> None:
    said = refusal(tar([("evil\x1b]0;\u202etitle/..", b"1")], form="pax"))

    assert "\x1b" not in said
    assert "\u202e" not in said


def test_file_bytes_are_not_copied() -> None:
    raw = tar([("a", noise(100_000))])
    views: list[memoryview] = []

    class Looking(Recorder):
        def file_bytes(self, piece: memoryview) -> None:
            views.append(piece)
            super().file_bytes(piece)

    ArchiveParser(Looking()).feed(memoryview(raw))

    assert [view.obj for view in views] == [raw]
