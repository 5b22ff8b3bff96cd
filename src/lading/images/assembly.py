"""A base image with a model's layers on top: manifests and configs, made without a builder. Pure.

Nothing is unpacked and nothing packed. A model's layers are plain tar, so their digests are the
diff_ids that a config needs; the base's config has its own. The same base, model and wishes give
the same bytes: every time in them is the version's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lading.errors import InvalidInput, Unsupported
from lading.images.address import MODELS, PORT
from lading.images.base import Base
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.encoding import encode
from lading.spec.manifest import MANIFEST_LIMIT, Index, Manifest

# The layer store of Docker's graph driver and others take no more.
MOST_LAYERS: Final = 127
# Nobody's number, as images without a shell use it: owns nothing, and needs to write nowhere.
NOBODY: Final = "65532:65532"

READY: Final = "/v2/health/ready"

_SECOND: Final = 1_000_000_000
_LADING: Final = ("lading",)
# Where the read-only root file system of a container is usually not.
_ROOM: Final = {
    "HOME": "/tmp",  # noqa: S108  a container's own
    "LADING_HOME": "/tmp/lading",  # noqa: S108
    "LADING_CACHE": "/tmp/lading-cache",  # noqa: S108
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What an assembled image is to be, apart from its files."""

    created: str | None
    labels: Mapping[str, str]
    # Over the base's own.
    env: Mapping[str, str]
    # None: the server, as this Lading starts it.
    cmd: tuple[str, ...] | None = None
    port: int = PORT
    # None: the base's own user, and nobody where that is root.
    user: str | None = None
    # Whether the server may let the model run code of its own.
    allow_pickle: bool = False
    # Whether it starts whatever it is told, without a program of the base's in front.
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The image for one platform."""

    manifest: Manifest
    config: bytes = field(repr=False)
    base: Base = field(repr=False)

    @property
    def entry(self) -> Descriptor:
        """The part, as an index lists it."""
        return replace(self.manifest.descriptor, platform=self.base.platform)


@dataclass(frozen=True, slots=True)
class Assembly:
    """An image for every platform of its base."""

    index: Index
    parts: tuple[Part, ...]

    @property
    def base_layers(self) -> tuple[Descriptor, ...]:
        """What has to come from the base, each once."""
        every = (layer for part in self.parts for layer in part.base.layers)
        return tuple({layer.digest: layer for layer in every}.values())


def assemble(bases: Iterable[Base], cargo: Iterable[Descriptor], wish: Wish) -> Assembly:
    """The image of a model on a base.

    Raises:
        InvalidInput: a layer of the model is no plain tar, or two images are for one platform.
        Unsupported: there are more layers than runtimes take.
    """
    layers = tuple(map(_plain, cargo))
    parts = tuple(_part(base, layers, wish) for base in bases)
    platforms = [str(part.base.platform) for part in parts]
    if len(set(platforms)) < len(platforms):
        raise InvalidInput("the base has two images for one platform", cause=", ".join(platforms))
    index = Index.build(tuple(part.entry for part in parts), annotations=wish.labels)
    if len(index.raw) > MANIFEST_LIMIT:
        raise Unsupported("the image's index would be larger than 4 MiB")
    return Assembly(index, parts)


def _plain(layer: Descriptor) -> Descriptor:
    if layer.media_type not in (mediatypes.MODEL_LAYER, mediatypes.IMAGE_LAYER):
        raise InvalidInput(
            "the model's layers are no plain archives",
            cause=f"one is {layer.media_type[:100]}",
            hint="push it again with lading push",
        )
    return Descriptor(mediatypes.IMAGE_LAYER, layer.digest, layer.size)


def _part(base: Base, cargo: tuple[Descriptor, ...], wish: Wish) -> Part:
    count = len(base.layers) + len(cargo)
    if count > MOST_LAYERS:
        raise Unsupported(
            f"the image would have {count} layers, and runtimes take {MOST_LAYERS}",
            cause=f"the base has {len(base.layers)}, the model {len(cargo)}",
            hint="take a base with fewer layers, or lading image build",
        )
    raw = encode(_config(base, cargo, wish))
    manifest = Manifest.build(
        Descriptor.of(raw, mediatypes.IMAGE_CONFIG),
        (*base.layers, *cargo),
        annotations=wish.labels,
    )
    if len(manifest.raw) > MANIFEST_LIMIT:
        raise Unsupported("the image's manifest would be larger than 4 MiB")
    return Part(manifest, raw, base)


def _config(base: Base, cargo: tuple[Descriptor, ...], wish: Wish) -> dict[str, Any]:
    """The config in the order of Go's fields; what the base says and nobody changes, stays."""
    value: dict[str, Any] = {"created": wish.created} if wish.created else {}
    value |= base.platform.as_json()
    value |= base.system
    value["config"] = _running(base, wish)
    value["rootfs"] = {
        "type": "layers",
        "diff_ids": [*base.diff_ids, *(layer.digest for layer in cargo)],
    }
    value["history"] = [*base.history, *(_step(layer, wish) for layer in cargo)]
    return value


def _step(layer: Descriptor, wish: Wish) -> dict[str, str]:
    step = {"created": wish.created} if wish.created else {}
    return step | {"created_by": f"lading image assemble: {layer.digest}"}


def _running(base: Base, wish: Wish) -> dict[str, Any]:
    """What runs: a container engine's own words, as the base has them, with ours over them."""
    config = dict(base.config)
    # What the base watches for or starts is about what the base runs.
    for name in ("Healthcheck", "OnBuild", "ArgsEscaped", "Image"):
        config.pop(name, None)
    if wish.bare:
        config.pop("Entrypoint", None)
    config["Env"] = _environment(base, wish)
    config["Cmd"] = list(wish.cmd if wish.cmd is not None else _serving(base, wish))
    if wish.cmd is None:
        config["Healthcheck"] = _watching(wish.port)
    config["User"] = wish.user or _user(config.get("User"))
    config["ExposedPorts"] = {**_object(config, "ExposedPorts"), f"{wish.port}/tcp": {}}
    config["Labels"] = {**_object(config, "Labels"), **wish.labels}
    return config


def _serving(base: Base, wish: Wish) -> tuple[str, ...]:
    """The server on the model's folder; a base that starts Lading by itself is not told twice."""
    consent = ("--allow-pickle",) if wish.allow_pickle else ()
    words = ("serve", MODELS, "--host", "0.0.0.0", "--port", str(wish.port), *consent)  # noqa: S104  inside a container
    is_started = base.entrypoint == _LADING and not wish.bare
    return words if is_started else (*_LADING, *words)


def _watching(port: int) -> dict[str, Any]:
    """The Dockerfiles' own health check, in a config's words: times in nanoseconds."""
    ask = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}{READY}', timeout=4)"
    return {
        "Test": ["CMD", "python3", "-c", ask],
        "Interval": 10 * _SECOND,
        "Timeout": 5 * _SECOND,
        "StartPeriod": 60 * _SECOND,
        "Retries": 3,
    }


def _environment(base: Base, wish: Wish) -> list[str]:
    """The base's variables in their order, each once, then those that it does not have."""
    said = {name: value for name, _, value in (each.partition("=") for each in base.environment)}
    if said.get("HOME", "/root") == "/root":
        said.pop("HOME", None)  # nobody may write there
    return [f"{name}={value}" for name, value in (_ROOM | said | dict(wish.env)).items()]


def _user(said: object) -> str:
    root = not isinstance(said, str) or said.partition(":")[0] in ("", "0", "root")
    return NOBODY if root else str(said)


def _object(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    return dict(value) if isinstance(value, dict) else {}
