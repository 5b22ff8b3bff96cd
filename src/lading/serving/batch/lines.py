"""Lines of a file: bounded, decoded, counted. A line without an end is refused, not kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from lading.errors import InvalidInput, LocalFailure
from lading.serving.batch.formats import LONGEST_MAGIC, demand_text

# An image of a thousand by a thousand pixels as text has less.
LONGEST: Final = 32 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Lines:
    """The lines of a file with their ends, and how many bytes were read."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        self._file = file
        self._source = source
        self.position = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._read()
        if not raw:
            raise StopIteration
        self.number += 1
        self.position += len(raw)
        if len(raw) > LONGEST:
            raise InvalidInput(
                f"line {self.number} of {self._source} is longer than {LONGEST >> 20} MiB",
                hint="lines end with a line feed",
            )
        if self.number == 1:
            demand_text(raw[:LONGEST_MAGIC], self._source)
            raw = raw.removeprefix(_BOM)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"line {self.number} of {self._source} is not UTF-8",
                cause=f"at byte {error.start} of the line",
                hint="iconv -f LATIN1 -t UTF-8, or as it was written",
            ) from error

    def _read(self) -> bytes:
        try:
            return self._file.readline(LONGEST + 1)
        except OSError as error:
            raise LocalFailure(f"cannot read {self._source}", cause=error.strerror) from error
