"""``lading init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import examples
from lading.operations import init as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("lading init ./model", "lading init && $EDITOR lading.yaml"))
def init(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The model's folder; else the current one."),
    ] = Path(),
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Write it anew where there is one.")
    ] = False,
) -> None:
    """Write a lading.yaml that says what a model is.

    Filled with what is found in the folder: a model card, the run of an experiment tracker, git's
    user. The rest stands there as comments, with an example each. Prints the file's path.
    """
    console = Console.of(context)
    result = operation.init(folder, force=force, settings=console.settings())
    console.say(*(f"note: {note}" for note in result.notes))
    if result.filled:
        console.say("filled: " + ", ".join(result.filled))
    console.answer_path(result, result.path)
