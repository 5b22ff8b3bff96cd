"""``lading best``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import formats, offers
from lading.cli.console import Console
from lading.cli.formats import FormatOption, Rows
from lading.cli.options import examples
from lading.operations import best as operation

app = typer.Typer(add_completion=False)

# People ask for the best and look at those that came close.
_SHOWN = 10


@app.command(
    epilog=examples(
        "lading best ml/fraud --metric auc",
        "lading best ml/fraud --metric auc@test --stage staging",
        "lading best ml/fraud --metric rmse --split test --dataset s3://data/test.parquet",
        "lading best ml/chat --metric helpfulness --maximize --format md",
    )
)
def best(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="[HOST/]NAME", help="A model.", show_default=False, autocompletion=offers.models
        ),
    ],
    *,
    metric: Annotated[
        str,
        typer.Option(
            metavar="NAME[@SPLIT]",
            help="What to compare by.",
            show_default=False,
            autocompletion=offers.metrics,
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(metavar="SPLIT", help="Compare on this split.", show_default=False),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Compare on this dataset.", show_default=False),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE",
            help="Among what this stage names.",
            show_default=False,
            autocompletion=offers.stages,
        ),
    ] = None,
    maximize: Annotated[
        bool | None,
        typer.Option(
            "--maximize/--minimize",
            help="Which way is better; else the metric itself or its name tells.",
            show_default=False,
        ),
    ] = None,
    format: FormatOption = "table",  # noqa: A002  the option's word
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Believe nothing that earlier searches read.")
    ] = False,
) -> None:
    """Show the best version of a model by a metric.

    Evaluations that were attached to a version count, the newest first, then what the version says
    of itself. Deprecated versions are left out.
    """
    console = Console.of(context)
    formats.checked(format)
    result = operation.best(
        model,
        metric,
        split=split,
        dataset=dataset,
        stage=stage,
        maximize=maximize,
        refresh=refresh,
        settings=console.settings(),
    )
    for note in result.notes:
        console.say(f"note: {note}")
    way = "highest" if result.direction == "maximize" else "lowest"
    console.say(f"the {way} {result.metric} is the best: {result.why}")
    if len(result.ranking) > _SHOWN and format in ("table", "md"):
        console.say(f"the first {_SHOWN} of {len(result.ranking)}; --format csv shows all")
    few = result.ranking[:_SHOWN]
    shown = _table(result, few) if format == "table" else _rows(result, few)
    console.answer(result, formats.written(format, _rows(result, result.ranking), shown))


def _table(result: operation.BestResult, ranking: tuple[operation.RankedVersion, ...]) -> Rows:
    """What people look at: the model's name stands in the question, and the longest comes last."""
    heads = ("version", result.metric, "split", "stage", "source", "digest", "dataset")
    return Rows(
        heads,
        [(r.version, r.value, r.split, r.stage, _source(r), r.digest, r.dataset) for r in ranking],
    )


def _rows(result: operation.BestResult, ranking: tuple[operation.RankedVersion, ...]) -> Rows:
    """The best first; where a value is from is said in a word for people to look up."""
    heads = ("reference", result.metric, "split", "dataset", "stage", "source", "digest")
    return Rows(
        heads,
        [
            (
                each.reference,
                each.value,
                each.split,
                each.dataset,
                each.stage,
                _source(each),
                each.digest,
            )
            for each in ranking
        ],
    )


def _source(version: operation.RankedVersion) -> str:
    return f"evaluation {version.evidence}" if version.evidence else "document"
