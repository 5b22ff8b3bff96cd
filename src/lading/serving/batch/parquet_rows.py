"""Rows of a Parquet file: Arrow's batches, which keep their types where they are written again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from lading.errors import InvalidInput, LocalFailure
from lading.serving.batch.table import Batch, Head

_HEAVIEST: Final = 16 * 1024 * 1024
# Rows that are unpacked at once, before anybody knows how heavy they are.
_STEP: Final = 64
_STRETCH: Final = 256 * 1024


def arrow() -> Any:
    """pyarrow, with what reads and writes Parquet.

    Raises:
        LocalFailure: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise LocalFailure(
            "Parquet needs a package that is not installed",
            cause="pyarrow",
            hint="pip install 'lading[parquet]'",
        ) from error
    return pyarrow


class ParquetRows:
    """The rows of a file."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        """Read what stands at its end.

        Raises:
            InvalidInput: it is no Parquet file.
            LocalFailure: pyarrow is not installed.
        """
        self._arrow = arrow()
        self._source = source
        if not file.seekable():
            raise InvalidInput(
                f"{source} is no file of the disk",
                cause="Parquet is read from its end",
                hint="write it into a file first",
            )
        self.position = 0
        try:
            # Read in stretches: a group of rows may be as large as the file.
            self._file = self._arrow.parquet.ParquetFile(
                file, memory_map=False, pre_buffer=False, buffer_size=_STRETCH
            )
        except (self._arrow.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self._meta = self._file.metadata
        schema = self._plain(self._file.schema_arrow)
        if len(set(schema.names)) < len(schema.names):
            raise InvalidInput(f"a column of {source} is there twice")
        self.head = Head(tuple(schema.names), is_fixed=True, schema=schema)

    def _damaged(self, error: Exception) -> InvalidInput | LocalFailure:
        if isinstance(error, OSError) and error.errno is not None:
            return LocalFailure(f"cannot read {self._source}", cause=error.strerror)
        return InvalidInput(f"{self._source} is not Parquet, or damaged", cause=str(error)[:200])

    def _plain(self, schema: Any) -> Any:
        arrow = self._arrow
        for at, field in enumerate(schema):
            # Every batch would have a dictionary of its own.
            schema = schema.set(at, field.with_type(_without_dictionaries(arrow, field.type)))
        # What pandas says of its columns is no longer true of a file with more of them.
        return schema.remove_metadata()

    def batches(self, size: int, skip: int) -> Iterator[Batch]:
        """Batches of so many rows at most, beginning behind the first ``skip``."""
        rows, weight = self._meta.num_rows, self.total
        fitting = max(1, _HEAVIEST * rows // weight) if weight and rows else size
        start = 0
        for found in self._groups(min(size, fitting)):
            # How far it is cannot be seen of the file, whose columns lie one after the other.
            self.position = weight * (start + found.num_rows) // max(1, rows)
            if start >= skip:
                yield Batch(start, found.num_rows, self._cells(found), arrow=found)
            start += found.num_rows

    def _cast(self, found: Any) -> Any:
        try:
            return found.cast(self.head.schema)
        except self._arrow.ArrowException as error:
            raise self._damaged(error) from error

    def _groups(self, size: int) -> Iterator[Any]:
        """Arrow's batches; one group after the other, or pyarrow keeps what it has read."""
        try:
            for group in range(self._file.num_row_groups):
                pieces = self._file.iter_batches(
                    batch_size=min(size, _STEP), row_groups=[group], use_threads=False
                )
                yield from self._gathered(map(self._cast, pieces), size)
        except (self._arrow.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _gathered(self, pieces: Iterator[Any], size: int) -> Iterator[Any]:
        """Pieces as batches of so many rows; of fewer where they are heavy.

        How much a row is shows only here: kilobytes of a file may stand for gigabytes.
        """
        held: list[Any] = []
        rows = weight = 0
        for piece in pieces:
            left = piece
            while left.num_rows:
                taken = left.slice(0, size - rows)
                left = left.slice(taken.num_rows)
                held.append(taken)
                rows, weight = rows + taken.num_rows, weight + taken.nbytes
                if rows == size or weight >= _HEAVIEST:
                    yield self._joined(held)
                    held, rows, weight = [], 0, 0
        if held:
            yield self._joined(held)

    def _joined(self, pieces: list[Any]) -> Any:
        """Pieces as one."""
        if len(pieces) == 1:
            return pieces[0]
        return self._arrow.Table.from_batches(pieces).combine_chunks().to_batches()[0]

    @property
    def total(self) -> int:
        """How far ``position`` goes."""
        return sum(
            self._meta.row_group(n).total_byte_size for n in range(self._file.num_row_groups)
        )

    def _cells(self, found: Any) -> dict[str, list[Any]]:
        try:
            return {name: found.column(at).to_pylist() for at, name in enumerate(self.head.columns)}
        except (self._arrow.ArrowException, ValueError, OverflowError) as error:
            raise InvalidInput(
                f"a value of {self._source} is none that Python has", cause=str(error)[:200]
            ) from error


def _without_dictionaries(arrow: Any, kind: Any) -> Any:
    """The type of the same values, written out wherever they were numbers of a list."""
    if arrow.types.is_dictionary(kind):
        return _without_dictionaries(arrow, kind.value_type)
    if arrow.types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        return arrow.struct(
            [field.with_type(_without_dictionaries(arrow, field.type)) for field in fields]
        )
    for is_one, make in (
        (arrow.types.is_list, arrow.list_),
        (arrow.types.is_large_list, arrow.large_list),
    ):
        if is_one(kind):
            field = kind.value_field
            return make(field.with_type(_without_dictionaries(arrow, field.type)))
    return kind
