"""Compressed streams, unpacked piece by piece and never beyond the limits."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

from lading.hazards.findings import RATIO_FREE, RATIO_LIMIT, Exhausted, Search
from lading.hazards.tape import Malformed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK: Final = 64 * 1024
# xz asks for as much memory as its header says; joblib's own settings need 32 MiB at most.
_XZ_MEMORY: Final = 40 * 1024 * 1024


class Decompressor(Protocol):
    """What turns packed bytes into plain ones."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given beyond the end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Some plain bytes; what was not used yet is kept."""
        ...


class _Zlib:
    """zlib's decompressor in the shape of the others, which keep what they did not use yet."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


Maker = Callable[[], Decompressor]

RAW_DEFLATE: Final[Maker] = lambda: _Zlib(-15)  # noqa: E731
BZIP2: Final[Maker] = bz2.BZ2Decompressor
_ZLIB: Final[Maker] = lambda: _Zlib(15)  # noqa: E731
_GZIP: Final[Maker] = lambda: _Zlib(31)  # noqa: E731
_XZ: Final[Maker] = lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY)  # noqa: E731

# By their first bytes. What cannot be opened here is at least recognised.
_KNOWN: Final[tuple[tuple[bytes, str, Maker | None], ...]] = (
    (b"\x1f\x8b", "gzip", _GZIP),
    (b"BZh", "bzip2", BZIP2),
    (b"\xfd7zXZ\x00", "xz", _XZ),
    (b"\x5d\x00\x00", "lzma", _XZ),
    (b"\x04\x22\x4d\x18", "lz4", None),
    (b"\x28\xb5\x2f\xfd", "zstd", None),
    (b"ZF0x", "old joblib", None),
    (b"7z\xbc\xaf\x27\x1c", "7z", None),
    (b"Rar!\x1a\x07", "rar", None),
)


def recognise(head: bytes) -> tuple[str, Maker | None] | None:
    """How these bytes are packed, and what unpacks them, if anything does."""
    for magic, name, maker in _KNOWN:
        if head.startswith(magic):
            return name, maker
    if len(head) > 2 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0:
        return "zlib", _ZLIB
    return None


class Unpacked(io.RawIOBase):
    """The plain bytes of a packed stream, forwards only."""

    def __init__(self, packed: BinaryIO, maker: Maker, search: Search, *, several: bool) -> None:
        super().__init__()
        self._packed = packed
        self._maker = maker
        self._search = search
        self._several = several
        self._inner = maker()
        self._pending = b""
        self._consumed = 0
        self._produced = 0

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def close(self) -> None:
        """Close what it reads from, too."""
        self._packed.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Some plain bytes; 0 at the end.

        Raises:
            Malformed: the packed bytes are damaged.
            Exhausted: there is more than anybody should have to unpack.
        """
        view = memoryview(buffer).cast("B")
        if not view:
            return 0
        try:
            plain = self._more(min(len(view), _CHUNK))
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            raise Malformed(f"what is packed is damaged: {error}") from error
        view[: len(plain)] = plain
        self._count(len(plain))
        return len(plain)

    def _more(self, wanted: int) -> bytes:
        while True:
            if self._inner.eof and not self._begin_next():
                return b""
            plain = self._inner.decompress(self._pending, wanted)
            self._pending = b""
            if plain:
                return plain
            if self._inner.eof:
                continue
            self._pending = self._packed.read(_CHUNK)
            self._consumed += len(self._pending)
            if not self._pending:
                raise Malformed("what is packed ends in the middle")

    def _begin_next(self) -> bool:
        """Several streams may stand one after the other; anything else behind one is ignored."""
        rest = self._inner.unused_data or self._packed.read(_CHUNK)
        if not self._several or not rest.strip(b"\x00"):
            return False
        if recognise(rest.lstrip(b"\x00")[:8]) is None:
            return False
        self._inner = self._maker()
        self._pending = rest.lstrip(b"\x00")
        return True

    def _count(self, produced: int) -> None:
        self._produced += produced
        self._search.unpack(produced)
        if self._produced > RATIO_FREE and self._produced > RATIO_LIMIT * max(1, self._consumed):
            raise Exhausted(f"it unpacks to more than {RATIO_LIMIT} times its size")


def unpacked(packed: BinaryIO, maker: Maker, search: Search, *, several: bool = True) -> BinaryIO:
    """A stream of the plain bytes."""
    raw = Unpacked(packed, maker, search, several=several)
    return cast(BinaryIO, io.BufferedReader(raw, _CHUNK))
