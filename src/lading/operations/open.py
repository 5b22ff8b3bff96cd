"""Open a version and read of it what is asked for, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from lading.cache import Cache
from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations import stores
from lading.operations.layers import LayerWindows
from lading.operations.modelpack import document_of
from lading.operations.sources import reach
from lading.packing.artifact import recognise
from lading.spec.document import Document, FileEntry
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.transfer import read

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from lading.operations.reading.cached_source import CachedSource
    from lading.operations.tensors import LazyTensor
    from lading.packing.artifact import Artifact
    from lading.ports import Window
    from lading.settings import Settings
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference

_Found = TypeVar("_Found")

MIB: Final = 1024 * 1024
# What `open` takes at once; someone who reads a line will read the next.
_AHEAD: Final = MIB
_SAFETENSORS: Final = ".safetensors"


def open(  # noqa: A001  the SDK's word
    reference: str | Reference, *, offline: bool | None = None, settings: Settings | None = None
) -> Opened:
    """A version whose files and tensors are read when they are asked for; use it in ``with``.

    Manifests and the document are read at once: kilobytes. A version that was pulled is read
    from the cache, and by digest needs no registry then.

    Raises:
        NotFound: there is no such version.
        InvalidInput: it is no model; says what it is.
        IntegrityError: a stage's tag is not what the ledger says, or a version's names another one.
    """
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    cache = Cache(settings.cache)
    source, root = reach(
        place, cache, settings, offline=settings.offline if offline is None else offline
    )
    try:
        return Opened(str(place), recognise(source, root, str(place)), source, cache)
    except BaseException:
        source.close()
        raise


class Opened:
    """A version that is open; safe to use from many threads.

    What :meth:`read` gives is verified. What :meth:`open`, :meth:`window` and :attr:`tensors` give
    of a large file are parts of a layer, and no digest tells of a part: they are as true as the
    registry and the connection to it. Layers of up to 4 MiB are read whole, verified and kept;
    what comes from the cache was verified when it was pulled.
    """

    def __init__(
        self, reference: str, artifact: Artifact, source: CachedSource, cache: Cache
    ) -> None:
        self.reference = reference
        self.artifact = artifact
        self._source = source
        self._layers = LayerWindows(source, cache)
        self._closed = False

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the registry; nothing more is read."""
        self._closed = True
        self._source.close()

    @property
    def digest(self) -> Digest:
        """The version's digest."""
        return self.artifact.root.digest

    @cached_property
    def document(self) -> Document:
        """What is known of the version; of a ModelPack artifact as far as its own config tells.

        Raises:
            InvalidInput: the document is not what a document must be.
        """
        if self.artifact.document is None:
            return document_of(self.artifact, self._source, self._layers)
        return Document.parse(self.document_bytes)

    @cached_property
    def document_bytes(self) -> bytes:
        """The document as it was written: a digest belongs to the bytes.

        Raises:
            NotFound: another tool made the version, and wrote none.
        """
        if self.artifact.document is None:
            raise NotFound(
                f"{self.reference} has no document", cause="it was not made by lading push"
            )
        self._demand_open()
        return read(self._source, self.artifact.document, limit=DOCUMENT_LIMIT)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file, as the document lists them, or as a ModelPack artifact's layers do."""
        return self.document.files

    def read(self, path: str, *, limit: int = 64 * MIB) -> bytes:
        """A whole file, verified: by its own sha256, else by the digest of its whole layer.

        Raises:
            NotFound: the version has no such file.
            InvalidInput: it is larger than the limit, or its layer is and there is no sha256.
            IntegrityError: the bytes are not what the document says.
        """
        entry = self.entry(path)
        if entry.size > limit:
            raise _too_large(path, entry.size, limit)
        if entry.sha256 is None:
            layer = self._layer(entry)
            # A little more than the file is its archive.
            if layer.size > limit + MIB:
                raise _too_large(path, layer.size, limit)
            return _agreed(entry, self._layers.verified(layer, self._in_layer(path)), len)
        raw = self.window(path).read_at(0, entry.size)
        _check(entry, raw)
        return raw

    def open(self, path: str) -> io.BufferedReader:
        """A file to read and seek in, a mebibyte at a time; of a large one nothing is verified.

        Raises:
            NotFound: the version has no such file.
            IntegrityError: its layer does not hold it with the size that the document says.
        """
        return io.BufferedReader(_WindowFile(path, self.window(path)), _AHEAD)

    def window(self, path: str) -> Window:
        """A file to look into here and there, each look by itself; of a large one nothing is
        verified.

        Raises:
            NotFound: the version has no such file.
            IntegrityError: its layer does not hold it with the size that the document says.
            Unsupported: the layer is compressed and large, or holds too many files.
        """
        entry = self.entry(path)
        found = self._layers.file(self._layer(entry), self._in_layer(path))
        return _Guarded(self, _agreed(entry, found, lambda window: window.size))

    @cached_property
    def tensors(self) -> Mapping[str, LazyTensor]:
        """The tensors of all safetensors files, by name; headers are read, tensors are not.

        A name that several files have is ``file:name`` in each.

        Raises:
            InvalidInput: a file's header lies.
        """
        from lading.operations.tensors import by_name

        paths = [entry.path for entry in self.files if is_safetensors(entry)]
        return MappingProxyType(by_name(each for path in paths for each in self.tensors_of(path)))

    def tensors_of(self, path: str) -> tuple[LazyTensor, ...]:
        """The tensors of one safetensors file.

        Raises:
            NotFound: the version has no such file.
            InvalidInput: the file's header lies.
        """
        from lading.operations.tensors import of_file

        return of_file(path, self.window(path))

    def entry(self, path: str) -> FileEntry:
        """What is said of a file.

        Raises:
            NotFound: the version has no such file.
        """
        self._demand_open()
        try:
            return self._entries[path]
        except KeyError:
            from lading.spec.nearest import near

            found = near(path, self._entries, cutoff=0.6)
            hint = f"did you mean {found[0]}?" if found else f"lading inspect {self.reference}"
            raise NotFound(f"{self.reference} has no file {path[:200]!r}", hint=hint) from None

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        return {entry.path: entry for entry in self.files}

    @cached_property
    def _by_digest(self) -> dict[str, Descriptor]:
        return {layer.digest: layer for layer in self.artifact.layers}

    def _layer(self, entry: FileEntry) -> Descriptor:
        layer = self._by_digest.get(entry.layer)
        if layer is None:
            raise IntegrityError(
                f"{entry.path[:200]!r} is in a layer that the version does not have",
                cause=entry.layer,
            )
        return layer

    def _in_layer(self, path: str) -> str:
        return self.artifact.prefix + path

    def _demand_open(self) -> None:
        if self._closed:
            raise InvalidInput(
                f"{self.reference} is closed", hint="read it inside the with statement"
            )


