"""The real parts that tests talk to, one module each. No tests, and nothing of Lading.

A missing part fails the test in CI (``CI=true`` or ``LADING_TESTS_STRICT=1``). Elsewhere the test
is skipped with the name of the Debian package that has it, and the end of the run counts what was
not tested: never silently.
"""

from __future__ import annotations

import os
import shutil

import pytest

# The program that a part needs, and the Debian package that brings it.
PACKAGES = {
    "busybox": "busybox-static",
    "curl": "curl",
    "docker-registry": "docker-registry",
    "dockerd": "docker.io",
    "fish": "fish",
    "htpasswd": "apache2-utils",
    "kubectl": "kubernetes-client",
    "openssl": "openssl",
    "podman": "podman",
    "runc": "runc",
    "skopeo": "skopeo",
    "strace": "strace",
    "tar": "tar",
    "zsh": "zsh",
}
MISSING = "missing part: "


# Read once: tests see an environment that was cleaned.
_STRICT = os.environ.get("CI", "").lower() in {"1", "true"} or bool(
    os.environ.get("LADING_TESTS_STRICT")
)


def strict() -> bool:
    """Whether a missing part is a failure."""
    return _STRICT


def require(*programs: str, root: bool = False) -> None:
    """Fail (in CI) or skip (elsewhere) the test unless these programs are here."""
    for program in programs:
        if find(program) is None:
            _miss(f"{program} (apt-get install {PACKAGES.get(program, program)})")
    if root and os.geteuid() != 0:
        _miss(f"root ({', '.join(programs)} cannot do this as another user)")


def find(program: str) -> str | None:
    """Where a program is; Debian's daemons live where a user's PATH may not look."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


def found(program: str) -> str:
    """Where a program is that must be there."""
    require(program)
    path = find(program)
    assert path is not None
    return path


def _miss(what: str) -> None:
    if strict():
        pytest.fail(f"{MISSING}{what}; tests/run installs it", pytrace=False)
    pytest.skip(f"{MISSING}{what}")
