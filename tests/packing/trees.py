"""Folders to pack: made from a mapping of paths, or by chance."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

from lading.packing.names import PULL_FOLDERS
from lading.ports import Content, FileSlice, Segmented

# Long enough for a later change to get another time.
TICK = 0.03


def make(folder: Path, files: Mapping[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    """A folder with these files and (empty) folders."""
    for name in folders:
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def settle() -> None:
    """Let files become older than the clock's tick, so that their digests are remembered."""
    time.sleep(TICK)


def found(folder: Path) -> tuple[dict[str, bytes], set[str]]:
    """The files of a folder with their content, and all its folders."""
    files, folders = {}, set()
    for place in folder.rglob("*"):
        path = place.relative_to(folder).as_posix()
        assert not place.is_symlink()
        if place.is_dir():
            folders.add(path)
        else:
            files[path] = place.read_bytes()
    return files, folders


def read(content: Content, offset: int = 0, *, step: int = 1000) -> bytes:
    """Everything from an offset on."""
    pieces = []
    buffer = memoryview(bytearray(step))
    with content.open(offset) as reader:
        while count := reader.readinto(buffer):
            pieces.append(bytes(buffer[:count]))
    return b"".join(pieces)


def read_segments(content: Segmented, offset: int = 0) -> bytes:
    """The same by segments, files read as the kernel would."""
    pieces = []
    for piece in content.segments(offset):
        if isinstance(piece, FileSlice):
            pieces.append(os.pread(piece.fileno, piece.length, piece.offset))
        else:
            pieces.append(piece)
    return b"".join(pieces)


# Names that are fit to be packed: any Unicode but what is refused, at most 255 bytes.
_NAMES = st.one_of(
    st.text(
        st.characters(
            blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\", max_codepoint=0x1F9FF
        ),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from(["n" * 92, "n" * 93, "n" * 94, "n" * 251, "ü" * 50, "ü" * 120, "模" * 80]),
).filter(
    lambda name: (
        name not in (".", "..")
        and not name.startswith(".wh.")
        and name.lower() not in PULL_FOLDERS
        and len(name.encode()) <= 255
        and len(name.encode()) > 0
    )
)
_CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([0, 1, 511, 512, 513, 1023, 1024, 1025, 65_535, 65_536, 300_000]).map(
        lambda size: bytes(index % 251 for index in range(size))
    ),
)


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Files and empty folders that can exist together."""
    leaf = st.one_of(_CONTENTS, st.just(None))
    names = st.dictionaries(_NAMES, st.recursive(leaf, _folder, max_leaves=8), max_size=5)
    files: dict[str, bytes] = {}
    folders: list[str] = []
    _flatten("", draw(names), files, folders)
    return files, tuple(folders)


def _folder(parts: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.dictionaries(_NAMES, parts, min_size=1, max_size=3)


def _flatten(
    prefix: str, parts: Mapping[str, object], files: dict[str, bytes], folders: list[str]
) -> None:
    for name, part in parts.items():
        if isinstance(part, bytes):
            files[prefix + name] = part
        elif isinstance(part, dict):
            _flatten(f"{prefix}{name}/", part, files, folders)
        else:
            folders.append(prefix + name)
