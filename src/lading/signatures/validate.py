"""Whether a value, in its JSON form, is what a signature says; every reason why not.

Tables are checked column by column: a column of one Python type costs a look at its types and
its extremes. JSON Schema is only asked about JSON fields. Live objects are laid out as JSON by
``layouts`` first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final

from lading.errors import InvalidInput
from lading.signatures.converted import PartName
from lading.signatures.forms import (
    TableField,
    by_key,
    form_of,
    is_split,
    part_of,
    table_fields,
)
from lading.signatures.layouts import lay_out
from lading.signatures.npy import Array
from lading.signatures.scalars import FLOATS, INTEGERS, expected, taker_of
from lading.spec.signature import Column, FieldType, JsonField, Signature, Tensor

_MOST_PROBLEMS: Final = 20
# So that one bad column does not hide the others.
_MOST_OF_A_FIELD: Final = 5
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Problem:
    """Where a value is not what the signature says."""

    where: str
    expected: str
    got: str
    row: int | None = None

    def __str__(self) -> str:
        row = "" if self.row is None else f" in row {self.row}"
        return f"{self.where}: expected {self.expected}, got {self.got}{row}"


def validate(signature: Signature, value: Any, part: PartName = "inputs") -> tuple[Problem, ...]:
    """Every reason, twenty at most, why a value is not what the signature says; none if it is.

    The value is in its JSON form (see ``forms``); arrays may be ``npy.Array``. Names that the
    signature does not know are refused: a model would ignore a misspelled column in silence.

    Raises:
        InvalidInput: a JSON Schema in the signature is none, or refers to another place.
    """
    return tuple(islice(_problems(part_of(signature, part), value, part), _MOST_PROBLEMS))


def validate_example(signature: Signature, value: Any) -> None:
    """Let a live input pass that is what the signature says.

    Raises:
        InvalidInput: it is not; names the field, what was expected, what was found, and the row.
    """
    problems = validate(signature, lay_out(value, signature.inputs).value)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InvalidInput(
            "the input example is not what the signature says",
            cause=f"{problems[0]}{more}",
            hint="correct the example, or the signature",
        )


def _problems(fields: Sequence[FieldType], value: Any, part: str) -> Iterator[Problem]:
    form = form_of(fields)
    if form == "table":
        yield from _table(table_fields(fields), value, part)
    elif form == "value":
        yield from islice(_entry(fields[0], value, part), _MOST_OF_A_FIELD)
    elif form == "named":
        yield from _named(by_key(fields), value, part)


# Tables


def _table(fields: Mapping[str, TableField], value: Any, part: str) -> Iterator[Problem]:
    data = _columns(fields, value)
    if isinstance(data, Problem):
        yield Problem(part, data.expected, data.got, data.row)
        return
    yield from _unknown(fields, data)
    for name, field in fields.items():
        values = data.get(name)
        if values is None:
            if field.required:
                yield Problem(name, "a column", "nothing")
            continue
        yield from islice(_column(field, name, values), _MOST_OF_A_FIELD)


def _unknown(fields: Iterable[str], names: Iterable[str]) -> Iterator[Problem]:
    known = set(fields)
    for name in names:
        if name not in known:
            yield Problem(str(name)[:200], "no such name in the signature", "a value")


def _columns(fields: Mapping[str, TableField], value: Any) -> dict[str, Sequence[Any]] | Problem:
    """The cells by column, whichever way the table is written."""
    if is_split(fields, value):
        return _split_columns(value["columns"], value["data"])
    records = [value] if isinstance(value, Mapping) else value
    if not isinstance(records, (list, tuple)):
        return Problem("", "records, or an object of columns and data", _shown(value))
    for row, record in enumerate(records):
        if not isinstance(record, Mapping):
            return Problem("", "a record, which is an object", _shown(record), row)
    names = {name: None for record in records for name in record} or dict.fromkeys(fields)
    return {name: [record.get(name, _ABSENT) for record in records] for name in names}


def _split_columns(names: Any, rows: Any) -> dict[str, Sequence[Any]] | Problem:
    texts = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
    if not texts or len(set(names)) < len(names):
        return Problem("", "columns with a name each", _shown(names))
    if not isinstance(rows, (list, tuple)):
        return Problem("", "data as a list of rows", _shown(rows))
    for at, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != len(names):
            return Problem("", f"a row of {len(names)} values", _shown(row), at)
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _column(field: TableField, name: str, values: Sequence[Any]) -> Iterator[Problem]:
    if field.required:
        for row, value in enumerate(values):
            if value is _ABSENT:
                yield Problem(name, "a value in every row", "nothing", row)
    if isinstance(field, JsonField):
        check = _json_checker(field)
        for row, value in enumerate(values):
            if value is not _ABSENT:
                yield from (Problem(name, *each, row) for each in check(value))
        return
    if not _plainly_fits(field, values):
        yield from _cells(field, name, values)


def _cells(field: Column, name: str, values: Sequence[Any]) -> Iterator[Problem]:
    """Every cell by itself: the slow way, which finds the row."""
    takes = taker_of(field.dtype, field.timezone)
    allowed = {_enum_key(item) for item in field.enum}
    for row, value in enumerate(values):
        if value is _ABSENT:
            continue
        if value is None:
            if not field.nullable:
                yield Problem(name, expected(field.dtype, field.timezone), "null", row)
        elif not takes(value):
            yield Problem(name, expected(field.dtype, field.timezone), _shown(value), row)
        elif allowed and _enum_key(value) not in allowed:
            yield Problem(name, f"one of {_listed(field.enum)}", _shown(value), row)


_PLAIN_TYPES: Final[dict[str, set[type]]] = {
    "bool": {bool},
    "string": {str},
    "float64": {float},
    **{dtype: {int} for dtype in INTEGERS},
    **{dtype: {float} for dtype in FLOATS},
}


def _plainly_fits(field: Column, values: Sequence[Any]) -> bool:
    """Whether all cells are seen to fit at one look; False says that each must be looked at."""
    wanted = _PLAIN_TYPES.get(field.dtype)
    if wanted is None or set(map(type, values)) - wanted:
        return False
    if not values:
        return True
    if field.enum:
        return set(values) <= set(field.enum)
    if bounds := INTEGERS.get(field.dtype):
        return bool(bounds[0] <= min(values) and max(values) <= bounds[1])
    most = FLOATS.get(field.dtype)
    return most is None or field.dtype == "float64" or max(map(abs, values)) <= most


def _enum_key(value: Any) -> object:
    """To Python True is 1; to JSON it is not."""
    hashable = isinstance(value, (str, int, float, bool)) or value is None
    return (isinstance(value, bool), value) if hashable else repr(value)


def _listed(values: Sequence[Any]) -> str:
    shown = ", ".join(map(_shown, values[:5]))
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown


# Other values


def _named(fields: Mapping[str, FieldType], value: Any, part: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem(part, f"an object with {_listed(tuple(fields))}", _shown(value))
        return
    yield from _unknown(fields, value)
    for name, field in fields.items():
        if name in value:
            yield from islice(_entry(field, value[name], name), _MOST_OF_A_FIELD)
        elif field.required:
            yield Problem(name, "a value", "nothing")


def _entry(field: FieldType, value: Any, where: str) -> Iterator[Problem]:
    if isinstance(field, Tensor):
        yield from _tensor(field, value, where)
    elif isinstance(field, JsonField):
        yield from (Problem(where, *each) for each in _json_checker(field)(value))
    elif isinstance(value, (list, tuple)):
        yield from _column(field, where, value)
    else:
        yield Problem(where, "a list with a value for each row", _shown(value))


def _tensor(field: Tensor, value: Any, where: str) -> Iterator[Problem]:
    if isinstance(value, Array):
        if not _shape_fits(field.shape, value.shape):
            yield Problem(where, f"shape {list(field.shape)}", f"shape {list(value.shape)}")
            return
        if value.dtype == field.dtype:
            return
        value = value.tolist()
    leaves = _leaves(field.shape, value)
    if isinstance(leaves, str):
        yield Problem(where, f"{field.dtype} of shape {list(field.shape)}", leaves)
        return
    takes = taker_of(field.dtype)
    if field.dtype == "timestamp":
        aware = taker_of(field.dtype, "UTC")
        takes = _either(takes, aware)
    rows = len(value) if field.shape and isinstance(value, (list, tuple)) else 1
    for at, leaf in enumerate(leaves):
        if not takes(leaf):
            row = at * rows // len(leaves) if field.shape else None
            yield Problem(where, expected(field.dtype), _shown(leaf), row)


def _either(one: Callable[[Any], bool], other: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: one(value) or other(value)


def _shape_fits(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    alike = len(wanted) == len(shape)
    return alike and all(w in (-1, length) for w, length in zip(wanted, shape, strict=True))


def _leaves(shape: tuple[int, ...], value: Any) -> list[Any] | str:
    """The elements of nested lists of this shape, or what is wrong with them."""
    level = [value]
    for length in shape:
        if not all(isinstance(item, (list, tuple)) for item in level):
            return _shown(next(item for item in level if not isinstance(item, (list, tuple))))
        lengths = {len(item) for item in level}
        if length != -1 and lengths - {length}:
            return f"a list of {min(lengths - {length})}"
        if len(lengths) > 1:
            return f"lists of {min(lengths)} and of {max(lengths)}"
        level = list(chain.from_iterable(level))
    return level


_Check = Callable[[Any], Iterator[tuple[str, str]]]


def _json_checker(field: JsonField) -> _Check:
    """A function that says what is wrong with a JSON value: what was expected, what was found.

    Raises:
        InvalidInput: the schema is none.
    """
    import jsonschema
    from referencing.exceptions import Unresolvable

    try:
        validator = _validator(json.dumps(field.json_schema))
    except jsonschema.SchemaError as error:
        raise InvalidInput(
            f"the JSON Schema of {field.name or 'the value'!r} is none", cause=error.message[:200]
        ) from error

    def check(value: Any) -> Iterator[tuple[str, str]]:
        try:
            for error in validator.iter_errors(value):
                yield f"{error.validator} {error.validator_value!r}"[:200], _shown(error.instance)
        except (Unresolvable, RecursionError) as error:
            raise InvalidInput(
                f"the JSON Schema of {field.name or 'the value'!r} refers to what is not in it",
                cause=str(error)[:200],
            ) from error

    return check


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    """A schema, compiled; kept, since a server holds every request against the same one.

    Raises:
        jsonschema.SchemaError: it is none.
    """
    import jsonschema
    from referencing import Registry

    known = json.loads(schema)
    jsonschema.Draft202012Validator.check_schema(known)
    # An empty registry: without it jsonschema would fetch what a schema refers to.
    registry: Registry[Any] = Registry()
    return jsonschema.Draft202012Validator(known, registry=registry)


def _shown(value: Any) -> str:
    """A value for people, short."""
    if isinstance(value, Array):
        return f"an array of {value.dtype}, shape {list(value.shape)}"
    if isinstance(value, (Mapping, list, tuple)):
        return f"{'an object' if isinstance(value, Mapping) else 'a list'} of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)[:80]
