"""What is in a bundle, for people: kilobytes are read, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.book import is_ledger
from lading.operations.deploying.artifact import CONFIG
from lading.spec.manifest import Index, Manifest, is_image
from lading.spec.own_version import stated_version
from lading.spec.tags import event_of, is_own
from lading.spec.version import Version
from lading.stores.bundle import Archive, open_archive

if TYPE_CHECKING:
    from lading.spec.descriptor import Descriptor

Kind = Literal["version", "name", "image", "documents", "other"]


@dataclass(frozen=True, slots=True)
class UnbundleListThing:
    """Something that a bundle has a name for."""

    reference: str
    kind: Kind
    digest: str
    # What a model's version is, where another name is given.
    version: str | None = None


@dataclass(frozen=True, slots=True)
class UnbundleListResult:
    """What is in a bundle; the sizes are bytes."""

    file: str
    size: int
    blobs: int
    things: tuple[UnbundleListThing, ...]
    events: int
    # Manifests that no tag names: evidence, and what was bundled by digest.
    untagged: int


def unbundle_list(file: str | Path) -> UnbundleListResult:
    """What a bundle holds, without writing anything.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no bundle.
        IntegrityError: it is damaged, or refused.
    """
    archive = open_archive(Path(file))
    found = archive.repositories
    tags = [(name, tag, root) for name, names in found.items() for tag, root in names.tags.items()]
    return UnbundleListResult(
        file=str(file),
        size=Path(file).stat().st_size,
        blobs=len(archive.places),
        things=tuple(
            _thing(archive, f"{name}:{tag}" if name else tag, tag, root)
            for name, tag, root in sorted(tags, key=lambda each: each[:2])
            if not (is_own(tag) or is_ledger(tag))
        ),
        events=sum(event_of(tag) is not None for _, tag, _ in tags),
        untagged=sum(len(names.listed) for names in found.values()),
    )


def _thing(archive: Archive, reference: str, tag: str, root: Descriptor) -> UnbundleListThing:
    try:
        manifest = archive.read_manifest(root.digest, root.media_type)
    except (NotFound, InvalidInput, IntegrityError):
        return UnbundleListThing(
            reference, "other", root.digest
        )  # who reads it is told what is wrong
    version = stated_version(manifest.annotations)
    kind = _kind(manifest, Version.from_tag(tag), version)
    return UnbundleListThing(reference, kind, root.digest, str(version) if version else None)


def _kind(manifest: Manifest | Index, tag: Version | None, version: Version | None) -> Kind:
    if isinstance(manifest, Manifest) and manifest.config.media_type == CONFIG:
        return "documents"
    if is_image(manifest):
        return "image"
    if version is None:
        return "other"
    return "version" if tag == version else "name"
