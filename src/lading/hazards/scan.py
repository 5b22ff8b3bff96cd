"""Scans files: what would run if they were loaded, with where and why.

What a file is, its bytes decide, so a pickle in ``notes.txt`` is found and gigabytes of weights
cost the few bytes that show what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from lading.errors import LocalFailure
from lading.hazards.content import Place, look
from lading.hazards.findings import Search, worst
from lading.hazards.scanners import scanner
from lading.spec.facts import Finding, Hazards

OnFile = Callable[[str], None]


def scan_files(files: Mapping[str, Path], *, on_progress: OnFile | None = None) -> Hazards:
    """What is hazardous in the files of a model, by their names in it.

    Raises:
        LocalFailure: a file cannot be read. A verdict about the others would be half a verdict.
    """
    findings: list[Finding] = []
    for name, path in files.items():
        if on_progress is not None:
            on_progress(name)
        findings += scan_file(path, name)
    return Hazards(
        verdict=worst(findings),
        scanner=scanner(),
        files=len(files),
        findings=tuple(findings),
    )


def scan_file(path: Path, location: str) -> tuple[Finding, ...]:
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
    return tuple(search.findings.values())
