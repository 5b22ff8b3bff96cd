"""``lading logout``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import examples
from lading.operations import login as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("lading logout registry.example.com"))
def logout(
    context: typer.Context,
    host: Annotated[
        str, typer.Argument(metavar="HOST[:PORT]", help="The registry.", show_default=False)
    ],
) -> None:
    """Forget a registry's password."""
    console = Console.of(context)
    result = operation.logout(host, settings=console.settings())
    if not result.removed_from:
        console.say(f"there was no login for {result.host}")
    console.answer(
        result, [f"logged out of {result.host} ({place})" for place in result.removed_from]
    )
