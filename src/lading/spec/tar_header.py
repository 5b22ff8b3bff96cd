"""What stands in one header of a tar stream: its sum, its name, its numbers, its PAX records."""

from __future__ import annotations

import re

from lading.errors import IntegrityError
from lading.spec.member_names import refused

_SIZE_LIMIT = 1 << 63
_RECORD = re.compile(rb"([0-9]{1,8}) ")


def check_sum(block: bytes) -> None:
    """Hold a header against the sum that is written in it.

    Raises:
        IntegrityError: it is another one: this is no header.
    """
    stored = number(block[148:156], block)
    field = block[148:156]
    if stored == sum(block) - sum(field) + 8 * 0x20:
        return
    # Old tars summed signed characters.
    signed = sum(byte - 256 if byte > 127 else byte for byte in block[:148] + block[156:])
    if stored != signed + 8 * 0x20:
        raise refused(short_name(block), "its header's checksum is wrong: this is no tar archive")


def short_name(block: bytes) -> bytes:
    """The name that a header itself has room for."""
    name = block[:100].partition(b"\0")[0]
    # GNU's magic is "ustar  ": there the same place holds times, not a prefix.
    if block[257:263] == b"ustar\0" and block[345]:
        return block[345:500].partition(b"\0")[0] + b"/" + name
    return name


def number(field: bytes, block: bytes) -> int:
    """A number in one of the fields of a header.

    Raises:
        IntegrityError: it is none, or is too large; names the member.
    """
    if field[0] & 0x80:
        # Base 256, GNU's way to write sizes above 8 GiB.
        value = int.from_bytes(field[1:], "big") if field[0] == 0x80 else _SIZE_LIMIT
        if value >= _SIZE_LIMIT:
            raise refused(short_name(block), "a number in its header is out of range")
        return value
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    try:
        if digits.isdigit():
            return int(digits, 8)
    except ValueError:
        pass
    raise refused(short_name(block), "a number in its header is malformed")


def decimal(text: bytes, name: bytes) -> int:
    """A size as a PAX record has it.

    Raises:
        IntegrityError: it is none, or is too large; names the member.
    """
    if not text.isdigit() or len(text) > 19 or int(text) >= _SIZE_LIMIT:
        raise refused(name, "its size is malformed")
    return int(text)


def pax_records(raw: bytes) -> dict[bytes, bytes]:
    """The records of a PAX header: ``<length> <key>=<value>\\n``, one after another.

    Raises:
        IntegrityError: they are written in another way, or say that the member is a sparse file.
    """
    records: dict[bytes, bytes] = {}
    position = 0
    # Some writers fill up with NULs.
    end = len(raw.rstrip(b"\0"))
    while position < end:
        match = _RECORD.match(raw, position)
        stop = position + int(match[1]) if match else 0
        if match is None or not match.end() < stop <= len(raw) or raw[stop - 1] != ord("\n"):
            raise IntegrityError("archive is refused", cause="an extended header is malformed")
        key, equals, value = raw[match.end() : stop - 1].partition(b"=")
        if not equals:
            raise IntegrityError("archive is refused", cause="an extended header is malformed")
        if key.startswith(b"GNU.sparse."):
            raise refused(records.get(b"path", b"?"), "it is a sparse file")
        records[key] = value
        position = stop
    return records
