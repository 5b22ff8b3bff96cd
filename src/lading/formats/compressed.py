"""What joblib and others compress as a whole, decompressed a block at a time and only so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from lading.formats.cursor import BLOCK, Broken, Cursor, Near, Stream

if TYPE_CHECKING:
    from lading.ports import Window

# Of one file: half a second's work, or a few seconds' for xz.
LIMIT: Final = 128 * 1024 * 1024
# An xz header may ask for a dictionary of 4 GiB; the strongest usual levels need 32 MiB.
_DICTIONARY: Final = 48 * 1024 * 1024

# Python 3.11 has no decompressor for these.
UNREAD: Final = ("lz4", "zstd")


def decompressed(window: Window, method: str) -> Cursor:
    """The file's content, decompressed while it is read.

    Raises:
        Broken: this method is not read here.
    """
    if method in UNREAD:
        raise Broken(f"It is compressed with {method}, which is not looked into.")
    # Compressed bytes that stand for nothing would otherwise be read to the end of the file.
    source = Near(window, 0, LIMIT)
    if method in ("gzip", "zlib"):
        return Cursor(Stream(_inflating(source), LIMIT))
    return Cursor(Stream(_unpacking(source, method), LIMIT))


def _inflating(source: Near) -> Callable[[int], bytes]:
    import zlib

    # 32 more than the largest window: gzip's header or zlib's, whichever is there.
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def read(length: int) -> bytes:
        while not inflater.eof:
            data = inflater.unconsumed_tail or source.read(BLOCK)
            try:
                out = inflater.decompress(data, length)
            except zlib.error as error:
                raise Broken("Its compressed bytes are damaged.") from error
            if out or not data:
                return out
        return b""

    return read


def _unpacking(source: Near, method: str) -> Callable[[int], bytes]:
    unpacker, damage = _unpacker(method)

    def read(length: int) -> bytes:
        while not unpacker.eof:
            data = source.read(BLOCK) if unpacker.needs_input else b""
            if unpacker.needs_input and not data:
                return b""
            try:
                out = unpacker.decompress(data, length)
            except damage as error:
                raise Broken("Its compressed bytes are damaged, or need much memory.") from error
            if out:
                return out
        return b""

    return read


class _Unpacker(Protocol):
    """What bz2's and lzma's decompressors have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _unpacker(method: str) -> tuple[_Unpacker, tuple[type[Exception], ...]]:
    """The decompressor, and what it raises over damaged bytes."""
    if method == "bz2":
        import bz2

        return bz2.BZ2Decompressor(), (OSError, ValueError)
    import lzma

    return lzma.LZMADecompressor(memlimit=_DICTIONARY), (lzma.LZMAError,)
