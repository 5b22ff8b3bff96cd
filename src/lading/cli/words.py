"""Options in which a person says something about a model, and what they become."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer

from lading.errors import InvalidInput

SAID = "What is said of the model"
FOUND = "What is found out about it"


def said(metavar: str, text: str) -> Any:
    """An option that may be given several times."""
    return typer.Option(
        metavar=metavar, help=f"{text} Repeatable.", show_default=False, rich_help_panel=SAID
    )


def pairs(given: Iterable[str] | None, form: str) -> dict[str, str]:
    """The keys and values of ``KEY=VALUE``.

    Raises:
        InvalidInput: one is written otherwise.
    """
    found = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput(f"no key and value: {text!r}", hint=f"write {form}")
        found[key] = value
    return found


def params(given: Iterable[str] | None) -> dict[str, object]:
    """Hyperparameters; a value that is JSON is taken as such, any other as text."""
    return {name: _value(text) for name, text in pairs(given, "--param NAME=VALUE").items()}


def metrics(given: Iterable[str] | None) -> list[dict[str, object]]:
    """Metrics in ``NAME[@SPLIT]=NUMBER``."""
    if not given:
        return []
    from lading.spec.declaration import metric

    return [metric(text) for text in given]


def datasets(given: Iterable[str] | None) -> list[dict[str, object]]:
    """Datasets in ``URI[#SPLIT]``."""
    found: list[dict[str, object]] = []
    for text in given or ():
        uri, _, split = text.rpartition("#")
        found.append({"uri": uri, "split": split} if uri and split else {"uri": text})
    return found


def _value(text: str) -> object:
    try:
        value: object = json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text
    return value
