"""Signatures of every form, and values that they take, for laws."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from hypothesis import strategies as st

from lading.signatures.forms import by_key, form_of, table_fields
from lading.signatures.scalars import FLOATS, INTEGERS, NON_FINITE
from lading.spec.signature import (
    DATA_TYPES,
    Column,
    FieldType,
    JsonField,
    Param,
    Signature,
    Tensor,
)

# Short names that collide, and some that are hard to write down.
names = st.sampled_from(["a", "b", "c", "A", "age", "x y", "é/~1", "columns", "%41", "$ref"])
dtypes = st.sampled_from(DATA_TYPES)
UNITS = ("s", "ms", "us", "ns")
JSON_SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "array", "items": {"type": ["integer", "string"]}},
    {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    {"anyOf": [{"type": "null"}, {"type": "object"}]},
)
JSON_VALUES = ([1, 2], {"q": "x"}, None)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    dtype = draw(dtypes)
    timed = dtype in ("timestamp", "time64", "duration")
    return Column.model_validate(
        {
            "name": name,
            "dtype": dtype,
            "nullable": draw(st.booleans()),
            "required": draw(st.booleans()),
            "enum": ("u", "v") if dtype == "string" and draw(st.booleans()) else (),
            "timezone": "UTC" if dtype == "timestamp" and draw(st.booleans()) else None,
            "unit": draw(st.sampled_from(UNITS)) if timed else None,
        }
    )


@st.composite
def tensors(draw: st.DrawFn, name: str | None) -> Tensor:
    shape = draw(st.lists(st.sampled_from([-1, 1, 2, 3]), max_size=3))
    required = name is None or draw(st.booleans())
    return Tensor.model_validate(
        {"name": name, "dtype": draw(dtypes), "shape": tuple(shape), "required": required}
    )


def json_fields(name: str | None) -> st.SearchStrategy[JsonField]:
    return st.sampled_from(JSON_SCHEMAS).map(
        lambda schema: JsonField(name=name, json_schema=schema)
    )


@st.composite
def tables(draw: st.DrawFn) -> tuple[FieldType, ...]:
    chosen = draw(st.lists(names, unique=True, min_size=1, max_size=4))
    first = draw(columns(chosen[0]))
    rest = [draw(st.one_of(columns(name), json_fields(name))) for name in chosen[1:]]
    return tuple(draw(st.permutations([first, *rest])))


@st.composite
def named(draw: st.DrawFn) -> tuple[FieldType, ...]:
    chosen = draw(st.lists(names, unique=True, min_size=1, max_size=3))
    return tuple(draw(st.one_of(tensors(name), json_fields(name))) for name in chosen)


def single() -> st.SearchStrategy[tuple[FieldType, ...]]:
    return st.one_of(tensors(None), json_fields(None)).map(lambda field: (field,))


def sides() -> st.SearchStrategy[tuple[FieldType, ...]]:
    return st.one_of(tables(), named(), single(), st.just(()))


@st.composite
def params(draw: st.DrawFn) -> tuple[Param, ...]:
    chosen = draw(st.lists(names, unique=True, max_size=2))
    return tuple(
        Param.model_validate(
            {"name": name, "dtype": "float64", "default": draw(st.none() | st.just(0.5))}
        )
        for name in chosen
    )


def signatures() -> st.SearchStrategy[Signature]:
    return st.builds(Signature, inputs=sides(), outputs=sides(), params=params())


def scalars(dtype: str, *, aware: bool = False) -> st.SearchStrategy[Any]:
    """JSON values of a type, its extremes among them."""
    if bounds := INTEGERS.get(dtype) or (INTEGERS["int64"] if dtype == "duration" else None):
        return st.integers(*bounds) | st.sampled_from(bounds)
    if most := FLOATS.get(dtype):
        return st.floats(-most, most, allow_nan=False) | st.sampled_from(NON_FINITE)
    texts: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "string": st.text(max_size=8),
        "binary": st.binary(max_size=8).map(lambda raw: base64.b64encode(raw).decode()),
        "decimal128": st.decimals(-9999, 9999, places=2).map(str),
        "date32": st.dates(dt.date(1000, 1, 1)).map(str),
        "time64": st.times().map(lambda value: value.isoformat()),
        "timestamp": st.datetimes(
            dt.datetime(1000, 1, 1), timezones=st.just(dt.UTC) if aware else st.none()
        ).map(lambda value: value.isoformat()),
    }
    return texts[dtype]


def cells(field: FieldType) -> st.SearchStrategy[Any]:
    """One cell of a column, or a JSON field's value."""
    if isinstance(field, JsonField):
        return st.just(JSON_VALUES[JSON_SCHEMAS.index(dict(field.json_schema))])
    assert isinstance(field, Column)
    values = scalars(field.dtype, aware=field.timezone is not None)
    if field.enum:
        values = st.sampled_from(field.enum)
    return values | st.none() if field.nullable else values


@st.composite
def arrays(draw: st.DrawFn, field: Tensor) -> Any:
    """Nested lists of the tensor's shape."""
    shape = [length if length != -1 else draw(st.integers(1, 3)) for length in field.shape]

    def made(lengths: list[int]) -> Any:
        if not lengths:
            return draw(scalars(field.dtype))
        return [made(lengths[1:]) for _ in range(lengths[0])]

    return made(shape)


@st.composite
def values(draw: st.DrawFn, fields: tuple[FieldType, ...]) -> Any:
    """A value in its JSON form that the fields take."""
    form = form_of(fields)
    if form == "table":
        known = table_fields(fields)
        if all(field.required for field in known.values()) and draw(st.booleans()):
            rows = draw(
                st.lists(st.tuples(*map(cells, known.values())).map(list), min_size=1, max_size=3)
            )
            return {"columns": list(known), "data": rows}
        kept = [n for n, field in known.items() if field.required or draw(st.booleans())]
        record = st.fixed_dictionaries({name: cells(known[name]) for name in kept})
        return draw(st.lists(record, min_size=1, max_size=3))
    entries = {key: _entry(field) for key, field in by_key(fields).items()}
    if form == "value":
        return draw(entries["0"])
    kept = [n for n, field in by_key(fields).items() if field.required or draw(st.booleans())]
    return draw(st.fixed_dictionaries({name: entries[name] for name in kept}))


def _entry(field: FieldType) -> st.SearchStrategy[Any]:
    return arrays(field) if isinstance(field, Tensor) else cells(field)
