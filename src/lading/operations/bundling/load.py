"""All that goes into one bundle: versions that were named, and what documents name beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.bundling.packing import Packing, opened
from lading.spec.manifest import parse
from lading.spec.own_version import stated_version
from lading.transfer import OnProgress, read

if TYPE_CHECKING:
    from lading.deploy.named import Name
    from lading.operations.bundling.documents import Documents
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference
    from lading.stores.bundle import NewArchive


@dataclass(slots=True)
class Load:
    """What is put into a bundle, repository by repository."""

    archive: NewArchive
    settings: Settings
    jobs: int | None
    images: bool
    on_progress: OnProgress | None
    # The repositories that have versions here, by their names in the file, and where they are.
    packings: dict[str, Packing] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    # Whether documents brought an image of their own.
    named: bool = False

    def versions(self, places: Sequence[Reference]) -> None:
        """Versions of one repository."""
        packing = self._packing(places[0])
        for place in places:
            packing.version(place)

    def named_by(self, documents: Documents) -> None:
        """Everything that documents name, but for what is here already.

        Raises:
            NotFound: something is gone.
            InvalidInput: a version is of a repository whose name another one has in the file.
        """
        for name in documents.names:
            if not self._has(name.reference):
                self._bring(name, documents)

    def histories(self) -> int:
        """The ledgers of all repositories that have versions here; how many events."""
        return sum(packing.history() for packing in self.packings.values())

    def notes(self) -> Iterator[str]:
        """What whoever carries the file should know."""
        for packing in self.packings.values():
            yield from packing.notes
            for place, image in packing.missing:
                if not self._is_somewhere(image.digest):
                    yield (
                        f"the {image.target} image {image.digest}, which evidence of {place} names,"
                        f" is not in {place.base}: bundle it by its own reference"
                    )
            for place in packing.unserved if self.images and not self.named else ():
                yield (
                    f"nothing in the file serves {place}: no image was made for it"
                    f" (lading image build {place} --target runtime --push)"
                )
        yield from dict.fromkeys(self.left_out)

    def _bring(self, name: Name, documents: Documents) -> None:
        place = stores.locate(name.reference, self.settings)
        source = stores.open_store(place, self.settings)
        try:
            root = source.resolve(str(place.digest))
        except NotFound as error:
            raise NotFound(
                f"{place} is gone, which {name.file} of {documents.repository} names",
                cause=error.what,
                hint="lading deploy update DIR names what is there now",
            ) from error
        manifest = parse(read(source, root), root.media_type)
        if stated_version(manifest.annotations) is not None:
            self._packing(place).version(place)
        elif self.images:
            self._begun(place).image(root)
            self.named = True
        else:
            self.left_out.append(f"{place}, which documents name, stays behind, as was asked for")

    def _packing(self, place: Reference) -> Packing:
        """The repository of a version.

        Raises:
            InvalidInput: another one has its name in the file.
        """
        base = self.bases.setdefault(place.repository, place.base)
        if base != place.base:
            raise InvalidInput(
                f"{base} and {place.base} would be one repository",
                cause=f"in the file both are {place.repository}, and documents name {place}",
                hint=f"bundle versions of {place.base}, or write a file for each",
            )
        if place.repository not in self.packings:
            self.packings[place.repository] = self._begun(place)
        return self.packings[place.repository]

    def _begun(self, place: Reference) -> Packing:
        return opened(
            place,
            self.archive,
            self.settings,
            jobs=self.jobs,
            images=self.images,
            on_progress=self.on_progress,
        )

    def _has(self, reference: Reference) -> bool:
        return reference.digest in self.archive.own.get(reference.repository, ())

    def _is_somewhere(self, digest: Digest) -> bool:
        return any(digest in own for own in self.archive.own.values())
