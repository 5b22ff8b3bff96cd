"""A layer's archive read as it streams by: every name, and the content of the few that are wanted.

Nothing is unpacked: names lead nowhere, so links and devices need not be refused as they are where
files are written. Whoever made the layer may be anybody, so each length is bounded, and a header
that is none ends the reading with an error. ``tarfile`` is not used: it keeps every member, and
reads headers of any size into memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lading.errors import IntegrityError

BLOCK: Final = 512
MOST_MEMBERS: Final = 2_000_000
_MOST_EXTENSION: Final = 1024 * 1024
_LONGEST_NAME: Final = 4096
_ZEROS: Final = bytes(BLOCK)
_PIECE: Final = 256 * 1024
_RECORD: Final = re.compile(rb"([0-9]{1,8}) ")

# Gives exactly so many bytes, fewer only at the end of the stream.
Read = Callable[[int], bytes]
# How much of a file is wanted; None where none of it is.
Wanted = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in an archive, without slashes around it; content of a file that was wanted."""

    path: str
    is_folder: bool
    content: bytes | None = None
    # Where a link leads, as it is written.
    link: str | None = None


def entries(read: Read, wanted: Wanted) -> Iterator[Entry]:
    """Every name in a tar stream, in its order.

    Raises:
        IntegrityError: it is no archive, or it is cut off.
    """
    long: dict[str, str] = {}
    for _ in range(MOST_MEMBERS):
        header = read(BLOCK)
        if header in (_ZEROS, b""):
            return
        kind, size = _checked(header)
        if kind in b"LKxg":
            _extend(long, kind, _content(read, size, _MOST_EXTENSION))
            continue
        size = (
            _stated(long, "size", size) if kind in b"\x000789" else 0 if kind in b"123456" else size
        )
        path = _plain(long.get("path") or _name(header))
        link = (long.get("linkpath") or _text(header[157:257])) if kind in b"12" else None
        long = {}
        limit = wanted(path) if kind in b"\x0007" else None
        content = None
        if limit is None:
            _pass(read, size + -size % BLOCK)
        else:
            content = _head(read, size, limit)
        yield Entry(path, kind == b"5", content, link)
    raise IntegrityError("a layer is refused", cause=f"it has over {MOST_MEMBERS:,} members")


def _checked(header: bytes) -> tuple[bytes, int]:
    """The kind and the size that a header states."""
    if len(header) < BLOCK:
        raise IntegrityError("a layer is cut off", cause="it ends within a header")
    total = sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")
    try:
        stated = int(header[148:156].strip(b"\0 ") or b"0", 8)
    except ValueError:
        stated = -1
    if stated != total:
        raise IntegrityError("a layer is no archive", cause="a header's checksum is wrong")
    return header[156:157], _number(header[124:136])


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        # GNU writes large sizes so; negative ones are nobody's.
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        try:
            value = int(field.strip(b"\0 ") or b"0", 8)
        except ValueError:
            value = -1
    if not 0 <= value < 1 << 62:
        raise IntegrityError("a layer is no archive", cause="a size is no number")
    return value


def _stated(long: dict[str, str], name: str, otherwise: int) -> int:
    said = long.get(name)
    if said is None:
        return otherwise
    if not (said.isascii() and said.isdigit() and len(said) < 19):
        raise IntegrityError("a layer is no archive", cause="a size is no number")
    return int(said)


def _extend(long: dict[str, str], kind: bytes, raw: bytes) -> None:
    """Take what a header in front of another one says of it; what holds for all says no names."""
    if kind in b"LK":
        long["path" if kind == b"L" else "linkpath"] = _text(raw)
        return
    while kind == b"x" and raw and (match := _RECORD.match(raw)):
        length = int(match[1])
        if not match.end() < length <= len(raw):
            raise IntegrityError("a layer is no archive", cause="a record's length is wrong")
        key, equals, value = raw[match.end() : length - 1].partition(b"=")
        if equals and key in (b"path", b"linkpath", b"size"):
            long[key.decode()] = _text(value)
        raw = raw[length:]


def _name(header: bytes) -> str:
    prefix = (
        _text(header[345:500]) if header[257:262] == b"ustar" and header[262:263] != b" " else ""
    )
    return f"{prefix}/{_text(header[:100])}" if prefix else _text(header[:100])


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0][:_LONGEST_NAME].decode("utf-8", "replace")


def _plain(path: str) -> str:
    """A path from the root, however it is written; never above it."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _content(read: Read, size: int, limit: int) -> bytes:
    if size > limit:
        raise IntegrityError("a layer is refused", cause=f"a header of {size} bytes")
    return _head(read, size, size)


def _head(read: Read, size: int, limit: int) -> bytes:
    """The beginning of a file; what follows, and its padding, is passed over."""
    kept = min(size, limit)
    raw = read(kept)
    if len(raw) < kept:
        raise IntegrityError("a layer is cut off", cause="it ends within a file")
    _pass(read, size - kept + -size % BLOCK)
    return raw


def _pass(read: Read, left: int) -> None:
    while left:
        count = len(read(min(left, _PIECE)))
        if not count:
            raise IntegrityError("a layer is cut off", cause="it ends within a file")
        left -= count