class _Guarded:
    """A window that is shut when its version is."""

    __slots__ = ("_version", "_window", "size")

    def __init__(self, version: Opened, window: Window) -> None:
        self._version = version
        self._window = window
        self.size = window.size

    def read_at(self, offset: int, length: int) -> bytes:
        self._version._demand_open()
        return self._window.read_at(offset, length)


class _WindowFile(io.RawIOBase):
    """A window as a file, for a buffer to stand before."""

    def __init__(self, name: str, window: Window) -> None:
        self.name = name
        self._window = window
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._window.size}
        if whence not in base or base[whence] + offset < 0:
            raise ValueError(f"cannot seek to {offset} from {whence}")
        self._position = base[whence] + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer).cast("B") as view:
            raw = self._window.read_at(self._position, len(view))
            view[: len(raw)] = raw
        self._position += len(raw)
        return len(raw)


def is_safetensors(entry: FileEntry) -> bool:
    """Whether a file holds tensors that can be told apart from outside."""
    return entry.format == "safetensors" or entry.path.lower().endswith(_SAFETENSORS)


def _agreed(entry: FileEntry, found: _Found | None, size_of: Callable[[_Found], int]) -> _Found:
    """What was found in a layer, which is there and as long as the document says.

    Raises:
        IntegrityError: it is not.
    """
    if found is None or size_of(found) != entry.size:
        there = "nothing" if found is None else f"{size_of(found)} bytes"
        raise IntegrityError(
            f"{entry.path[:200]!r} is not what the document says",
            cause=f"its layer holds {there} of that name instead of {entry.size} bytes",
        )
    return found


def _check(entry: FileEntry, raw: bytes) -> None:
    if entry.sha256 is None:
        return
    import hashlib

    actual = hashlib.sha256(raw).hexdigest()
    if actual != entry.sha256:
        raise IntegrityError(
            f"{entry.path[:200]!r} is damaged", cause=f"its sha256 is {actual}, not {entry.sha256}"
        )


def _too_large(path: str, size: int, limit: int) -> InvalidInput:
    return InvalidInput(
        f"{path[:200]!r} is too large to be read whole",
        cause=f"{size} bytes, the limit is {limit}",
        hint="read(path, limit=…) takes more; open(path) reads it in parts, unverified",
    )
