"""Scans files: what would run if they were loaded, with where and why.

What a file is, its bytes decide, so a pickle in ``notes.txt`` is found and gigabytes of weights
cost the few bytes that show what they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from lading.errors import LocalFailure
from lading.hazards.content import Place, look
from lading.hazards.findings import Search, worst
from lading.hazards.scanners import scanner
from lading.spec.facts import Finding, Hazards

OnFile = Callable[[str], None]


def scan_files(
    files: Mapping[str, Path],
    *,
    on_progress: OnFile | None = None,
    on_unread: OnFile | None = None,
) -> Hazards:
    """What is hazardous in the files of a model, by their names in it.

    ``on_unread`` is told of those that are of no format that is looked into: plain weights and
    texts, of which no more than the beginning was read.

    Raises:
        LocalFailure: a file cannot be read. A verdict about the others would be half a verdict.
    """
    findings: list[Finding] = []
    for name, path in files.items():
        if on_progress is not None:
            on_progress(name)
        findings += scan_file(path, name, on_unread=on_unread)
    return Hazards(
        verdict=worst(findings),
        scanner=scanner(),
        files=len(files),
        findings=tuple(findings),
    )


def scan_file(path: Path, location: str, *, on_unread: OnFile | None = None) -> tuple[Finding, ...]:
    """What is hazardous in one file; ``location`` is what findings call it.

    Raises:
        LocalFailure: the file cannot be read.
    """
    search = Search()

    def opened() -> BinaryIO:
        return path.open("rb", buffering=8192)

    try:
        look(opened, Place(location), search)
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror or str(error)) from error
    if on_unread is not None and not search.was_read:
        on_unread(location)
    return tuple(search.findings.values())


def scan_folder(root: Path, *, on_unread: OnFile | None = None) -> Hazards:
    """What was found in every file below a folder.

    Raises:
        LocalFailure: a folder cannot be read.
    """
    return scan_files(_files(root), on_unread=on_unread)


def _files(root: Path) -> dict[str, Path]:
    """Every file below a folder. Links are followed, as loading follows them, each folder once."""
    found: dict[str, Path] = {}
    seen: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(root, onerror=_unreadable, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                found[path.relative_to(root).as_posix()] = path
    return found


def _unreadable(error: OSError) -> None:
    raise LocalFailure(f"cannot read {error.filename}", cause=error.strerror) from error
