"""What nothing names any more, and may go. The lock must be held by the caller."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index
from lading.spec.tags import fallback_tag
from lading.stores.layout.blobs import Blobs
from lading.stores.layout.folder import Folder, local
from lading.stores.layout.index import Entry, LayoutIndex


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob on the disk."""

    path: Path
    changed: float
    freed: int


def collect(folder: Folder, blobs: Blobs, grace: float) -> int:
    """Remove content that no entry reaches and that is older than so many seconds.

    A list of referrers is kept for as long as its subject is; when the subject goes, so do its
    referrers. Says how many bytes of disk are free again.

    Raises:
        IntegrityError, InvalidInput, Unsupported: what a listed manifest names cannot be known;
            nothing was removed.
    """
    index = folder.read_index()
    stored = dict(_stored(folder))
    oldest = time.time() - grace
    old = {digest for digest, blob in stored.items() if blob.changed < oldest}
    kept, dead_lists = _survivors(index, blobs, old)
    if dead_lists:
        # The index first: killed in between, content without a name is left, not the reverse.
        folder.write_index(index.without_tags(dead_lists))
    return sum(_remove(stored[digest]) for digest in old - kept)


def _survivors(
    index: LayoutIndex, blobs: Blobs, old: set[Digest]
) -> tuple[set[Digest], tuple[str, ...]]:
    """What is reached, and the lists of referrers whose subjects go."""
    # Only what is here can lose its subject: a list that came alone from elsewhere stays.
    subjects = {fallback_tag(digest): digest for digest in old}
    waiting = [entry for entry in index.entries if entry.tag in subjects]
    kept = _reached((entry for entry in index.entries if entry.tag not in subjects), blobs, set())
    while alive := [entry for entry in waiting if subjects[entry.tag or ""] in kept]:
        # Evidence may have evidence of its own, so look again.
        waiting = [entry for entry in waiting if entry not in alive]
        kept = _reached(alive, blobs, kept)
    return kept, tuple(entry.tag for entry in waiting if entry.tag)


def _reached(entries: Iterable[Entry], blobs: Blobs, known: set[Digest]) -> set[Digest]:
    reached = set(known)
    ahead = [entry.descriptor for entry in entries]
    while ahead:
        descriptor = ahead.pop()
        if descriptor.digest not in reached:
            reached.add(descriptor.digest)
            ahead += _children(descriptor, blobs)
    return reached


def _children(descriptor: Descriptor, blobs: Blobs) -> tuple[Descriptor, ...]:
    if not descriptor.is_manifest:
        return ()
    try:
        manifest = blobs.read_manifest(descriptor.digest, descriptor.media_type)
    except NotFound:
        return ()  # layouts of other tools may be sparse
    if isinstance(manifest, Index):
        _demand_known(manifest)
    return manifest.children


def _demand_known(index: Index) -> None:
    for child in index.children:
        if not child.is_manifest:
            raise Unsupported(
                "cannot tell what may be removed",
                cause=f"{child.digest} is {child.media_type[:100]}, and may name other content",
            )


def _stored(folder: Folder) -> Iterator[tuple[Digest, Stored]]:
    with local(f"read {folder.path}"):
        for path in (folder.path / "blobs").glob("*/*"):
            try:
                digest = Digest(f"{path.parent.name}:{path.name}")
            except InvalidInput:
                continue  # not ours to judge
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                freed = status.st_size if status.st_nlink == 1 else 0
                yield digest, Stored(path, status.st_mtime, freed)


def _remove(blob: Stored) -> int:
    with local(f"remove {blob.path}"):
        # It may have been asked for since, by a writer who will name it.
        if blob.path.stat().st_mtime != blob.changed:
            return 0
        blob.path.unlink()
    return blob.freed
