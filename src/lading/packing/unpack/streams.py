"""A layer's stream on its way: hashed as it comes, decompressed where it must be.

No files, and no knowledge of what is inside.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import ModuleType, TracebackType
from typing import Any, Literal, Protocol

from lading.errors import IntegrityError, Unsupported
from lading.packing.unpack.disk import BUFFER_SIZE
from lading.ports import Reader
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest, Hasher

Form = Literal["tar", "gzip", "zstd", "raw"]

_SUFFIXES: dict[str, Form] = {
    ".tar": "tar",
    ".tar+gzip": "gzip",
    ".tar.gzip": "gzip",
    ".tar+zstd": "zstd",
    ".tar.zstd": "zstd",
}
_RAW_PREFIXES = ("application/vnd.cncf.model.", "application/vnd.cnai.model.")
# zstd's own default: what needs a larger window needs more memory than this should ever take.
_WINDOW_LOG = 27


def form_of(media_type: str) -> Form | None:
    """How a layer of this media type is to be read; None for what is no layer of files."""
    for suffix, form in _SUFFIXES.items():
        if media_type.endswith(suffix):
            return form
    if media_type.endswith(".raw") and media_type.startswith(_RAW_PREFIXES):
        return "raw"
    return None


# How many pieces may wait for the thread that hashes: with one, whoever reads and whoever hashes
# would wait for each other at every piece, since neither is evenly fast.
AHEAD = 3


class Hashing:
    """Hashes what it is given: here or, while ``beside()`` says so, in a thread of its own.

    A view that was given must stay as it is until ``AHEAD`` more were, or until :meth:`settle`.
    """

    def __init__(self, hasher: Hasher, beside: Callable[[], bool]) -> None:
        self._hasher = hasher
        self._beside = beside
        self._jobs: SimpleQueue[memoryview | None] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Hashing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread:
            self._jobs.put(None)
            self._thread.join()

    def update(self, piece: memoryview) -> None:
        """Take more content."""
        if not self._beside():
            self.settle()
            self._hasher.update(piece)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._settle_to(AHEAD - 1)
        self._jobs.put(piece)
        self._waiting += 1

    @property
    def is_behind(self) -> bool:
        """Whether views that were given may still be needed."""
        return self._waiting > 0

    def hexdigest(self) -> str:
        """The digest so far."""
        self.settle()
        return self._hasher.hexdigest()

    def settle(self) -> None:
        """Wait until nothing that was given is needed any more."""
        self._settle_to(0)

    def _settle_to(self, waiting: int) -> None:
        while self._waiting > waiting:
            self._done.get()
            self._waiting -= 1

    def _work(self) -> None:
        while (piece := self._jobs.get()) is not None:
            self._hasher.update(piece)
            self._done.put(None)


class CheckedReader:
    """A layer's bytes from wherever they come, every one of them counted and hashed."""

    def __init__(
        self, reader: Reader | None, descriptor: Descriptor, hashing: Hashing, offset: int = 0
    ) -> None:
        self._reader = reader
        self._descriptor = descriptor
        self._hashing = hashing
        self._position = offset

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes; 0 at the end.

        Raises:
            IntegrityError: there are more of them than the descriptor says.
        """
        if self._reader is None:
            return 0
        count = self._reader.readinto(buffer)
        if count:
            self._position += count
            if self._position > self._descriptor.size:
                raise self._damaged(f"more than {self._descriptor.size} bytes")
            self._hashing.update(buffer[:count])
        return count

    def finish(self) -> None:
        """Read what is left and compare.

        Raises:
            IntegrityError: these are not the bytes that the descriptor names.
        """
        buffer = memoryview(bytearray(64 * 1024))
        while self.readinto(buffer):
            self._hashing.settle()
        if self._position != self._descriptor.size:
            raise self._damaged(f"{self._position} bytes instead of {self._descriptor.size}")
        digest = self._descriptor.digest
        actual = Digest(f"{digest.algorithm}:{self._hashing.hexdigest()}")
        if actual != digest:
            raise self._damaged(f"got {actual}")

    def _damaged(self, cause: str) -> IntegrityError:
        return IntegrityError(f"content of {self._descriptor.digest} is damaged", cause=cause)


class Tee:
    """A stream that tells its own sha256 afterwards."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._hasher = hashlib.sha256()

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes; 0 at the end."""
        count = self._reader.readinto(buffer)
        self._hasher.update(buffer[:count])
        return count

    @property
    def digest(self) -> Digest:
        """The digest of all that was read."""
        return Digest.finish(self._hasher)


class Decompressor(Protocol):
    """What gives a bounded piece of output for a piece of input."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most so many bytes; none when more input is needed."""
        ...


