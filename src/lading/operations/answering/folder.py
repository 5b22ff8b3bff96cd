"""A folder as a version: by the document that lies in it, or by what the headers of its files say.

An image holds a model's files with their document; a folder that was pulled has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.errors import InvalidInput, LocalFailure, NotFound
from lading.packing.artifact import DOCUMENT_PATH, PREFIX
from lading.packing.scan import scan
from lading.signatures.example import FOLDER, LIMIT, read_example
from lading.spec.document import Document, FileEntry, Framework
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.member_names import safe_path

_NO_LAYER: Final = f"sha256:{'0' * 64}"
_DOCUMENT: Final = DOCUMENT_PATH.removeprefix(PREFIX)
_PATHS: Final = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where the files are, and what is known of them."""

    path: Path
    document: Document


def as_path(text: str) -> Path | None:
    """The folder that is meant, where a text cannot be a reference."""
    if text in (".", "..") or text.startswith(_PATHS):
        return Path(text).expanduser()
    return None


def open_folder(path: Path) -> ModelFolder:
    """A model in a folder.

    Raises:
        NotFound: there is no such folder.
        InvalidInput: the document in it is none, or nothing in it is a model.
    """
    if not path.is_dir():
        raise NotFound(f"there is no folder {path}", hint="NAME:VERSION is a version's name")
    for folder in (path, path / "models"):
        if (folder / _DOCUMENT).is_file():
            raw = read_file(folder, _DOCUMENT, DOCUMENT_LIMIT)
            return ModelFolder(folder, Document.parse(raw))
    return ModelFolder(path, _of_headers(path))


def _of_headers(path: Path) -> Document:
    from lading.formats.survey import survey

    members = scan(path, follow_links=False).members
    if not members:
        raise InvalidInput(f"{path} is empty")
    found = survey({member.path: member.location for member in members})
    framework = None
    if found.framework:
        framework = Framework(name=found.framework, version=found.framework_version)
    files = tuple(
        FileEntry(path=member.path, size=member.size, role="weights", layer=_NO_LAYER)
        for member in members
    )
    return Document(
        schema_version=1,
        name=path.resolve().name,
        description=found.description,
        framework=framework,
        signature=found.signature,
        facts=found.facts,
        files=files,
    )


def example_in(folder: ModelFolder) -> tuple[Any, str | None, Any] | None:
    """The input example of a model, its layout, and the answer that was kept; None without one.

    Raises:
        InvalidInput: a file of it is damaged.
    """
    from lading.signatures.example import parse_json

    example = folder.document.input_example
    if example is None:
        return None
    listed = [file.path for file in folder.document.files if file.path.startswith(FOLDER)]
    there = listed or [
        f"{FOLDER}{each.name}" for each in sorted((folder.path / FOLDER).glob("*"))[:1000]
    ]
    value = read_example({name: read_file(folder.path, name, LIMIT) for name in there})
    answer = None
    if example.predictions:
        answer = parse_json(read_file(folder.path, example.predictions, LIMIT), "the answer")
    return value, example.layout, answer


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """A file of a folder, whole; a document may name any path, but none outside.

    Raises:
        IntegrityError: the path leaves the folder.
        InvalidInput: the file does, or it is too large.
        LocalFailure: it cannot be read.
    """
    path = folder / safe_path(name.encode())
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InvalidInput(f"{name[:200]!r} leads out of the model's folder")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
    if len(raw) > limit:
        raise InvalidInput(f"{path} is larger than {limit} bytes")
    return raw
