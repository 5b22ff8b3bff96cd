"""The entries of zip and tar archives, each as a stretch that can be looked into.

Readers of archives disagree: Python believes the list at the end and checks names and checksums,
PyTorch does not check, others read from the front. What they disagree about is reported, and
entries are read as the most careless of them would.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from lading.hazards.findings import SUSPICIOUS, Exhausted, Search
from lading.hazards.unpacking import BZIP2, RAW_DEFLATE, Maker, unpacked
from lading.hazards.windows import Capped, stretch

_ZIP_LIST_LIMIT: Final = 3 * 1024 * 1024
_TAR_HEADER_LIMIT: Final = 1024 * 1024
_LOCAL: Final = struct.Struct("<4s2B4HL2L2H")
_ENCRYPTED: Final = 0x1
_SIZES_LATER: Final = 0x8
_STORED: Final = 0
_METHODS: Final[dict[int, Maker]] = {8: RAW_DEFLATE, 12: BZIP2}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive."""

    name: str
    whole: BinaryIO
    start: int
    size: int
    maker: Maker | None = None

    def open(self, search: Search) -> BinaryIO:
        """Its bytes from the beginning: anywhere if it is stored, forwards if it is packed."""
        raw = stretch(self.whole, self.start, self.size)
        return unpacked(raw, self.maker, search, several=False) if self.maker else raw


def is_tar(head: bytes) -> bool:
    """Whether the first block is the header of a tar entry, by its checksum."""
    if len(head) < 512 or not any(head[:512]):
        return False
    try:
        stated = int(head[148:156].strip(b" \x00") or b"x", 8)
    except ValueError:
        return False
    return stated == 8 * 0x20 + sum(head[:148]) + sum(head[156:512])


def is_zip(file: BinaryIO) -> bool:
    """Whether there is the end of a zip archive at the end of the file, wherever it begins."""
    try:
        return zipfile.is_zipfile(cast("io.BufferedReader", file))
    except (OSError, ValueError):
        return False


def zip_entries(file: BinaryIO, where: str, search: Search) -> Iterator[Entry]:
    """The entries of a zip archive; what is odd about it is reported.

    Raises:
        Exhausted: there are more than can be followed.
    """
    try:
        capped = cast("io.BufferedReader", Capped(file, _ZIP_LIST_LIMIT))
        archive = zipfile.ZipFile(capped)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError) as error:
        search.add(where, "a damaged archive", SUSPICIOUS, f"zip: {error}")
        return
    seen: set[str] = set()
    for entry in archive.infolist():
        search.entry()
        if entry.filename in seen:
            search.add(where, "an entry twice", SUSPICIOUS, f"{entry.filename!r} is there twice")
        seen.add(entry.filename)
        if found := _zip_entry(file, entry, where, search):
            yield found


def _zip_entry(file: BinaryIO, entry: zipfile.ZipInfo, where: str, search: Search) -> Entry | None:
    """One entry as its own header and the list describe it."""
    inside = f"{where}!{entry.filename}"
    file.seek(entry.header_offset)
    raw = file.read(_LOCAL.size)
    if len(raw) < _LOCAL.size or raw[:4] != b"PK\x03\x04":
        search.add(inside, "a damaged entry", SUSPICIOUS, "its header is not where the list says")
        return None
    local = _LOCAL.unpack(raw)
    name = file.read(local[10])
    for odd in _disagreements(entry, local, name):
        search.add(inside, "a header that disagrees", SUSPICIOUS, odd)
    if (entry.flag_bits | local[3]) & _ENCRYPTED:
        search.add(inside, "an encrypted entry", SUSPICIOUS, "nobody can look into it")
    if entry.is_dir() and not entry.compress_size:
        return None
    maker = _METHODS.get(entry.compress_type)
    if maker is None and entry.compress_type != _STORED:
        why = f"method {entry.compress_type} cannot be looked into"
        search.add(inside, "a packed entry", SUSPICIOUS, why)
        return None
    start = entry.header_offset + _LOCAL.size + local[10] + local[11]
    return Entry(entry.filename, file, start, entry.compress_size, maker)


def _disagreements(entry: zipfile.ZipInfo, local: tuple[int, ...], name: bytes) -> Iterator[str]:
    """Where an entry's own header says otherwise than the list at the end."""
    flags, method, packed, plain = local[3], local[4], local[8], local[9]
    encoding = "utf-8" if flags & 0x800 else "cp437"
    if name.decode(encoding, "replace") != entry.orig_filename:
        yield f"its own header calls it {name[:100]!r}"
    if method != entry.compress_type:
        yield f"packed by method {method} or {entry.compress_type}"
    wide = 0xFFFFFFFF in (packed, plain)
    if flags & _SIZES_LATER or wide:
        return
    if (packed, plain) != (entry.compress_size, entry.file_size):
        yield f"{packed} or {entry.compress_size} bytes long"


def tar_entries(file: BinaryIO, where: str, search: Search) -> Iterator[Entry]:
    """The regular files of a tar archive.

    Raises:
        Exhausted: there are more than can be followed.
    """
    import tarfile

    file.seek(0)
    capped = cast("io.BufferedReader", Capped(file, _TAR_HEADER_LIMIT))
    try:
        with tarfile.open(fileobj=capped, mode="r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # or every header would stay in memory
                search.entry()
                if not member.isreg():
                    continue
                if member.issparse():
                    why = "it has holes that other readers fill otherwise"
                    search.add(f"{where}!{member.name}", "a sparse entry", SUSPICIOUS, why)
                yield Entry(member.name, file, member.offset_data, max(0, member.size))
    except Exhausted:
        raise
    except (tarfile.TarError, ValueError, OSError, OverflowError, EOFError) as error:
        search.add(where, "a damaged archive", SUSPICIOUS, f"tar: {error}")
