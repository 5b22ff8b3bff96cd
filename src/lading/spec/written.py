"""Files that people write: read as parts are, but a field that nobody knows is a mistake.

What is wrong is told by its place in the file, with the nearest name or the usual form.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import ValidationError

from lading.errors import InvalidInput
from lading.spec.nearest import nearest
from lading.spec.part import KIND, Part

# Steps down from the top of a file: names of fields, places in lists.
Place = list[int | str]

# What pydantic puts into a place for the parts of a list that are told apart by their kind.
_KINDS: Final = ("column", "tensor", "json")
_NOTHING: Final[Mapping[str, str]] = {}


def also(short: dict[str, Any]) -> dict[str, Any]:
    """For the JSON Schema of a file: the short form of a field, beside the one that is checked."""

    def extend(schema: dict[str, Any]) -> None:
        long = dict(schema)
        schema.clear()
        described = {name: long.pop(name) for name in ("description", "default") if name in long}
        schema |= described | {"anyOf": [short, long]}

    return {"json_schema_extra": extend}


def refusal(
    error: ValidationError,
    where: str,
    part: type[Part],
    *,
    as_written: Callable[[Place], Place] = lambda place: place,
    forms: Mapping[str, str] = _NOTHING,
    elsewhere: Mapping[str, str] = _NOTHING,
) -> InvalidInput:
    """What is wrong in a file that should have been a part, for the person who wrote it.

    ``forms`` says how fields at the top are written, ``elsewhere`` what a stranger may mean.
    """
    errors = error.errors(include_url=False)
    # A field in another spelling is also one that is missing; the spelling says more.
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    place = [step for step in first["loc"] if step not in _KINDS]
    path = ".".join(map(str, as_written(place)))
    if first["type"] != "extra_forbidden":
        got = f", got {first['input']!r}"[:80] if not isinstance(first["input"], dict) else ""
        form = forms.get(str(place[0])) if place else None
        return InvalidInput(
            f"{where}: {path or 'it'} is wrong",
            cause=f"{first['msg']}{got}",
            hint=f"write it like {form}" if form else None,
        )
    hint = elsewhere.get(path) or nearest(str(place[-1]), sorted(_fields_at(first["loc"], part)))
    return InvalidInput(f"{where}: there is no field {path!r}", hint=hint)


def _fields_at(place: tuple[int | str, ...], part: type[Part]) -> set[str]:
    """The names of the fields that could stand where an unknown one does."""
    parts: set[type[Part]] = {part}
    for step in place[:-1]:
        if step in _KINDS:
            parts = {each for each in parts if each.model_fields[KIND].default == step}
        elif isinstance(step, str):
            fields = [each.model_fields.get(step) for each in parts]
            # A step that is no field is a key in a mapping, whose values these parts are.
            parts = {found for field in fields if field for found in _parts(field.annotation)} or (
                parts
            )
    return {name for each in parts for name in each.model_fields}


def _parts(annotation: Any) -> Iterator[type[Part]]:
    """The kinds of part that a field's type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    elif get_origin(annotation) in (tuple, list, dict, Union, types.UnionType, Annotated):
        for inner in get_args(annotation):
            yield from _parts(inner)
