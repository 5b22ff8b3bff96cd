"""Write versions, with all that belongs to them, into one file that needs no network to be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput
from lading.ledger.book import is_ledger
from lading.operations import stores
from lading.operations.bundling.documents import put_documents, read_documents
from lading.operations.bundling.load import Load
from lading.operations.deploying.meant import demand_no_folder, instead_of_bundle
from lading.spec.reference import Reference, is_repository
from lading.stores.bundle import BundleStore, new_archive
from lading.transfer import OnProgress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class BundledName:
    """Something that the file has a name for."""

    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class BundleResult:
    """What was written; ``size`` is that of the file, in bytes."""

    file: str
    size: int
    names: tuple[BundledName, ...]
    events: int
    notes: tuple[str, ...] = ()


def bundle(
    references: Iterable[str | Reference],
    file: str | Path,
    *,
    images: bool = True,
    documents: Iterable[str | Path] = (),
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> BundleResult:
    """Write a file with these versions, their evidence, images and history, and nothing else.

    It is an OCI image layout in a tar: other tools read it as ``oci-archive``. ``images`` are those
    that serve the versions, on every platform; ``documents`` are folders that a deployment wrote,
    or anybody: every image and version that they name comes along, wherever it is. The file gets
    its name when it is whole.

    Raises:
        InvalidInput: two references have one name in the file, or one can have none; or documents
            name something by tag.
        NotFound: there is no such version, or what documents name is gone.
        Conflict: there is a file of that name.
        IntegrityError: content is not what its digest says, or a stage not what the ledger says.
        LocalFailure: the disk is full, or refuses.
    """
    settings = stores.settled(settings)
    path = Path(file)
    if str(file) == "-":
        raise InvalidInput(
            "a bundle is not written to a pipe",
            cause="its blobs come several at a time, each to its own place",
            hint="-o FILE.tar, and then cat FILE.tar",
        )
    wanted = _by_repository([_placed(each, settings) for each in references])
    folders = [Path(each) for each in documents]
    if not wanted and not folders:
        raise InvalidInput("nothing is to be bundled", hint="name a version: lading bundle REF")
    papers = [read_documents(folder) for folder in folders]
    _demand_apart([each.repository for each in papers])
    with new_archive(path, fsync=settings.fsync) as archive:
        load = Load(archive, settings, jobs, images, on_progress)
        for places in wanted.values():
            load.versions(places)
        for each in papers:
            load.named_by(each)
        events = load.histories()
        for each in papers:
            put_documents(archive, each)
    names = [
        BundledName(f"{repository}:{tag}", descriptor.digest)
        for repository, found in sorted(archive.repositories.items())
        for tag, descriptor in sorted(found.tags.items())
        if not is_ledger(tag)
    ]
    notes = (*load.notes(), *(note for each in papers for note in each.notes))
    return BundleResult(str(path), path.stat().st_size, tuple(names), events, notes)


def _placed(reference: str | Reference, settings: Settings) -> Reference:
    """Where it is; out of another bundle it keeps its repository's name."""
    demand_no_folder(reference, settings, instead_of_bundle)
    place = stores.locate(reference, settings)
    if place.layout is None:
        return place
    source = stores.open_store(place, settings)
    named = isinstance(source, BundleStore) and source.repository
    return replace(place, repository=named) if named else place


def _demand_apart(names: list[str]) -> None:
    """Refuse folders of one name before anything is fetched."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"there are two of {twice[0]}", hint="rename a folder")


def _by_repository(places: list[Reference]) -> dict[str, list[Reference]]:
    """The references, one repository after another.

    Raises:
        InvalidInput: two places have repositories of one name, or one has a name that is none.
    """
    found: dict[str, list[Reference]] = {}
    for place in places:
        if not is_repository(place.repository):
            raise InvalidInput(
                f"{place.base} has no name that a registry would take",
                cause=f"{place.repository[:200]!r} is not a repository name",
                hint=f"lading copy {place} NAME:VERSION gives it one on this machine",
            )
        others = found.setdefault(place.repository, [])
        if others and others[0].base != place.base:
            raise InvalidInput(
                f"{others[0].base} and {place.base} would be one repository",
                cause=f"in the file both are {place.repository}",
                hint="write a file for each",
            )
        others.append(place)
    return found
