"""A layer's bytes as they stream by: hashed as they are, and decompressed for whoever reads them.

What comes out is counted: a few kilobytes may stand for terabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lading.errors import IntegrityError
from lading.packing.unpack.streams import Form, decompressed, form_of
from lading.ports import Reader
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest

# Of one layer, unpacked. Images with CUDA come to some 10 GB in all.
LARGEST: Final = 64 * 1024**3
_PIECE: Final = 256 * 1024


class LayerStream:
    """Reads a layer once, from its beginning to its end."""

    def __init__(self, reader: Reader, layer: Descriptor, *, largest: int = LARGEST) -> None:
        """A layer; ``reader`` gives the bytes that its descriptor speaks of.

        Raises:
            Unsupported: it is compressed in a way that is not read here.
        """
        self._reader = reader
        self._layer = layer
        self._hasher = layer.digest.hasher()
        self._seen = 0
        self._buffer = memoryview(bytearray(_PIECE))
        self._unpacked = _unpacked(layer.media_type, self._raw)
        self._waiting = b""
        self._left = largest

    def read(self, length: int) -> bytes:
        """Exactly so many unpacked bytes; fewer only at the end.

        Raises:
            IntegrityError: the compressed bytes are damaged, or stand for far too many.
        """
        pieces = []
        while length:
            if not self._waiting:
                self._waiting = next(self._unpacked, b"")
                self._left -= len(self._waiting)
                if self._left < 0:
                    raise IntegrityError(
                        f"layer {self._layer.digest.short} is refused", cause="it is a bomb"
                    )
                if not self._waiting:
                    break
            pieces.append(self._waiting[:length])
            self._waiting = self._waiting[length:]
            length -= len(pieces[-1])
        return b"".join(pieces)

    def finish(self) -> None:
        """Read what is left, and hold all of it against the digest.

        Raises:
            IntegrityError: the bytes are not what the digest says.
        """
        for _ in self._raw():
            continue
        actual = f"{self._layer.digest.algorithm}:{self._hasher.hexdigest()}"
        if (self._seen, actual) != (self._layer.size, self._layer.digest):
            raise IntegrityError(
                f"content of {self._layer.digest} is damaged",
                cause=f"got {self._seen} bytes, {Digest(actual)}",
            )

    def _raw(self) -> Iterator[bytes]:
        """The bytes as they are, each hashed; never more than the descriptor says."""
        while self._seen <= self._layer.size and (count := self._reader.readinto(self._buffer)):
            piece = bytes(self._buffer[:count])
            self._seen += count
            self._hasher.update(piece)
            yield piece


def _unpacked(media_type: str, raw: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    form = form_of(media_type)
    return raw() if form is None or form == "tar" else _decompressed(raw(), form)


def _decompressed(raw: Iterator[bytes], form: Form) -> Iterator[bytes]:
    """What the compressed pieces stand for, a piece at a time."""
    reader = decompressed(_Joined(raw), form)
    buffer = memoryview(bytearray(_PIECE))
    while count := reader.readinto(buffer):
        yield bytes(buffer[:count])


class _Joined:
    """Pieces as what is read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""

    def readinto(self, buffer: memoryview, /) -> int:
        if not self._waiting:
            self._waiting = next(self._pieces, b"")
        taken = self._waiting[: len(buffer)]
        buffer[: len(taken)] = taken
        self._waiting = self._waiting[len(taken) :]
        return len(taken)
