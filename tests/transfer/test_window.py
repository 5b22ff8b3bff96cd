"""Windows give the bytes that were asked for, and nothing is fetched that was not."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import IntegrityError, InvalidInput
from lading.ports import Reader, Window
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.stores.memory import MemoryStore
from lading.transfer.window import (
    AheadWindow,
    BytesWindow,
    ContentWindow,
    PartWindow,
    SourceWindow,
    pieces,
)

KIND = "application/vnd.example.layer.v1.tar"


class PlainSource:
    """A source that knows no ranges."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.descriptor = Descriptor.of(raw, KIND)

    def resolve(self, name: str) -> Descriptor:
        raise NotImplementedError

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        return BytesContent(self.raw).open(offset)


def windows(raw: bytes) -> dict[str, Window]:
    store = MemoryStore()
    descriptor = Descriptor.of(raw, KIND)
    store.push(descriptor, BytesContent(raw))
    return {
        "bytes": BytesWindow(raw),
        "content": ContentWindow(BytesContent(raw)),
        "store with ranges": SourceWindow(store, descriptor),
        "source without": SourceWindow(PlainSource(raw), descriptor),
        "part": PartWindow(BytesWindow(b"before" + raw + b"after"), 6, len(raw)),
        "ahead": AheadWindow(BytesWindow(raw), 7),
    }


@given(st.binary(max_size=50), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))))
def test_every_look_is_a_slice(raw: bytes, looks: list[tuple[int, int]]) -> None:
    for window in windows(raw).values():
        assert window.size == len(raw)
        for offset, length in looks:
            assert window.read_at(offset, length) == raw[offset : offset + length]


@given(st.binary(max_size=50), st.data())
def test_pieces_make_the_whole(raw: bytes, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(raw)))
    length = data.draw(st.integers(0, len(raw) - offset))
    first = data.draw(st.integers(1, 20))

    found = list(pieces(BytesWindow(raw), offset, length, first=first))

    assert b"".join(found) == raw[offset : offset + length]
    assert all(len(piece) <= first for piece in found[:1])


def test_pieces_beyond_the_end_are_missed() -> None:
    with pytest.raises(IntegrityError, match="cut off"):
        list(pieces(BytesWindow(b"12345"), 3, 5))


def test_content_that_is_shorter_than_its_descriptor_is_missed() -> None:
    liar = SourceWindow(PlainSource(b"12345"), Descriptor(KIND, Descriptor.of(b"", KIND).digest, 9))

    with pytest.raises(IntegrityError, match="5 bytes arrived instead of 8"):
        liar.read_at(0, 8)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_what_is_negative_is_refused(offset: int, length: int) -> None:
    with pytest.raises(InvalidInput):
        BytesWindow(b"123").read_at(offset, length)


def test_what_was_taken_ahead_is_not_asked_for_again() -> None:
    class Counting(BytesWindow):
        looks = 0

        def read_at(self, offset: int, length: int) -> bytes:
            Counting.looks += 1
            return super().read_at(offset, length)

    window = AheadWindow(Counting(bytes(range(100))), 50)

    assert [window.read_at(at, 5)[0] for at in range(0, 40, 5)] == list(range(0, 40, 5))
    assert Counting.looks == 1
