"""What lies in a folder: its files as they are right now, found without reading any of them.

Which files are left out is said in :mod:`lading.packing.ignore`. Whatever cannot be packed for
every consumer is refused here, before a byte moves.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from lading.errors import IntegrityError, InvalidInput, LocalFailure
from lading.packing.artifact import PREFIX
from lading.packing.ignore import IGNORE_FILE, OWN_FILES, Ignored, rules
from lading.packing.names import in_pull_folder
from lading.spec.member_names import safe_path

# The document of a version lies under this name, beside the files.
RESERVED: Final = "lading.json"

# Links between folders can make more paths than a disk holds files.
_MOST_ENTRIES: Final = 200_000
# A container runtime takes such a file for an order to remove another.
_WHITEOUT: Final = ".wh."
_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class FileIdentity(NamedTuple):
    """What tells that a file is still the one that was looked at."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileIdentity:
        """The identity that a stat shows."""
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )

    @property
    def key(self) -> str:
        """The identity as text: equal keys mean equal bytes."""
        return f"{self[0]} {self[1]} {self[2]} {self[3]} {self[4]}"


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the tree: its path in it, and where its bytes are (a link's target)."""

    path: str
    location: Path
    identity: FileIdentity

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.identity.size


@dataclass(frozen=True, slots=True)
class Tree:
    """Files and folders below a root, each sorted by the bytes of its path."""

    root: Path
    members: tuple[Member, ...]
    folders: tuple[str, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(member.size for member in self.members)


def scan(path: Path, *, follow_links: bool = False) -> Tree:
    """The tree of a folder, or of a single file; no file is opened.

    Links are followed when their target stays inside the folder, or leads from a Hugging Face
    cache's ``snapshots/`` to its ``blobs/``; with ``follow_links`` wherever they lead.

    Raises:
        InvalidInput: something in it cannot be packed, or there is nothing to pack.
        LocalFailure: something in it cannot be read.
    """
    real, status = _root(path)
    if stat.S_ISREG(status.st_mode):
        return _single(path, real, status)
    if not stat.S_ISDIR(status.st_mode):
        raise _refusal(str(path), f"it is {_kind(status)}", "push a folder or a file")
    walk = _Walk(str(path), real, rules(real), follow_links)
    walk.run()
    if not walk.members:
        raise InvalidInput(
            f"{path} holds no files",
            cause="everything in it is ignored" if os.listdir(real) else "it is empty",
            hint=f"defaults and {IGNORE_FILE} say what is left out; !PATTERN brings it back",
        )
    return Tree(
        real,
        tuple(sorted(walk.members, key=lambda member: member.path)),
        tuple(sorted(walk.folders)),
    )


def _root(path: Path) -> tuple[Path, os.stat_result]:
    try:
        real = Path(os.path.realpath(path, strict=True))
        return real, real.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidInput(f"no such file or folder: {path}", cause=error.strerror) from error
    except OSError as error:
        raise _unreadable(str(path), error) from error


def _single(path: Path, real: Path, status: os.stat_result) -> Tree:
    # The name is the one that was written, also where that is a link.
    name = os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119  # keeps the link
    text = _checked("", name, str(path))
    if text == RESERVED:
        raise _reserved(str(path))
    _check_readable(real, str(path))
    member = Member(text, real, FileIdentity.of(status))
    return Tree(real.parent, (member,), ())


# The folders above the one that is looked at, nearest first: (device, inode), and the rest.
_Ancestors = tuple[tuple[int, int], "_Ancestors"] | tuple[()]


class _Walk:
    """One walk through one folder."""

    def __init__(self, shown: str, real: Path, ignored: Ignored, follow_links: bool) -> None:
        self.members: list[Member] = []
        self.folders: list[str] = []
        self._shown = shown
        self._ignored = ignored
        self._follow_links = follow_links
        self._homes = tuple(_homes(real))
        self._waiting: list[tuple[Path, str, _Ancestors]] = [(real, "", ())]

    def run(self) -> None:
        """Look at every folder; not by recursion, for a path may have 2,000 parts."""
        while self._waiting:
            location, prefix, above = self._waiting.pop()
            key, entries = self._entries(location, prefix)
            if _has(above, key):
                raise self._refused(prefix.rstrip("/"), "links lead around in a circle")
            for name, status in entries:
                self._take(name, status, location, prefix, (key, above))
            if len(self.members) + len(self.folders) > _MOST_ENTRIES:
                raise InvalidInput(
                    f"{self._shown} holds more than {_MOST_ENTRIES:,} files and folders",
                    hint="put what has so many files into archives",
                )

    def _entries(
        self, location: Path, prefix: str
    ) -> tuple[tuple[int, int], list[tuple[str, os.stat_result]]]:
        try:
            fd = os.open(location, _OPEN_FOLDER)
            try:
                status = os.fstat(fd)
                with os.scandir(fd) as entries:
                    found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
            finally:
                os.close(fd)
        except OSError as error:
            raise _unreadable(self._show(prefix), error) from error
        return (status.st_dev, status.st_ino), found

    def _take(
        self, name: str, status: os.stat_result, folder: Path, prefix: str, above: _Ancestors
    ) -> None:
        path, location = prefix + name, folder / name
        mode = status.st_mode
        if path in OWN_FILES or self._ignored(path, stat.S_ISDIR(mode)):
            return
        path = _checked(prefix, name, self._show(path))
        if path == RESERVED:
            raise _reserved(self._show(path))
        if stat.S_ISLNK(mode):
            location, status = self._followed(path, location)
            mode = status.st_mode
            if stat.S_ISDIR(mode) and self._ignored(path, True):
                return
        if stat.S_ISDIR(mode):
            self.folders.append(path)
            self._waiting.append((location, path + "/", above))
        elif stat.S_ISREG(mode):
            _check_readable(location, self._show(path))
            self.members.append(Member(path, location, FileIdentity.of(status)))
        else:
            raise self._refused(path, f"it is {_kind(status)}")

    def _followed(self, path: str, link: Path) -> tuple[Path, os.stat_result]:
        try:
            target = Path(os.path.realpath(link, strict=True))
            status = target.lstat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._refused(path, "it is a link to nothing") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self._refused(path, "links lead around in a circle") from error
            raise _unreadable(self._show(path), error) from error
        inside = any(target.is_relative_to(home) for home in self._homes)
        if not inside and not self._follow_links:
            raise InvalidInput(
                f"cannot pack {self._show(path)}",
                cause=f"it is a link that leaves the folder, to {target}",
                hint="--follow-links packs what links point to, wherever it is",
            )
        return target, status

    def _show(self, path: str) -> str:
        return f"{self._shown}/{path}".rstrip("/")

    def _refused(self, path: str, cause: str) -> InvalidInput:
        return _refusal(self._show(path), cause)


def _homes(real: Path) -> Iterator[Path]:
    """Where links may lead: into the folder itself, and from a Hugging Face snapshot to blobs."""
    yield real
    for place in (real, *real.parents):
        if place.parent.name == "snapshots":
            yield Path(os.path.realpath(place.parent.parent / "blobs"))


def _has(above: _Ancestors, key: tuple[int, int]) -> bool:
    while above:
        nearest, above = above
        if nearest == key:
            return True
    return False


def _checked(prefix: str, name: str, shown: str) -> str:
    """The path as text: one that every system can have, and that a pull will take."""
    try:
        text = os.fsencode(name).decode()
        safe_path(f"{PREFIX}{prefix}{text}".encode())
    except UnicodeDecodeError as error:
        raise _refusal(shown, "its name is not UTF-8", "rename it") from error
    except IntegrityError as error:
        raise _refusal(shown, str(error.cause), "rename it") from error
    if in_pull_folder(prefix + text):
        raise _refusal(shown, "this is where unfinished pulls are kept", "rename or remove it")
    if text.startswith(_WHITEOUT):
        raise _refusal(
            shown, "container runtimes take .wh. files for orders to remove others", "rename it"
        )
    return prefix + text


def _check_readable(location: Path, shown: str) -> None:
    # Better known now than after gigabytes have moved.
    if not os.access(location, os.R_OK):
        raise LocalFailure(f"cannot read {shown}", cause=os.strerror(errno.EACCES))


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "neither a file nor a folder")


def _reserved(shown: str) -> InvalidInput:
    return _refusal(
        shown,
        "a version keeps its own document under this name",
        f"rename or remove it, or name it in {IGNORE_FILE}",
    )


def _refusal(shown: str, cause: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(
        f"cannot pack {shown}",
        cause=cause,
        hint=hint or f"remove it, or name it in {IGNORE_FILE}",
    )


def _unreadable(shown: str, error: OSError) -> LocalFailure:
    return LocalFailure(f"cannot read {shown}", cause=error.strerror)
