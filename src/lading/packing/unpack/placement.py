"""Which file of which layer goes where in a folder. Pure: nothing is moved here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lading.errors import IntegrityError
from lading.packing.names import PULL_FOLDER, RAW_NAME, in_pull_folder
from lading.packing.unpack.frame import Contents, File
from lading.spec.member_names import refused

PREFIX = "models/"
LEFT_OUT = frozenset({"models/lading.json"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How names in a layer become names in a folder."""

    strip: str = PREFIX
    leave_out: frozenset[str] = LEFT_OUT
    wanted: Callable[[str], bool] | None = None

    def place(self, member: str) -> str | None:
        """Where a file goes; None where it is left out.

        Raises:
            IntegrityError: it would lie where unfinished pulls are kept.
        """
        if member in self.leave_out:
            return None
        path = self.shorten(member)
        if self.wanted is not None and not self.wanted(path):
            return None
        return path

    def shorten(self, member: str) -> str:
        """A name without the prefix that all have."""
        path = member[len(self.strip) :] if member.startswith(self.strip) else member
        if in_pull_folder(path):
            raise refused(member, f"{PULL_FOLDER} is where unfinished pulls are kept")
        return path


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that is there: the key it is kept under, its contents, and the path that its
    manifest gives its file, where it does."""

    key: str
    contents: Contents
    title: str | None = None

    def named(self) -> Iterator[tuple[str, File]]:
        """Its files with their names."""
        files = self.contents.files
        is_alone = len(files) == 1 and not self.contents.folders
        for file in files:
            title = entitled(self.title, file.path) if is_alone else None
            yield title or file.path, file


def entitled(title: str | None, member: str) -> str | None:
    """The path that a title gives a member, were it alone; None where it is not meant by it.

    A raw file has no name of its own. That of an archive's member is the title's end.
    """
    if title is not None and (member == RAW_NAME or title.endswith(f"/{member}")):
        return title
    return None


@dataclass(frozen=True, slots=True)
class Placement:
    """One file: where it goes, and which file of which layer it is."""

    path: str
    key: str
    member: str
    size: int


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Everything that goes into a folder, by path; and pairs that must be equal, since two
    layers bring the same path."""

    files: tuple[Placement, ...]
    folders: tuple[str, ...]
    twins: tuple[tuple[Placement, Placement], ...]


def arrange(layers: Iterable[Layer], layout: Layout) -> Arrangement:
    """The files of all layers under their final names.

    Raises:
        IntegrityError: two layers contradict each other.
    """
    files: dict[str, Placement] = {}
    twins: list[tuple[Placement, Placement]] = []
    folders: set[str] = set()
    for layer in layers:
        for placement in _placements(layer, layout):
            first = files.setdefault(placement.path, placement)
            if first is not placement:
                twins.append(_twins(first, placement))
        if layout.wanted is None:
            prefix = layout.strip.rstrip("/")
            folders.update(
                layout.shorten(path) for path in layer.contents.folders if path != prefix
            )
    _check_parents(files, folders)
    ordered = tuple(files[path] for path in sorted(files))
    return Arrangement(ordered, tuple(sorted(folders)), tuple(twins))


def _placements(layer: Layer, layout: Layout) -> Iterable[Placement]:
    for name, file in layer.named():
        path = layout.place(name)
        if path is not None:
            yield Placement(path, layer.key, file.path, file.size)


def _twins(first: Placement, second: Placement) -> tuple[Placement, Placement]:
    if first.size != second.size:
        raise contradiction(first)
    return first, second


def contradiction(placement: Placement) -> IntegrityError:
    """The refusal of two layers that bring different files of one name."""
    return IntegrityError(
        f"the layers contradict each other: {placement.path!r}"[:300],
        cause="two of them hold different files of that name",
    )


def _check_parents(files: dict[str, Placement], folders: set[str]) -> None:
    seen: set[str] = set()
    for path in (*files, *folders):
        parent = path if path in folders else path.rpartition("/")[0]
        while parent and parent not in seen:
            if parent in files:
                raise IntegrityError(
                    f"the layers contradict each other: {parent!r}"[:300],
                    cause="it is a file in one of them and a folder in another",
                )
            seen.add(parent)
            parent = parent.rpartition("/")[0]
