"""Who refers to a manifest, on registries with the referrers API and on those without.

Without it (distribution 2 and 3, GHCR, GitLab) the specification's fallback tag is an index
that every writer updates, and writers race: what was added is read back and added again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Protocol

from lading.errors import InvalidInput, NotFound, Unavailable
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.tags import fallback_tag

_TRIES = 6


class Manifests(Protocol):
    """What of a registry is needed here."""

    def read_manifest(self, name: str) -> tuple[Descriptor, bytes]:
        """A manifest by tag or digest."""
        ...

    def put_manifest(self, name: str, descriptor: Descriptor, raw: bytes) -> None:
        """Store a manifest under a tag or its digest."""
        ...


def fallback_index(store: Manifests, subject: Descriptor) -> Index | None:
    """The index under the fallback tag, or None.

    GitLab answers a missing fallback tag with the subject itself: anything but an index, and
    the subject, count as missing.
    """
    try:
        descriptor, raw = store.read_manifest(fallback_tag(subject.digest))
    except NotFound:
        return None
    if descriptor.digest == subject.digest or not descriptor.is_index:
        return None
    index = parse(raw, descriptor.media_type)
    return index if isinstance(index, Index) else None


def from_fallback(store: Manifests, subject: Descriptor) -> Iterator[Descriptor]:
    """The referrers that the fallback tag lists, each looked at itself.

    Anybody may write that index, so nothing it says about a manifest's type is believed.
    """
    index = fallback_index(store, subject)
    for entry in index.manifests if index else ():
        try:
            descriptor, raw = store.read_manifest(entry.digest)
            manifest = parse(raw, descriptor.media_type)
        except (NotFound, InvalidInput):
            continue  # collected meanwhile, or no manifest: no referrer
        if manifest.subject and manifest.subject.digest == subject.digest:
            yield described(descriptor, manifest)


def described(descriptor: Descriptor, manifest: Manifest | Index) -> Descriptor:
    """A referrer's descriptor as the referrers API would give it."""
    kind = manifest.kind if isinstance(manifest, Manifest) else manifest.artifact_type
    return Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        annotations=manifest.annotations,
        artifact_type=kind,
    )


def add_to_fallback(store: Manifests, subject: Descriptor, referrer: Descriptor) -> None:
    """List a referrer under the fallback tag, and make sure that it stays listed.

    Raises:
        Unavailable: other writers removed it again and again.
    """
    for attempt in range(_TRIES):
        index = fallback_index(store, subject)
        listed = index.manifests if index else ()
        if any(entry.digest == referrer.digest for entry in listed):
            if attempt:
                return
            # Another writer may be replacing the index that was just read: look once more.
        else:
            updated = Index.build((*listed, referrer))
            store.put_manifest(fallback_tag(subject.digest), updated.descriptor, updated.raw)
        time.sleep(random.uniform(0.0, 0.02) * attempt)  # noqa: S311  no secret
    index = fallback_index(store, subject)
    if index is None or all(entry.digest != referrer.digest for entry in index.manifests):
        raise Unavailable(
            f"cannot list {referrer.digest.short} as a referrer",
            cause="other writers keep replacing the list",
            hint="run it again",
        )
