"""Say what would run when a model is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, NotFound
from lading.operations import stores

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.facts import Hazards
    from lading.transfer import OnProgress


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """Something that may do harm when it is loaded; what lies in an archive follows after !."""

    path: str
    what: str
    severity: str
    why: str | None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found; ``clean`` says that nothing was, not that nothing is there."""

    target: str
    digest: str | None
    verdict: str
    findings: tuple[ScanFinding, ...]
    files: int
    scanner: str | None
    # Of how many files only the beginning was read: they are of no format that is looked into.
    # None where this is not known: a record does not say it.
    unread: int | None = None


def scan(
    target: str | Path,
    *,
    recorded: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> ScanResult:
    """Read a model for what would run if it were loaded; nothing of it is loaded or run.

    Whatever exists under that path is a path (``./x`` is always one), anything else a reference,
    which is pulled into the cache and scanned there, by its digest. With ``recorded`` only what
    the version's document says of an earlier scan is read.

    Raises:
        InvalidInput: a path has no record to read, or the reference is no model.
        NotFound: there is no such version, or no scan is recorded in it.
        LocalFailure: a file cannot be read.
    """
    settings = stores.settled(settings)
    if isinstance(target, Path) or _is_path(target):
        if recorded:
            raise InvalidInput(
                f"{target} is a path", cause="only a version records what a scan found"
            )
        return _answer(str(target), None, *_scanned(Path(target)))
    if recorded:
        return _recorded(target, settings)
    from lading.operations.pull import pull

    pulled = pull(target, settings=settings, on_progress=on_progress)
    return _answer(pulled.reference, pulled.digest, *_scanned(Path(pulled.path)))


def _is_path(target: str) -> bool:
    if target.startswith(("./", "../", "/", "~/")):
        return True
    try:
        return Path(target).exists()
    except OSError:  # longer than paths are
        return False


def _scanned(root: Path) -> tuple[Hazards, int]:
    """What was found, and of how many files only the beginning was read."""
    from lading.hazards.scan import scan_files, scan_folder

    root = root.expanduser()
    unread: list[str] = []
    if root.is_file():
        return scan_files({root.name: root}, on_unread=unread.append), len(unread)
    if not root.is_dir():
        raise NotFound(f"there is no {root}", hint="a reference is written HOST/NAME:TAG")
    return scan_folder(root, on_unread=unread.append), len(unread)


def _recorded(reference: str, settings: Settings) -> ScanResult:
    from pydantic import ValidationError

    from lading.operations.inspect import inspect
    from lading.spec.facts import Hazards

    version = inspect(reference, settings=settings)
    record = version.document.get("hazards")
    if record is None:
        raise NotFound(
            f"no scan is recorded in {version.reference}",
            hint=f"lading scan {version.reference} scans it now",
        )
    try:
        hazards = Hazards.model_validate_json(json.dumps(record))
    except ValidationError as error:
        raise InvalidInput(
            f"the scan recorded in {version.reference} cannot be read",
            hint=f"lading scan {version.reference} scans it now",
        ) from error
    return _answer(version.reference, version.digest, hazards)


def _answer(
    target: str, digest: str | None, hazards: Hazards, unread: int | None = None
) -> ScanResult:
    findings = tuple(
        ScanFinding(found.path, found.what, found.severity, found.why) for found in hazards.findings
    )
    return ScanResult(
        target, digest, hazards.verdict, findings, hazards.files, hazards.scanner, unread
    )
