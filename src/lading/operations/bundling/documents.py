"""Deploy documents in a bundle: each folder an artifact in a repository of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.operations.deploying.artifact import documents_artifact
from lading.spec.content import BytesContent
from lading.spec.reference import is_repository
from lading.stores.bundle import NewArchive, NewBundleStore

if TYPE_CHECKING:
    from pathlib import Path

_ABOVE: Final = "deploy"
# Whoever follows documents follows one tag; what it named before has its digest still.
TAG: Final = "current"


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
