"""Which names in an archive may become paths anywhere. Pure: no file is touched.

Names that a person packs are judged in :mod:`lading.packing.scan`; these are the ones that
arrive in an archive's headers and in a layer's annotations.
"""

from __future__ import annotations

import re

from lading.errors import IntegrityError

# Linux's PATH_MAX and NAME_MAX: nothing longer could be opened by its name.
_LONGEST_PATH = 4096
_LONGEST_COMPONENT = 255
# No model lies deeper; each level costs an open folder where trees are removed.
_DEEPEST = 100

# No control characters (C0, DEL, C1), no backslash (a separator elsewhere), no `.` or `..`.
_COMPONENT = r"(?!\.{1,2}(?:/|\Z))[^\x00-\x1f\x7f-\x9f\\/]+"
_SAFE = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


def safe_path(raw: bytes) -> str:
    """A relative path that stays inside whatever folder it is put in.

    Raises:
        IntegrityError: the name is not UTF-8, absolute, too long, or has components that are
            empty or lead elsewhere, control characters or backslashes.
    """
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        raise refused(raw, "its name is not UTF-8") from None
    if _SAFE.fullmatch(path) is None:
        raise refused(raw, _reason(path))
    if len(raw) > _DEEPEST:
        _check_lengths(raw)
    return path


def safe_title(text: str) -> str:
    """The same for a name that came as text, in an annotation.

    Raises:
        IntegrityError: as for :func:`safe_path`.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise refused(text, "its name is not UTF-8") from None
    return safe_path(raw)


def refused(name: bytes | str, reason: str) -> IntegrityError:
    """The refusal of one member, its name made fit to be printed."""
    shown = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    return IntegrityError(f"archive member {shown[:200]!r} is refused", cause=reason)


def _reason(path: str) -> str:
    if not path:
        return "it has no name"
    if path.startswith("/"):
        return "its name is absolute"
    if "\\" in path:
        return "its name contains a backslash"
    parts = path.split("/")
    if ".." in parts:
        return "its name contains .."
    if "" in parts or "." in parts:
        return "its name has an empty component"
    return "its name contains control characters"


def _check_lengths(raw: bytes) -> None:
    if len(raw) > _LONGEST_PATH or max(map(len, raw.split(b"/"))) > _LONGEST_COMPONENT:
        raise refused(raw, "its name is too long")
    if raw.count(b"/") >= _DEEPEST:
        raise refused(raw, f"it lies more than {_DEEPEST} folders deep")
