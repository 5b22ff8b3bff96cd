"""``lading remove``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import PolicyOption, ReferenceArgument, examples
from lading.operations import remove as operation
from lading.spec.tags import is_own

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples("lading remove ml/fraud:1.2.0-rc.1", "lading remove ml/fraud:candidate")
)
def remove(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Also a version that a protected stage named once.")
    ] = False,
    policy: PolicyOption = None,
) -> None:
    """Remove a version or another name.

    What a stage names stays, and so does what other names reach. The history keeps what was said
    of it. The bytes themselves go when the registry collects its garbage.
    """
    console = Console.of(context)
    result = operation.remove(reference, force=force, settings=console.settings(policy=policy))
    for note in result.notes:
        console.say(f"note: {note}")
    # The others are bookkeeping, which nobody has to know.
    console.answer(result, [f"removed {name}" for name in result.removed if not is_own(name)])
