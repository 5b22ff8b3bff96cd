"""``lading quickstart``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import examples
from lading.cli.output import fields, size
from lading.cli.table import Line, indented, table
from lading.operations import quickstart as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("lading quickstart", "lading quickstart --folder ./ripeness"))
def quickstart(
    context: typer.Context,
    *,
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to make the model; nothing is overwritten.")
    ] = Path(operation.FOLDER),
) -> None:
    """Make a small model, push it, pull it, look at it.

    Needs no registry and no network: the model goes into the store on this machine. Says what to
    try next.
    """
    console = Console.of(context)
    result = operation.quickstart(folder, settings=console.settings())
    console.answer(result, _lines(result))


def _lines(result: operation.QuickstartResult) -> Iterator[Line]:
    pushed = "was there already" if result.status == "unchanged" else "pushed"
    yield from fields(
        [
            ("made a model in", result.folder),
            (pushed, result.reference),
            ("pulled by digest", result.digest),
            ("read-only files at", result.path),
        ]
    )
    yield ""
    yield "What it holds"
    rows = [(size(file.size), file.role or "", file.path) for file in result.files]
    yield from indented([table(("SIZE", "ROLE", "PATH"), rows, right=frozenset({0}))])
    yield ""
    yield "What to try next"
    for step in result.next:
        yield f"  # {step.meaning}"
        yield f"  {step.command}"
