"""``lading deploy update``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.delivering import (
    ApplyOption,
    ContextOption,
    PushOption,
    YesOption,
    confirming,
    delivered,
)
from lading.cli.options import PolicyOption, examples
from lading.operations import deploy_update as operation
from lading.operations.deploying.written import demand_cluster, find

EXAMPLES: Final = examples(
    "lading deploy update deploy/fraud --stage prod",
    "lading deploy update deploy/fraud HOST/ml/fraud:1.2.0 --dry-run",
    "lading deploy update deploy/fraud --apply",
)


def update(
    context: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="A folder that lading deploy -o wrote.")
    ],
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="REF",
            help="The version; else what the folder's stage names now.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ] = None,
    *,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="What this stage names now; else the one that it followed.",
            show_default=False,
            autocompletion=offers.stages,
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="REF",
            help="What serves it. Else the one in use stays for a version that runs already, and "
            "another one has its own.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference, and change nothing.")
    ] = False,
    push: PushOption = None,
    apply: ApplyOption = False,
    yes: YesOption = False,
    cluster: ContextOption = None,
    policy: PolicyOption = None,
) -> None:
    """Have a folder of documents run another version.

    Only the digests in digests.yaml change, and values-STAGE.yaml where it is there; for Compose
    and Podman, what names the version in their files. Comments and everything else stay as they
    are. Nothing is written where nothing changed, or where a protected stage may not have the
    version any more.
    """
    console = Console.of(context)
    if apply and not dry_run:
        demand_cluster(find(Path(folder)))  # before somebody is told how to answer
    confirm = None if dry_run else confirming(console, apply=apply, yes=yes)
    result = operation.deploy_update(
        folder,
        reference,
        stage=stage,
        image=image,
        dry_run=dry_run,
        push=push,
        confirm=confirm,
        context=cluster,
        settings=console.settings(policy=policy),
    )
    console.say(*_told(result))
    console.answer(result, _lines(result))


def _lines(result: operation.DeployUpdateResult) -> Iterator[str]:
    if result.status == "planned":
        yield from result.diff.splitlines()
    elif result.status == "updated":
        yield from (f"{result.folder}/{name}" for name in result.files)
    yield from delivered(result.applied, result.pushed)


def _told(result: operation.DeployUpdateResult) -> Iterator[str]:
    after, before = result.version or result.digest, result.previous_version or result.previous
    stage = f" ({result.stage})" if result.stage else ""
    if result.status == "unchanged":
        yield f"unchanged: {result.folder} runs {after}{stage}"
    else:
        yield f"{result.status}: {before} → {after}{stage}, served by {result.image}"
    for note in result.notes:
        yield f"note: {note}"
