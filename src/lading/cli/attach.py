"""``lading attach``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lading.cli import offers, words
from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.operations import attach as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading attach ml/fraud:1.2.0 metrics.json --type evaluation",
        "lading attach ml/fraud:1.2.0 sbom.spdx.json --type sbom",
        "lading attach ml/fraud:1.2.0 report.pdf --type report --annotation team=risk",
    )
)
def attach(
    context: typer.Context,
    reference: ReferenceArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to attach.", show_default=False)
    ],
    *,
    type: Annotated[  # noqa: A002  the option's word
        str,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="evaluation, scan, sbom, report, a word of your own, or a media type.",
            show_default=False,
            autocompletion=offers.one_of("evaluation", "scan", "sbom", "report"),
        ),
    ],
    media_type: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="The file's; else told by its name.", show_default=False),
    ] = None,
    annotation: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A free mark. Repeatable.", show_default=False),
    ] = None,
) -> None:
    """Hang a file on a version: a report, a scan, a bill of materials.

    The version stays as it is. An evaluation is JSON in any usual shape: {"auc": 0.91}, or a list
    of metrics, also MLflow's. Other files are attached as they are.
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.attach(
            reference,
            file,
            type=type,
            media_type=media_type,
            annotations=words.pairs(annotation, "--annotation KEY=VALUE"),
            settings=settings,
            on_progress=on_progress,
        )
    if result.status == "unchanged":
        console.say("this was attached within the last hour, and is not attached twice")
    console.say(*(f"note: {note}" for note in result.notes))
    console.answer(
        result, [f"{result.type}: evidence {result.evidence} of {result.reference}@{result.digest}"]
    )
