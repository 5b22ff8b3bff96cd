"""Where a builder listens: found as Docker's and Podman's own clients find it.

What was written wins: ``builder`` in the settings, ``DOCKER_HOST``, ``CONTAINER_HOST``, Docker's
context; then the usual sockets. Whether anybody answers there, ``engine`` finds out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.errors import InvalidInput, NotFound

_SCHEMES: Final = ("unix://", "tcp://", "http://", "https://", "npipe://", "ssh://")
_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and who says so."""

    url: str
    source: str
    # The folder with ca.pem, cert.pem and key.pem, where TLS is spoken.
    certificates: Path | None = None

    @property
    def socket(self) -> Path | None:
        """The socket's file, where it is one."""
        return Path(self.url.removeprefix("unix://")) if self.url.startswith("unix://") else None


def endpoints(environment: Mapping[str, str], builder: str | None = None) -> tuple[Endpoint, ...]:
    """The addresses to try, in order.

    One that was written is the only one: another builder than the one somebody chose is a surprise.

    Raises:
        InvalidInput: what was written is no address.
        NotFound: Docker's context is not there.
    """
    chosen = _chosen(environment, builder)
    if chosen is not None:
        if not chosen.url.startswith(_SCHEMES):
            raise InvalidInput(
                f"{chosen.source} is not an address: {chosen.url[:80]!r}",
                hint="unix:///run/podman/podman.sock, or tcp://HOST:PORT"
                + ("; or docker, podman, auto" if chosen.url == builder else ""),
            )
        return (chosen,)
    docker = [] if builder == "podman" else list(_docker_sockets(environment))
    podman = [] if builder == "docker" else list(_podman_sockets(environment))
    found = dict.fromkeys(map(str, [*docker, *podman]))
    return tuple(Endpoint(f"unix://{path}", "the usual socket") for path in found)


def _chosen(environment: Mapping[str, str], builder: str | None) -> Endpoint | None:
    if builder and builder not in ("auto", "docker", "podman"):
        return Endpoint(builder, "the setting builder")
    variables = {"docker": ("DOCKER_HOST",), "podman": ("CONTAINER_HOST",)}
    for name in variables.get(builder or "", ("DOCKER_HOST", "CONTAINER_HOST")):
        if url := environment.get(name):
            verified = environment.get("DOCKER_TLS_VERIFY")
            folder = environment.get("DOCKER_CERT_PATH") or str(_configuration(environment))
            return Endpoint(url, name, Path(folder) if verified else None)
    return None if builder == "podman" else _context(environment)


def _context(environment: Mapping[str, str]) -> Endpoint | None:
    """What ``docker context use`` chose; None where it is the default."""
    folder = _configuration(environment)
    name = environment.get("DOCKER_CONTEXT") or _read(folder / "config.json").get("currentContext")
    if not isinstance(name, str) or name in ("", "default"):
        return None
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _read(folder / "contexts" / "meta" / key / "meta.json")
    docker = meta.get("Endpoints", {}).get("docker") if meta else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(host, str):
        raise NotFound(
            f"there is no Docker context {name[:80]!r}",
            hint="docker context ls; docker context use default",
        )
    certificates = folder / "contexts" / "tls" / key / "docker"
    return Endpoint(host, f"the context {name}", certificates if certificates.is_dir() else None)


def _configuration(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("DOCKER_CONFIG") or _home(environment) / ".docker")


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or "/root")


def _docker_sockets(environment: Mapping[str, str]) -> Iterator[Path]:
    yield Path("/var/run/docker.sock")
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "docker.sock"
    yield _home(environment) / ".docker" / "run" / "docker.sock"


def _podman_sockets(environment: Mapping[str, str]) -> Iterator[Path]:
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "podman" / "podman.sock"
    yield Path("/run/podman/podman.sock")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
