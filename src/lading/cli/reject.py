"""``lading reject``."""

from __future__ import annotations

import typer

from lading.cli.console import Console
from lading.cli.options import PolicyOption, Reason, ReferenceArgument, StageOption, examples
from lading.cli.told import answer
from lading.operations import request as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples('lading reject ml/fraud:1.2.0 --stage prod --because "drifts"'))
def reject(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    stage: StageOption,
    because: Reason,
    policy: PolicyOption = None,
) -> None:
    """Say that a version may not be in a stage, and why.

    It stands until the same person approves: a protected stage refuses the version until then.
    """
    console = Console.of(context)
    settings = console.settings(policy=policy)
    answer(console, operation.reject(reference, stage, because=because, settings=settings))
