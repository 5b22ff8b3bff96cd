"""``lading policy``: ``check``, ``show``, ``init``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.assigned import rule_lines
from lading.cli.console import Console
from lading.cli.options import PolicyOption, ReferenceArgument, StageOption, examples
from lading.cli.table import Line, indented, table
from lading.errors import PolicyRefused
from lading.operations import policy as operation
from lading.operations import policy_check as check_operation
from lading.operations.lifecycle.policy_file import POLICY_FILE

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Show what stages need, check a version, and write a first policy.",
    epilog=examples("lading policy init", "lading policy show ml/fraud"),
)


@app.command(
    "show",
    epilog=examples(
        "lading policy show risk/cards --json",
        "lading policy show --policy lading-policy.yaml && echo 'it may be merged'",
    ),
)
def show(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A model, for the rules that hold for it.",
            show_default=False,
            autocompletion=offers.models,
        ),
    ] = None,
    *,
    policy: PolicyOption = None,
) -> None:
    """Show the stages in their order, and what each needs.

    What a stage needs that is not protected is advice. The whole file is checked, and no registry
    is asked: exits with 2 where something is wrong in it, and says where.
    """
    console = Console.of(context)
    result = operation.policy_show(model, settings=console.settings(policy=policy))
    console.say(result.policy or "no policy here: these are the usual stages")
    console.answer(result, _lines(result))


@app.command(
    "check", epilog=examples("lading policy check ml/fraud:1.2.0 --stage prod && echo 'may go'")
)
def check(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    stage: StageOption,
    policy: PolicyOption = None,
) -> None:
    """Say rule by rule whether a version may be in a stage, and what is missing.

    Exits with 9 where a rule does not hold.
    """
    console = Console.of(context)
    result = check_operation.policy_check(
        reference, stage, settings=console.settings(policy=policy)
    )
    for note in result.notes:
        console.warn(note)
    console.answer(result, rule_lines(result.rules) if result.rules else ["nothing is asked"])
    if not result.holds:
        raise typer.Exit(PolicyRefused.exit_code)


@app.command("init", epilog=examples("lading policy init", "lading policy init ops/policy.yaml"))
def init(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path(
        POLICY_FILE
    ),
) -> None:
    """Write a commented policy with the usual stages; prints its path.

    Nothing is ever overwritten.
    """
    console = Console.of(context)
    result = operation.policy_init(file)
    console.answer_path(result, result.path)


def _lines(result: operation.PolicyShowResult) -> Iterator[Line]:
    yield table(_HEADS, map(_row, result.stages))
    for stage in result.stages:
        if stage.gates:
            yield ""
            yield f"gates of {stage.stage}"
            yield from indented(map(_gate, stage.gates))
    if result.models and result.model is None:
        yield ""
        yield "other rules for " + ", ".join(result.models)


_HEADS = ("STAGE", "RULES ARE", "VERSIONS", "AFTER", "APPROVALS", "MOVED BY", "EVIDENCE")


def _row(stage: operation.ShownStage) -> tuple[str, ...]:
    needs = stage.after or stage.approvals or stage.assigners or stage.gates
    return (
        stage.stage,
        "enforced" if stage.protected else "advice" if needs else "",
        "" if stage.exclusive else "several",
        stage.after or "",
        _approvals(stage) if stage.approvals else "",
        ", ".join(stage.assigners),
        f"at most {stage.evidence_max_age} old" if stage.evidence_max_age else "",
    )


def _approvals(stage: operation.ShownStage) -> str:
    by = f" by {', '.join(stage.signers)}" if stage.signers else ""
    return f"{stage.approvals}{by}{', not its makers' if stage.not_author else ''}"


def _gate(gate: operation.ShownGate) -> str:
    return gate.rule if gate.rule == gate.name else f"{gate.name}: {gate.rule}"
