"""A base image as it is read: its layers and its config, held against each other. Pure.

Whoever made the base may be anybody. What a runtime would refuse, or take for something else than
it is, is refused here, before anything is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lading.errors import InvalidInput, Unsupported
from lading.spec import mediatypes
from lading.spec.compressed import model_of
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.encoding import check_depth, decode_object
from lading.spec.manifest import Index, Manifest
from lading.spec.plain import Fields, table, tables, text

CONFIG_LIMIT: Final = 4 * 1024 * 1024
# More than there are processors; each is an image of its own.
MOST_PLATFORMS: Final = 32
_LONGEST_WORD: Final = 40

_LAYER: Final = mediatypes.IMAGE_LAYER
_DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
# How each kind of layer is called in an OCI manifest; the bytes are the same.
LAYERS: Final[Mapping[str, str]] = {
    _LAYER: _LAYER,
    f"{_LAYER}+gzip": f"{_LAYER}+gzip",
    f"{_LAYER}+zstd": f"{_LAYER}+zstd",
    _DOCKER_LAYER: _LAYER,
    f"{_DOCKER_LAYER}.gzip": f"{_LAYER}+gzip",
    f"{_DOCKER_LAYER}.zstd": f"{_LAYER}+zstd",
}


@dataclass(frozen=True, slots=True)
class Base:
    """An image for one platform."""

    platform: Platform
    # Under OCI's media types, whatever they were called.
    layers: tuple[Descriptor, ...]
    diff_ids: tuple[Digest, ...]
    # What runs, where, and as whom: the ``config`` of the image's config.
    config: Fields = field(repr=False)
    # One entry for each layer, and those of steps that made none.
    history: tuple[Fields, ...] = field(repr=False)
    # ``os.version`` and ``os.features``, which only Windows has.
    system: Fields = field(repr=False)

    @property
    def entrypoint(self) -> tuple[str, ...]:
        """The program that always runs, with its first arguments."""
        return words(self.config.get("Entrypoint"), "Entrypoint")

    @property
    def command(self) -> tuple[str, ...]:
        """What it is told where nobody tells it anything else."""
        return words(self.config.get("Cmd"), "Cmd")

    @property
    def environment(self) -> tuple[str, ...]:
        """``NAME=VALUE``, in their order."""
        return words(self.config.get("Env"), "Env")

    @property
    def labels(self) -> Fields:
        """What the image says of itself."""
        return table(self.config.get("Labels"))


def entries(index: Index, shown: str, wanted: Iterable[Platform] = ()) -> tuple[Descriptor, ...]:
    """The images that an index offers; only those for the platforms that are wanted, if any.

    What builders hang beside images (provenance, bills of materials) is for no platform.

    Raises:
        InvalidInput: it is a model, or offers nothing for a platform; says what it offers.
    """
    if index.artifact_type == mediatypes.MODEL or model_of(index):
        raise InvalidInput(f"{shown} is a model, not an image", hint="--base names an image")
    offered = [entry for entry in index.manifests if _is_for_a_platform(entry)]
    chosen = tuple(entry for entry in offered if not wanted or entry.platform in set(wanted))
    missing = set(wanted) - {entry.platform for entry in chosen}
    if missing or not chosen:
        there = ", ".join(str(entry.platform) for entry in offered[:MOST_PLATFORMS])
        raise InvalidInput(
            f"{shown} offers no image for {min(map(str, missing), default='any platform')}",
            cause=f"it is for {there}" if there else "it lists no image",
        )
    if len(chosen) > MOST_PLATFORMS:
        raise InvalidInput(f"{shown} is for more than {MOST_PLATFORMS} platforms")
    return chosen


def base_of(manifest: Manifest, raw: bytes, shown: str, stated: Platform | None = None) -> Base:
    """The image that a manifest and its config say together; ``stated`` is what an index says.

    Raises:
        InvalidInput: it has no config of an image, or they do not fit.
        Unsupported: a layer may not be passed on, or is of a kind that nobody knows.
    """
    if manifest.config.media_type not in mediatypes.IMAGE_CONFIGS or manifest.artifact_type:
        raise InvalidInput(
            f"{shown} is no image",
            cause=f"it has no image's config but {manifest.kind[:100]}",
            hint="--base names an image that runs",
        )
    value = decode_object(raw, f"the config of {shown}")
    check_depth(value, f"the config of {shown}")
    diff_ids = _diff_ids(value, len(manifest.layers), shown)
    config = table(value.get("config"))
    base = Base(
        platform=_platform(value, shown, stated),
        layers=tuple(_layer(layer, shown) for layer in manifest.layers),
        diff_ids=diff_ids,
        config=config,
        history=_history(value.get("history"), len(diff_ids)),
        system={name: value[name] for name in ("os.version", "os.features") if name in value},
    )
    # Looked at now, so that nothing is refused later.
    _ = base.entrypoint, base.environment
    return base


def words(value: object, where: str) -> tuple[str, ...]:
    """A list of texts, as configs hold them; empty where there is none.

    Raises:
        InvalidInput: it is something else.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InvalidInput(f"the base's config is not right: {where} is no list of words")
    return tuple(value)


def _is_for_a_platform(entry: Descriptor) -> bool:
    platform = entry.platform
    return (
        platform is not None
        and "unknown" not in (platform.os, platform.architecture)
        and not entry.is_index
        and "vnd.docker.reference.type" not in entry.annotations
    )


def _diff_ids(value: Fields, layers: int, shown: str) -> tuple[Digest, ...]:
    rootfs = table(value.get("rootfs"))
    found = words(rootfs.get("diff_ids"), "diff_ids")
    if rootfs.get("type") != "layers" or len(found) != layers:
        raise InvalidInput(
            f"{shown} is not right",
            cause=f"its config has {len(found)} diff_ids for {layers} layers",
            hint="no runtime takes it either: make it again",
        )
    return tuple(map(Digest, found))


def _platform(value: Fields, shown: str, stated: Platform | None) -> Platform:
    said = [text(value.get(name)) or "" for name in ("architecture", "os", "variant")]
    if not said[0] or not said[1] or any(len(word) > _LONGEST_WORD for word in said):
        raise InvalidInput(f"{shown} does not say for which platform it is")
    if stated and (stated.architecture, stated.os) != (said[0], said[1]):
        raise InvalidInput(
            f"{shown} is not right",
            cause=f"its index says {stated}, and the image there is for {said[1]}/{said[0]}",
        )
    return Platform(said[0], said[1], (stated and stated.variant) or said[2] or None)


def _layer(layer: Descriptor, shown: str) -> Descriptor:
    kind = LAYERS.get(layer.media_type)
    if kind is None:
        foreign = "foreign" in layer.media_type or "nondistributable" in layer.media_type
        raise Unsupported(
            f"{shown} has a layer that cannot be taken along",
            cause="only its maker may give it away" if foreign else layer.media_type[:100],
            hint="choose another base",
        )
    return replace(Descriptor(kind, layer.digest, layer.size))


def _history(value: object, layers: int) -> tuple[Fields, ...]:
    """The history, if it tells of as many layers as there are; else one that says nothing more.

    Runtimes count it, and refuse an image where it does not fit.
    """
    said: list[Mapping[str, Any]] = [dict(entry) for entry in tables(value)]
    if sum(not entry.get("empty_layer") for entry in said) == layers:
        return tuple(said)
    return tuple(_silent(layers))


def _silent(layers: int) -> Iterator[Fields]:
    for _ in range(layers):
        yield {"created_by": "base"}
