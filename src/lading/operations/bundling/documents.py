"""Deploy documents in a bundle: each folder an artifact in a repository of its own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.deploy.kustomize import DIGESTS
from lading.deploy.named import Name, Named, named
from lading.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    LocalFailure,
    NotFound,
    Unsupported,
)
from lading.operations.bundling.elsewhere import Papers, told
from lading.operations.deploying.artifact import (
    CONFIG,
    CONTENT,
    documents_artifact,
    documents_in,
    files_in,
    origin,
)
from lading.operations.deploying.written import Written, find
from lading.spec.content import BytesContent
from lading.spec.manifest import DOCUMENT_LIMIT, Manifest, parse
from lading.spec.mediatypes import CREATED
from lading.spec.reference import Reference, is_repository
from lading.stores.bundle import Archive, BundleStore, NewArchive, NewBundleStore, open_archive
from lading.transfer import read

if TYPE_CHECKING:
    from lading.deploy.said import Running

_ABOVE: Final = "deploy"
# Whoever follows documents follows one tag; what it named before has its digest still.
TAG: Final = "current"
_MOST_NAMED: Final = 5
# Where it is not said into which registry they go.
_SITE: Final = "REGISTRY"


@dataclass(frozen=True, slots=True)
class UnbundleDocumentsResult:
    """The folders of documents that were written."""

    file: str
    folders: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Documents:
    """A folder of documents that is to go into a bundle."""

    # What it is called there.
    repository: str
    files: dict[str, bytes]
    # What a cluster fetches by them, each once.
    names: tuple[Name, ...]
    # What it runs, where lading deploy wrote it.
    running: Running | None
    notes: tuple[str, ...]


def read_documents(folder: Path) -> Documents:
    """A folder of documents, and what they name; of a folder of Lading's what ``--push`` pushes.

    Raises:
        InvalidInput: it has no documents, a name that no registry takes, or names something by tag.
        LocalFailure: it cannot be read.
    """
    repository = f"{_ABOVE}/{folder.resolve().name.lower()}"
    if not is_repository(repository):
        raise InvalidInput(
            f"{folder} has a name that no registry would take", hint="rename it: a-z, 0-9, . _ -"
        )
    files = files_in(folder)
    written = _written(folder)
    if isinstance(written, str):
        found = named(_texts(files))
        _demand_digests(folder, found)
        notes = (written, *found.notes) if written else found.notes
        return Documents(repository, files, found.names, None, notes)
    own = {name: text.encode() for name, text in written.files().items()}
    found = named(_texts(own))
    _demand_digests(folder, found)
    running = written.running
    # An image that holds the model names it nowhere.
    model = Name(Reference.parse(running.reference), DIGESTS)
    others = sorted(files.keys() - own.keys())
    notes = tuple(f"{folder / name} is none of lading deploy's: it stays behind" for name in others)
    names = tuple(dict.fromkeys((model, *found.names)))
    return Documents(repository, own, names, running, (*notes, *found.notes))


def _written(folder: Path) -> Written | str:
    """A folder of Lading's; of others', and of one that was changed, all of it is somebody's.

    What is said of it where it was changed.
    """
    try:
        written = find(folder)
        written.files()
    except (Conflict, Unsupported):
        return ""
    except (IntegrityError, InvalidInput) as error:
        return f"{folder} is packed as it is: {error.what}"
    return written


def _texts(files: dict[str, bytes]) -> dict[str, str]:
    """Files that are text."""
    found: dict[str, str] = {}
    for name, raw in files.items():
        with suppress(UnicodeDecodeError):
            found[name] = raw.decode()
    return found


def _demand_digests(folder: Path, found: Named) -> None:
    if found.problems:
        more = len(found.problems) - _MOST_NAMED
        raise InvalidInput(
            f"{folder} names what may be something else tomorrow",
            cause="; ".join(found.problems[:_MOST_NAMED])
            + (f"; and {more} more" if more > 0 else ""),
            hint="write HOST/NAME@sha256:…, as lading deploy does: a bundle has digests only",
        )


def put_documents(archive: NewArchive, documents: Documents) -> None:
    """Put documents into a bundle, as ``deploy/FOLDER:current``, as Flux reads them.

    Raises:
        InvalidInput: another folder has the same name.
        LocalFailure: the file cannot be written.
    """
    name = documents.repository
    if name in archive.repositories:
        raise InvalidInput(f"there are two of {name}", hint="rename a folder")
    runs = documents.running
    said = None
    if runs is not None:
        created = archive.read_manifest(runs.digest).annotations.get(CREATED)
        said = origin(
            runs.place, runs.digest, stage=runs.stage, version=runs.version, created=created
        )
    made = documents_artifact(documents.files, said)
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
    papers: list[Papers] = []
    for name, files in _documents(archive):
        folder = Path(into) / name
        if str(folder) in folders:
            raise InvalidInput(
                f"there are several documents called {name} in {file}",
                hint=f"lading unbundle {shlex.quote(str(file))} REGISTRY keeps them apart",
            )
        folders.append(str(folder))
        wanted |= {folder / path: raw for path, raw in files.items()}
        papers.append((str(folder), _texts(files)))
    if not folders:
        raise NotFound(
            f"there are no documents in {file}",
            hint=f"lading unbundle {shlex.quote(str(file))} --list",
        )
    _write(wanted, Path(into))
    return UnbundleDocumentsResult(str(file), tuple(folders), tuple(told(papers, _SITE)))


def asked_elsewhere(archive: Archive, site: str | None) -> tuple[str, ...]:
    """What to say of documents that name other registries than the one they are put beside.

    Raises:
        IntegrityError: they are damaged, or refused.
    """
    papers = [(f"{_ABOVE}/{name}", _texts(files)) for name, files in _documents(archive)]
    first = f"lading unbundle {shlex.quote(str(archive.path))} --documents {_ABOVE} && "
    return tuple(told(papers, site or _SITE, first=first))


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


def _write(wanted: dict[Path, bytes], into: Path) -> None:
    try:
        for path, raw in wanted.items():
            _demand_inside(path, into)
            if path.exists() and path.read_bytes() != raw:
                raise Conflict(
                    f"{path} is there with other content", hint="name another folder, or remove it"
                )
        for path, raw in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_one(path, raw)
    except OSError as error:
        raise LocalFailure(
            f"cannot write {error.filename}", cause=error.strerror or str(error)
        ) from error


def _demand_inside(path: Path, into: Path) -> None:
    """Refuse what would lead elsewhere, or be done by git in the next moment.

    Raises:
        IntegrityError: somebody put a repository of git's into documents.
        Conflict: a link lies where a folder or file would be.
    """
    parts = path.relative_to(into).parts
    # Some file systems take any case, and drop dots and blanks at the end.
    if any(part.casefold().rstrip(". ") == ".git" for part in parts):
        raise IntegrityError(f"documents are refused: {path}", cause="it would be git's own")
    above = into
    for part in parts:
        above /= part
        if above.is_symlink():
            raise Conflict(
                f"{above} is a link, and documents would go where it leads",
                hint="name another folder, or remove it",
            )


def _write_one(path: Path, raw: bytes) -> None:
    """A file that has its name when it is whole: half of one would be in the way ever after."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(raw)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
