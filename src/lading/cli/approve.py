"""``lading approve``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import Because, PolicyOption, ReferenceArgument, StageOption, examples
from lading.cli.told import answer
from lading.operations import request as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        'lading approve ml/fraud:1.2.0 --stage prod --because "reviewed with risk" --expires 90d'
    )
)
def approve(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    stage: StageOption,
    because: Because = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="TIME",
            help="Until when it counts: 90d, 12h, or a date.",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = None,
) -> None:
    """Say that a version may be in a stage.

    The last word of each person counts. Who you are is claimed (LADING_ACTOR, else the author) and
    shown as unsigned.
    """
    console = Console.of(context)
    settings = console.settings(policy=policy)
    answer(
        console,
        operation.approve(reference, stage, because=because, expires=expires, settings=settings),
    )
