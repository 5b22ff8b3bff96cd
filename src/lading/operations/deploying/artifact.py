"""A folder of documents as an artifact: what Flux reads as OCIRepository, and oras as a file.

The same files are the same digest: nothing in it says when or by whom it was made.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tarfile import GNU_FORMAT, TarFile, TarInfo
from typing import Final

from lading.errors import IntegrityError, InvalidInput, LocalFailure
from lading.spec import mediatypes
from lading.spec.archive import ArchiveParser
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Manifest

# Flux's own, which it writes itself with `flux push artifact`.
CONFIG: Final = "application/vnd.cncf.flux.config.v1+json"
CONTENT: Final = "application/vnd.cncf.flux.content.v1.tar+gzip"
# oras writes a file of that name; Flux does not ask.
_TITLE: Final = "documents.tar.gz"
# Documents are kilobytes; what is more is another folder.
_MOST_FILES: Final = 1000
_MOST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DocumentsArtifact:
    """The manifest, and the content that it names."""

    manifest: Manifest
    blobs: tuple[tuple[Descriptor, bytes], ...]


def documents_artifact(
    files: Mapping[str, bytes], annotations: Mapping[str, str | None] | None = None
) -> DocumentsArtifact:
    """Files as an artifact, whoever is given it: the same files are the same digest.

    ``annotations`` are where they come from, in Flux's words.
    """
    layer = _packed(files)
    config = b"{}"
    named = Descriptor.of(layer, CONTENT).with_annotations({mediatypes.TITLE: _TITLE})
    described = Descriptor.of(config, CONFIG), named
    said = {key: text for key, text in (annotations or {}).items() if text}
    manifest = Manifest.build(described[0], (described[1],), annotations=said)
    return DocumentsArtifact(manifest, ((described[0], config), (described[1], layer)))


def origin(
    place: str, digest: str, *, stage: str | None, version: str | None, created: str | None
) -> dict[str, str | None]:
    """Where documents come from, in Flux's words: of what they run, and not of a commit."""
    return {
        mediatypes.SOURCE: place,
        mediatypes.REVISION: f"{stage or version or 'version'}@{digest}",
        mediatypes.CREATED: created,
    }


def documents_in(raw: bytes) -> dict[str, bytes]:
    """The files of an artifact's content, by their paths; whoever wrote it may be anybody.

    Raises:
        IntegrityError: it is no such content, too large, or an archive that is refused.
    """
    opening = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        whole = opening.decompress(raw, _MOST_BYTES * 2)
    except zlib.error as error:
        raise IntegrityError("documents are refused", cause=str(error)) from error
    if not opening.eof:
        raise IntegrityError("documents are refused", cause="they are cut off, or too large")
    files = _Files()
    parser = ArchiveParser(files, len(whole))
    parser.feed(memoryview(whole))
    parser.finish()
    return {path: bytes(content) for path, content in files.found.items()}


class _Files:
    """Told of members; keeps the files, which are known to be small together."""

    def __init__(self) -> None:
        self.found: dict[str, bytearray] = {}
        self._last = bytearray()

    def frame(self, piece: memoryview) -> None: ...

    def folder(self, path: str) -> None: ...

    def start_file(self, path: str, size: int) -> None:
        self._last = self.found[path] = bytearray()

    def file_bytes(self, piece: memoryview) -> None:
        self._last += piece

    def end_file(self) -> None: ...


def files_in(folder: Path) -> dict[str, bytes]:
    """The YAML files below a folder, and the others beside them.

    Raises:
        InvalidInput: there is none, there are too many, or one is a link.
        LocalFailure: one cannot be read.
    """
    try:
        paths = sorted(path for path in _walk(folder) if not path.is_dir())
        if not any(path.suffix in (".yaml", ".yml") for path in paths):
            raise InvalidInput(
                f"there are no documents in {folder}", hint="lading deploy REF -o DIR writes some"
            )
        found: dict[str, bytes] = {}
        left = _MOST_BYTES
        for path in paths:
            if path.is_symlink() or not path.is_file():
                raise InvalidInput(f"{path} is no regular file", hint="copy it into the folder")
            left -= path.stat().st_size
            if left < 0 or len(found) >= _MOST_FILES:
                raise InvalidInput(
                    f"{folder} is no folder of documents",
                    cause=f"over {_MOST_FILES} files, or {_MOST_BYTES >> 20} MiB",
                )
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    except OSError as error:
        raise LocalFailure(f"cannot read {folder}", cause=error.strerror) from error
    return found


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for above, children, files in os.walk(folder):
        children[:] = [child for child in children if child != ".git"]
        found += (Path(above) / name for name in files)
        if len(found) > _MOST_FILES:
            break
    return found


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Files as content; stored as they are, since every zlib compresses in its own way."""
    whole = io.BytesIO()
    with TarFile(fileobj=whole, mode="w", format=GNU_FORMAT) as archive:
        for name, raw in sorted(files.items()):
            member = TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return gzip.compress(whole.getvalue(), compresslevel=0, mtime=0)
