"""What is wanted of documents: which kind, under which name, how many, on which cluster. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from lading.deploy.cluster import Cluster
from lading.errors import InvalidInput

Kind = Literal["deployment", "init", "kserve", "job", "pod", "compose", "podman"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

_LONGEST: Final = 63
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
# A service's name begins with a letter; one name serves for everything.
_NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


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
    port: int = 8080
    allow_pickle: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version that documents are guessed from."""

    # Bytes of its files.
    size: int
    framework: str | None
    # OS/ARCHITECTURE of the serving image.
    platforms: tuple[str, ...] = ()


def checked_name(text: str, what: str = "name") -> str:
    """A name that Kubernetes takes.

    Raises:
        InvalidInput: it takes no such name; says which it would.
    """
    if len(text) <= _LONGEST and _NAME.fullmatch(text):
        return text
    raise InvalidInput(
        f"Kubernetes takes no {what} {text[:80]!r}",
        cause=f"small letters, digits and hyphens, a letter first, {_LONGEST} at most",
        hint=f"--{what} {name_from(text)}",
    )


def checked_namespace(text: str) -> str:
    """A namespace that Kubernetes takes.

    Raises:
        InvalidInput: it takes no such namespace.
    """
    if len(text) <= _LONGEST and _LABEL.fullmatch(text):
        return text
    raise InvalidInput(
        f"Kubernetes takes no namespace {text[:80]!r}",
        cause=f"small letters, digits and hyphens, {_LONGEST} at most",
    )


def name_from(text: str) -> str:
    """A name that Kubernetes takes, as near as it can be."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].rstrip("-")
    if not plain:
        return "model"
    return plain if plain[0].isalpha() else f"m-{plain}"[:_LONGEST].rstrip("-")
