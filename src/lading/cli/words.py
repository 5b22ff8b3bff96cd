"""Options in which a person says something about a model, and what they become."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.cli import offers
from lading.errors import InvalidInput

SAID = "What is said of the model"
FOUND = "What is found out about it"


def _said(metavar: str, text: str, **more: Any) -> Any:
    """An option that may be given several times."""
    return typer.Option(
        metavar=metavar,
        help=f"{text} Repeatable.",
        show_default=False,
        rich_help_panel=SAID,
        **more,
    )


DeclarationFile = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="What is declared of the model; else lading.yaml beside it is looked for.",
        show_default=False,
        rich_help_panel=SAID,
    ),
]
Description = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What it is, in a sentence.", rich_help_panel=SAID),
]
Authors = Annotated[
    list[str] | None, _said("NAME", "Who made it; else git's user or LADING_AUTHOR.")
]
Licenses = Annotated[list[str] | None, _said("SPDX", "Its licence: Apache-2.0.")]
Tags = Annotated[list[str] | None, _said("KEY=VALUE", "A free mark: task=chat.")]
Metrics = Annotated[
    list[str] | None, _said("NAME[@SPLIT]=NUMBER", "How well it did: auc@test=0.93.")
]
Params = Annotated[
    list[str] | None, _said("NAME=VALUE", "A hyperparameter; the value may be JSON: lr=0.01.")
]
Datasets = Annotated[
    list[str] | None, _said("URI[#SPLIT]", "Data it was made with: s3://data#train.")
]
Parents = Annotated[
    list[str] | None,
    _said("REF", "A model it was made from: ml/base:1.0.0.", autocompletion=offers.references),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema",
        metavar="FILE",
        help="What goes in and comes out: a signature, or the JSON Schema of the input.",
        show_default=False,
        rich_help_panel=SAID,
    ),
]
ExampleFile = Annotated[
    Path | None,
    typer.Option(
        "--input-example",
        metavar="FILE",
        help="An input that the model takes: .json, .jsonl, .csv or .npy.",
        show_default=False,
        rich_help_panel=SAID,
    ),
]
Strict = Annotated[
    bool | None,
    typer.Option(
        "--strict/--no-strict",
        help="Refuse when metrics, schema, lock or code is missing (setting: required).",
        show_default=False,
        rich_help_panel=SAID,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHAT",
        help="Do not look for facts, environment, code, run, author, hazards, or all. Repeatable.",
        show_default=False,
        autocompletion=offers.one_of(
            "facts", "environment", "code", "run", "author", "hazards", "all"
        ),
        rich_help_panel=FOUND,
    ),
]
WithDiff = Annotated[
    bool,
    typer.Option(
        "--with-diff", help="Keep what git has not committed as a patch.", rich_help_panel=FOUND
    ),
]
ResolveHashes = Annotated[
    bool,
    typer.Option(
        "--resolve-hashes",
        help="Ask the package index for hashes that the lock lacks.",
        rich_help_panel=FOUND,
    ),
]
Python = Annotated[
    Path | None,
    typer.Option(
        metavar="PROGRAM",
        help="The Python whose packages the model needs; else the one that is active.",
        show_default=False,
        rich_help_panel=FOUND,
    ),
]
RunId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="The tracker's run to import, where there are several.",
        show_default=False,
        rich_help_panel=FOUND,
    ),
]


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
