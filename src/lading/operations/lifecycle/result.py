"""Results of verbs that share a shape."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result = TypeVar("Result", bound="DataclassInstance")


def as_result(kind: type[Result], value: DataclassInstance, **more: Any) -> Result:
    """The same fields under the name of a verb's own result, with those that only it has."""
    return kind(**{field.name: getattr(value, field.name) for field in fields(value)}, **more)
