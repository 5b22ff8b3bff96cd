"""Deploy documents in a bundle: each folder an artifact in a repository of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lading.errors import Conflict, InvalidInput, LocalFailure, NotFound
from lading.operations.deploying.artifact import (
    CONFIG,
    CONTENT,
    documents_artifact,
    documents_in,
)
from lading.spec.content import BytesContent
from lading.spec.manifest import DOCUMENT_LIMIT, Manifest, parse
from lading.spec.reference import is_repository
from lading.stores.bundle import Archive, BundleStore, NewArchive, NewBundleStore, open_archive
from lading.transfer import read

_ABOVE: Final = "deploy"
# Whoever follows documents follows one tag; what it named before has its digest still.
TAG: Final = "current"


@dataclass(frozen=True, slots=True)
class UnbundleDocumentsResult:
    """The folders of documents that were written."""

    file: str
    folders: tuple[str, ...]


def put_documents(archive: NewArchive, folder: Path) -> None:
    """Put a folder of documents into a bundle, as ``deploy/FOLDER:current``.

    Raises:
        InvalidInput: it has no documents, or a name that no registry takes or another one has.
        LocalFailure: it cannot be read, or not be written.
    """
    name = f"{_ABOVE}/{folder.resolve().name.lower()}"
    if not is_repository(name):
        raise InvalidInput(
            f"{folder} has a name that no registry would take", hint="rename it: a-z, 0-9, . _ -"
        )
    if name in archive.repositories:
        raise InvalidInput(
            f"there are two of {name}", cause=f"{folder} is one of them", hint="rename one"
        )
    made = documents_artifact(folder)
    store = NewBundleStore(archive, name)
    for descriptor, raw in made.blobs:
        store.push(descriptor, BytesContent(raw))
    store.push(made.manifest.descriptor, BytesContent(made.manifest.raw), TAG)


def unbundle_documents(file: str | Path, into: str | Path) -> UnbundleDocumentsResult:
    """Write the deploy documents of a bundle below a folder, each under its own name.

    Raises:
        NotFound: there is no such file, or there are no documents in it.
        InvalidInput: it is no bundle.
        IntegrityError: it is damaged, or refused.
        Conflict: a file is there with other content; nothing was written.
        LocalFailure: this machine does not let it be written.
    """
    archive = open_archive(Path(file))
    wanted: dict[Path, bytes] = {}
    folders: list[str] = []
    for name, files in _documents(archive):
        folder = Path(into) / name
        folders.append(str(folder))
        wanted |= {folder / path: raw for path, raw in files.items()}
    if not folders:
        raise NotFound(f"there are no documents in {file}", hint="lading unbundle FILE --list")
    _write(wanted)
    return UnbundleDocumentsResult(str(file), tuple(folders))


def _documents(archive: Archive) -> Iterator[tuple[str, dict[str, bytes]]]:
    for repository, names in sorted(archive.repositories.items()):
        store = BundleStore(archive, repository)
        for root in names.tags.values():
            manifest = parse(read(store, root), root.media_type)
            if not isinstance(manifest, Manifest) or manifest.config.media_type != CONFIG:
                continue
            layer = next((each for each in manifest.layers if each.media_type == CONTENT), None)
            if layer is not None and repository:
                raw = read(store, layer, limit=DOCUMENT_LIMIT)
                yield repository.rpartition("/")[2], documents_in(raw)


def _write(wanted: dict[Path, bytes]) -> None:
    try:
        for path, raw in wanted.items():
            if path.exists() and path.read_bytes() != raw:
                raise Conflict(
                    f"{path} is there with other content", hint="name another folder, or remove it"
                )
        for path, raw in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
    except OSError as error:
        raise LocalFailure(
            f"cannot write {error.filename}", cause=error.strerror or str(error)
        ) from error
