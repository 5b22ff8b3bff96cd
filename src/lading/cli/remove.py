"""``lading remove``."""

from __future__ import annotations

import typer

from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.operations import remove as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples("lading remove ml/fraud:1.2.0-rc.1", "lading remove ml/fraud:candidate")
)
def remove(context: typer.Context, reference: ReferenceArgument) -> None:
    """Remove a version or another name.

    What other names reach stays. The bytes themselves go when the registry collects its garbage.
    """
    console = Console.of(context)
    result = operation.remove(reference, settings=console.settings())
    for note in result.notes:
        console.say(f"note: {note}")
    console.answer(result, [f"removed {name}" for name in result.removed])
