"""The verbs of a store, over an OCI image layout."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.ports import Content, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.stretch import Stretch
from lading.stores.layout.blobs import Blobs, FileContent
from lading.stores.layout.collect import collect
from lading.stores.layout.folder import Folder
from lading.stores.layout.index import LayoutIndex, is_digest
from lading.stores.layout.manifests import demand_tag, parsed, plain, verified
from lading.stores.layout.referrers import ReferrerLists

_GRACE_SECONDS = 3600.0


class LayoutStore:
    """One OCI image layout; many threads and processes may use it at once.

    Nothing is made before something is written, and nothing is locked to read. A process killed
    at any moment leaves a layout that reads.
    """

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = True,
        fsync: bool = False,
        called: str | None = None,
    ) -> None:
        """Open a layout; ``called`` is what people call it who do not know its folder.

        Raises:
            NotFound: there is none, and none is to be made.
            InvalidInput: the folder is something else, or a layout of another version.
        """
        self._folder = Folder(folder, create=create, fsync=fsync)
        self._called = called or str(self._folder.path)
        self._blobs = Blobs(self._folder)
        self._lists = ReferrerLists(self._blobs)

    def __str__(self) -> str:
        return f"oci:{self._folder.path}"

    @property
    def folder(self) -> Path:
        """Where the layout is."""
        return self._folder.path

    def blob_path(self, descriptor: Descriptor) -> Path:
        """Where this content lies, or would lie."""
        return self._blobs.path(descriptor.digest)

    # Source

    def resolve(self, name: str) -> Descriptor:
        """What a tag, or a manifest's digest, names.

        A manifest that no longer has a name is found by its digest for as long as it is here.

        Raises:
            NotFound: nothing has that name.
            InvalidInput: several things have it (a layout of another tool).
        """
        index = self._folder.read_index()
        try:
            found = self._by_digest(index, Digest(name)) if is_digest(name) else index.find(name)
        except NotFound as error:
            raise NotFound(
                f"{self._called} has no {name[:200]!r}", cause=error.cause, hint=error.hint
            ) from error
        return plain(found)

    def only(self) -> Descriptor | None:
        """The one thing that this layout holds, by whatever names; None where it holds more."""
        found = self._folder.read_index().only()
        return plain(found) if found else None

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> io.FileIO:
        """The bytes of some content.

        Raises:
            NotFound: the content is not here.
            IntegrityError: it is not as long as the descriptor says.
        """
        return self.content(descriptor).open(offset)

    @contextmanager
    def fetch_range(self, descriptor: Descriptor, offset: int, length: int) -> Iterator[Stretch]:
        """Some of the bytes of some content.

        Raises:
            NotFound: the content is not here.
            IntegrityError: it is not as long as the descriptor says.
        """
        with self.fetch(descriptor, offset) as file:
            yield Stretch(file, length)

    def content(self, descriptor: Descriptor) -> FileContent:
        """The content, to be opened as often as needed, and for the kernel to send."""
        return self._blobs.content(descriptor)

    # Target

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this content is here with the right size."""
        return self._blobs.exists(descriptor)

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Store content; with a name (manifests only) in the same step.

        A manifest with a subject is also listed under the specification's fallback tag, so that
        tools which copy tags take it along.

        Raises:
            IntegrityError: the content is not what the descriptor says.
            NotFound: a manifest names content that is not here.
            InvalidInput: a manifest that is none, or a name for what cannot have one.
            LocalFailure: this machine does not let it be written.
        """
        if descriptor.is_manifest:
            self._push_manifest(descriptor, content, name)
        elif name is not None:
            raise InvalidInput(f"cannot name {descriptor.digest.short} {name}: it is no manifest")
        elif not self.exists(descriptor):
            self._blobs.write(descriptor, content)

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        """Store content and say what it was.

        Raises:
            Unsupported: it is a manifest; push it instead.
        """
        descriptor = self._blobs.absorb(content, media_type)
        if descriptor.is_manifest:
            raise Unsupported("manifests are pushed, not absorbed")
        return descriptor

    def mount(self, descriptor: Descriptor, source: Source) -> bool:
        """Share content with another layout on the same disk; False where that cannot be.

        Its size is checked; its digest is, as always, by who reads it.
        """
        if descriptor.is_manifest or not isinstance(source, LayoutStore):
            return False
        return self._blobs.take(descriptor, source._blobs)

    # Names

    def names(self) -> Iterator[str]:
        """Every tag, each once."""
        return self._folder.read_index().tags()

    def untag(self, name: str) -> None:
        """Forget a tag, or by digest an entry without one; content stays until `collect`.

        Raises:
            NotFound: nothing has that name.
        """
        # Asked before anything is locked, so that a wrong name makes no folder.
        self._folder.read_index().untagged(name)
        with self._folder.locked():
            self._folder.write_index(self._folder.read_index().untagged(name))

    def collect(self, *, grace: float = _GRACE_SECONDS) -> int:
        """Remove content that nothing names, and say how many bytes are free again.

        Content that was written or asked for within the grace period (seconds) stays: somebody
        may be about to name it.

        Raises:
            IntegrityError, InvalidInput, Unsupported: a manifest cannot be read; nothing was
                removed.
        """
        if not self._folder.is_layout():
            return 0
        with self._folder.locked():
            self._folder.sweep()
            return collect(self._folder, self._blobs, grace)

    # Referrers

    def referrers(
        self, subject: Descriptor, artifact_type: str | None = None
    ) -> Iterator[Descriptor]:
        """The manifests whose subject this is, with their own types and annotations.

        Found under the fallback tag and among the entries of index.json.
        """
        for found in self._lists.find(self._folder.read_index(), subject):
            if artifact_type in (None, found.artifact_type):
                yield found

    # Inner steps

    def _by_digest(self, index: LayoutIndex, digest: Digest) -> Descriptor:
        listed = index.by_digest(digest)
        if listed:
            return listed
        raw = self._blobs.read(digest)
        try:
            return Descriptor(parse(raw).media_type, digest, len(raw))
        except InvalidInput as error:
            raise NotFound(f"{digest} is no manifest", cause=str(error)) from error

    def _push_manifest(self, descriptor: Descriptor, content: Content, name: str | None) -> None:
        demand_tag(name)
        raw = verified(descriptor, content)
        manifest = parsed(descriptor, raw)
        with self._folder.locked():
            # Under the lock, so that `collect` cannot take a child away in between.
            self._demand_children(descriptor, manifest)
            if not self.exists(descriptor):
                self._blobs.write(descriptor, BytesContent(raw))
            index = self._folder.read_index()
            changed = self._with_manifest(index, descriptor, manifest, name)
            if changed is not index:
                self._folder.write_index(changed)

    def _demand_children(self, descriptor: Descriptor, manifest: Manifest | Index) -> None:
        for child in manifest.children:
            if not self.exists(child):
                raise NotFound(
                    f"manifest {descriptor.digest.short} names content that is not in {self}",
                    cause=f"{child.digest} is missing",
                )

    def _with_manifest(
        self,
        index: LayoutIndex,
        descriptor: Descriptor,
        manifest: Manifest | Index,
        name: str | None,
    ) -> LayoutIndex:
        changed = self._lists.added(index, descriptor, manifest)
        if name is not None:
            changed = changed.tagged(descriptor, name)
        elif not self._lists.holds(changed, descriptor, manifest):
            changed = changed.listed(descriptor)
        return changed.without_nameless({child.digest for child in manifest.children})
