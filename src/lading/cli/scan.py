"""``lading scan``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import examples
from lading.cli.output import count
from lading.cli.table import Line, table
from lading.errors import InvalidInput
from lading.operations import scan as operation

EXIT_FOUND = 1

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading scan ./model",
        "lading scan ml/fraud:1.2.0",
        "lading scan ml/fraud:prod --allow suspicious && echo 'nothing known to be dangerous'",
    )
)
def scan(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="PATH|REF",
            help="A file, a folder, or a version, which is pulled into the cache.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="Only show the scan that the version's document records."),
    ] = False,
    allow: Annotated[
        str | None,
        typer.Option(
            "--allow",
            metavar="suspicious",
            help="Exit with 0 for what is suspicious but not dangerous.",
            show_default=False,
            autocompletion=offers.one_of("suspicious"),
        ),
    ] = None,
) -> None:
    """Say what would run when a model is loaded.

    Reads pickles, archives, Keras layers, ONNX paths, templates and settings; runs nothing. The
    answer is clean, suspicious or dangerous: what such a file names and nobody knows is suspicious,
    and clean means that nothing was found. How many files are of other formats is said. Exits with
    1 for suspicious and dangerous.
    """
    if allow not in (None, "suspicious"):
        raise InvalidInput(f"cannot allow {allow!r}", hint="--allow suspicious, or nothing")
    console = Console.of(context)
    with console.progress() as on_progress:
        result = operation.scan(
            target, recorded=recorded, settings=console.settings(), on_progress=on_progress
        )
    console.answer(result, _lines(result))
    if result.verdict not in ("clean", allow):
        raise typer.Exit(EXIT_FOUND)


def _lines(result: operation.ScanResult) -> Iterator[Line]:
    ranked = sorted(result.findings, key=lambda found: found.severity == "suspicious")
    rows = [(found.severity, found.path, found.what, found.why or "") for found in ranked]
    if rows:
        yield table(("SEVERITY", "FILE", "WHAT", "WHY"), rows)
        yield ""
    looked = count(result.files, "file")
    found = count(len(rows), "finding") if rows else "nothing was found"
    yield f"{result.verdict}: {found} in {looked} of {result.target}"
    if result.unread:
        yield (
            f"({count(result.unread, 'file')} of no format that is looked into: plain weights,"
            " text; known by the beginning only)"
        )
