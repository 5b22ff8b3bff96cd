"""``lading promote``, and ``lading assign``, which is the same."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.assigned import answer, outputs
from lading.cli.console import Console
from lading.cli.github import GithubOutput, hand_on
from lading.cli.options import Because, PolicyOption, ReferenceArgument, examples
from lading.errors import InvalidInput
from lading.operations import promote as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading promote ml/fraud:1.2.0 staging",
        'lading promote ml/fraud:1.2.0 prod --because "won the comparison"',
        "lading promote dev.example.com/team/fraud:1.2.0 example.com/prod/fraud --stage prod",
    )
)
def promote(
    context: typer.Context,
    reference: ReferenceArgument,
    target: Annotated[
        str,
        typer.Argument(
            metavar="STAGE|MODEL",
            help="The stage; or another repository, with --stage.",
            show_default=False,
            autocompletion=offers.stages_or_models,
        ),
    ],
    *,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="The stage in the other repository.",
            show_default=False,
            autocompletion=offers.stages,
        ),
    ] = None,
    because: Because = None,
    policy: PolicyOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what the rules say.")
    ] = False,
    github_output: GithubOutput = False,
) -> None:
    """Let a stage name a version.

    The ledger records who did it, when and why. A protected stage takes only what the policy lets
    in; every rule that does not hold is named, and the exit code is 9. Into another repository the
    version goes with its evidence and the approvals that count, and keeps its digest.
    """
    console = Console.of(context)
    settings = console.settings(policy=policy)
    if stage is None and ":" in target and not set("/:@.") & set(reference):
        raise InvalidInput(
            f"{target} is no stage",
            cause=f"the version comes first, then the stage, and {reference} looks like one",
            hint=f"lading promote {target} {reference}",
        )
    if stage is None and ("/" in target or ":" in target):
        raise InvalidInput(
            f"{target} is no stage",
            cause="a stage's name has no slash and no colon; another repository needs --stage",
            hint=f"lading promote {reference} {target} --stage prod",
        )
    with console.progress() as on_progress:
        result = operation.promote(
            reference,
            stage or target,
            to=target if stage else None,
            because=because,
            dry_run=dry_run,
            settings=settings,
            on_progress=on_progress,
        )
    if github_output:
        hand_on(outputs(result))
    answer(console, result)
