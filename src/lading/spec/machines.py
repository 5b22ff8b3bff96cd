"""Processors: images call them otherwise than the kernel does."""

from __future__ import annotations

from typing import Final

# Windows and macOS have names of their own, which are those of images or near to them.
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64", "x64": "x86_64"}
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def machine_of(name: str) -> str:
    """A processor as Linux calls it, and Python's markers; in small letters."""
    return _MACHINES.get(name.lower(), name.lower())


def architecture_of(name: str) -> str:
    """A processor as images call it; in small letters."""
    machine = machine_of(name)
    return _ARCHITECTURES.get(machine, machine)
