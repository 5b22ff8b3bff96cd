"""Hashes asked of an index, by the pip of the interpreter, which knows where to ask and how."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from lading.capture.lock import parsing
from lading.capture.lock.locked import LockedFile, Package
from lading.errors import InvalidInput

_PATIENCE_SECONDS: Final = 300.0
_LARGEST_REPORT: Final = 256 * 1024 * 1024
_COMMAND: Final = (
    *("-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--no-input"),
    *("--disable-pip-version-check", "--quiet", "--report", "-"),
)


def resolved(
    packages: Iterable[Package], executable: str
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """The packages with the file and hash that pip would install of each, and what failed.

    Only those without a hash are asked for. Nothing is installed.
    """
    known = tuple(packages)
    wanted = [p for p in known if p.version and not p.origin and not p.is_hashed]
    if not wanted:
        return known, ()
    try:
        report = _asked(executable, [f"{p.name}=={p.version}" for p in wanted])
        found = {p.name: _offered(p, report) for p in wanted}
    except (OSError, subprocess.SubprocessError, ValueError, InvalidInput) as error:
        return known, (f"no hashes were found: {_said(error)}",)
    lacking = sorted(p.name for p in wanted if not found[p.name].is_hashed)
    notes = (f"no hash was found of {', '.join(lacking[:20])}",) if lacking else ()
    return tuple(found.get(p.name, p) if p in wanted else p for p in known), notes


def _asked(executable: str, pins: list[str]) -> Mapping[str, Any]:
    """What pip would install, by normalised name."""
    done = subprocess.run(
        [executable, *_COMMAND, *pins],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE_SECONDS,
        check=True,
    )
    if len(done.stdout) > _LARGEST_REPORT:
        raise ValueError("pip's report is too large")
    try:
        entries = json.loads(done.stdout)["install"]
        return {parsing.name(each["metadata"]["name"], "pip's report"): each for each in entries}
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("pip's report is not what it should be") from error


def _offered(package: Package, report: Mapping[str, Any]) -> Package:
    told = parsing.table(parsing.table(report.get(package.name)).get("download_info"))
    archive = parsing.table(told.get("archive_info"))
    hashes = parsing.hash_table(archive.get("hashes"))
    hashes = hashes or parsing.hash_list(str(archive.get("hash")).replace("=", ":", 1))
    address = parsing.url(told.get("url"))
    if not hashes or not address:
        return package
    if not address.startswith(("https:", "http:")):
        # A folder of wheels on this machine: the hash holds everywhere, the place does not.
        return replace(package, hashes=hashes)
    file = parsing.file_of(package.name, package.version, {"url": address}, hashes, "pip's report")
    return replace(package, files=(LockedFile(file.name, hashes, address),))


def _said(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in error.stderr.decode("utf-8", "replace").splitlines() if line]
        # pip's last line may be an advertisement of itself; what failed is marked.
        errors = [line for line in lines if line.startswith("ERROR: ")] or lines[-1:]
        return (errors[0] if errors else f"pip ended with {error.returncode}")[:200]
    if isinstance(error, subprocess.TimeoutExpired):
        return f"pip did not answer within {error.timeout:.0f} seconds"
    return str(error)[:200]
