"""``lading tag``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.operations import tag as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("lading tag ml/fraud:1.2.0 candidate"))
def tag(
    context: typer.Context,
    reference: ReferenceArgument,
    new_tag: Annotated[
        str, typer.Argument(metavar="TAG", help="The other name.", show_default=False)
    ],
) -> None:
    """Give a version another name, such as candidate.

    The name moves if it named something else. Version numbers never move, latest follows the
    highest release by itself, and stages such as prod move by lading promote.
    """
    console = Console.of(context)
    result = operation.tag(reference, new_tag, settings=console.settings())
    if result.previous and result.previous != result.digest:
        console.say(f"{result.tag} named {result.previous} before")
    console.answer(result, [f"{result.tag} is {result.reference}@{result.digest}"])
