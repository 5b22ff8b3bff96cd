"""Pickles made by hand. Nothing here is ever loaded but in a sandbox of a process of its own."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

from lading.hazards.findings import worst
from lading.hazards.scan import scan_file
from lading.spec.facts import Finding

Json = object

# The smallest malicious pickle of protocol 0.
EVIL = b"cposix\nsystem\n(S'true'\ntR."


def call(module: str, name: str, *arguments: str) -> bytes:
    """A pickle of protocol 4 that calls a function with texts."""
    return b"\x80\x04" + imported(module, name) + given(*arguments) + b"R."


def imported(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def given(*arguments: str) -> bytes:
    return b"(" + b"".join(text(argument) for argument in arguments) + b"t"


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w:") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def scanned(folder: Path, content: bytes, name: str = "model.pkl") -> tuple[Finding, ...]:
    path = folder / name
    path.write_bytes(content)
    return scan_file(path, name)


def verdict(folder: Path, content: bytes, name: str = "model.pkl") -> str:
    return worst(scanned(folder, content, name))
