"""``lading schema``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.cli.table import Line, table
from lading.operations import schema as operation

EXIT_BREAKING = 1

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading schema ml/fraud:1.2.0",
        "lading schema ml/fraud:1.2.0 --format json-schema",
        "lading schema ml/fraud:1.3.0 --against ml/fraud:prod",
    )
)
def schema(
    context: typer.Context,
    reference: ReferenceArgument,
    format: Annotated[  # noqa: A002  the option's word
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"One of {', '.join(operation.FORMATS)}.",
            autocompletion=offers.one_of(*operation.FORMATS),
        ),
    ] = "lading",
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="REF",
            help="Say what would break who uses this version now.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ] = None,
) -> None:
    """Show what goes in and comes out, and what a change would break.

    In other words with --format; what they cannot say is told on stderr. With --against, say what
    changed since another version instead, and exit with 1 where that breaks who uses it.
    """
    console = Console.of(context)
    if against is not None:
        _compare(console, reference, against)
        return
    result = operation.schema(reference, format=format, settings=console.settings())
    if not console.json:
        for loss in result.losses:
            console.warn(loss)
    console.answer(result, _text(result))


def _text(result: operation.SchemaResult) -> Iterator[str]:
    # Escaped here and not by the console, so that it stays JSON.
    text = json.dumps(result.schema, indent=2).replace("\x7f", "\\u007f")
    yield from text.split("\n")


def _compare(console: Console, reference: str, against: str) -> None:
    result = operation.compare(reference, against, settings=console.settings())
    console.answer(result, _lines(result))
    if result.verdict == "breaking":
        raise typer.Exit(EXIT_BREAKING)


def _lines(result: operation.SchemaCompareResult) -> Iterator[Line]:
    yield f"{result.verdict}: {result.reference} against {result.against} ({result.bump})"
    if result.changes:
        yield ""
        yield table(
            ("CHANGE", "WHERE", "WHAT", "WHY"),
            (
                ("breaking" if each.breaking else "fine", each.where, each.what, each.why)
                for each in result.changes
            ),
        )
