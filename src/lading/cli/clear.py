"""``lading clear``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import Because, PolicyOption, StageArgument, examples
from lading.operations import clear as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples('lading clear ml/fraud shadow --because "the trial is over"'))
def clear(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="The model; with a version, only that one leaves a shared stage.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    stage: StageArgument,
    *,
    because: Because = None,
    policy: PolicyOption = None,
) -> None:
    """Let a stage name nothing.

    The versions stay, and the history says what the stage named and until when.
    """
    console = Console.of(context)
    result = operation.clear(
        model, stage, because=because, settings=console.settings(policy=policy)
    )
    for note in result.notes:
        console.warn(note)
    if result.status == "unchanged":
        console.say(f"{result.stage} named nothing already")
    now = f"names {result.current}" if result.current else "names nothing"
    console.answer(result, [f"{result.stage} of {result.reference} {now}"])
