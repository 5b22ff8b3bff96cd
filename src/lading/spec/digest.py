"""Digests: the names that content gives itself."""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

from lading.errors import InvalidInput

_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_DIGEST = re.compile(r"(sha256|sha512):([0-9a-f]+)", re.ASCII)


class Hasher(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take more content."""

    def hexdigest(self) -> str:
        """The digest so far, in hexadecimal."""


class Digest(str):
    """A checked digest such as ``sha256:2c26…``; a string everywhere a string is wanted."""

    __slots__ = ()

    def __new__(cls, text: str) -> Digest:
        """Parse a digest.

        Raises:
            InvalidInput: it is not ``sha256:`` with 64, or ``sha512:`` with 128 small hex digits.
        """
        if isinstance(text, Digest):
            return text
        match = _DIGEST.fullmatch(text)
        if match is None or len(match[2]) != _HEX_LENGTH[match[1]]:
            raise InvalidInput(
                f"not a digest: {text[:160]!r}",
                hint="a digest is sha256: followed by 64 hexadecimal digits in lower case",
            )
        return super().__new__(cls, text)

    @classmethod
    def of(cls, content: bytes | bytearray | memoryview) -> Digest:
        """The sha256 of some bytes."""
        return cls("sha256:" + hashlib.sha256(content).hexdigest())

    @classmethod
    def finish(cls, hasher: Hasher) -> Digest:
        """The digest of all that a sha256 hasher has taken."""
        return cls("sha256:" + hasher.hexdigest())

    @property
    def algorithm(self) -> str:
        """``sha256`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """What follows the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits, for people and for keep tags."""
        return self.hex[:12]

    def hasher(self) -> Hasher:
        """A fresh hasher of this digest's algorithm."""
        return hashlib.new(self.algorithm)
