"""``lading request``."""

from __future__ import annotations

import typer

from lading.cli.console import Console
from lading.cli.options import Because, PolicyOption, ReferenceArgument, StageOption, examples
from lading.cli.told import answer
from lading.operations import request as operation

app = typer.Typer(add_completion=False)


@app.command(epilog=examples('lading request ml/fraud:1.2.0 --stage prod --because "auc 0.93"'))
def request(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    stage: StageOption,
    because: Because = None,
    policy: PolicyOption = None,
) -> None:
    """Ask for a version in a stage.

    It waits for others to approve or reject it; lading status shows what is pending.
    """
    console = Console.of(context)
    settings = console.settings(policy=policy)
    answer(console, operation.request(reference, stage, because=because, settings=settings))
