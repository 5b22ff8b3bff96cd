"""``lading doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import examples
from lading.cli.table import Line, Prose, table
from lading.operations import doctor as operation

EXIT_FAILED = 1

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("lading doctor registry.example.com/ml/scratch"))
def doctor(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="HOST/NAME",
            help="A repository to try things in.",
            show_default=False,
            autocompletion=offers.models,
        ),
    ],
) -> None:
    """Try what a registry can do, and what it means.

    Pushes a few small things to that repository and removes their tags again; the registry's
    garbage collection removes the rest. Exits with 1 where something failed.
    """
    console = Console.of(context)
    result = operation.doctor(reference, settings=console.settings())
    console.answer(result, _lines(result))
    if any(check.status == "failed" for check in result.checks):
        raise typer.Exit(EXIT_FAILED)


def _lines(result: operation.DoctorResult) -> Iterator[Line]:
    yield f"{result.host}/{result.repository}"
    yield ""
    rows = [(check.status, check.name, check.detail) for check in result.checks]
    head, *lines = table(("STATUS", "WHAT", "FOUND"), rows)
    yield head
    for check, line in zip(result.checks, lines, strict=True):
        yield line
        if check.meaning:
            yield Prose(f"         so: {check.meaning}", hang=13)
    for note in result.notes:
        yield ""
        yield Prose(f"Note: {note}", hang=2)
