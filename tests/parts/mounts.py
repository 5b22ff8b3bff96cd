"""What container engines leave mounted, and what this machine can mount."""

from __future__ import annotations

import subprocess
from pathlib import Path


def can_overlay(folder: Path) -> bool:
    """Whether overlay file systems can be mounted in a folder."""
    names = {name: folder / f"overlay-{name}" for name in ("lower", "upper", "work", "merged")}
    for path in names.values():
        path.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={names['lower']},upperdir={names['upper']},workdir={names['work']}"
    mounted = _quiet("mount", "-t", "overlay", "overlay", "-o", options, str(names["merged"]))
    if mounted:
        _quiet("umount", str(names["merged"]))
    return mounted


def unmount_under(folder: Path) -> None:
    """Unmount everything in a folder, deepest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted(points, key=len, reverse=True):
        if Path(point).is_relative_to(folder):
            _quiet("umount", "--lazy", point)


def _quiet(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
