"""Files of documents as text: read within bounds, and named where they are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lading.errors import InvalidInput, LadingError, LocalFailure

_LARGEST: Final = 1024 * 1024
# What next, where documents are not as they were written.
ANEW: Final = "git log -p says who changed it; lading deploy REF -o DIR writes the documents anew"


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        InvalidInput: it is no regular file of a usual size, or no text.
    """
    try:
        if path.is_symlink() or not path.is_file():
            there = path.is_symlink() or path.exists()
            what = "is no regular file" if there else "is not there"
            raise InvalidInput(f"{path} {what}", hint=ANEW)
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(
                f"{path} is larger than documents are", cause=f"over {_LARGEST} bytes", hint=ANEW
            )
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no text", cause=error.reason, hint=ANEW) from error
    except OSError as error:
        raise LocalFailure(
            f"cannot read {path}", cause=error.strerror, hint="mend the rights of the folder"
        ) from error


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say of an error which file it is about."""
    try:
        yield
    except LadingError as error:
        if error.what.startswith(str(path)):
            raise
        raise type(error)(
            f"{path}: {error.what}", cause=error.cause, hint=error.hint or ANEW
        ) from error
