"""What a caller of `predict` wants: refused where it makes no sense, before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from lading.errors import Conflict, InvalidInput, LocalFailure, NotFound

if TYPE_CHECKING:
    from lading.serving.batch.formats import Format
    from lading.serving.batch.scoring import OnError

_MOST: Final = 1_000_000
# As files that are streams are called.
STREAM: Final = "-"

Place = str | Path | BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the caller wants, once it is known to make sense."""

    read_as: Format
    write_as: Format
    delimiter: str
    written_delimiter: str
    columns: tuple[str, ...] | None
    batch_size: int
    with_inputs: bool
    on_error: OnError
    rejects: Path | None
    force: bool
    fresh: bool

    def options(self) -> dict[str, str]:
        """What an output depends on, in words."""
        return {
            "format": f"{self.read_as} ({self.delimiter!r})",
            "output format": f"{self.write_as} ({self.written_delimiter!r})",
            "batch size": str(self.batch_size),
            "choice of columns": ", ".join(self.columns or ()),
            "word on inputs": "--with-inputs" if self.with_inputs else "--no-inputs",
            "word on errors": f"--on-error {self.on_error}",
            "place for rejects": str(self.rejects or ""),
        }


def refuse_nonsense(on_error: str, batch_size: int, *, with_inputs: bool, rejects: bool) -> None:
    """Refuse what cannot be done, or would lead astray.

    Raises:
        InvalidInput: it is one of these.
    """
    from lading.serving.batch.scoring import ON_ERROR

    if on_error not in ON_ERROR:
        raise InvalidInput(f"{on_error[:40]!r} cannot be done", hint=", ".join(ON_ERROR))
    if on_error == "stop" and rejects:
        raise InvalidInput(
            "nothing is rejected where the first wrong row is the end",
            hint="--on-error skip, or --on-error null",
        )
    if on_error == "skip" and not with_inputs:
        raise InvalidInput(
            "without inputs nobody could tell which rows were left out",
            hint="--on-error null keeps a line for every row; or keep the inputs",
        )
    if not 0 < batch_size <= _MOST:
        raise InvalidInput(f"a batch of {batch_size} rows", hint=f"from 1 to {_MOST:,}")


def format_at(place: Place, said: str | None, option: str) -> Format:
    """The format of what is at a place: as somebody said, else as its name does.

    Raises:
        InvalidInput: there is no such format, nothing says one, or it cannot be had there.
    """
    from lading.serving.batch.formats import format_of

    found = format_of(_called(place), said, option)
    if found == "parquet" and not isinstance(place, (str, Path)):
        raise InvalidInput("Parquet is read from its end, and needs a file", hint="give a path")
    return found


def delimiter_at(place: Place, kind: Format, said: str | None) -> str:
    """What stands between cells; empty where there are none."""
    from lading.serving.batch.formats import delimiter_of

    return delimiter_of(_called(place), said) if kind == "csv" else ""


def _called(place: Place) -> str:
    return str(place) if isinstance(place, (str, Path)) else STREAM


def settled_path(path: Path, what: str) -> Path:
    """A path in a folder that is there, links followed, which is no folder itself.

    A device or a pipe keeps the name that was given: that of /dev/stdout leads nowhere.
    """
    try:
        path = path.expanduser()
        if path.exists() and not path.is_file() and not path.is_dir():
            return path
        path = path.resolve()
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder", hint=f"name a file for {what}")
        if not path.parent.is_dir():
            raise NotFound(f"there is no folder {path.parent}", hint="mkdir -p makes it")
    except OSError as error:
        raise LocalFailure(f"cannot write {path}", cause=error.strerror) from error
    except (RuntimeError, ValueError) as error:
        # No such home, links in a circle, a character that no name has.
        raise InvalidInput(f"{what} cannot be {str(path)[:200]!r}", cause=str(error)) from error
    return path


def target_of(output: Place, asked: Asked, given: Place) -> Path | BinaryIO:
    """Where the output goes.

    Raises:
        Conflict: something is there, and nobody said that it may be written over.
        InvalidInput: it is the input, or the rejects, or lies where the rows so far would.
    """
    from lading.serving.batch.part_file import part_of

    source = Path(given) if isinstance(given, (str, Path)) else None
    path = settled_path(Path(output), "the output") if isinstance(output, (str, Path)) else None
    if path is not None:
        if asked.write_as == "parquet" and path.exists() and not path.is_file():
            raise InvalidInput(
                f"{path} is no file of the disk",
                cause="Parquet is made of all rows, at the end",
                hint="name a file, or --output-format jsonl",
            )
        _refuse_same("the output", path, {"the input": source, "the rejects": asked.rejects})
    if asked.rejects is not None:
        _refuse_same("the rejects", asked.rejects, {"the input": source, "the output": path})
        if asked.rejects.exists() and not asked.rejects.is_file():
            raise InvalidInput(
                f"{asked.rejects} is no file of the disk",
                cause="rejects get their name when they are whole, and would stand in its place",
                hint="name a file, or leave --rejects out",
            )
    for each in (path, asked.rejects):
        # What a killed run has named and not finished is its own.
        if each is None or (each is not path and _is_same(part_of(each), each)):
            continue
        if each.is_file() and not asked.force:
            raise Conflict(f"{each} is there already", hint="--force writes over it")
    return cast("BinaryIO", output) if path is None else path


def _refuse_same(what: str, path: Path, others: Mapping[str, Path | None]) -> None:
    """Refuse a place that is another's already, or beside which it would be written to."""
    from lading.serving.batch.part_file import beside

    for name, other in others.items():
        if other is None:
            continue
        if _is_same(path, other):
            raise InvalidInput(f"{what} would be {name}: {path}", hint="name another file")
        if any(_is_same(part, other) for part in beside(path)):
            raise InvalidInput(
                f"{name} lies where {what} would be written: {other}",
                cause="rows so far lie there, until all are",
                hint="name another file, or move this one",
            )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.expanduser().resolve() or one.samefile(other)
    except (OSError, RuntimeError, ValueError):
        # What cannot be looked at is refused where it is opened.
        return False
