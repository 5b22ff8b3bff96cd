"""``lading check-env``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.differences import differences
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import count
from lading.cli.table import Line, indented
from lading.operations import check_env as operation
from lading.settings import active_environment

EXIT_INCOMPATIBLE = 1

_SAID = {
    "equal": "the environment is the recorded one",
    "differs": "the environment differs in nothing that is likely to matter",
    "incompatible": "the environment differs in what is likely to matter",
}

app = typer.Typer(add_completion=False)


@app.command(
    name="check-env",
    epilog=examples(
        "lading check-env ml/fraud:1.2.0",
        "lading check-env ml/fraud:prod --python .venv",
        "lading check-env ml/fraud:prod --fix",
    ),
)
def check_env(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    python: Annotated[
        Path | None,
        typer.Option(
            "--python",
            metavar="PATH",
            help="Check another environment: its folder, or its interpreter; else the active one.",
            show_default=False,
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Print the command that mends it, and nothing else.")
    ] = False,
) -> None:
    """Say how this environment differs from the one a version needs.

    Compares packages, Python and platform with what was recorded when the version was pushed.
    Exits with 1 where a difference is likely to matter.
    """
    console = Console.of(context)
    settings = console.settings()
    result = operation.check_env(
        reference, interpreter=python or active_environment(), settings=settings
    )
    console.answer(result, result.fix[:1] if fix else _lines(result))
    if fix and not console.json:
        console.say(*(f"note: {note}" for note in result.notes))
    if result.verdict == "incompatible":
        raise typer.Exit(EXIT_INCOMPATIBLE)


def _lines(result: operation.CheckEnvResult) -> Iterator[Line]:
    own = (*([result.python] if result.python else ()), *result.platform)
    differing = [each for each in (*own, *result.packages) if each.state != "equal"]
    yield f"{result.reference}: {_SAID[result.verdict]}"
    yield f"looked at: {result.interpreter}"
    if differing:
        yield from differences(differing, "HERE")
    equal = sum(package.state == "equal" for package in result.packages)
    yield f"{count(equal, 'package')} of {len(result.packages)} equal"
    for note in result.notes:
        yield f"Note: {note}"
    if result.fix:
        yield "To mend it:"
        yield from indented(result.fix)
