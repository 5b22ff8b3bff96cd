"""``lading rollback``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.assigned import answer, outputs
from lading.cli.console import Console
from lading.cli.github import GithubOutput, hand_on
from lading.cli.options import Because, ModelArgument, PolicyOption, StageArgument, examples
from lading.operations import rollback as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading rollback ml/fraud prod",
        'lading rollback ml/fraud prod --to 1.1.0 --because "too many false alarms"',
        "lading rollback ml/fraud prod --steps 2 --dry-run",
    )
)
def rollback(
    context: typer.Context,
    model: ModelArgument,
    stage: StageArgument,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="VERSION",
            help="A version it named before.",
            show_default=False,
            autocompletion=offers.versions,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", metavar="N", min=1, help="Back by so many; 1 where nothing is said."
        ),
    ] = None,
    because: Because = None,
    policy: PolicyOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would become.")
    ] = False,
    github_output: GithubOutput = False,
) -> None:
    """Let a stage name again what it named before.

    No weights move. What was let in once needs no new approval, unless it was deprecated or
    rejected since; deprecated versions are passed over. Going back is a move like any other:
    rolling back twice returns to where it came from, --steps 2 goes further back.
    """
    console = Console.of(context)
    result = operation.rollback(
        model,
        stage,
        to=to,
        steps=steps,
        because=because,
        dry_run=dry_run,
        settings=console.settings(policy=policy),
    )
    if github_output:
        hand_on(outputs(result))
    answer(console, result)
