"""Layers to unpack: archives as other tools write them, and contents that tell how they were
read."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lading.errors import LadingError
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.mediatypes import FILEPATH, MODEL_LAYER

MIB = 1024 * 1024
RAW = "application/vnd.cncf.model.weight.v1.raw"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    """A member's header."""
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def tar(
    members: Iterable[tuple[str | tarfile.TarInfo, bytes | None]], *, form: str = "gnu"
) -> bytes:
    """An archive by Python's tarfile, which writes anything it is told; None is a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=FORMATS[form]) as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else member(name)
            if content is None and info.type == tarfile.REGTYPE:
                info.type = tarfile.DIRTYPE
            if content is not None:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


def layer(raw: bytes, media_type: str = MODEL_LAYER, path: str | None = None) -> Descriptor:
    """The descriptor of some bytes; with a path, of a raw layer."""
    descriptor = Descriptor.of(raw, media_type)
    return descriptor.with_annotations({FILEPATH: path}) if path else descriptor


def gzipped(raw: bytes) -> bytes:
    """The bytes compressed."""
    return gzip.compress(raw, 1, mtime=0)


_BLOCK = bytes((index * 7 + index // 251) % 256 for index in range(65_521))


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that differ wherever one looks, and are the same each time."""
    start = seed * 101 % len(_BLOCK)
    return (_BLOCK * ((start + size) // len(_BLOCK) + 1))[start : start + size]


@dataclass
class Watched:
    """Content that notes what was read of it, and can fail at a byte."""

    raw: bytes
    fail_at: int | None = None
    opened: list[int] = field(default_factory=list)
    read: int = 0
    step: int = 1 << 30

    @property
    def size(self) -> int:
        return len(self.raw)

    @contextlib.contextmanager
    def open(self, offset: int = 0) -> Iterator[_WatchedReader]:
        self.opened.append(offset)
        yield _WatchedReader(self, offset)


class Broken(Exception):
    """The connection is gone."""


class _WatchedReader:
    def __init__(self, content: Watched, offset: int) -> None:
        self._content = content
        self._position = offset

    def readinto(self, buffer: memoryview, /) -> int:
        content = self._content
        stop = content.size if content.fail_at is None else content.fail_at
        end = min(stop, self._position + min(len(buffer), content.step))
        piece = content.raw[self._position : end]
        if not piece and content.fail_at is not None and self._position >= content.fail_at:
            raise Broken
        buffer[: len(piece)] = piece
        self._position += len(piece)
        content.read += len(piece)
        return len(piece)


@dataclass(frozen=True)
class Claiming(BytesContent):
    """Content that claims a size of its own."""

    claimed: int = 0

    @property
    def size(self) -> int:
        return self.claimed


def in_child(action: Callable[[], object]) -> int:
    """Do something in a process of its own, whose id this is; it ends with 0 when all went well,
    with a Lading error's exit code, or with 99."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        action()
        code = 0
    except LadingError as error:
        code = error.exit_code
    except BaseException:  # noqa: BLE001  the parent sees the code
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """How a process ended: its exit code, or the negative number of its signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach too; pytest's own are closed to them."""
    import shutil

    folder = Path(tempfile.mkdtemp(prefix="lading-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
