"""Ask a version about every row of a file, in batches, and go on where a run broke off."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from lading.operations import stores
from lading.operations.answering.models import Consent, model_of
from lading.operations.scoring.places import demand_same, identity_of, opened, sink_for
from lading.operations.scoring.wanted import (
    STREAM,
    Asked,
    Place,
    delimiter_at,
    format_at,
    refuse_nonsense,
    settled_path,
    target_of,
)

if TYPE_CHECKING:
    from lading.serving.batch.run import Done, Job, Step
    from lading.serving.batch.scoring import OnError
    from lading.settings import Settings
    from lading.spec.reference import Reference
    from lading.transfer import OnProgress

BATCH: Final = 1024


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
    refuse_nonsense(on_error, batch_size, with_inputs=with_inputs, rejects=rejects is not None)
    read_as = format_at(input, input_format, "--format")
    if output_format is None and not isinstance(output, (str, Path)) and read_as != "parquet":
        output_format = read_as
    write_as = format_at(output, output_format, "--output-format")
    asked = Asked(
        read_as=read_as,
        write_as=write_as,
        delimiter=delimiter_at(input, read_as, delimiter),
        written_delimiter=delimiter_at(output, write_as, delimiter),
        columns=tuple(columns) if columns is not None else None,
        batch_size=batch_size,
        with_inputs=with_inputs,
        on_error=cast("OnError", on_error),
        rejects=settled_path(Path(rejects), "the rejects") if rejects is not None else None,
        force=force,
        fresh=fresh,
    )
    target = target_of(output, asked, input)
    consent = Consent(allow_pickle, trusted, adapter, device, into)
    with ExitStack() as stack:
        source, file, size, unchanged = stack.enter_context(opened(input))
        model = model_of(reference, consent, settings, on_progress=on_progress)
        about = {
            "model": identity_of(model, reference),
            "input": unchanged() or "",
            # Another of them may answer otherwise.
            "adapter": adapter or "",
            "device": device or "",
        }
        sink = sink_for(stack, target, asked, about | asked.options())
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
            demand_unchanged=lambda: demand_same(source, about["input"], unchanged() or ""),
        )
        done = run(job, sink, on_rows or (lambda step: None))
    return _result(job, target, asked, done, time.monotonic() - started)


def _result(
    job: Job, target: Path | BinaryIO, asked: Asked, done: Done, seconds: float
) -> PredictResult:
    return PredictResult(
        reference=job.model.reference,
        version=job.model.version,
        digest=job.model.digest,
        input=job.source,
        output=str(target) if isinstance(target, Path) else STREAM,
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
