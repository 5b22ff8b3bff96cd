"""Speak to a builder for the first time: who it is, or why it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from lading.errors import AccessDenied, LadingError, Unavailable
from lading.images.endpoint import Endpoint

Kind = Literal["docker", "podman"]

HINT: Final = (
    "start Docker, or: podman system service --time 0 & ; DOCKER_HOST names another one;"
    " lading image assemble needs none"
)
_PATIENCE_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Connection:
    """A builder that answered: the SDK's client, and who it is."""

    client: Any
    endpoint: Endpoint
    kind: Kind
    version: str


def connected(endpoint: Endpoint) -> Connection:
    """The builder at an address.

    Raises:
        Unavailable: nobody answers.
        AccessDenied: this user may not speak to it.
    """
    if endpoint.socket and not _is_there(endpoint.socket):
        raise Unavailable(
            f"no builder answers at {endpoint.url}", cause="there is no such socket", hint=HINT
        )
    import docker
    from docker.errors import DockerException

    try:
        client = docker.DockerClient(
            base_url=endpoint.url, version="auto", timeout=_PATIENCE_SECONDS, tls=_tls(endpoint)
        )
        said = client.version()
    # What requests raises is an OSError, whatever else it is.
    except (DockerException, OSError, ValueError) as error:
        raise _unreachable(endpoint, error) from error
    components = {str(each.get("Name", "")) for each in said.get("Components") or ()}
    kind: Kind = "podman" if any("Podman" in name for name in components) else "docker"
    return Connection(client, endpoint, kind, str(said.get("Version", "")))


def _is_there(socket: Path) -> bool:
    """Whether a socket's file is there, or hidden from this user."""
    try:
        return socket.exists()
    except PermissionError:
        return True


def _tls(endpoint: Endpoint) -> Any:
    if endpoint.certificates is None:
        return False
    from docker.tls import TLSConfig

    folder = endpoint.certificates
    return TLSConfig(
        client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
        ca_cert=str(folder / "ca.pem"),
        verify=True,
    )


def _unreachable(endpoint: Endpoint, error: BaseException) -> LadingError:
    """Nobody listens, or nobody who would speak to us; the reason lies deep in the chain."""
    reasons = list(_chain(error))
    if any(isinstance(each, PermissionError) for each in reasons) or "ermission denied" in str(
        error
    ):
        return AccessDenied(
            f"this user may not speak to {endpoint.url}",
            cause="permission denied",
            hint="join the group docker (usermod -aG docker USER), or use Podman without root:"
            " systemctl --user start podman.socket",
        )
    cause = str(reasons[-1])[:200]
    return Unavailable(f"no builder answers at {endpoint.url}", cause=cause, hint=HINT)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it is made of, as requests and urllib3 nest them."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [each.__cause__, each.__context__, *each.args]
        waiting += [one for one in inner if isinstance(one, BaseException)]
