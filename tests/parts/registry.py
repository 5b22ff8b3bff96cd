"""Debian's docker-registry (distribution 2.8), as real as it gets."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import parts
from parts.certificates import Authority
from parts.process import Daemon, answers, free_port, run
from parts.tokens import TokenServer

_ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3})')


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the registry's access log."""

    method: str
    path: str
    status: int


class DockerRegistry:
    """One registry on a loopback port, with its storage in a folder.

    ``users`` (name to password) switches on htpasswd, ``authority`` switches on TLS,
    ``client_certificates`` demands a client's certificate from that authority, and ``tokens``
    names the token server it trusts. ``relative`` makes it answer with relative locations.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        authority: Authority | None = None,
        client_certificates: bool = False,
        tokens: TokenServer | None = None,
        relative: bool = False,
    ) -> None:
        self.program = parts.found("docker-registry")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.root = folder / "storage"
        self.log = folder / "registry.log"
        self.users = dict(users or {})
        self.authority = authority
        self.client_certificates = client_certificates
        self.tokens = tokens
        self.relative = relative
        self.port = 0
        self._secret = secrets.token_hex(16)
        self._daemon: Daemon | None = None
        self._read = 0
        if self.users:
            self._write_passwords()

    @property
    def host(self) -> str:
        """What stands before the first slash of a reference."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """The host with its scheme, for clients that want a URL."""
        return f"{'https' if self.authority else 'http'}://{self.host}"

    @property
    def ca_file(self) -> Path:
        """What a client must trust to speak TLS with it."""
        assert self.authority is not None
        return self.authority.ca_file

    def start(self) -> Self:
        """Start it, or start it again on the port it had."""
        chosen = self.port
        for _ in range(10):
            self.port = chosen or free_port()
            self._config.write_text(json.dumps(self._configuration(), indent=1))
            self._daemon = Daemon([self.program, "serve", str(self._config)], self.log)
            if self._daemon.wait_for(lambda: answers(self.port)):
                return self
        raise RuntimeError(f"docker-registry does not start:\n{self._daemon_printed()}")

    def stop(self) -> None:
        """End it; storage stays."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    def kill(self) -> None:
        """End it at once, as a crash would; storage stays."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def garbage_collect(self, *, delete_untagged: bool) -> str:
        """Collect garbage with the registry's own command; what it printed.

        The registry keeps no descriptors in memory here, so that it may go on running.
        """
        flags = ["-m"] if delete_untagged else []
        return run(self.program, "garbage-collect", *flags, self._config).stdout

    def blob_file(self, digest: str) -> Path:
        """Where it stores a blob, for tests that damage or count them."""
        algorithm, _, digits = digest.partition(":")
        blobs = self.root / "docker/registry/v2/blobs"
        return blobs / algorithm / digits[:2] / digits / "data"

    def blobs(self) -> set[str]:
        """The digests of everything it stores, manifests included."""
        blobs = self.root / "docker/registry/v2/blobs"
        return {f"sha256:{path.parent.name}" for path in blobs.glob("sha256/*/*/data")}

    def requests(self) -> list[Access]:
        """What it was asked since it was started or :meth:`forget_requests` was called."""
        text = self.log.read_bytes()[self._read :].decode("utf-8", "replace")
        return [
            Access(match["method"], match["path"], int(match["status"]))
            for match in _ACCESS.finditer(text)
        ]

    def forget_requests(self) -> None:
        """Count requests from here on."""
        self._read = self.log.stat().st_size

    @property
    def _config(self) -> Path:
        return self.folder / "config.yml"

    def _daemon_printed(self) -> str:
        return self._daemon.printed() if self._daemon else ""

    def _write_passwords(self) -> None:
        file = self.folder / "htpasswd"
        file.write_text("")
        for name, password in self.users.items():
            # -B is bcrypt, the only one docker-registry takes; -C 4 is quick.
            run(parts.found("htpasswd"), "-B", "-C", "4", "-b", file, name, password)

    def _configuration(self) -> dict[str, Any]:
        """JSON is YAML, so that nothing needs a YAML library."""
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "warn", "formatter": "text"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.root)},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": {"addr": self.host, "secret": self._secret, "relativeurls": self.relative},
        }
        if self.authority is not None:
            config["http"]["tls"] = self._tls(self.authority)
        if self.users:
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(self.folder / "htpasswd")}}
        if self.tokens is not None:
            config["auth"] = {"token": self.tokens.registry_configuration()}
        return config

    def _tls(self, authority: Authority) -> dict[str, Any]:
        identity = authority.server()
        tls: dict[str, Any] = {"certificate": str(identity.cert), "key": str(identity.key)}
        return tls | ({"clientcas": [str(authority.ca_file)]} if self.client_certificates else {})
