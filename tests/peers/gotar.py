"""Tar archives byte for byte as Go's archive/tar writes them, which modctl and kit use.

USTAR where a header fits, PAX where it does not (names that are long or not ASCII), two zero
blocks at the end and no more, folders that may come without a slash at their end.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

_BLOCK = 512
# What a machine's own clock and users leave in FileInfoHeader's result.
_MTIME = 1_731_234_567


def archive(members: Mapping[str, bytes | None]) -> bytes:
    """An archive of these members, in this order; None is a folder."""
    pieces = [_member(name, content) for name, content in members.items()]
    return b"".join(pieces) + bytes(2 * _BLOCK)


def compressed(raw: bytes) -> bytes:
    """What Go's gzip makes of it: no name, no time."""
    return gzip.compress(raw, mtime=0)


def _member(name: str, content: bytes | None) -> bytes:
    body = content or b""
    kind = b"5" if content is None else b"0"
    split = _split(name)
    if split is not None:
        return _header(*split, kind, len(body)) + _padded(body)
    records = _record("path", name)
    folder, _, base = name.rpartition("/")
    place = f"{folder}/PaxHeaders.0/{base}".lstrip("/")
    extended = _header("", _cut(place), b"x", len(records)) + _padded(records)
    return extended + _header("", _cut(name), kind, len(body)) + _padded(body)


def _split(name: str) -> tuple[str, str] | None:
    """The prefix and the name that USTAR has room for; None where it has not."""
    if not name.isascii():
        return None
    if len(name) <= 100:
        return "", name
    prefix, slash, rest = name[:156].rpartition("/")
    whole = name[len(prefix) + 1 :]
    return (prefix, whole) if slash and rest and len(whole) <= 100 else None


def _cut(name: str) -> str:
    """What Go leaves of a name beside a PAX record: ASCII, cut off."""
    return name.encode("ascii", "ignore").decode()[:100]


def _record(key: str, value: str) -> bytes:
    """``<length> <key>=<value>``, whose length counts itself."""
    body = f" {key}={value}\n".encode()
    size = len(body)
    while size != len(str(size)) + len(body):
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def _header(prefix: str, name: str, kind: bytes, size: int) -> bytes:
    extended = kind == b"x"
    block = bytearray(_BLOCK)

    def put(offset: int, raw: bytes) -> None:
        block[offset : offset + len(raw)] = raw

    put(0, name.encode())
    mode = 0 if extended else 0o755 if kind == b"5" else 0o600
    put(100, b"%07o\0" % mode)
    put(108, b"%07o\0" % (0 if extended else 1000))
    put(116, b"%07o\0" % (0 if extended else 1000))
    put(124, b"%011o\0" % size)
    put(136, b"%011o\0" % (0 if extended else _MTIME))
    put(156, kind)
    put(257, b"ustar\x0000")
    if not extended:
        put(265, b"ada")
        put(297, b"users")
        put(329, b"0000000\0")
        put(337, b"0000000\0")
    put(345, prefix.encode())
    put(148, b"        ")
    put(148, b"%06o\0 " % sum(block))
    return bytes(block)


def _padded(body: bytes) -> bytes:
    return body + bytes(-len(body) % _BLOCK)
