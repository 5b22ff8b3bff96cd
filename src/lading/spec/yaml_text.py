"""YAML that people write, as plain values: no objects, no dates, no bombs.

Aliases are refused: ten lines of them can stand for more than a memory holds.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

from lading.errors import InvalidInput
from lading.spec.encoding import DEEPEST

_LARGEST: Final = 1024 * 1024
# What YAML turns into dates and bytes stays text here: JSON knows neither.
_LEFT_AS_TEXT: Final = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary")


def read_yaml(text: str, what: str) -> Any:
    """The value in some YAML: mappings with text for keys, sequences, text, numbers, truths, null.

    Raises:
        InvalidInput: it is not YAML, too large, nested too deeply, or uses aliases or tags.
    """
    import yaml

    if len(text) > _LARGEST:
        raise InvalidInput(f"{what} is larger than 1 MiB", cause=f"{len(text):,} characters")
    try:
        _demand_plain(text)
        return _checked(yaml.load(text, _loader()))  # noqa: S506  a safe loader without dates
    except yaml.MarkedYAMLError as error:
        raise InvalidInput(
            f"{what} is not YAML that can be read", cause=_where(error)[:200]
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        cause = " ".join(str(error).split())[:200]
        raise InvalidInput(f"{what} is not YAML that can be read", cause=cause) from error


def _where(error: Any) -> str:
    """The line and column at which YAML ends being that, and why."""
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = str(error.problem or error.context)
    words = _WORDS.get(problem, problem)
    begun = error.context_mark
    since = f" (it begins in line {begun.line + 1})" if begun and begun.line < mark.line else ""
    return f"{place}{words}{since}"


# Of what people run into most.
_WORDS: Final = {
    "mapping values are not allowed in this context": (
        "there is a second ': ' here: put text that has one in quotes"
    ),
    "found character that cannot start any token": (
        "nothing can begin with this character: indent with spaces, and put text in quotes"
    ),
    "found unexpected end of stream": "a quote is not closed",
    "did not find expected ',' or '}'": "a comma or } is missing",
    "did not find expected ',' or ']'": "a comma or ] is missing",
    "did not find expected key": "this line is not indented like those above it",
}


@cache
def _loader() -> Any:
    """PyYAML's safe loader, in C where there is one, that makes no dates."""
    import yaml

    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    plain: Any = type("PlainLoader", (safe,), {"construct_mapping": _mapping})
    plain.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag not in _LEFT_AS_TEXT]
        for first, found in safe.yaml_implicit_resolvers.items()
    }
    return plain


def _mapping(self: Any, node: Any, deep: bool = False) -> Any:
    """A mapping whose keys stand there once: of two, YAML would drop the first without a word."""
    seen: set[str] = set()
    for key, _ in node.value:
        text = str(key.value)
        if text in seen:
            raise ValueError(f"the key {text[:60]!r} stands there twice")
        seen.add(text)
    return super(_loader(), self).construct_mapping(node, deep=deep)


def _demand_plain(text: str) -> None:
    """Look at the events before anything is built of them."""
    import yaml

    depth = 0
    for event in yaml.parse(text, _loader()):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("aliases (*name) are not taken")
        if tag := getattr(event, "tag", None):
            raise ValueError(f"tags ({tag}) are not taken")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")


def _checked(value: Any) -> Any:
    """The value, if JSON can say it."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is not text: put it in quotes")
        return {key: _checked(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_checked(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number that can be written down")
    return value
