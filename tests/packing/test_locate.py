"""Files are found in an archive by its headers, and in no other place than a pull finds them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing.trees import trees
from parts.laws import tries

from lading.errors import IntegrityError, Unsupported
from lading.packing import locate
from lading.packing.locate import Archive
from lading.packing.tarview import BytesMember, TarView
from lading.ports import Window
from lading.transfer.window import BytesWindow


class Counting:
    """A window that remembers where it was looked into."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.looks: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return len(self.raw)

    def read_at(self, offset: int, length: int) -> bytes:
        self.looks.append((offset, length))
        return self.raw[offset : offset + length]


def whole(view: TarView) -> bytes:
    return b"".join(piece for piece in view.segments() if isinstance(piece, bytes))


def tar(files: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return buffer.getvalue()


def found(window: Window) -> dict[str, bytes]:
    return {
        place.path: window.read_at(place.offset, place.size) for place in Archive(window).places()
    }


@tries(50)
@given(trees())
def test_every_file_of_our_own_archives_is_found(
    tree: tuple[dict[str, bytes], tuple[str, ...]],
) -> None:
    files, folders = tree
    view = TarView([BytesMember(name, raw) for name, raw in files.items()], folders)

    assert found(BytesWindow(whole(view))) == files


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_other_writers_are_read(form: int) -> None:
    files = {"a.bin": b"1" * 700, "folder/empty": b"", "folder/" + "n" * 90: b"2"}
    if form != tarfile.USTAR_FORMAT:
        files |= {"long/" + "n" * 140: b"3" * 512, "größe": b"4"}

    assert found(BytesWindow(tar(files, form))) == files


def test_a_file_that_comes_first_is_found_without_looking_at_the_rest() -> None:
    window = Counting(tar({"first": bytes(1_000_000), "second": bytes(1_000_000)}))

    place = Archive(window).find("first")

    assert place is not None
    assert (place.offset, place.size) == (512, 1_000_000)
    assert len(window.looks) == 1


def test_what_was_found_once_is_not_looked_for_again() -> None:
    window = Counting(tar({name: bytes(100_000) for name in "abcdef"}))
    archive = Archive(window)
    archive.find("e")
    looks = len(window.looks)

    again = [archive.find(name) for name in "abcde"]

    assert None not in again
    assert len(window.looks) == looks


def test_a_file_that_is_not_there_is_none() -> None:
    assert Archive(BytesWindow(tar({"a": b"1"}))).find("b") is None


def _shortened(raw: bytes) -> bytes:
    return raw[:700]


def _lying(raw: bytes) -> bytes:
    """The first member claims more than the archive has; its checksum is right."""
    member = tarfile.TarInfo("a")
    member.size = 10_000_000
    return member.tobuf(tarfile.GNU_FORMAT) + raw[512:]


def _noise(raw: bytes) -> bytes:
    return b"\x07" * len(raw)


@pytest.mark.parametrize("damage", [_shortened, _lying, _noise])
def test_a_damaged_archive_is_refused(damage: Callable[[bytes], bytes]) -> None:
    raw = damage(tar({"a": b"1" * 600}))

    with pytest.raises(IntegrityError):
        Archive(BytesWindow(raw)).places()


@tries(50)
@given(st.binary(max_size=3000))
def test_no_bytes_at_all_bring_it_down(raw: bytes) -> None:
    try:
        places = Archive(BytesWindow(raw)).places()
    except IntegrityError:
        return

    assert all(0 <= place.offset <= place.offset + place.size <= len(raw) for place in places)


def test_looking_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "_MOST_LOOKS", 10)
    window = Counting(tar({f"{number:03}": bytes(20_000) for number in range(100)}))

    with pytest.raises(Unsupported) as refused:
        Archive(window).find("099")

    assert len(window.looks) == 10
    assert "lading pull" in str(refused.value.hint)
