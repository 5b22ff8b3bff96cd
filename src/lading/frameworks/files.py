"""Which file of a folder is the model: by what headers said, by our own name, by its ending.

What an adapter saved has a name of its own. What somebody pushed as files may be called anything;
then the formats that were found in the headers choose. Only files that are below the folder are
chosen from, whatever the document says, and where two would do, nobody guesses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.frameworks import how as words

if TYPE_CHECKING:
    from lading.spec.part import Json

# What Lading itself keeps in a version: locks, records, examples.
_RECORDS: Final = ".lading/"
_SHOWN: Final = 5
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the file of one kind is known."""

    # Names in the folder that are taken before others: what the adapter itself writes comes first.
    names: tuple[str, ...]
    # As the facts of a document call them.
    formats: tuple[str, ...]
    # For files that no header was read of, in lower case.
    endings: tuple[str, ...] = ()


def find(
    folder: Path,
    how: Mapping[str, Json],
    formats: Mapping[str, str],
    kinds: Mapping[str, Wanted],
) -> tuple[str, Path]:
    """The kind of the model, and its file below the folder.

    ``how`` may name the kind; ``formats`` are those of the document, by path. Of kinds that fit
    equally the first is taken.

    Raises:
        InvalidInput: no file fits, or several do; or ``how`` names a kind that is not known.
    """
    if "format" in how:
        said = words.choice(how, "format", "", kinds)
        own = folder / kinds[said].names[0]
        if own.is_file():
            return said, own
    here = dict(_below(folder))
    kind, path = kind_of(here, how, formats, kinds)
    return kind, here[path]


def kind_of(
    paths: Iterable[str],
    how: Mapping[str, Json],
    formats: Mapping[str, str],
    kinds: Mapping[str, Wanted],
) -> tuple[str, str]:
    """As :func:`find`, of files that are known by their paths only."""
    here = [path for path in paths if not path.startswith(_RECORDS)]
    if "format" in how:
        said = words.choice(how, "format", "", kinds)
        kinds = {said: kinds[said]}
        if kinds[said].names[0] in here:
            return said, kinds[said].names[0]
    for found in (_by_format(here, formats, kinds), _by_ending(here, formats, kinds)):
        if chosen := _chosen(found, kinds):
            return chosen
    raise _none(here, kinds)


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is in the folder, and is not a link to elsewhere."""
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and _is_inside(path, root):
            yield name, path


def _is_inside(path: Path, root: Path) -> bool:
    return not path.is_symlink() or path.resolve().is_relative_to(root)


def _by_format(
    here: Iterable[str], formats: Mapping[str, str], kinds: Mapping[str, Wanted]
) -> dict[str, str]:
    """The kinds of the files whose headers told one."""
    known = {each: kind for kind, wanted in kinds.items() for each in wanted.formats}
    return {path: known[formats[path]] for path in here if formats.get(path) in known}


def _by_ending(
    here: Iterable[str], formats: Mapping[str, str], kinds: Mapping[str, Wanted]
) -> dict[str, str]:
    """The kinds of the files that nothing but their names is known of."""
    found: dict[str, str] = {}
    for path in here:
        if path in formats:
            continue
        for kind, wanted in kinds.items():
            if path in wanted.names or path.lower().endswith(wanted.endings or wanted.names):
                found.setdefault(path, kind)
    return found


def _chosen(found: Mapping[str, str], kinds: Mapping[str, Wanted]) -> tuple[str, str] | None:
    """The one that was found; of several the one with a name of our own."""
    if not found:
        return None
    for kind, wanted in kinds.items():
        for name in wanted.names:
            if found.get(name) == kind:
                return kind, name
    if len(found) > 1:
        raise InvalidInput(
            "several files of this version may be the model",
            cause=_listed(sorted(found)),
            hint="push the model's file in a version of its own, or lading.pull for the files",
        )
    ((path, kind),) = found.items()
    return kind, path


def _none(here: Collection[str], kinds: Mapping[str, Wanted]) -> InvalidInput:
    wanted = dict.fromkeys(
        each for kind in kinds.values() for each in (*kind.names[:1], *kind.endings)
    )
    return InvalidInput(
        "no file of this version is one that this adapter loads",
        cause=f"there are {_listed(here)}; it looks for {', '.join(wanted)}"
        if here
        else "the version has no files of a model",
        hint="adapter= names another adapter; lading.pull gives the files",
    )


def _listed(paths: Iterable[str]) -> str:
    names = list(paths)
    shown = ", ".join(name[:_LONGEST] for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
