"""How the fields of one side of a signature are written together, as one JSON value.

==========  ===========================================  =========================================
form        when                                         written as
==========  ===========================================  =========================================
anything    nothing is said                              any value
table       columns, and JSON fields beside them         records, or ``{"columns", "data"}``
value       one field, without a name                    the value itself
named       everything else                              an object; who has no name has a number
==========  ===========================================  =========================================

A JSON field in a table is one value for each row. Only words and names here, no values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from lading.errors import InvalidInput
from lading.spec.signature import Column, FieldType, JsonField, Param, Signature, Tensor

Form = Literal["anything", "table", "value", "named"]
TableField = Column | JsonField
# More than any array has, and fewer than would nest a schema beyond what can be written.
_MOST_DIMENSIONS: Final = 32


def form_of(fields: Sequence[FieldType]) -> Form:
    """How these fields are written together."""
    if not fields:
        return "anything"
    if len(fields) == 1 and fields[0].name is None:
        return "value"
    columns = any(isinstance(field, Column) for field in fields)
    others = any(isinstance(field, Tensor) or field.name is None for field in fields)
    return "table" if columns and not others else "named"


def by_key(fields: Sequence[FieldType]) -> dict[str, FieldType]:
    """The fields by name; one without a name by its place."""
    return {field.name or str(at): field for at, field in enumerate(fields)}


def part_of(signature: Signature, part: str) -> tuple[FieldType, ...]:
    """The inputs or the outputs."""
    return signature.inputs if part == "inputs" else signature.outputs


def nested_shape(field: Tensor | Param) -> tuple[int, ...]:
    """The shape of what is written as lists in lists.

    Raises:
        InvalidInput: it has more dimensions than any array.
    """
    shape = field.shape or ()
    if len(shape) > _MOST_DIMENSIONS:
        raise InvalidInput(
            f"{field.name or 'a tensor'} has {len(shape)} dimensions",
            cause=f"at most {_MOST_DIMENSIONS} are written as lists",
        )
    return shape


def table_fields(fields: Iterable[FieldType]) -> dict[str, TableField]:
    """The columns of a table, by name."""
    return {
        field.name: field
        for field in fields
        if not isinstance(field, Tensor) and field.name is not None
    }


def is_split(fields: Iterable[str], value: Any) -> bool:
    """Whether a table is written as columns and data; a record might have just these names."""
    split = {"columns", "data"}
    return isinstance(value, Mapping) and value.keys() == split and set(fields) != split