class Decompressed:
    """The stream below the compression; concatenated streams are one, as gzip and zstd say.

    Memory is flat whatever a stream would swell to: output comes in pieces of a buffer.
    """

    def __init__(self, reader: Reader, new: Callable[[], Decompressor]) -> None:
        self._reader = reader
        self._new = new
        self._current: Decompressor | None = None
        self._input = b""
        self._starved = True
        self._buffer = memoryview(bytearray(BUFFER_SIZE // 4))

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes; 0 at the end.

        Raises:
            IntegrityError: the compressed stream is damaged or ends too early.
        """
        while True:
            if self._starved and not self._input and not self._fill():
                if self._current is not None:
                    raise IntegrityError("compressed layer is cut off")
                return 0
            if self._current is None:
                # Some writers fill up with zeros behind the last stream.
                self._input = self._input.lstrip(b"\0")
                if not self._input:
                    continue
                self._current = self._new()
            piece = self._step(self._current, len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)

    def _fill(self) -> bool:
        count = self._reader.readinto(self._buffer)
        self._input = bytes(self._buffer[:count])
        return bool(count)

    def _step(self, current: Decompressor, limit: int) -> bytes:
        given, self._input = self._input, b""
        piece = current.decompress(given, limit)
        if current.eof:
            self._input = current.unused_data
            self._current = None
            self._starved = True
        else:
            # A full piece means that there may be more where it came from.
            self._starved = len(piece) < limit
        return piece


class _Inflate:
    """zlib's object in the shape of bz2's and zstd's: what was not consumed is kept inside."""

    def __init__(self) -> None:
        import zlib

        self._inner = zlib.decompressobj(wbits=31)
        self._error: type[Exception] = zlib.error

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        except self._error as error:
            raise IntegrityError("compressed layer is damaged", cause=str(error)) from error


class _Zstd:
    """The decompressor of Python's own zstd module."""

    def __init__(self, module: ModuleType) -> None:
        parameter = module.DecompressionParameter.window_log_max
        self._inner: Any = module.ZstdDecompressor(options={parameter: _WINDOW_LOG})
        self._error: type[Exception] = module.ZstdError

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            return bytes(self._inner.decompress(data, max_length))
        except self._error as error:
            raise IntegrityError("compressed layer is damaged", cause=str(error)) from error


class _ZstandardReader:
    """The stream below zstd by the ``zstandard`` package, which only reads, never is fed."""

    def __init__(self, reader: Reader, module: ModuleType) -> None:
        self._reader = reader
        self._error: type[Exception] = module.ZstdError
        self._buffer = memoryview(bytearray(BUFFER_SIZE // 4))
        inner = module.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG)
        self._stream: Any = inner.stream_reader(self, read_across_frames=True)

    def read(self, size: int) -> bytes:
        count = self._reader.readinto(self._buffer[: max(1, min(size, len(self._buffer)))])
        return bytes(self._buffer[:count])

    def readinto(self, buffer: memoryview, /) -> int:
        try:
            return int(self._stream.readinto(buffer))
        except self._error as error:
            raise IntegrityError("compressed layer is damaged", cause=str(error)) from error


def decompressed(reader: Reader, form: Form) -> Reader:
    """The archive in a layer of this form.

    Raises:
        Unsupported: it is zstd, and this Python has nothing to read that with.
    """
    if form == "gzip":
        return Decompressed(reader, _Inflate)
    if form == "zstd":
        return _zstd_reader(reader)
    return reader


def _zstd_reader(reader: Reader) -> Reader:
    from importlib import import_module

    # Python has it from 3.14 on.
    try:
        module = import_module("compression.zstd")
    except ImportError:
        pass
    else:
        return Decompressed(reader, lambda: _Zstd(module))
    try:
        return _ZstandardReader(reader, import_module("zstandard"))
    except ImportError as error:
        raise Unsupported(
            "cannot unpack a layer that is compressed with zstd",
            cause="this Python has no module for it",
            hint="pip install 'lading[zstd]'",
        ) from error
