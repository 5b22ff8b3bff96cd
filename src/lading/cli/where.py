"""``lading where``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import PolicyOption, examples
from lading.cli.output import date, short
from lading.cli.table import Line, table
from lading.operations import where as operation

EXIT_DIFFERENT = 1

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading where ml/fraud",
        "lading where ml/fraud:1.2.0 --namespace risk",
        "lading where ml/fraud --context eu-1-admin --cluster eu-1 --check",
    )
)
def where(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model, or one version of it.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    *,
    kube_context: Annotated[
        str | None,
        typer.Option(
            "--context",
            metavar="NAME",
            help="The kubeconfig's context; its current one where none is named.",
            show_default=False,
        ),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            metavar="NAME",
            help="Look into this namespace only.",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="NAME",
            help="What records call this cluster; the context's name where nothing is said.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit with 1 where records and cluster differ."),
    ] = False,
    policy: PolicyOption = None,
) -> None:
    """Show where a model runs: recorded, and seen in a cluster.

    Recorded: by lading record deploy. Seen: a pod or a KServe service names the digest in its spec.
    Claimed: only an annotation says so. Without kubectl or a kubeconfig it is what was recorded.
    """
    console = Console.of(context)
    result = operation.where(
        model,
        context=kube_context,
        namespace=namespace,
        cluster=cluster,
        settings=console.settings(policy=policy),
    )
    for note in result.notes:
        console.warn(short(note))
    console.answer(result, _lines(result))
    if not result.places:
        console.say("nothing is known to run")
    if check and any(place.difference for place in result.places):
        raise typer.Exit(EXIT_DIFFERENT)


_HEADS = ("PLACE", "VERSION", "STAGE NOW", "KNOWN", "SINCE (UTC)", "READY", "DIGEST", "")


def _lines(result: operation.WhereResult) -> Iterator[Line]:
    if result.places:
        yield table(_HEADS, map(_row, result.places))


def _row(place: operation.RunningVersion) -> tuple[str, ...]:
    return (
        place.place,
        place.version or "?",
        ", ".join(place.stages) or "–",
        place.known,
        date(place.since),
        "" if place.pods is None else f"{place.ready}/{place.pods}",
        place.digest or "",
        place.difference or "",
    )
