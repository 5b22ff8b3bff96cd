"""The verbs of a store, over one repository of a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from lading.errors import InvalidInput, NotFound
from lading.ports import Content, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import parse
from lading.spec.stretch import Stretch
from lading.stores.bundle.archive import Archive, MemberContent
from lading.stores.bundle.names import Names, index_of
from lading.stores.bundle.writing import NewArchive
from lading.stores.layout.index import LayoutIndex, is_digest
from lading.stores.layout.manifests import demand_tag, parsed, plain, verified
from lading.stores.layout.referrers import ReferrerLists


class BundleStore:
    """One repository of a whole bundle, to be read. Its content is there once, for all of them."""

    def __init__(self, archive: Archive, repository: str) -> None:
        """Open a repository; ``""`` is that of what no repository is stated for.

        Raises:
            NotFound: there is no such repository.
        """
        if repository not in archive.repositories:
            raise NotFound(
                f"{archive} has no repository {repository or 'without a name'}",
                hint=f"it has {_shown(archive)}",
            )
        self._archive = archive
        self._repository = repository
        self._lists = ReferrerLists(archive)
        self._indexed: LayoutIndex | None = None

    def __str__(self) -> str:
        return f"oci:{self._archive}/{self._repository}".rstrip("/")

    @property
    def archive(self) -> Archive:
        """The file that this repository is in."""
        return self._archive

    @property
    def repository(self) -> str:
        """What this repository is called in the file."""
        return self._repository

    # Source

    def resolve(self, name: str) -> Descriptor:
        """What a tag, or a manifest's digest, names.

        Raises:
            NotFound: nothing has that name.
        """
        if not is_digest(name):
            return self._names.find(name, str(self))
        digest = Digest(name)
        for each in self._names.manifests():
            if each.digest == digest:
                return each
        raw = self._archive.read(digest)
        try:
            return Descriptor(parse(raw).media_type, digest, len(raw))
        except InvalidInput as error:
            raise NotFound(f"{digest} is no manifest", cause=str(error)) from error

    def only(self) -> Descriptor | None:
        """The one thing that this repository holds; None where it holds more."""
        return self._index().only()

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Stretch]:
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
        with self.fetch(descriptor, offset) as reader:
            yield Stretch(reader, length)

    def content(self, descriptor: Descriptor) -> MemberContent:
        """The content, to be opened as often as needed, and for the kernel to send."""
        return self._archive.content(descriptor)

    # Target

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this content is here with the right size."""
        place = self._archive.places.get(descriptor.digest)
        return place is not None and place.size == descriptor.size

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Nothing: the file is whole.

        Raises:
            Unsupported: always.
        """
        raise self._archive.closed()

    # Names

    def names(self) -> Iterator[str]:
        """Every tag, each once."""
        return iter(tuple(self._names.tags))

    def untagged(self) -> tuple[Descriptor, ...]:
        """The manifests that are listed without a tag."""
        return tuple(self._names.listed.values())

    def untag(self, name: str) -> None:
        """Nothing: the file is whole.

        Raises:
            Unsupported: always.
        """
        raise self._archive.closed()

    # Referrers

    def referrers(
        self, subject: Descriptor, artifact_type: str | None = None
    ) -> Iterator[Descriptor]:
        """The manifests whose subject this is, with their own types and annotations.

        Found among the entries of index.json, and under the fallback tag of other tools.
        """
        for found in self._lists.find(self._index(), subject):
            if artifact_type in (None, found.artifact_type):
                yield found

    # Inner steps

    @property
    def _names(self) -> Names:
        return self._archive.repositories[self._repository]

    def _index(self) -> LayoutIndex:
        if self._indexed is None:
            self._indexed = index_of({self._repository: self._names})
        return self._indexed


class NewBundleStore(BundleStore):
    """One repository of a bundle that is being written; many threads may use it at once."""

    def __init__(self, archive: NewArchive, repository: str) -> None:
        """Begin a repository, or go on with it."""
        archive.repositories.setdefault(repository, Names())
        super().__init__(archive, repository)
        self._new = archive
        # What this repository has of all that is in the file.
        self._own = archive.own.setdefault(repository, set())

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this repository has this content, with the right size."""
        return descriptor.digest in self._own and super().exists(descriptor)

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Store content, which is not read where another repository brought it already.

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
        else:
            self._new.write(descriptor, content)
            self._own.add(descriptor.digest)

    def mount(self, descriptor: Descriptor, source: Source) -> bool:
        """Have what another repository of the same file has; False for any other source."""
        if descriptor.is_manifest or not isinstance(source, NewBundleStore):
            return False
        if source.archive is not self._archive or not source.exists(descriptor):
            return False
        self._own.add(descriptor.digest)
        return True

    def untag(self, name: str) -> None:
        """Forget a tag; what it named stays in the file.

        Raises:
            NotFound: nothing has that name.
        """
        with self._new.changed:
            descriptor = self._names.find(name, str(self))
            del self._names.tags[name]
            self._names.name(descriptor, None, ())

    def _index(self) -> LayoutIndex:
        with self._new.changed:
            return index_of({self._repository: self._names})

    def _push_manifest(self, descriptor: Descriptor, content: Content, name: str | None) -> None:
        demand_tag(name)
        raw = verified(descriptor, content)
        manifest = parsed(descriptor, raw)
        for child in manifest.children:
            if not self.exists(child):
                raise NotFound(
                    f"manifest {descriptor.digest.short} names content that is not in {self}",
                    cause=f"{child.digest} is missing",
                )
        self._new.write(descriptor, BytesContent(raw))
        with self._new.changed:
            self._own.add(descriptor.digest)
            self._names.name(plain(descriptor), name, {each.digest for each in manifest.children})


def _shown(archive: Archive) -> str:
    names = sorted(filter(None, archive.repositories))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "nothing that has a name") + more
