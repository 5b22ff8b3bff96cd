"""Small things by digest, and what references meant. Reading and writing them never fails a pull:
what is damaged or cannot be kept is fetched again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from lading.cache.entry import Remembered
from lading.cache.folders import made, opened
from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.packing.unpack.disk import entry, read_whole, write_whole
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import parse

_LIMIT = 64 * 1024 * 1024
_NAME_LIMIT = 1024 * 1024
# The year 9999: no clock shows more.
_LATEST = 253_402_300_800


class Blobs:
    """The folders ``blobs`` and ``names``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(self, descriptor: Descriptor, raw: bytes) -> None:
        """Keep some bytes.

        Raises:
            IntegrityError: they are not what the descriptor says.
        """
        actual = digest_of(raw, descriptor.digest.algorithm)
        if actual != descriptor.digest:
            raise IntegrityError(
                f"content of {descriptor.digest} is damaged", cause=f"got {actual}"
            )
        with (
            contextlib.suppress(OSError),
            made(self._root, "blobs", actual.algorithm) as folder,
        ):
            if entry(actual.hex, folder) is None:
                write_whole(actual.hex, folder, raw)

    def blob(self, digest: Digest) -> bytes | None:
        """Bytes that were kept; None where there are none, or damaged ones."""
        with (
            contextlib.suppress(OSError),
            opened(self._root, "blobs", digest.algorithm) as folder,
        ):
            raw = read_whole(digest.hex, folder, _LIMIT)
            if raw is None:
                return None
            if digest_of(raw, digest.algorithm) == digest:
                used(digest.hex, folder)
                return raw
            os.unlink(digest.hex, dir_fd=folder)
        return None

    def resolve(self, name: str) -> Descriptor:
        """The manifest of a digest.

        Raises:
            NotFound: there is none, or the name is no digest.
        """
        try:
            digest = Digest(name)
            raw = self.blob(digest)
            if raw is None:
                raise absent(name)
            return Descriptor(parse(raw).media_type, digest, len(raw))
        except InvalidInput as error:
            raise absent(name) from error

    def remember(self, reference: str, descriptor: Descriptor) -> None:
        """Note what a reference means."""
        value = {
            "reference": reference,
            "descriptor": descriptor.as_json(),
            "time": int(time.time()),
        }
        with contextlib.suppress(OSError), made(self._root, "names") as folder:
            write_whole(_name_of(reference), folder, json.dumps(value).encode())

    def recall(self, reference: str) -> Remembered | None:
        """What was noted; None where nothing was, or what was is damaged."""
        with (
            contextlib.suppress(OSError, ValueError, KeyError, TypeError, InvalidInput),
            opened(self._root, "names") as folder,
        ):
            raw = read_whole(_name_of(reference), folder, _NAME_LIMIT)
            if raw is not None:
                used(_name_of(reference), folder)
                value = json.loads(raw)
                descriptor, since = Descriptor.from_json(value["descriptor"]), value.get("time")
                known = isinstance(since, int) and 0 <= since < _LATEST
                return Remembered(descriptor, since if known else None)
        return None


def used(name: str, folder: int) -> None:
    """Note that something was used now."""
    with contextlib.suppress(OSError):
        now = time.time()
        os.utime(name, (now, now), dir_fd=folder, follow_symlinks=False)


def digest_of(raw: bytes, algorithm: str) -> Digest:
    """The digest of some bytes by this algorithm."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}")


def absent(what: str) -> NotFound:
    """The refusal where the cache has not what was asked for."""
    return NotFound(f"{what[:200]} is not in the cache", hint="pull it once")


def _name_of(reference: str) -> str:
    return hashlib.sha256(reference.encode("utf-8", "surrogatepass")).hexdigest() + ".json"
