"""skopeo, with no configuration but the tests' own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import parts
from parts.process import run


class Skopeo:
    """Runs skopeo. Registries are spoken to by plain http, or by TLS that is not checked."""

    def __init__(self, folder: Path) -> None:
        self.program = parts.found("skopeo")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.auth_file = folder / "auth.json"
        self.auth_file.write_text("{}")

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        environment["REGISTRY_AUTH_FILE"] = str(self.auth_file)
        command = (self.program, "--insecure-policy", "--tmpdir", str(self.folder), *arguments)
        return run(*command, check=check, environment=environment)

    def copy(
        self, source: str, destination: str, *flags: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Copy one image or index; ``flags`` such as ``--all``, ``--preserve-digests``."""
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        return self.run("copy", *plain, *flags, source, destination, check=check)

    def inspect(self, reference: str) -> dict[str, Any]:
        """The raw manifest or index behind a reference."""
        arguments = ("inspect", "--raw", "--tls-verify=false", reference)
        value: dict[str, Any] = json.loads(self.run(*arguments).stdout)
        return value
