"""A bundle that is read in place: where each content lies, and what its entries say."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from lading.errors import IntegrityError, InvalidInput, NotFound, Unsupported
from lading.ports import Content, FileSlice
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object
from lading.spec.manifest import MANIFEST_LIMIT, Index, Manifest, parse
from lading.spec.reference import Reference
from lading.spec.stretch import Stretch
from lading.stores.bundle.names import Names, repositories
from lading.stores.bundle.scan import Place, scan
from lading.stores.layout.folder import local, open_file
from lading.stores.layout.index import LayoutIndex

MARKER: Final = "oci-layout"
INDEX: Final = "index.json"
VERSION: Final = "1.0.0"
_MARKER_LIMIT: Final = 4096
_INDEX_LIMIT: Final = 64 * 1024 * 1024
# For a hint.
_LOOKED_AT: Final = 1000
_PACKED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd", b"BZ": "bzip2", b"\xfd7": "xz"}


@dataclass(frozen=True, slots=True)
class MemberContent:
    """Content in the midst of an archive, for the kernel to send where it can."""

    path: Path
    place: Place
    # Which file it was when it was looked through; None while it is being written.
    identity: tuple[int, ...] | None

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.place.size

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Stretch]:
        """A reader from that offset on."""
        with self._file() as file:
            file.seek(self.place.offset + offset)
            yield Stretch(file, self.size - offset)

    def segments(self, offset: int = 0) -> Iterator[bytes | FileSlice]:
        """The content from that offset on, in one stretch."""
        with self._file() as file:
            yield FileSlice(file.fileno(), self.place.offset + offset, self.size - offset)

    def _file(self) -> io.FileIO:
        with local(f"read {self.path}"):
            fd, _ = open_file(self.path)
        if self.identity is not None and self.identity != identity_of(fd):
            os.close(fd)
            raise IntegrityError(f"{self.path} was changed while it was read", hint="run it again")
        return io.FileIO(fd, "rb")


@dataclass(slots=True)
class Archive:
    """One tar file: its content by digest, and its repositories."""

    path: Path
    places: dict[Digest, Place] = field(default_factory=dict)
    repositories: dict[str, Names] = field(default_factory=dict)
    identity: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return str(self.path)

    def content(self, descriptor: Descriptor) -> MemberContent:
        """Some content, to be opened as often as needed; not verified.

        Raises:
            NotFound: it is not here.
            IntegrityError: it is not as long as the descriptor says.
        """
        place = self._place(descriptor.digest)
        if place.size != descriptor.size:
            raise IntegrityError(
                f"content {descriptor.digest} in {self} is damaged",
                cause=f"{place.size} bytes instead of {descriptor.size}",
            )
        return MemberContent(self.path, place, self.identity)

    def read(self, digest: Digest) -> bytes:
        """A manifest's bytes, verified.

        Raises:
            NotFound: it is not here.
            InvalidInput: it is larger than a manifest may be.
            IntegrityError: the bytes are not those of the digest.
        """
        place = self._place(digest)
        raw = self._small(place, MANIFEST_LIMIT, str(digest))
        hasher = digest.hasher()
        hasher.update(raw)
        if hasher.hexdigest() != digest.hex:
            raise IntegrityError(
                f"content {digest} in {self} is damaged",
                cause=f"got {digest.algorithm}:{hasher.hexdigest()}",
                hint="fetch the file again from where it came from",
            )
        return raw

    def read_manifest(self, digest: Digest, media_type: str | None = None) -> Manifest | Index:
        """A manifest, verified and parsed."""
        return parse(self.read(digest), media_type)

    def write(self, descriptor: Descriptor, content: Content) -> None:
        """Take content in.

        Raises:
            Unsupported: this file is whole, and is only read.
        """
        raise self.closed()

    def closed(self) -> Unsupported:
        """The refusal of whatever would change a whole file."""
        return Unsupported(
            f"{self} is a bundle, which is written once",
            hint=f"lading unbundle {self} puts it where it can be changed",
        )

    def _place(self, digest: Digest) -> Place:
        place = self.places.get(digest)
        if place is None:
            raise NotFound(f"content {digest} is not in {self}")
        return place

    def _small(self, place: Place, limit: int, what: str) -> bytes:
        if place.size > limit:
            raise InvalidInput(
                f"{what} in {self} is too large", cause=f"{place.size} bytes, the limit is {limit}"
            )
        with MemberContent(self.path, place, self.identity).open() as reader:
            raw = bytearray(place.size)
            filled = 0
            with memoryview(raw) as buffer:
                while count := reader.readinto(buffer[filled:]):
                    filled += count
        if filled < place.size:
            raise IntegrityError(f"{self} is cut off", cause=f"{what} is not whole")
        return bytes(raw)


def open_archive(path: Path) -> Archive:
    """A bundle, or what skopeo or Podman wrote as ``oci-archive``; kilobytes are read.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is something else.
        IntegrityError: it is cut off, or an archive that is refused; names the member.
        LocalFailure: this machine does not let it be read.
    """
    with local(f"read {path}"):
        if path.is_dir():
            raise InvalidInput(
                f"{path} is a folder, and a bundle is one file",
                hint=_inside(path) or "lading bundle REF -o FILE.tar writes one",
            )
        try:
            fd, size = open_file(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"there is no file {path}", hint=_instead_of(path)) from error
        try:
            _demand_plain(path, os.pread(fd, 2, 0))
            members = scan(fd, size)
            archive = Archive(path, identity=identity_of(fd))
        except IntegrityError as error:
            raise IntegrityError(
                f"{path} is refused: {error.what}",
                cause=error.cause,
                hint="it may have been cut off on its way: fetch it again from where it came from",
            ) from error
        finally:
            os.close(fd)
    archive.places = {
        digest: place for name, place in members.items() if (digest := _digest(path, name))
    }
    _demand_layout(archive, members)
    index = archive._small(members[INDEX], _INDEX_LIMIT, INDEX)
    archive.repositories = repositories(LayoutIndex.parse(index, f"{INDEX} in {path}"))
    return archive


def _instead_of(path: Path) -> str:
    """What to write for a file that is not there, which may be no file's name at all."""
    text = str(path)
    if text.startswith("oci:"):
        return f"without oci: it is a file: {text.removeprefix('oci:')}"
    if path.suffix != ".tar":
        with suppress(InvalidInput):
            name = Reference.parse(text).repository.rpartition("/")[2]
            return (
                f"lading bundle {text} -o {name}.tar writes a version into a file;"
                f" without one: lading copy {text} DESTINATION"
            )
    return f"lading bundle REF -o {text} writes one"


