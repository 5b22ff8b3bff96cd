"""Files that people write: read as parts are, but a field that nobody knows is a mistake.

What is wrong is told by its place in the file, with the nearest name or the usual form.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lading.errors import InvalidInput
from lading.spec.duration import DURATION
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
        words, meant = in_words(first)
        return InvalidInput(
            f"{where}: {path or 'it'} is wrong",
            cause=words if first["type"] in _SAID_ALREADY else f"{words}{got}",
            hint=meant or (f"write it like {form}" if form else None),
        )
    hint = elsewhere.get(path) or nearest(str(place[-1]), sorted(_fields_at(first["loc"], part)))
    return InvalidInput(f"{where}: there is no field {path!r}", hint=hint)


def in_words(error: ErrorDetails) -> tuple[str, str | None]:
    """What is wrong with a field, as a person would say it, and what is perhaps meant."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "union_tag_invalid"):
        known = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags"))))
        said = str(context.get("tag", error.get("input")))
        return f"there is no {said[:60]!r}", nearest(said, known)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(context.get("pattern")), _OTHERWISE_WRITTEN), None
    if words := _WORDS.get(kind):
        return words.format(**context), None
    return error["msg"].removeprefix("Value error, "), None


_SAID_ALREADY: Final = frozenset({"literal_error", "union_tag_invalid", "missing", "too_long"})
_OTHERWISE_WRITTEN: Final = "it is written in another way"
_DIGEST: Final = "it must be a digest, as in sha256:2c26…"
_PATTERNS: Final[Mapping[str, str]] = {
    DURATION: "it must be a time, as in 30d, 12h or 90m",
    r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$": f"{_DIGEST}, in full",
    r"^[0-9a-f]{64}$": "it must be the 64 digits of a SHA-256",
    r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_.-]+$": f"{_DIGEST} or md5:9a03…",
}
_FIELDS: Final = "it must be fields with their values, as in {{name: value}}"
_LIST: Final = "it must be a list, as in [first, second]"
_WHOLE: Final = "it must be a whole number"
_WORDS: Final[Mapping[str, str]] = {
    "bool_type": "it must be true or false",
    "dict_type": _FIELDS,
    "finite_number": "it must be a finite number",
    "float_type": "it must be a number",
    "greater_than_equal": "it must be at least {ge}",
    "int_from_float": _WHOLE,
    "int_type": _WHOLE,
    "less_than_equal": "it must be at most {le}",
    "list_type": _LIST,
    "missing": "it is missing",
    "model_type": _FIELDS,
    "string_too_long": "it must have at most {max_length} characters",
    "string_too_short": "it must not be empty",
    "string_type": "it must be text (in quotes, where it looks like a number)",
    "too_long": "there are more than {max_length}",
    "tuple_type": _LIST,
    "union_tag_not_found": "its kind is missing: column, tensor or json",
}


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
