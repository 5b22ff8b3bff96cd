"""Who refers to a manifest, kept in the layout as the specification's fallback tag.

So tools that copy tags take the referrers along, and lists that they brought are found. A
layout of oras has its referrers as entries without a name; they are found too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ports import Content
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.tags import fallback_tag
from lading.stores.layout.index import LayoutIndex


class Manifests(Protocol):
    """Where a layout's manifests are, verified when they are read and when they are written."""

    def read(self, digest: Digest) -> bytes:
        """A manifest's bytes."""
        ...

    def read_manifest(self, digest: Digest, media_type: str | None = None) -> Manifest | Index:
        """A manifest, parsed."""
        ...

    def write(self, descriptor: Descriptor, content: Content) -> None:
        """Store one."""
        ...


class ReferrerLists:
    """The lists of referrers of one layout."""

    def __init__(self, blobs: Manifests) -> None:
        self._blobs = blobs
        # Manifests never change: each is read once.
        self._known: dict[Digest, tuple[Digest | None, Descriptor]] = {}

    def find(self, index: LayoutIndex, subject: Descriptor) -> Iterator[Descriptor]:
        """The manifests whose subject this is, each looked at itself.

        Anybody may write a list, so nothing that it says about a manifest is believed.
        """
        listed = self._list(index, subject.digest) or ()
        candidates = (*listed, *(entry.descriptor for entry in index.entries))
        for descriptor in {found.digest: found for found in candidates}.values():
            refers_to, described = self._look_at(descriptor)
            if refers_to == subject.digest:
                yield described

    def added(
        self, index: LayoutIndex, descriptor: Descriptor, manifest: Manifest | Index
    ) -> LayoutIndex:
        """With this manifest in its subject's list; the lock must be held."""
        # An index in a list stops skopeo from copying the repository.
        if manifest.subject is None or isinstance(manifest, Index):
            return index
        listed = self._list(index, manifest.subject.digest)
        if listed is None or _holds(listed, descriptor):
            return index
        updated = Index.build((*listed, _described(descriptor, manifest)))
        self._blobs.write(updated.descriptor, BytesContent(updated.raw))
        tag = fallback_tag(manifest.subject.digest)
        return index.tagged(updated.descriptor, tag, keep_old=False)

    def holds(self, index: LayoutIndex, descriptor: Descriptor, manifest: Manifest | Index) -> bool:
        """Whether this manifest is in its subject's list."""
        if manifest.subject is None:
            return False
        return _holds(self._list(index, manifest.subject.digest) or (), descriptor)

    def _list(self, index: LayoutIndex, subject: Digest) -> tuple[Descriptor, ...] | None:
        """What the fallback tag lists; None where something else has that name."""
        try:
            tagged = index.find(fallback_tag(subject))
            raw = self._blobs.read(tagged.digest)
        except NotFound:
            return ()
        manifest = parse(raw, tagged.media_type)
        # Tools that copied from GitLab may have put the subject itself there.
        if not isinstance(manifest, Index) or tagged.digest == subject:
            return None
        return manifest.manifests

    def _look_at(self, descriptor: Descriptor) -> tuple[Digest | None, Descriptor]:
        """A manifest's subject, and its descriptor as the referrers API would give it."""
        if descriptor.digest not in self._known:
            try:
                manifest = self._blobs.read_manifest(descriptor.digest, descriptor.media_type)
            except (NotFound, InvalidInput, IntegrityError):
                return None, descriptor  # not here, or no manifest: it refers to nothing
            subject = manifest.subject.digest if manifest.subject else None
            actual = Descriptor(manifest.media_type, descriptor.digest, len(manifest.raw))
            self._known[descriptor.digest] = subject, _described(actual, manifest)
        return self._known[descriptor.digest]


def _holds(listed: tuple[Descriptor, ...], descriptor: Descriptor) -> bool:
    return any(entry.digest == descriptor.digest for entry in listed)


def _described(descriptor: Descriptor, manifest: Manifest | Index) -> Descriptor:
    return Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        annotations=manifest.annotations,
        artifact_type=manifest.kind if isinstance(manifest, Manifest) else manifest.artifact_type,
    )
