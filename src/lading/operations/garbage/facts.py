"""What is known of a repository, as far as it matters what may go, and what reaches what there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from lading.errors import InvalidInput
from lading.spec import mediatypes, tags
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import moment
from lading.spec.image import named_by
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.version import Version

TOMBSTONE: Final = "application/vnd.lading.tombstone.v1+json"

Reasons = Mapping[Digest, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version, as far as it matters whether it may go."""

    tag: str
    version: Version
    digest: Digest
    # What a document may call it: its index, or a manifest in it.
    digests: frozenset[Digest]
    # The latest moment that anything says; None where nothing does.
    pushed: datetime | None
    # What it was made from, as far as that is in this repository.
    parents: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownManifest:
    """A manifest, as far as it matters whether it may go."""

    descriptor: Descriptor
    children: tuple[Descriptor, ...] = ()
    subject: Digest | None = None
    created: datetime | None = None
    # What untagging put in a tag's place, and did not come to take away.
    tombstone: bool = False
    # The image that this is evidence of.
    image: Digest | None = None

    @classmethod
    def of(cls, descriptor: Descriptor, raw: bytes) -> KnownManifest:
        """What a manifest says of itself.

        Raises:
            InvalidInput: it is none.
        """
        manifest = parse(raw, descriptor.media_type)
        return cls(
            descriptor=Descriptor(descriptor.media_type, descriptor.digest, len(raw)),
            children=manifest.children,
            subject=manifest.subject.digest if manifest.subject else None,
            created=when(manifest.annotations.get(mediatypes.CREATED)) or _listed_last(manifest),
            tombstone=isinstance(manifest, Manifest) and manifest.artifact_type == TOMBSTONE,
            image=named_by(manifest.annotations) if manifest.subject else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A repository at one moment."""

    now: datetime
    grace: timedelta
    versions: tuple[KnownVersion, ...]
    # Every tag but the ledger's own.
    tags: Mapping[str, Digest]
    manifests: Mapping[Digest, KnownManifest]
    # Why the ledger, other names and other repositories need a version.
    named: Reasons = field(default_factory=dict)
    deprecated: Collection[Digest] = frozenset()
    # What is there without a tag, and is nobody's to remove.
    loose: frozenset[Digest] = frozenset()
    # Why it cannot be known what versions were made from; then none of them goes.
    blind: tuple[str, ...] = ()


def when(value: object) -> datetime | None:
    """A moment, if it is one."""
    if not isinstance(value, str):
        return None
    try:
        return moment(value)
    except InvalidInput:
        return None


def _listed_last(manifest: Manifest | Index) -> datetime | None:
    """When the newest was made that an index lists."""
    entries = manifest.manifests if isinstance(manifest, Index) else ()
    times = [when(entry.annotations.get(mediatypes.CREATED)) for entry in entries]
    return max(filter(None, times), default=None)


def reached(
    facts: Facts, roots: Iterable[Digest], going: Collection[str] = frozenset()
) -> frozenset[Digest]:
    """The manifests below some roots, and the evidence of each, and theirs.

    The images of a version are reached from it, by their evidence and by their tags, but for tags
    of versions that are ``going``.
    """
    about: dict[Digest, list[Digest]] = {}
    for digest, manifest in facts.manifests.items():
        if manifest.subject:
            about.setdefault(manifest.subject, []).append(digest)
    lists: dict[str, list[Digest]] = {}
    for name, digest in facts.tags.items():
        if is_list(name):
            lists.setdefault(subject_tag(name), []).append(digest)
    images: dict[Digest, list[Digest]] = {}
    for name, digest in facts.tags.items():
        of, known = version_tag(name), facts.manifests.get(digest)
        if of and of in facts.tags and of not in going and not (known and known.tombstone):
            images.setdefault(facts.tags[of], []).append(digest)
    found: set[Digest] = set()
    ahead = list(roots)
    while ahead:
        digest = ahead.pop()
        if digest in found:
            continue
        found.add(digest)
        known = facts.manifests.get(digest)
        ahead += [child.digest for child in known.children if child.is_manifest] if known else []
        ahead += about.get(digest, ())
        ahead += images.get(digest, ())
        if known and known.image and known.image in facts.manifests:
            ahead.append(known.image)
        # A list is refused for ever by some registries when something that it lists is gone.
        ahead += lists.get(tags.fallback_tag(digest), ())
    return frozenset(found)


def is_list(name: str) -> bool:
    """Whether a tag lists referrers, or is a signature of cosign's beside such a list."""
    return name.startswith(("sha256-", "sha512-")) and tags.is_own(name)


def is_bookkeeping(name: str) -> bool:
    """Whether a tag only keeps or lists what others name."""
    return is_list(name) or (name.startswith("keep-") and tags.is_own(name))


def is_of_people(name: str) -> bool:
    """Whether a tag is a stage's, or one that somebody set."""
    if tags.is_own(name) or name == tags.LATEST:
        return False
    return not (Version.from_tag(name) or tags.image_of(name))


def version_tag(name: str) -> str | None:
    """The tag of the version that an image is of, by the image's; None where it is no image's."""
    image = tags.image_of(name)
    return image[1].tag if image else None


def subject_tag(name: str) -> str:
    """The tag of the list for what a tag of the specification's, or of cosign's, is about."""
    return name.partition(".")[0]
