"""Git LFS told from its pointers, without running it.

git hands files that LFS keeps to a filter, which is a program, so none runs here. But a pointer
says what the file must be: whether a file is the one that git's index points to can be computed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

FILTER: Final = "lfs"
_PIECE: Final = 1024 * 1024
_MOST_BYTES: Final = 512 * 1024 * 1024


class PointerCheck:
    """Looks whether files are what their pointers say, up to half a gigabyte of them in all."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._left = _MOST_BYTES

    def matches(self, path: str, blob: str) -> bool:
        """Whether git's blob of that name is the pointer to the file; False where unknown."""
        found = self._sha256(self._top / path)
        if found is None:
            return False
        digest, size = found
        pointer = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n"
        ).encode()
        return blob == _blob_name(pointer, len(blob))

    def _sha256(self, file: Path) -> tuple[str, int] | None:
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        with open(descriptor, "rb", buffering=0) as reader:  # noqa: PTH123  a descriptor
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > self._left:
                return None
            self._left -= found.st_size
            hasher, size = hashlib.sha256(), 0
            while size <= found.st_size and (piece := reader.read(_PIECE)):
                hasher.update(piece)
                size += len(piece)
        return hasher.hexdigest(), size


def _blob_name(content: bytes, length: int) -> str:
    """git's name for some content, in a repository with names of that length."""
    named = b"blob %d\0%b" % (len(content), content)
    if length == hashlib.sha256().digest_size * 2:
        return hashlib.sha256(named).hexdigest()
    return hashlib.sha1(named, usedforsecurity=False).hexdigest()
