"""``lading record``: ``deploy``, ``measure``."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import Because, ReferenceArgument, examples
from lading.cli.told import answer
from lading.errors import InvalidInput
from lading.operations import record as operation

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Record what became of a version in production.",
    epilog=examples(
        "lading record deploy ml/fraud:prod --where eu-1/risk/fraud",
        "lading record measure ml/fraud:prod --metric psi=0.12 --window 2026-11-01/2026-11-07",
    ),
)


@app.command(
    "deploy", epilog=examples("lading record deploy ml/fraud:prod --where eu-1/risk/fraud")
)
def deploy(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    where: Annotated[
        str,
        typer.Option("--where", metavar="CLUSTER/NS/NAME", help="The place.", show_default=False),
    ],
    because: Because = None,
) -> None:
    """Record that a version was deployed, and where."""
    console = Console.of(context)
    settings = console.settings()
    answer(console, operation.record_deploy(reference, where, because=because, settings=settings))


@app.command(
    "measure",
    epilog=examples(
        "lading record measure ml/fraud:prod --metric psi=0.12 --window 2026-11-01/2026-11-07"
    ),
)
def measure(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    metrics: Annotated[
        list[str],
        typer.Option(
            "--metric",
            metavar="NAME=NUMBER",
            help="What was measured. Repeatable.",
            show_default=False,
        ),
    ],
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="FROM/TO",
            help="When: two dates or moments.",
            show_default=False,
        ),
    ] = None,
    because: Because = None,
) -> None:
    """Record what production measured, against the exact version that produced it."""
    console = Console.of(context)
    result = operation.record_measure(
        reference,
        dict(map(_measured, metrics)),
        window=window,
        because=because,
        settings=console.settings(),
    )
    answer(console, result)


def _measured(text: str) -> tuple[str, float]:
    name, equals, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not equals or not name or not math.isfinite(number):
        raise InvalidInput(f"not a metric: {text[:80]!r}", hint="NAME=NUMBER, as in psi=0.12")
    return name, number
