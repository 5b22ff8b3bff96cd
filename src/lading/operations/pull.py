"""Pull a version into the cache or into a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.cache import Cache
from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.selection import Selection
from lading.spec.descriptor import Descriptor
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.operations.reading.cached_source import CachedSource
    from lading.packing.artifact import Artifact
    from lading.ports import Source
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.transfer import OnProgress


@dataclass(frozen=True, slots=True)
class PullResult:
    """Where the files are now."""

    reference: str
    digest: str
    path: str
    status: Literal["cached", "pulled"]
    files: int
    size: int
    fetched: int
    notes: tuple[str, ...]


def pull(
    reference: str | Reference,
    into: str | Path | None = None,
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    force: bool = False,
    link: bool = False,
    document: bool = False,
    offline: bool | None = None,
    jobs: int | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> PullResult:
    """Have the files of a version: in the cache as a read-only snapshot, or in a folder.

    By digest a snapshot that is there needs no request at all, by name one. With ``document`` a
    folder gets ``lading.json``, too, as an image of the model has it: a server reads it.

    Raises:
        NotFound: there is no such version.
        InvalidInput: it is no model; says what it is. Or the document is wanted of less.
        IntegrityError: a stage's tag is not what the ledger says, or a version's names another one.
        Conflict: a file in the folder is another one, and ``force`` is not given.
    """
    settings = stores.settled(settings)
    selection = Selection(tuple(include), tuple(exclude))
    if document and (into is None or selection):
        raise InvalidInput(
            "the document is written beside all files of a version in a folder of their own",
            hint="lading pull REF -o DIR --document; lading inspect REF shows it",
        )
    place = stores.with_name(stores.locate(reference, settings))
    cache = Cache(settings.cache)
    if into is None and place.digest and (path := cache.snapshot(place.digest, selection.key)):
        with contextlib.suppress(FileNotFoundError):  # pruned at this very moment
            return _found(place, place.digest, path)
    retrieval = _Retrieval(
        place,
        cache,
        selection,
        jobs or settings.jobs,
        settings.offline if offline is None else offline,
        settings,
        on_progress,
    )
    if into is None:
        return retrieval.into_cache()
    return retrieval.into_folder(Path(into), force=force, link=link, document=document)


def _found(place: Reference, digest: Digest, path: Path) -> PullResult:
    files, size = _measure(path)
    return PullResult(str(place), digest, str(path), "cached", files, size, 0, ())


@dataclass(frozen=True, slots=True)
class _Retrieval:
    """One pull: where from, what of it, how."""

    place: Reference
    cache: Cache
    selection: Selection
    jobs: int
    offline: bool
    settings: Settings
    on_progress: OnProgress | None

    def into_cache(self) -> PullResult:
        source, root = self._source()
        if path := self.cache.snapshot(root.digest, self.selection.key):
            with contextlib.suppress(FileNotFoundError):
                return _found(self.place, root.digest, path)
        artifact = self._artifact(source, root)
        layers = self._layers(source, artifact)
        source.keep_document(artifact)
        # Nothing is pruned while the target is open, so that layers stay until they are linked.
        with self.cache.target() as target:
            fetched = self._copy(source, target, artifact, layers)
            path = self.cache.make_snapshot(
                root.digest,
                [layer for layer in artifact.layers if layer.digest in layers],
                strip=artifact.prefix,
                wanted=self.selection if self.selection else None,
                selection=self.selection.key,
            )
            return self._result(root, artifact, path, fetched, _measure(path))

    def into_folder(self, folder: Path, *, force: bool, link: bool, document: bool) -> PullResult:
        from lading.packing.artifact import DOCUMENT_PATH
        from lading.packing.compare import spare
        from lading.packing.listing import listing
        from lading.packing.unpack.folder import FolderTarget

        source, root = self._source()
        artifact = self._artifact(source, root)
        layers = self._layers(source, artifact)
        kept: frozenset[str] = frozenset()
        every = artifact.manifest.layers if document else artifact.layers
        if _holds_files(folder):
            files = listing(source, artifact) or ()
            wanted = [file for file in files if self.selection(file.path)]
            unchanged = spare(folder, wanted, force=force)
            kept = unchanged.paths
            layers -= unchanged.layers
        if document:  # which no listing names
            layers |= {layer.digest for layer in {*every} - {*artifact.layers}}
        with FolderTarget(
            folder,
            strip=artifact.prefix,
            leave_out=frozenset() if document else frozenset({DOCUMENT_PATH}),
            wanted=self.selection if self.selection else None,
            force=force,
            fsync=self.settings.fsync,
        ) as target:
            cached = {
                layer.digest
                for layer in every
                if layer.digest in layers and self.cache.place(layer, target, link=link)
            }
            left = layers - cached
            fetched = self._copy(source, target, artifact, left)
            placed = target.commit()
        sizes = [(folder / path).lstat().st_size for path in {*placed, *kept}]
        return self._result(root, artifact, folder, fetched, (len(sizes), sum(sizes)))

    def _source(self) -> tuple[CachedSource, Descriptor]:
        from lading.operations.sources import reach

        return reach(self.place, self.cache, self.settings, offline=self.offline)

    def _artifact(self, source: CachedSource, root: Descriptor) -> Artifact:
        from lading.packing.artifact import recognise

        return recognise(source, root, str(self.place))

    def _layers(self, source: CachedSource, artifact: Artifact) -> frozenset[Digest]:
        from lading.packing.listing import layers_for, listing

        if not self.selection:
            return frozenset(layer.digest for layer in artifact.layers)
        files = listing(source, artifact)
        if files is not None and not any(self.selection(file.path) for file in files):
            raise NotFound(
                f"no file of {self.place} is selected",
                hint="lading inspect lists the files; globs are as in git",
            )
        return layers_for(artifact, files, self.selection)

    def _copy(
        self, source: Source, target: object, artifact: Artifact, layers: frozenset[Digest]
    ) -> int:
        from lading.transfer import copy

        if not layers:
            return 0
        tally = copy(
            source,
            target,  # type: ignore[arg-type]  # FolderTarget and the cache's target alike
            artifact.model,
            jobs=self.jobs,
            on_progress=self.on_progress,
            select=lambda descriptor: descriptor.digest in layers,
        )
        return sum(
            size
            for digest, size in tally.sizes.items()
            if digest in layers and tally.statuses[digest] == "sent"
        )

    def _result(
        self,
        root: Descriptor,
        artifact: Artifact,
        path: Path,
        fetched: int,
        measure: tuple[int, int],
    ) -> PullResult:
        return PullResult(
            reference=str(self.place),
            digest=root.digest,
            path=str(path),
            status="pulled",
            files=measure[0],
            size=measure[1],
            fetched=fetched,
            notes=artifact.notes,
        )


def _holds_files(folder: Path) -> bool:
    """Whether there is anything in the folder but what an interrupted pull left."""
    from lading.packing.names import PULL_FOLDERS

    try:
        with os.scandir(folder) as entries:
            return any(entry.name not in PULL_FOLDERS for entry in entries)
    except FileNotFoundError:
        return False


def _measure(folder: Path) -> tuple[int, int]:
    """How many files are below a folder, and their bytes."""
    files = size = 0
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_size
    return files, size
