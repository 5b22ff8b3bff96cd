"""``lading deprecate``."""

from __future__ import annotations

import typer

from lading.cli.console import Console
from lading.cli.options import Reason, ReferenceArgument, examples
from lading.cli.told import answer
from lading.operations import deprecate as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples('lading deprecate ml/fraud:1.1.0 --because "trained on stale data"'))
def deprecate(context: typer.Context, reference: ReferenceArgument, *, because: Reason) -> None:
    """Say that a version should not be used any more, and why.

    It stays where it is, and stages that name it go on naming it. Protected stages do not take it
    again, and rollback passes it over.
    """
    console = Console.of(context)
    result = operation.deprecate(reference, because=because, settings=console.settings())
    answer(console, result)
