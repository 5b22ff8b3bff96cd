"""Packages of Debian's next release, fetched and unpacked beside the tests, never installed."""

from __future__ import annotations

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import parts
from parts.process import run

_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_KUBECTL: Final = Path(__file__).parents[2] / ".tests/kubectl"


@cache
def kubectl() -> str:
    """A kubectl of these years: Debian's stable one is from 2020, and reads no patches."""
    _KUBECTL.parent.mkdir(exist_ok=True)
    with _KUBECTL.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _KUBECTL.exists():
            with tempfile.TemporaryDirectory(dir=_KUBECTL.parent) as made:
                folder = Path(made)
                for package in downloaded(folder, "kubectl"):
                    if package.name.startswith("kubectl_"):
                        run("dpkg-deb", "--extract", package, folder / "root")
                (folder / "root/usr/bin/kubectl").rename(_KUBECTL)
    return str(_KUBECTL)


def downloaded(folder: Path, *packages: str) -> list[Path]:
    """Packages, and all that they need; Debian's own signatures are checked.

    Where the archive cannot be reached, the test that needs them is counted as not done.
    """
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    source = f"deb [signed-by={_KEYRING}] {_archive()} sid main\n"
    (folder / "sources.list").write_text(source)
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "APT::Install-Recommends": "false",
        # Whoever fetches is no other user, who could not write here.
        "APT::Sandbox::User": "root",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for what in (("update",), ("install", "--yes", "--download-only", *packages)):
        command = ("apt-get", *words, *what)
        done = run(*command, check=False, environment=environment, timeout=600)
        if done.returncode:
            pytest.skip(
                f"{parts.MISSING}{packages[0]} of Debian's next release: {done.stderr[-300:]}"
            )
    return sorted((folder / "cache/archives").glob("*.deb"))


def _archive() -> str:
    """Where this machine gets Debian from."""
    found = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian").stdout
    if not found:
        pytest.skip(
            f"{parts.MISSING}packages of Debian's next release: this machine knows no archive"
        )
    return found.split()[0]
