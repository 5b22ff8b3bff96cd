"""Parameters without the price of a validation library.

Typer 0.29 builds a pydantic adapter for every option of a command, given or not, and imports
pydantic for that: as much time as everything else that a verb needs together. Text, paths and
options that were not given need no adapter and are taken here; all others stay Typer's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

# Of a path, or a number: whoever sets one of these wants Typer to look closer.
_CLOSER = ("parser", "exists", "resolve_path")
_CONVERSIONS: dict[Any, Callable[[Any], Any]] = {str: str, Path: Path, list[str]: list}


# Typer's parameters are of classes with private names: Any here, and nowhere else.
def quicken(command: Any) -> None:
    """Let the plain parameters of a command be taken without adapters, where Typer makes them."""
    for parameter in command.params:
        descriptor = getattr(parameter, "type_descriptor", None)
        if descriptor is not None and _is_plain(parameter, descriptor):
            parameter.process_value = partial(
                _processed, parameter, descriptor.annotation, parameter.process_value
            )


def _is_plain(parameter: Any, descriptor: Any) -> bool:
    # An argument that takes all the rest has no number of values.
    takes_rest = parameter.nargs == -1 and descriptor.annotation == list[str]
    wishes = (getattr(descriptor.parameter_info, wish, None) for wish in _CLOSER)
    return (parameter.nargs == 1 or takes_rest) and not any(wishes)


def _processed(
    parameter: Any,
    annotation: Any,
    typers: Callable[[Any, Any], Any],
    context: Any,
    value: Any,
) -> Any:
    convert = _choice(parameter, annotation) or _CONVERSIONS.get(annotation)
    multiple = parameter.multiple or parameter.nargs == -1
    # A line that a shell completes lacks things.
    if value in (None, ()) and (context.resilient_parsing or not parameter.required):
        value = () if multiple else None
    elif convert is not None and _is_text(value, multiple=multiple):
        value = convert(value)
    else:
        return typers(context, value)
    return parameter.callback(context, parameter, value) if parameter.callback else value


def _choice(parameter: Any, annotation: Any) -> Callable[[Any], Any] | None:
    """What takes one of a few words, and says of any other which is perhaps meant."""
    if get_origin(annotation) is not Literal:
        return None
    known = get_args(annotation)

    def chosen(value: str) -> str:
        if value in known:
            return value
        from lading.errors import InvalidInput
        from lading.spec.nearest import nearest

        raise InvalidInput(
            f"{parameter.opts[0]} cannot be {value[:80]!r}",
            cause=f"it is one of {', '.join(known)}",
            hint=nearest(value, known),
        )

    return chosen


def _is_text(value: Any, *, multiple: bool) -> bool:
    if multiple:
        return bool(value) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
