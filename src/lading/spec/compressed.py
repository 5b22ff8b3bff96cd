"""Whether an index is a version all the same, whose images a copy compressed on the way.

skopeo without --preserve-digests gzips the layers of images and leaves artifacts as they are, so
the index has another digest. That must excuse nothing else: whatever anybody could take from the
index has to hold the very files of the version's model. Decided here; fetching is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.plain import table

# A version has one entry for each platform, and two more.
_MOST_ENTRIES: Final = 32
_IMAGE, _MODEL, _MODELPACK = "image", "model", "modelpack"

Fetch = Callable[[Descriptor], bytes]


def model_of(manifest: Manifest | Index) -> Digest | None:
    """The model manifest, which a copy that was compressed on the way still has."""
    if isinstance(manifest, Manifest):
        return None
    for entry in manifest.manifests:
        if entry.annotations.get(mediatypes.ROLE) == "model":
            return entry.digest
    return None


def holds_same_model(index: Index, model: Digest, fetch: Fetch) -> bool:
    """Whether every entry of an index is a view of this model's files, and the model is its own.

    Raises:
        InvalidInput: an entry is not what it says, or too large.
        LadingError: what ``fetch`` raises.
    """
    roles = [entry.annotations.get(mediatypes.ROLE, "") for entry in index.manifests]
    known = set(roles) <= {_IMAGE, _MODEL, _MODELPACK} and len(roles) <= _MOST_ENTRIES
    if not known or roles.count(_MODEL) != 1 or roles.count(_MODELPACK) > 1:
        return False
    entry = index.manifests[roles.index(_MODEL)]
    # Before anything is fetched: most that is asked about is another version.
    if entry.digest != model:
        return False
    found = parse(fetch(entry), entry.media_type)
    if not isinstance(found, Manifest) or found.config.media_type != mediatypes.MODEL_CONFIG:
        return False
    files = [layer.digest for layer in found.layers]
    return all(
        role == _MODEL or _shows(role, each, files, fetch)
        for role, each in zip(roles, index.manifests, strict=True)
    )


def _shows(role: str, entry: Descriptor, files: list[Digest], fetch: Fetch) -> bool:
    view = parse(fetch(entry), entry.media_type)
    if not isinstance(view, Manifest):
        return False
    if role == _IMAGE:
        return len(view.layers) == len(files) and _unpacks(view, files, fetch)
    # Readers of ModelPack go by the layers; no copy compresses those.
    return (
        view.config.media_type == mediatypes.MODELPACK_CONFIG
        and [layer.digest for layer in view.layers] == files
    )


def _unpacks(image: Manifest, files: list[Digest], fetch: Fetch) -> bool:
    """Whether an image unpacks to these layers, by its config, which no copy rewrites.

    Container runtimes hold what they unpacked against it. It runs nothing, as Lading writes it.
    """
    if image.config.media_type != mediatypes.IMAGE_CONFIG:
        return False
    config = decode_object(fetch(image.config), "the image's config")
    return table(config.get("rootfs")).get("diff_ids") == files and not config.get("config")
