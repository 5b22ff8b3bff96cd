"""The document behind a reference, and small files of its version. No verb of its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations import stores
from lading.packing.artifact import PREFIX, Artifact, recognise
from lading.packing.unpack.archive import ArchiveParser
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.reference import Reference
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ports import Reader
    from lading.settings import Settings
    from lading.spec.document import Document, FileEntry

_LARGEST_FILE: Final = 64 * 1024 * 1024
# What a tar has beside its one file: headers, a long name, padding, the end.
_FRAME: Final = 1024 * 1024
_BUFFER: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """A version of which the document was read."""

    place: Reference
    root: Descriptor
    artifact: Artifact
    document: Document


def document_of(reference: str | Reference, settings: Settings) -> Known:
    """The document of a version, with what it was found by.

    Raises:
        InvalidInput: it is no model, or its document is none.
        NotFound: there is no such version, or it has no document.
    """
    from lading.spec.document import Document

    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    root = stores.resolve(store, place)
    artifact = recognise(store, root, str(place))
    if artifact.document is None:
        raise NotFound(
            f"{place} has no document",
            cause="it is a ModelPack artifact, which another tool wrote",
            hint="lading pull it and lading push it as a version",
        )
    raw = read(store, artifact.document, limit=DOCUMENT_LIMIT)
    return Known(place, root, artifact, Document.parse(raw))


def read_file(known: Known, path: str, settings: Settings) -> bytes:
    """A small file of a version, checked; its layer is read no further than needed.

    Raises:
        NotFound: the version has no such file.
        InvalidInput: it is larger than 64 MiB.
        IntegrityError: it is not what the document says.
    """
    entry = next((file for file in known.document.files if file.path == path), None)
    if entry is None:
        raise NotFound(f"{known.place} has no file {path}")
    if entry.size > _LARGEST_FILE:
        raise InvalidInput(
            f"{path} is too large to be read whole", cause=f"{entry.size:,} bytes, over 64 MiB"
        )
    layer = next((each for each in known.artifact.layers if each.digest == entry.layer), None)
    if layer is None:
        raise IntegrityError(f"{known.place} has no layer {entry.layer}", cause=f"it holds {path}")
    store = stores.open_store(known.place, settings)
    finder = _Finder(PREFIX + path, entry.size)
    if entry.sha256 is None:
        # The layer holds this file alone, and only its own digest tells whether it is whole.
        _look(finder, memoryview(read(store, layer, limit=_LARGEST_FILE + _FRAME)))
    else:
        with store.fetch(layer) as reader:
            _stream(finder, reader)
    return _checked(finder, entry, known)


def _checked(finder: _Finder, entry: FileEntry, known: Known) -> bytes:
    if finder.found is None:
        raise IntegrityError(
            f"{entry.path} of {known.place} is damaged", cause=f"{entry.layer} does not hold it"
        )
    raw = bytes(finder.found)
    if entry.sha256 not in (None, hashlib.sha256(raw).hexdigest()):
        raise IntegrityError(
            f"{entry.path} of {known.place} is damaged", cause="its bytes have another digest"
        )
    return raw


def _stream(finder: _Finder, reader: Reader) -> None:
    parser = ArchiveParser(finder)
    buffer = memoryview(bytearray(_BUFFER))
    while not finder.is_done and (count := reader.readinto(buffer)):
        parser.feed(buffer[:count])


def _look(finder: _Finder, raw: memoryview) -> None:
    ArchiveParser(finder, len(raw)).feed(raw)


class _Finder:
    """Keeps the bytes of one file of an archive, and no other."""

    def __init__(self, path: str, size: int) -> None:
        self.found: bytearray | None = None
        self.is_done = False
        self._path = path
        self._size = size
        self._within = False

    def frame(self, piece: memoryview) -> None: ...

    def folder(self, path: str) -> None: ...

    def start_file(self, path: str, size: int) -> None:
        self._within = path == self._path
        if self._within and size != self._size:
            raise IntegrityError(
                f"{path} is damaged", cause=f"{size} bytes instead of {self._size}"
            )
        if self._within:
            self.found = bytearray()

    def file_bytes(self, piece: memoryview) -> None:
        if self._within and self.found is not None:
            self.found += piece

    def end_file(self) -> None:
        self.is_done = self.is_done or self._within
        self._within = False
