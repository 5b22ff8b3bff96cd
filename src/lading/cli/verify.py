"""``lading verify``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.operations import verify as operation

EXIT_DIFFERENT = 1

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading verify ./model ml/fraud:1.2.0",
        "lading verify ./model ml/fraud:prod && echo 'this is what runs'",
    )
)
def verify(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="The folder to look at.", metavar="DIR", show_default=False)
    ],
    reference: ReferenceArgument,
) -> None:
    """Say whether a folder is exactly a version.

    Reads the folder and the version's document, not its weights. Exits with 1 where they differ,
    and names the files.
    """
    console = Console.of(context)
    result = operation.verify(folder, reference, settings=console.settings())
    console.answer(result, _lines(result))
    if not result.equal:
        raise typer.Exit(EXIT_DIFFERENT)


def _lines(result: operation.VerifyResult) -> Iterator[str]:
    version = f"{result.reference} ({result.digest})"
    if result.equal:
        yield f"{result.folder} is {version}"
        return
    for word, paths in (
        ("changed", result.changed),
        ("missing", result.missing),
        ("extra", result.extra),
    ):
        for path in paths:
            yield f"{word:<7}  {path}"
    yield f"{result.folder} is not {version}"
