"""What goes into a model and what comes out of it, by name, type and shape.

Types are Arrow's names, and ``bfloat16``, which Arrow lacks. Only the words live here; guessing
them from data, converting and comparing them is the business of ``lading.signatures``.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from lading.spec.part import Json, Name, Part

DataType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "decimal128",
    "string",
    "binary",
    "date32",
    "time64",
    "timestamp",
    "duration",
]
DATA_TYPES: Final[tuple[str, ...]] = get_args(DataType)


class Column(Part):
    """A column of a table: one value for each row."""

    kind: Literal["column"] = "column"
    name: Name
    dtype: DataType
    nullable: bool = False
    required: bool = True
    enum: Annotated[tuple[Json, ...], Field(description="The only values it may have.")] = ()
    timezone: Annotated[str | None, Field(examples=["UTC", "Europe/Berlin"])] = None
    unit: Annotated[
        Literal["s", "ms", "us", "ns"] | None,
        Field(description="Of a timestamp, time or duration."),
    ] = None
    description: str | None = None


class Tensor(Part):
    """An array of one type; -1 in the shape is any length."""

    kind: Literal["tensor"] = "tensor"
    name: Name | None = None
    dtype: DataType
    shape: tuple[Annotated[int, Field(ge=-1)], ...]
    required: bool = True
    description: str | None = None


class JsonField(Part):
    """A JSON value, by its JSON Schema."""

    kind: Literal["json"] = "json"
    name: Name | None = None
    json_schema: dict[str, Json]
    required: bool = True
    description: str | None = None


FieldType = Annotated[Column | Tensor | JsonField, Field(discriminator="kind")]


class Param(Part):
    """What may be said beside the input when the model is asked, such as a temperature."""

    name: Name
    dtype: DataType
    shape: Annotated[
        tuple[Annotated[int, Field(ge=-1)], ...] | None, Field(description="Of a list; else one.")
    ] = None
    default: Json = None


class Signature(Part):
    """What goes in, what comes out, and what may be said beside."""

    inputs: tuple[FieldType, ...] = ()
    outputs: tuple[FieldType, ...] = ()
    params: tuple[Param, ...] = ()
