"""From the first row to the last: read, ask, write, and note how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO, Final, Protocol

from lading.serving.batch.answers import PREDICTION, names_of
from lading.serving.batch.asking import Asking
from lading.serving.batch.cells import of_arrow
from lading.serving.batch.csv_rows import CsvRows
from lading.serving.batch.file_sink import FileSink
from lading.serving.batch.formats import Format
from lading.serving.batch.json_document import JsonDocument
from lading.serving.batch.json_rows import JsonLines, JsonRows
from lading.serving.batch.layout import Layout
from lading.serving.batch.parquet_out import ArrowWriter, make_parquet
from lading.serving.batch.parquet_rows import ParquetRows
from lading.serving.batch.scoring import OnError, Scored, Scorer
from lading.serving.batch.sinks import Sink
from lading.serving.batch.table import Batch, Head
from lading.serving.batch.writers import CsvWriter, JsonWriter, Writer, dumps, encoded
from lading.serving.model import Model
from lading.serving.protocol.outputs import ModelFailed, Outputs
from lading.signatures.forms import table_fields

BATCH: Final = 1024


class Rows(Protocol):
    """A file that is read."""

    head: Head

    @property
    def position(self) -> int:
        """How far it was read."""

    def batches(self, size: int, skip: int) -> Iterator[Batch]:
        """Its rows, without the first ones."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a run is."""

    rows: int
    rejected: int
    # Rows that another run did.
    resumed: int
    # Bytes of the input, and how many there are; None where nobody knows.
    done: int
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done with a file."""

    model: Model
    file: BinaryIO
    # What the file is called in errors.
    source: str
    size: int | None
    read_as: Format
    write_as: Format
    delimiter: str
    written_delimiter: str
    batch_size: int = BATCH
    with_inputs: bool = True
    columns: Sequence[str] | None = None
    on_error: OnError = "stop"
    rejects: bool = False
    # What a Parquet file says of itself.
    notes: Mapping[str, str]
    # Called behind the last row, before the output gets its name.
    demand_unchanged: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    rows: int
    written: int
    rejected: int
    batches: int
    resumed: int
    digest: str
    # Columns that the model was not asked with.
    unused: tuple[str, ...]


def run(job: Job, sink: Sink, on_step: Callable[[Step], object] = lambda step: None) -> Done:
    """Ask the model about every row of a file.

    Raises:
        WrongRow: a row is not what the model takes, and that is to be the end.
        InvalidInput: the file is not what its format says, or lacks a column.
        ModelFailed: the model's answers fit no file.
        LocalFailure: the disk is in the way.
    """
    rows = _open(job)
    asking = Asking.of(job.model, rows.head, job.columns, job.source)
    outputs = Outputs.of(job.model.signature)
    scorer = Scorer(job.model, asking, outputs, job.on_error, job.source)
    begun = sink.frame
    course = _Course(job, rows.head, asking, sink)
    total = getattr(rows, "total", job.size)
    for batch in rows.batches(job.batch_size, begun.rows):
        course.take(scorer.score(batch))
        frame = sink.frame
        on_step(Step(frame.rows, frame.rejected, begun.rows, rows.position, total))
    job.demand_unchanged()
    digest = course.finish()
    frame = sink.frame
    unused = tuple(name for name in rows.head.columns if name not in asking.fields)
    return Done(
        frame.rows, frame.written, frame.rejected, frame.batches, begun.rows, digest, unused
    )


def _open(job: Job) -> Rows:
    if job.read_as == "csv":
        return CsvRows(job.file, job.source, job.delimiter)
    if job.read_as == "parquet":
        return ParquetRows(job.file, job.source)
    order = tuple(table_fields(job.model.signature.inputs)) if job.model.signature else ()
    read = JsonLines if job.read_as == "jsonl" else JsonDocument
    return JsonRows(read(job.file, job.source), job.source, order)


class _Course:
    """What is written, in order."""

    def __init__(self, job: Job, head: Head, asking: Asking, sink: Sink) -> None:
        self._job = job
        self._head = head
        self._asking = asking
        self._sink = sink
        self._writer: Writer | None = None
        if sink.frame.outputs is not None:
            self._writer = self._made(sink.frame.outputs)
            if isinstance(self._writer, ArrowWriter) and isinstance(sink, FileSink):
                self._writer.resume(sink.stream)
                sink.stream.seek(sink.frame.size)

    def take(self, scored: Scored) -> None:
        """Write a batch."""
        before = b""
        frame = self._sink.frame
        if self._writer is None:
            outputs = self._outputs(scored)
            self._writer = self._made(outputs)
            frame = replace(frame, outputs=outputs)
            before = self._writer.begin(scored)
        self._check_names(scored, frame.outputs or ())
        raw = before + self._writer.rows(scored, first=frame.written == 0)
        after = replace(
            frame,
            rows=frame.rows + scored.batch.count,
            batches=frame.batches + 1,
            written=frame.written + len(scored.rows),
            rejected=frame.rejected + len(scored.wrong),
        )
        self._sink.append(raw, self._rejects(scored), after)

    def finish(self) -> str:
        """Write the end; the digest of all."""
        begin = b""
        if self._writer is None:
            names = names_of(Outputs.of(self._job.model.signature)) or (PREDICTION,)
            self._writer = self._made(names)
            begin = self._writer.begin(None)
        rows = self._sink.frame.written
        make = partial(make_parquet, rows=rows) if self._job.write_as == "parquet" else None
        if begin:
            self._sink.append(begin, b"", self._sink.frame)
        return self._sink.finish(self._writer.end(), make)

    def _outputs(self, scored: Scored) -> tuple[str, ...]:
        if scored.predictions is not None:
            return tuple(scored.predictions)
        return names_of(Outputs.of(self._job.model.signature)) or (PREDICTION,)

    def _check_names(self, scored: Scored, names: Sequence[str]) -> None:
        if scored.predictions is not None and set(scored.predictions) != set(names):
            raise ModelFailed(
                "the model's answers have other names than at first",
                cause=f"{', '.join(scored.predictions)} instead of {', '.join(names)}"[:300],
            )

    def _made(self, outputs: Sequence[str]) -> Writer:
        job = self._job
        layout = Layout.of(self._head, self._asking.names, outputs, with_inputs=job.with_inputs)
        if job.write_as == "csv":
            return CsvWriter(layout, job.written_delimiter)
        if job.write_as == "parquet":
            return ArrowWriter(layout, job.model.signature, self._head.schema, job.notes)
        return JsonWriter(layout, as_list=job.write_as == "json")

    def _rejects(self, scored: Scored) -> bytes:
        """A line for each row that was wrong: where it is, why, and what it is."""
        if not self._job.rejects:
            return b""
        return b"".join(
            encoded(dumps(self._reject(scored, at)) + "\n") for at in sorted(scored.wrong)
        )

    def _reject(self, scored: Scored, at: int) -> dict[str, Any]:
        batch = scored.batch
        found = batch.record(at)
        if batch.arrow is not None:
            found = {name: of_arrow(value) for name, value in found.items()}
        line = {"line": batch.lines[at]} if batch.lines else {}
        return {"row": batch.start + at + 1, **line, "problem": scored.wrong[at], "input": found}
