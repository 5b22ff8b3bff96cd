"""``lading lineage``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import lineage_drawing as drawing
from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.errors import InvalidInput
from lading.operations import lineage as operation
from lading.operations.ancestry.result import LineageResult

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading lineage ml/fraud:1.2.0",
        "lading lineage ml/base:1.0.0 --down --in registry.example.com/ml/fraud",
        "lading lineage ml/fraud:prod --dot | dot -Tsvg > lineage.svg",
    )
)
def lineage(  # noqa: PLR0917  options are declared as parameters
    context: typer.Context,
    reference: ReferenceArgument,
    up: Annotated[
        bool,
        typer.Option("--up/--down", help="What it was made from, or what was made from it."),
    ] = True,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", metavar="N", min=1, help="How many steps to follow.", show_default=False
        ),
    ] = None,
    within: Annotated[
        list[str] | None,
        typer.Option(
            "--in",
            metavar="REPO",
            help="Look through this repository, too, with --down. Repeatable.",
            show_default=False,
            autocompletion=offers.models,
        ),
    ] = None,
    dot: Annotated[bool, typer.Option("--dot", help="Draw it for Graphviz.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Draw it for Mermaid.")] = False,
) -> None:
    """Show what a version was made from, or what was made from it.

    Upwards: parents and theirs, wherever they are, with datasets, code and experiment runs; what
    cannot be reached is shown with the reason. Downwards: the versions that name this one as a
    parent, in its own repository, in all that its registry lists, and in those that are named.
    """
    console = Console.of(context)
    if dot and mermaid:
        raise InvalidInput("cannot draw for Graphviz and for Mermaid at once", hint="leave out one")
    result = operation.lineage(
        reference,
        direction="up" if up else "down",
        depth=depth,
        within=within or (),
        settings=console.settings(),
    )
    if dot or mermaid:
        for note in result.notes:
            console.say(f"note: {note}")
        console.answer(result, drawing.dot(result) if dot else drawing.mermaid(result))
        return
    console.answer(result, _lines(result))


def _lines(result: LineageResult) -> Iterator[str]:
    yield from drawing.tree(result)
    if not result.edges:
        yield ""
        if result.direction == "up":
            yield "Nothing is said of where it comes from."
        else:
            yield "No version that was looked at names it as a parent."
    for note in result.notes:
        yield ""
        yield f"Note: {note}"
