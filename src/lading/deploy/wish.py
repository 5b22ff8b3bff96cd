"""What is wanted of documents: which kind, under which name, how many, on which cluster. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, get_args

from lading.deploy.cluster import Cluster
from lading.deploy.engines import Podman
from lading.deploy.kserve_version import KServe, Storage
from lading.errors import InvalidInput

Kind = Literal["deployment", "init", "kserve", "job", "pod", "compose", "podman"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

# Of a name, and of each part of a host.
LONGEST: Final = 63
_LONGEST_OBJECT: Final = 253
_MOST_REPLICAS: Final = 10_000
_LAST_PORT: Final = 65535
PORT: Final = 8080
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
# A service's name begins with a letter; one name serves for everything.
_NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]{1,255}", re.ASCII)
_QUANTITY: Final = re.compile(r"(?:[0-9]{1,12}|[0-9]{0,12}\.[0-9]{1,6})", re.ASCII)
_UNITS: Final = {"cpu": ("", "m"), "memory": ("", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti")}
# What a container has of its own.
TAKEN: Final = ("/models", "/credentials", "/tmp", "/dev", "/proc", "/sys", "/opt/model")  # noqa: S108  in a container


@dataclass(frozen=True, slots=True)
class Volume:
    """A claim of a persistent volume, and where a job finds it."""

    claim: str
    path: str
    read_only: bool = False

    @classmethod
    def parse(cls, words: str) -> Volume:
        """The volume in ``CLAIM:/PATH`` or ``CLAIM:/PATH:ro``.

        Raises:
            InvalidInput: it is none.
        """
        claim, _, rest = words.partition(":")
        path, _, mode = rest.partition(":")
        if not _PATH.fullmatch(path) or ".." in path.split("/") or mode not in ("", "ro", "rw"):
            raise InvalidInput(f"not a volume: {words[:80]!r}", hint="--volume CLAIM:/data[:ro]")
        if _is_taken(path):
            raise InvalidInput(
                f"no volume can be at {path[:80]}",
                cause="the model, credentials and temporary files are there",
                hint=f"--volume {claim[:63]}:/data",
            )
        return cls(checked_object(claim, "claim of a volume"), path.rstrip("/"), mode == "ro")


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a job scores: paths in its container, and the volumes that they are in."""

    input: str
    output: str
    volumes: tuple[Volume, ...] = ()

    @classmethod
    def checked(cls, rows: str, predictions: str, volumes: tuple[Volume, ...] = ()) -> Scoring:
        """A scoring whose files are in its volumes.

        Raises:
            InvalidInput: a path is none, or outside of every volume: nobody would ever read it.
        """
        mounted = [volume.path for volume in volumes]
        if len(set(mounted)) != len(mounted):
            raise InvalidInput("two volumes are at one place", cause=", ".join(mounted))
        for path in (rows, predictions):
            plain = _PATH.fullmatch(path) and ".." not in path.split("/")
            if not plain or path.endswith("/"):
                raise InvalidInput(
                    f"not a file in a container: {path[:80]!r}", hint="--rows /data/rows.csv"
                )
        if not any(_is_below(rows, volume) for volume in volumes):
            raise InvalidInput(
                f"{rows} is in no volume",
                hint=f"--volume CLAIM:{rows.rpartition('/')[0] or '/data'}",
            )
        if not any(_is_below(predictions, volume) and not volume.read_only for volume in volumes):
            raise InvalidInput(
                f"{predictions} is in no volume that can be written to",
                cause="what a container writes elsewhere is gone with it",
                hint=f"--volume CLAIM:{predictions.rpartition('/')[0] or '/data'}",
            )
        return cls(rows, predictions, volumes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for, checked."""

    kind: Kind
    name: str
    namespace: str | None = None
    cluster: Cluster = field(default_factory=Cluster)
    # Whether the cluster mounts images although its version would not by itself.
    image_volumes: bool = False
    replicas: int = 1
    # The most replicas, where their number follows the load.
    most: int | None = None
    pull_secrets: tuple[str, ...] = ()
    # A secret with credentials for the puller: .dockerconfigjson, mounted 0400.
    credentials: str | None = None
    # Where the server listens in its container.
    port: int = 8080
    # Where this machine's people reach it, if it runs on one machine.
    published: int = PORT
    allow_pickle: bool = False
    # What each pod asks for, in Kubernetes' words; guessed where it is None.
    cpu: str | None = None
    memory: str | None = None
    # OS/ARCHITECTURE of the nodes that it is to run on.
    platform: str | None = None
    # Whether the puller speaks plain http with the model's registry.
    insecure: bool = False
    # The file with the authorities that this machine trusts besides its own, if any.
    ca_file: str | None = None
    # What runs it, where that is Podman on one machine.
    podman: Podman = field(default_factory=Podman)
    scoring: Scoring | None = None
    kserve: KServe = field(default_factory=KServe)
    # How the model gets to a server of KServe's; chosen by what the cluster can where it is None.
    kserve_storage: Storage | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.replicas <= _MOST_REPLICAS:
            raise InvalidInput(
                f"no deployment has {self.replicas} replicas",
                hint=f"--replicas 1 to {_MOST_REPLICAS}",
            )
        if not 1 <= self.published <= _LAST_PORT:
            raise InvalidInput(f"no port is {self.published}", hint=f"--port 1 to {_LAST_PORT}")
        if self.most is not None and not self.replicas < self.most <= _MOST_REPLICAS:
            raise InvalidInput(
                f"the most replicas cannot be {self.most}",
                cause=f"there are {self.replicas} at the least, which --replicas says",
                hint=f"--max-replicas {self.replicas + 1} or more, {_MOST_REPLICAS} at most",
            )

    @property
    def several(self) -> bool:
        """Whether there are, or may come to be, more servers than one."""
        return self.replicas > 1 or self.most is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version that documents are guessed from."""

    # Bytes of its files.
    size: int
    framework: str | None
    # OS/ARCHITECTURE of the serving image.
    platforms: tuple[str, ...] = ()
    # The same of the version itself: a node mounts the image that is for it.
    mountable: tuple[str, ...] = ()
    # The same of the image that is KServe's modelcar, where one is.
    modelcar: tuple[str, ...] = ()


def checked_name(text: str, what: str = "name") -> str:
    """A name that Kubernetes takes.

    Raises:
        InvalidInput: it takes no such name; says which it would.
    """
    if len(text) <= LONGEST and _NAME.fullmatch(text):
        return text
    raise InvalidInput(
        f"Kubernetes takes no {what} {text[:80]!r}",
        cause=f"small letters, digits and hyphens, a letter first, {LONGEST} at most",
        hint=f"--{what} {name_from(text)}",
    )


def checked_namespace(text: str) -> str:
    """A namespace that Kubernetes takes.

    Raises:
        InvalidInput: it takes no such namespace.
    """
    if len(text) <= LONGEST and _LABEL.fullmatch(text):
        return text
    raise InvalidInput(
        f"Kubernetes takes no namespace {text[:80]!r}",
        cause=f"small letters, digits and hyphens, {LONGEST} at most",
        hint=f"--namespace {name_from(text)}",
    )


def checked_object(text: str, what: str) -> str:
    """A name of something that is there already, as Kubernetes takes it: a secret, a claim.

    Raises:
        InvalidInput: nothing has such a name.
    """
    parts = text.split(".")
    if len(text) <= _LONGEST_OBJECT and all(_LABEL.fullmatch(part) for part in parts):
        return text
    raise InvalidInput(
        f"Kubernetes has no {what} {text[:80]!r}",
        cause=f"small letters, digits, hyphens and dots, {_LONGEST_OBJECT} at most",
    )


def checked_quantity(text: str, what: Literal["cpu", "memory"]) -> str:
    """An amount of processors or of memory, in Kubernetes' words.

    Raises:
        InvalidInput: it is none.
    """
    number = text.rstrip("kmKMGTi")
    unit = text[len(number) :]
    if _QUANTITY.fullmatch(number) and unit in _UNITS[what] and float(number) > 0:
        if what == "cpu" and Decimal(number) * (1 if unit else 1000) % 1:
            raise InvalidInput(
                f"no amount of cpu: {text[:40]!r}",
                cause="Kubernetes counts processors in thousandths, 1m at the least",
                hint="--cpu 500m, or 2",
            )
        return text
    example = "500m, or 2" if what == "cpu" else "512Mi, or 4Gi"
    raise InvalidInput(f"no amount of {what}: {text[:40]!r}", hint=f"--{what} {example}")


def _is_below(path: str, volume: Volume) -> bool:
    return path.startswith(f"{volume.path}/")


def _is_taken(path: str) -> bool:
    plain = f"{path.rstrip('/')}/"
    return any(plain.startswith(f"{taken}/") or f"{taken}/".startswith(plain) for taken in TAKEN)


def name_from(text: str, longest: int = LONGEST) -> str:
    """A name that Kubernetes takes, as near as it can be."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].rstrip("-")
    if not plain:
        return "model"[:longest]
    return plain if plain[0].isalpha() else f"m-{plain}"[:longest].rstrip("-")
