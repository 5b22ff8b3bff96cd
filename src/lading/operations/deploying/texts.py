"""Files of documents as text: read within bounds, and named where they are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lading.errors import InvalidInput, LadingError, LocalFailure

_LARGEST: Final = 1024 * 1024


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        InvalidInput: it is no regular file of a usual size, or no text.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise InvalidInput(f"{path} is no regular file")
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"{path} is larger than documents are")
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no text") from error
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say of an error which file it is about."""
    try:
        yield
    except LadingError as error:
        if error.what.startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error.what}", cause=error.cause, hint=error.hint) from error
