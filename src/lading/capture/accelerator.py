"""What computes beside the processor, found without any framework."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lading.spec.environment import Accelerator

_PATIENCE_SECONDS: Final = 2.0
_LARGEST: Final = 64 * 1024
_QUERY: Final = ("--query-gpu=name,driver_version", "--format=csv,noheader")
_DRIVER: Final = re.compile(r"Kernel Module\s+(?:for \S+\s+)?([0-9][0-9.]*)")
_CUDA: Final = re.compile(r"nvidia-cuda-runtime(-cu[0-9]+)?")
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def accelerator(
    versions: Mapping[str, str], markers: Mapping[str, str], root: Path = Path("/")
) -> Accelerator | None:
    """The accelerators of this machine; ``versions`` are those of installed distributions."""
    from lading.spec.environment import Accelerator

    driver = _driver(root)
    names = _nvidia_names()
    if driver or names:
        return Accelerator(
            kind="cuda",
            name=names[0][0] if names else None,
            count=len(names) or None,
            driver=driver or names[0][1],
            runtime=_cuda_runtime(versions, root),
        )
    rocm = _VERSION.match(_text(root / "opt/rocm/.info/version"))
    if rocm:
        return Accelerator(kind="rocm", runtime=rocm[0])
    if markers.get("sys_platform") == "darwin" and markers.get("platform_machine") == "arm64":
        return Accelerator(kind="mps")
    return None


def _driver(root: Path) -> str | None:
    found = _DRIVER.search(_text(root / "proc/driver/nvidia/version"))
    return found[1] if found else None


def _nvidia_names() -> list[tuple[str, str | None]]:
    """Name and driver of each card, as far as the vendor's own program tells in time."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, *_QUERY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # a driver that is not loaded, or hangs
        return []
    lines = done.stdout[:_LARGEST].decode("utf-8", "replace").splitlines()
    rows = [line.rpartition(",") for line in lines if line.strip()]
    return [((name or last).strip()[:200], last.strip()[:50] or None) for name, _, last in rows]


def _cuda_runtime(versions: Mapping[str, str], root: Path) -> str | None:
    """CUDA as the frameworks have it in packages of their own, else as the machine has it."""
    for name in sorted(versions, reverse=True):
        if _CUDA.fullmatch(name):
            return _short(versions[name])
    try:
        told = json.loads(_text(root / "usr/local/cuda/version.json") or "null")
        return _short(str(told["cuda"]["version"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _short(version: str) -> str | None:
    found = _VERSION.match(version)
    return ".".join(found[0].split(".")[:2]) if found else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:  # most machines have no such file
        return ""
