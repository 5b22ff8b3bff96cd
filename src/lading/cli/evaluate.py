"""``lading evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import words
from lading.cli.console import Console
from lading.cli.evidence_lines import says
from lading.cli.options import ReferenceArgument, examples
from lading.errors import InvalidInput
from lading.operations import evaluate as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading evaluate ml/fraud:1.2.0 --metric auc=0.91 --dataset s3://data/2026-10",
        "lading evaluate ml/fraud:1.2.0 --metric auc=0.91 --metric f1=0.8 --split test",
    )
)
def evaluate(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[@SPLIT]=NUMBER",
            help="How well it does: auc@test=0.93. Repeatable.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="URI", help="On what data.", show_default=False)
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="On which part of it: test.", show_default=False),
    ] = None,
    tool: Annotated[
        str | None, typer.Option(metavar="NAME", help="What measured it.", show_default=False)
    ] = None,
    because: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to know about it.", show_default=False)
    ] = None,
) -> None:
    """Record how well a version does, after it was pushed.

    The version stays as it is; the metrics hang on it as evidence, with who says so and when.
    Said again within an hour by the same actor it is recorded once.
    """
    if not metric:
        raise InvalidInput("nothing to record", hint="--metric auc=0.91")
    console = Console.of(context)
    result = operation.evaluate(
        reference,
        words.metrics(metric),
        dataset=dataset,
        split=split,
        tool=tool,
        because=because,
        settings=console.settings(),
    )
    if result.status == "unchanged":
        console.say("this was recorded within the last hour, and is not recorded twice")
    console.say(*(f"note: {note}" for note in result.notes))
    said = says(result.content)
    console.answer(
        result, [f"{said}: evidence {result.evidence} of {result.reference}@{result.digest}"]
    )
