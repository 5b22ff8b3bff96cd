"""What lies behind a reference: a Lading version, a ModelPack artifact, or no model at all.

Reads manifests only, from any source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lading.errors import InvalidInput
from lading.ports import Source
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Index, Manifest, parse
from lading.transfer import read

Kind = Literal["lading", "modelpack"]

RECOMPRESSED = (
    "the image layers of this copy were compressed on the way: its index has another digest than"
    " the original, its model does not (skopeo copies unchanged with --all --preserve-digests)"
)
PREFIX = "models/"
DOCUMENT_PATH = "models/lading.json"
DOCUMENT_TITLE = "lading.json.tar"

_MODELPACK_TYPES = frozenset({mediatypes.MODELPACK, mediatypes.CNAI_MODELPACK})
_MODELPACK_CONFIGS = frozenset({mediatypes.MODELPACK_CONFIG, mediatypes.CNAI_MODELPACK_CONFIG})
_IMAGE = "a container image"
_KNOWN_OTHERS = {
    "application/vnd.docker.container.image.v1+json": _IMAGE,
    mediatypes.IMAGE_CONFIG: _IMAGE,
    "application/vnd.cncf.helm.config.v1+json": "a Helm chart",
    "application/vnd.wasm.config.v0+json": "a WebAssembly module",
    "application/vnd.kitops.modelkit.config.v1+json": "a KitOps ModelKit",
    "application/vnd.kitops.modelkit.manifest.v1+json": "a KitOps ModelKit",
    "application/vnd.docker.ai.model.config.v0.1+json": "a Docker AI model",
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model in a store: its root, and the one manifest that its files are read by."""

    kind: Kind
    root: Descriptor
    index: Index | None
    model: Descriptor
    manifest: Manifest
    notes: tuple[str, ...]

    @property
    def document(self) -> Descriptor | None:
        """The config that is the document, where this is a Lading version."""
        return self.manifest.config if self.kind == "lading" else None

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers that hold files; Lading's own document is not one of them."""
        return tuple(
            layer
            for layer in self.manifest.layers
            if self.kind != "lading" or layer.annotations.get(mediatypes.TITLE) != DOCUMENT_TITLE
        )

    @property
    def prefix(self) -> str:
        """What is left out before each path when files are unpacked."""
        if self.kind == "lading":
            return PREFIX
        paths = [filepath(layer) or "" for layer in self.manifest.layers]
        return PREFIX if all((path + "/").startswith(PREFIX) for path in paths) else ""


def filepath(layer: Descriptor) -> str | None:
    """The path that ModelPack gives a layer."""
    annotations = layer.annotations
    return annotations.get(mediatypes.FILEPATH) or annotations.get(mediatypes.CNAI_FILEPATH)


def recognise(source: Source, root: Descriptor, shown: str) -> Artifact:
    """The model behind a root.

    Raises:
        InvalidInput: it is something else; says what.
    """
    top = _manifest(source, root)
    if isinstance(top, Manifest):
        kind = _kind(top)
        if kind is None:
            raise not_a_model(shown, _describe(top))
        return Artifact(kind, root, None, root, top, ())
    for descriptor, manifest in _candidates(source, top):
        kind = _kind(manifest)
        if kind is not None:
            notes = (RECOMPRESSED,) if _recompressed(source, top, manifest) else ()
            return Artifact(kind, root, top, descriptor, manifest, notes)
    raise not_a_model(shown, _describe_index(top))


def not_a_model(shown: str, what: str) -> InvalidInput:
    """The refusal of something that is no model."""
    hint = "Lading reads what lading push wrote, and ModelPack artifacts"
    if what == _IMAGE:
        # skopeo and docker take the image of their own platform from an index, and nothing else.
        hint += "; of a version that was copied as an image, copy the original with lading copy"
    return InvalidInput(f"{shown} is not a model", cause=f"it is {what}", hint=hint)


def _manifest(source: Source, descriptor: Descriptor) -> Manifest | Index:
    return parse(read(source, descriptor), descriptor.media_type)


def _candidates(source: Source, index: Index) -> list[tuple[Descriptor, Manifest]]:
    """The entries that may be the model, Lading's own manifest before ModelPack's."""
    by_role = {entry.annotations.get(mediatypes.ROLE): entry for entry in index.manifests}
    chosen = [by_role[role] for role in ("model", "modelpack") if role in by_role]
    if not chosen:
        # No roles: another tool wrote it. An image's platform is known; an artifact's is not.
        chosen = [
            entry
            for entry in index.manifests[:16]
            if not entry.is_index
            and (entry.platform is None or entry.platform.os in ("unknown", ""))
        ]
    found = []
    for entry in chosen[:16]:
        manifest = _manifest(source, entry)
        if isinstance(manifest, Manifest):
            found.append((entry, manifest))
    return found


def _kind(manifest: Manifest) -> Kind | None:
    if manifest.config.media_type == mediatypes.MODEL_CONFIG:
        return "lading"
    if (
        manifest.artifact_type in _MODELPACK_TYPES
        or manifest.config.media_type in _MODELPACK_CONFIGS
    ):
        return "modelpack"
    return None


def _recompressed(source: Source, index: Index, model: Manifest) -> bool:
    """Whether an image entry lists other layers than the model: plain skopeo gzips them."""
    images = [e for e in index.manifests if e.annotations.get(mediatypes.ROLE) == "image"]
    if not images:
        return False
    image = _manifest(source, images[0])
    ours = [layer.digest for layer in model.layers]
    return isinstance(image, Manifest) and [layer.digest for layer in image.layers] != ours


def _describe(manifest: Manifest) -> str:
    for kind in (manifest.artifact_type, manifest.config.media_type):
        if kind in _KNOWN_OTHERS:
            return _KNOWN_OTHERS[kind]
    return f"an artifact of type {manifest.kind[:200]}"


def _describe_index(index: Index) -> str:
    if index.artifact_type:
        return f"an index of type {index.artifact_type[:200]}"
    platforms = [str(entry.platform) for entry in index.manifests if entry.platform]
    if platforms:
        return f"a container image for {', '.join(platforms[:6])}"
    return f"an index of {len(index.manifests)} manifests"
