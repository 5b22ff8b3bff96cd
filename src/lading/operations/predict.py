"""Ask a version about every row of a file, in batches, and go on where a run broke off."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from lading.errors import Conflict, InvalidInput, LocalFailure, NotFound
from lading.operations import stores
from lading.operations.answering.folder import as_path
from lading.operations.answering.models import UNKNOWN, Consent, model_of

if TYPE_CHECKING:
    from lading.serving.batch.formats import Format
    from lading.serving.batch.run import Done, Job, Step
    from lading.serving.batch.scoring import OnError
    from lading.serving.batch.sinks import Sink
    from lading.serving.model import Model
    from lading.settings import Settings
    from lading.spec.reference import Reference
    from lading.transfer import OnProgress

BATCH: Final = 1024
_MOST: Final = 1_000_000
_STREAM: Final = "-"

Place = str | Path | BinaryIO


@dataclass(frozen=True, slots=True)
class PredictResult:
    """What was asked, of which model, and what came of it."""

    reference: str
    version: str
    digest: str
    input: str
    output: str
    input_format: str
    output_format: str
    # Rows of the input; those that were written, and those that were wrong.
    rows: int
    written: int
    rejected: int
    batches: int
    # Rows that a run before this one did.
    resumed: int
    seconds: float
    output_digest: str
    rejects: str | None
    # Columns of the input that the model was not asked with.
    unused: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
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


def predict(
    reference: str | Reference,
    *,
    input: Place,  # noqa: A002  the verb's word
    output: Place,
    input_format: str | None = None,
    output_format: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    batch_size: int = BATCH,
    with_inputs: bool = True,
    on_error: str = "stop",
    rejects: str | Path | None = None,
    force: bool = False,
    fresh: bool = False,
    allow_pickle: bool | None = None,
    trusted: tuple[str, ...] = (),
    adapter: str | None = None,
    device: str | None = None,
    into: object = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    on_rows: Callable[[Step], object] | None = None,
) -> PredictResult:
    """Ask a model about every row of a file, and write what it answers.

    Rows are read, asked and written in batches, in their order: the memory that this takes does not
    grow with the file. The output gets its name when it is whole. What a broken run did is kept
    beside it, and the same call goes on there; the output is then the same, byte by byte, as if
    nothing had happened.

    Args:
        reference: a version, a stage, a digest; or a folder, as ``./model``. Looked up once.
        input: CSV with a header, JSON, JSON lines or Parquet; or an open file, in binary.
        output: the same formats. An open file is written as rows come, and not gone on with.
        input_format: csv, json, jsonl or parquet, where the name does not tell.
        output_format: the same for the output; of an open file that of the input.
        delimiter: what stands between cells of CSV; a comma, in ``.tsv`` a tab.
        columns: the columns that the model is asked with, where it takes an array without names.
        batch_size: how many rows the model is asked about at once.
        with_inputs: whether rows are written beside what is predicted for them.
        on_error: what to do with a row that the model does not take: ``stop``, ``skip`` it, or
            write it with ``null`` as its prediction.
        rejects: a file for such rows, as JSON lines: which, why, and what was in it.
        force: write over an output that is there.
        fresh: throw away what a broken run left, and begin anew.
        allow_pickle: let code of the model run, as in :func:`lading.load`.
        trusted: types in a skops file that somebody looked at.
        adapter: who loads the model.
        device: where it computes, as its framework spells it.
        into: what its weights go into, or its class.
        settings: what holds here; what holds everywhere where None is given.
        on_progress: told how the model is pulled.
        on_rows: told how many rows are done, after each batch.

    Raises:
        PolicyRefused: loading would run code of the model, and nobody allowed that.
        InvalidInput: the input is not what its format says, lacks a column, or a row of it is not
            what the model takes; names the row and the column.
        Conflict: the output is there; another run writes it; or what a broken run left is about
            another model, another input, or other options.
        NotFound: there is no such version, or file.
        LocalFailure: the disk is in the way, or a package is not installed.
        LadingError: the model does not load, or its answers fit in no file.
    """
    from lading.serving.batch.run import Job, run

    started = time.monotonic()
    settings = stores.settled(settings)
    _refuse_nonsense(on_error, batch_size, with_inputs=with_inputs, rejects=rejects is not None)
    read_as = _format(input, input_format, "--format")
    if output_format is None and not isinstance(output, (str, Path)) and read_as != "parquet":
        output_format = read_as
    write_as = _format(output, output_format, "--output-format")
    asked = _Asked(
        read_as=read_as,
        write_as=write_as,
        delimiter=_delimiter(input, read_as, delimiter),
        written_delimiter=_delimiter(output, write_as, delimiter),
        columns=tuple(columns) if columns is not None else None,
        batch_size=batch_size,
        with_inputs=with_inputs,
        on_error=cast("OnError", on_error),
        rejects=_settled(Path(rejects), "the rejects") if rejects is not None else None,
        force=force,
        fresh=fresh,
    )
    target = _target(output, asked, input)
    consent = Consent(allow_pickle, trusted, adapter, device, into)
    with ExitStack() as stack:
        source, file, size, unchanged = stack.enter_context(_opened(input))
        model = model_of(reference, consent, settings, on_progress=on_progress)
        about = {"model": _identity(model, reference), "input": unchanged() or ""}
        sink = _sink(stack, target, asked, about | asked.options())
        job = Job(
            model=model,
            file=file,
            source=source,
            size=size,
            read_as=asked.read_as,
            write_as=asked.write_as,
            delimiter=asked.delimiter,
            written_delimiter=asked.written_delimiter,
            batch_size=asked.batch_size,
            with_inputs=asked.with_inputs,
            columns=asked.columns,
            on_error=asked.on_error,
            rejects=asked.rejects is not None,
            notes={"lading.digest": model.digest, "lading.reference": model.reference},
            demand_unchanged=lambda: _demand_same(source, about["input"], unchanged() or ""),
        )
        done = run(job, sink, on_rows or (lambda step: None))
    return _result(job, target, asked, done, time.monotonic() - started)


def _result(
    job: Job, target: Path | BinaryIO, asked: _Asked, done: Done, seconds: float
) -> PredictResult:
    return PredictResult(
        reference=job.model.reference,
        version=job.model.version,
        digest=job.model.digest,
        input=job.source,
        output=str(target) if isinstance(target, Path) else _STREAM,
        input_format=job.read_as,
        output_format=job.write_as,
        rows=done.rows,
        written=done.written,
        rejected=done.rejected,
        batches=done.batches,
        resumed=done.resumed,
        seconds=round(seconds, 3),
        output_digest=done.digest,
        rejects=str(asked.rejects) if asked.rejects else None,
        unused=done.unused,
    )


# What is wanted


def _refuse_nonsense(on_error: str, batch_size: int, *, with_inputs: bool, rejects: bool) -> None:
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


def _format(place: Place, said: str | None, option: str) -> Format:
    from lading.serving.batch.formats import format_of

    found = format_of(_called(place), said, option)
    if found == "parquet" and not isinstance(place, (str, Path)):
        raise InvalidInput("Parquet is read from its end, and needs a file", hint="give a path")
    return found


def _delimiter(place: Place, kind: Format, said: str | None) -> str:
    from lading.serving.batch.formats import delimiter_of

    return delimiter_of(_called(place), said) if kind == "csv" else ""


def _called(place: Place) -> str:
    return str(place) if isinstance(place, (str, Path)) else _STREAM


def _settled(path: Path, what: str) -> Path:
    """A path in a folder that is there, links followed, which is no folder itself."""
    try:
        path = path.expanduser().resolve()
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder", hint=f"name a file for {what}")
        if not path.parent.is_dir():
            raise NotFound(f"there is no folder {path.parent}", hint="mkdir -p makes it")
    except OSError as error:
        raise LocalFailure(f"cannot write {path}", cause=error.strerror) from error
    return path


def _target(output: Place, asked: _Asked, given: Place) -> Path | BinaryIO:
    """Where the output goes.

    Raises:
        Conflict: something is there, and nobody said that it may be written over.
        InvalidInput: it is the input, or the rejects.
    """
    if not isinstance(output, (str, Path)):
        return output
    path = _settled(Path(output), "the output")
    source = Path(given) if isinstance(given, (str, Path)) else None
    _refuse_same("the output", path, {"the input": source, "the rejects": asked.rejects})
    if asked.rejects is not None:
        _refuse_same("the rejects", asked.rejects, {"the input": source})
    for each in (path, asked.rejects):
        if each is not None and each.is_file() and not asked.force:
            raise Conflict(f"{each} is there already", hint="--force writes over it")
    return path


def _refuse_same(what: str, path: Path, others: Mapping[str, Path | None]) -> None:
    for name, other in others.items():
        if other is not None and _is_same(path, other):
            raise InvalidInput(f"{what} would be {name}: {path}", hint="name another file")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.expanduser().resolve() or one.samefile(other)
    except OSError:
        return False


# What is there


@contextmanager
def _opened(
    given: Place,
) -> Iterator[tuple[str, BinaryIO, int | None, Callable[[], str | None]]]:
    """The input: what it is called, the file, its size, and what tells it from another."""
    if not isinstance(given, (str, Path)):
        yield "standard input", given, None, lambda: None
        return
    path = Path(given).expanduser()
    try:
        file = path.open("rb", buffering=1 << 20)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
    with file:
        first = os.fstat(file.fileno())
        if not stat.S_ISREG(first.st_mode):
            yield str(path), file, None, lambda: None
            return

        def identity() -> str:
            now = os.fstat(file.fileno())
            return f"{path.resolve()}, {now.st_size} bytes, last changed at {now.st_mtime_ns} ns"

        yield str(path), file, first.st_size, identity


def _demand_same(source: str, before: str, now: str) -> None:
    if before != now:
        raise Conflict(
            f"{source} changed while it was read", cause=now, hint="--fresh begins anew with it"
        )


def _identity(model: Model, reference: str | Reference) -> str:
    """What tells a model from another; of a folder without a digest, the state of its files."""
    path = as_path(reference) if isinstance(reference, str) else None
    if model.digest != UNKNOWN or path is None:
        return model.digest
    told = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        if each.is_file():
            found = each.stat()
            told.update(
                f"{each.relative_to(path)}\0{found.st_size}\0{found.st_mtime_ns}\n".encode()
            )
    return f"{path}, whose files are {told.hexdigest()[:16]}"


def _sink(stack: ExitStack, target: Path | BinaryIO, asked: _Asked, about: dict[str, str]) -> Sink:
    from lading.serving.batch.sinks import FileSink, StreamSink

    if not isinstance(target, Path):
        return StreamSink(target, "standard output", asked.rejects)
    if target.exists() and not target.is_file():
        try:
            stream = stack.enter_context(target.open("wb"))
        except OSError as error:
            raise LocalFailure(f"cannot write {target}", cause=error.strerror) from error
        return StreamSink(stream, str(target), asked.rejects)
    return stack.enter_context(
        FileSink(
            target,
            asked.rejects,
            about,
            resumes=bool(about["input"]),
            fresh=asked.fresh,
            force=asked.force,
        )
    )
