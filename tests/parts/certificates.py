"""A certificate authority of the tests' own, made by openssl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import parts
from parts.process import run


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates for loopback servers and for clients.

    ``ca_file`` is what a client must trust.
    """

    def __init__(self, folder: Path) -> None:
        parts.require("openssl")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._key = folder / "ca.key"
        run(
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=tests"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", self._key, "-out", self.ca_file),
        )

    def server(self) -> Identity:
        """A certificate for 127.0.0.1 and localhost."""
        return self._issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")

    def client(self, name: str = "client") -> Identity:
        """A certificate that a client shows."""
        return self._issue(name, "extendedKeyUsage=clientAuth")

    def _issue(self, name: str, extension: str) -> Identity:
        identity = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        if identity.cert.exists():
            return identity
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension + "\n")
        run(
            *("openssl", "req", "-new", "-nodes", "-subj", f"/CN={name}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", identity.key, "-out", request),
        )
        run(
            *("openssl", "x509", "-req", "-days", "2", "-in", request, "-extfile", extensions),
            *("-CA", self.ca_file, "-CAkey", self._key, "-CAcreateserial"),
            *("-out", identity.cert),
        )
        return identity
