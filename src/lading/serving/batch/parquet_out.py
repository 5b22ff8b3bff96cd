"""What is written as Parquet: first appended as Arrow's stream, then made into row groups.

A Parquet file cannot be appended to: what it holds stands at its end. A stream of Arrow's batches
can, and one that was cut off is whole up to its last batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from lading.errors import InvalidInput
from lading.serving.batch.answers import Part
from lading.serving.batch.frame import broken
from lading.serving.batch.layout import Layout
from lading.serving.batch.parquet_rows import arrow
from lading.serving.batch.scoring import Scored
from lading.serving.batch.table import ABSENT
from lading.serving.batch.writers import demand_known, dumps
from lading.serving.protocol.outputs import Outputs
from lading.signatures.forms import by_key
from lading.signatures.scalars import FLOATS, INTEGERS, NON_FINITE
from lading.spec.signature import Column, FieldType, Signature, Tensor

_GROUP_ROWS: Final = 64 * 1024
_GROUP_BYTES: Final = 32 * 1024 * 1024
# Arrow takes Python's numbers for these only from NumPy.
_WIDER: Final = {"float16": "float32", "bfloat16": "float32"}
_KNOWN: Final = frozenset({"bool", "string", *INTEGERS, *FLOATS})


class ArrowWriter:
    """Arrow's messages: the schema, then one for each batch."""

    def __init__(
        self, layout: Layout, signature: Signature | None, schema: Any, notes: Mapping[str, str]
    ) -> None:
        """``schema`` is that of the input, where it is Arrow's; ``notes`` go into the new one."""
        self._arrow = arrow()
        self._layout = layout
        self._inputs = by_key(signature.inputs) if signature else {}
        self._outputs = Outputs.of(signature)
        self._told = signature.outputs if signature else ()
        self._source = schema
        self._notes = notes
        self._schema: Any = None

    def resume(self, stream: BinaryIO) -> None:
        """Go on with the types that were decided before."""
        stream.seek(0)
        with _whole(self._arrow):
            self._schema = self._arrow.ipc.open_stream(stream).schema

    def begin(self, scored: Scored | None) -> bytes:
        """The schema: types are decided by the input, the signature, and else by the first row.

        Raises:
            InvalidInput: none of them tells the type of a prediction.
        """
        arrow = self._arrow
        fields = [arrow.field(name, self._kept(name, scored)) for name in self._layout.kept]
        fields += [
            arrow.field(written, self._predicted(name, scored))
            for name, written in self._layout.predictions
        ]
        self._schema = arrow.schema(fields, metadata=dict(self._notes))
        return bytes(self._schema.serialize())

    def rows(self, scored: Scored, *, first: bool) -> bytes:
        """A batch.

        Raises:
            InvalidInput: a value is not of the type of its column.
        """
        if not scored.rows:
            return b""
        inputs = {} if self._source is not None else self._layout.inputs(scored)
        if inputs:
            demand_known(self._layout, inputs, scored)
        columns = [self._input(name, inputs, scored) for name in self._layout.kept]
        columns += [
            self._array(written, cells, scored)
            for written, cells in self._layout.answers(scored).items()
        ]
        batch = self._arrow.RecordBatch.from_arrays(columns, schema=self._schema)
        return bytes(batch.serialize())

    def end(self) -> bytes:
        """Nothing: a stream may end anywhere."""
        return b""

    # Types

    def _kept(self, name: str, scored: Scored | None) -> Any:
        if self._source is not None:
            return self._source.field(name).type
        field = self._inputs.get(name)
        if isinstance(field, Column):
            return self._scalar(field.dtype)
        if scored is None or scored.batch.is_text or not scored.rows:
            return self._arrow.string()
        value = next(iter(self._layout.inputs(scored)[name]))
        by_type = {bool: "bool", int: "int64", float: "float64"}
        return self._scalar(by_type.get(type(value), "string"))

    def _predicted(self, name: str, scored: Scored | None) -> Any:
        field = self._field(name)
        if isinstance(field, Column):
            return self._scalar(field.dtype)
        if isinstance(field, Tensor):
            return self._nested(self._scalar(field.dtype), max(0, len(field.shape) - 1))
        found = (scored.predictions or {}).get(name) if scored else None
        if field is not None or scored is None:
            return self._arrow.string()
        if found is None:
            raise InvalidInput(
                "the type of what is predicted cannot be told",
                cause="the signature says nothing of it, and none of the first rows was answered",
                hint="--output-format jsonl",
            )
        if found.dtype is not None:
            return self._nested(self._scalar(found.dtype), found.depth)
        return self._by_value(found)

    def _by_value(self, found: Part) -> Any:
        types = {type(cell) for cell in found.cells if cell is not None}
        if types == {bool}:
            return self._arrow.bool_()
        numeric = types and types <= {int, float}
        return self._arrow.float64() if numeric else self._arrow.string()

    def _field(self, name: str) -> FieldType | None:
        named = dict(zip(self._outputs.names, self._told, strict=True))
        return named.get(name) or (self._told[0] if len(self._told) == 1 else None)

    def _scalar(self, dtype: str) -> Any:
        name = _WIDER.get(dtype, dtype)
        return (
            getattr(self._arrow, "bool_" if name == "bool" else name)()
            if (name in _KNOWN)
            else self._arrow.string()
        )

    def _nested(self, kind: Any, depth: int) -> Any:
        for _ in range(depth):
            kind = self._arrow.list_(kind)
        return kind

    # Values

    def _input(self, name: str, inputs: Mapping[str, Sequence[Any]], scored: Scored) -> Any:
        if self._source is None:
            return self._array(name, inputs[name], scored)
        column = scored.batch.arrow.column(name)
        if len(scored.rows) == scored.batch.count:
            return column
        return column.take(self._arrow.array(scored.rows, self._arrow.int64()))

    def _array(self, name: str, cells: Sequence[Any], scored: Scored) -> Any:
        kind = self._schema.field(name).type
        arrow = self._arrow
        if arrow.types.is_string(kind):
            cells = [_text(cell) for cell in cells]
        else:
            cells = [_number(cell) for cell in cells]
        try:
            return arrow.array(cells, kind)
        except (arrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            if not scored.wrong or name not in self._layout.kept:
                raise self._unfit(name, kind, error) from error
        # A cell because of which a row was rejected has no place in a column of numbers.
        cells = [
            None if at in scored.wrong else cell
            for at, cell in zip(scored.rows, cells, strict=True)
        ]
        try:
            return arrow.array(cells, kind)
        except (arrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise self._unfit(name, kind, error) from error

    def _unfit(self, name: str, kind: Any, error: Exception) -> InvalidInput:
        return InvalidInput(
            f"a value of the column {name[:100]!r} is not of its type, {kind}",
            cause=str(error)[:200],
            hint="--output-format jsonl takes what is there; --no-inputs leaves it out",
        )


def _text(cell: Any) -> Any:
    if cell is None or cell is ABSENT:
        return None
    return cell if isinstance(cell, str) else dumps(cell)


def _number(cell: Any) -> Any:
    if cell is ABSENT:
        return None
    if isinstance(cell, list):
        return [_number(each) for each in cell]
    return float(cell) if isinstance(cell, str) and cell in NON_FINITE else cell


def make_parquet(stream: BinaryIO, target: Path, *, rows: int) -> None:
    """Write the rows of a stream as a Parquet file: the same for the same batches.

    Raises:
        OSError: it cannot be written.
        Conflict: the stream is damaged.
    """
    pyarrow = arrow()
    stream.seek(0)
    with _whole(pyarrow), pyarrow.ipc.open_stream(stream) as batches:
        writer = pyarrow.parquet.ParquetWriter(target, batches.schema)
        with writer:
            held: list[Any] = []
            found = 0
            for batch in batches:
                held.append(batch)
                found += batch.num_rows
                count, size = sum(b.num_rows for b in held), sum(b.nbytes for b in held)
                if count >= _GROUP_ROWS or size >= _GROUP_BYTES:
                    writer.write_table(pyarrow.Table.from_batches(held), row_group_size=count)
                    held = []
            if held:
                writer.write_table(pyarrow.Table.from_batches(held))
    if found != rows:
        # Zeros, as a disk may have them after the power failed, are the end of a stream.
        raise broken("the output", f"{found} rows of {rows}")


@contextmanager
def _whole(pyarrow: Any) -> Iterator[None]:
    """Says of a stream that Arrow cannot read that it is damaged: only this run wrote it."""
    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise broken("the output", str(error)[:200]) from error
