"""Origins: who a URL speaks to. Credentials never cross from one to another."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.settings import Settings

_PORTS = {"http": 80, "https": 443}
# Docker Hub's registry has another host than its name, and its credentials a third.
_HUB = "docker.io"
_HUB_REGISTRY = "registry-1.docker.io"
_HUB_HOSTS = frozenset({_HUB, "index.docker.io", _HUB_REGISTRY})
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?", re.ASCII)
_IPV6 = re.compile(r"[0-9a-f:.]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; the host in lower case, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute http or https URL.

        Raises:
            InvalidInput: it is none, or hides a user name in front of the host.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidInput(f"not a URL: {_without_user(url)[:200]!r}") from error
        host = parts.hostname or ""
        known = _IPV6 if ":" in host else _NAME
        if parts.scheme not in _PORTS or "@" in parts.netloc or known.fullmatch(host) is None:
            raise InvalidInput(f"not an http or https URL of a host: {_without_user(url)[:200]!r}")
        return cls(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)

    @property
    def netloc(self) -> str:
        """``host`` or ``host:port``, as a URL has it; the default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def registry(self) -> str:
        """The name people know this registry by: what ``lading login`` takes."""
        return _HUB if self.host in _HUB_HOSTS else self.netloc

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        if self.host == "localhost":
            return True
        if ":" not in self.host and not self.host[-1].isdigit():
            return False  # a name, and no reason to import anything
        import ipaddress

        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def is_among(self, hosts: Collection[str]) -> bool:
        """Whether a list of ``host`` and ``host:port`` names this origin."""
        return self.host in hosts or self.netloc in hosts or f"{self.host}:{self.port}" in hosts

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def is_docker_hub(host: str) -> bool:
    """Whether a host is one of Docker Hub's names."""
    return host in _HUB_HOSTS


def origin_of(host: str, settings: Settings) -> Origin:
    """Where a registry is spoken to: TLS, but for loopback and hosts that were named insecure."""
    address = _HUB_REGISTRY if is_docker_hub(host) else host
    insecure = Origin.of(f"http://{address}")
    if insecure.is_among(settings.insecure):
        return insecure
    if insecure.is_loopback and not settings.ca_file and not settings.client_cert:
        return insecure
    return Origin.of(f"https://{address}")


def _without_user(url: str) -> str:
    """A URL that may be shown: what stands before an @ may be a password."""
    return re.sub(r"//[^/]*@", "//", url)
