"""``lading note``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.cli.told import answer
from lading.operations import note as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples('lading note ml/fraud:1.2.0 "retrained after the outage"'))
def note(
    context: typer.Context,
    reference: ReferenceArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The remark.", show_default=False)],
) -> None:
    """Write a remark on a version into its history."""
    console = Console.of(context)
    answer(console, operation.note(reference, text, settings=console.settings()))