def _inside(folder: Path) -> str | None:
    """What to write for a folder, by what is in it."""
    if (folder / MARKER).is_file():
        return f"it is a layout: lading copy --all oci:{folder} HOST/NAME"
    file = next((each for each in islice(folder.iterdir(), _LOOKED_AT) if _is_tar(each)), None)
    return f"lading unbundle {file}" if file else None


def _is_tar(path: Path) -> bool:
    return path.suffix == ".tar" and path.is_file()


def identity_of(fd: int) -> tuple[int, ...]:
    """What tells an open file from another, or from itself changed."""
    status = os.fstat(fd)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _digest(path: Path, name: str) -> Digest | None:
    if not name.startswith("blobs/"):
        return None  # other tools keep books of their own beside a layout's
    algorithm, _, digits = name.removeprefix("blobs/").partition("/")
    try:
        return Digest(f"{algorithm}:{digits}")
    except InvalidInput as error:
        raise IntegrityError(f"{path} is refused: {name[:200]!r}", cause=str(error)) from error


def _demand_plain(path: Path, start: bytes) -> None:
    if packed := _PACKED.get(start):
        raise InvalidInput(
            f"{path} is compressed with {packed}",
            cause="content in a compressed file cannot be found without unpacking all of it",
            hint="unpack it first: a bundle is a plain tar",
        )


def _demand_layout(archive: Archive, members: dict[str, Place]) -> None:
    for name in (MARKER, INDEX):
        if name not in members:
            raise InvalidInput(
                f"{archive} is no OCI layout",
                cause=f"there is no {name} in it",
                hint="lading bundle writes one, and skopeo copy with oci-archive:",
            )
    raw = archive._small(members[MARKER], _MARKER_LIMIT, MARKER)
    version = decode_object(raw, f"{MARKER} in {archive}").get("imageLayoutVersion")
    if version != VERSION:
        raise InvalidInput(
            f"{archive} is a layout of a version that is not known",
            cause=f"{MARKER} says {version!r}"[:200],
            hint=f"known is {VERSION}",
        )
