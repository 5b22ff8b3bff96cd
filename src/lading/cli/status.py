"""``lading status``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import ModelArgument, PolicyOption, examples
from lading.cli.output import count, date, short
from lading.cli.table import Line, Prose, table
from lading.operations import status as operation

EXIT_DRIFT = 1

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("lading status ml/fraud", "lading status ml/fraud --check"))
def status(
    context: typer.Context,
    model: ModelArgument,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit with 1 where a stage drifted or is in dispute."),
    ] = False,
    policy: PolicyOption = None,
) -> None:
    """Show how a model stands: stages, pending approvals, drift, forks.

    DRIFT: a stage's tag is not what the ledger says; lading ledger repair mends it. FORK: two moved
    it without knowing of each other; the next promotion settles it. A tag only: no event ever moved
    that stage.
    """
    console = Console.of(context)
    result = operation.status(model, settings=console.settings(policy=policy))
    for note in result.notes:
        console.warn(short(note))
    console.answer(result, _lines(result))
    if check and any(stage.drift or stage.fork for stage in result.stages):
        raise typer.Exit(EXIT_DRIFT)


def _lines(result: operation.StatusResult) -> Iterator[Line]:
    rows = [row for stage in result.stages for row in _rows(stage)]
    heads = ("STAGE", "VERSION", "SINCE (UTC)", "BY (UNSIGNED)", "DIGEST", "")
    yield table(heads, rows, cut=frozenset({3}))
    if result.pending:
        yield ""
        yield table(
            ("PENDING", "FOR", "ASKED BY", "SINCE (UTC)", "APPROVED BY", "REJECTED BY", "WHY"),
            map(_pending, result.pending),
            cut=frozenset({2}),
        )
    adopts = f"; {result.registered_by} registers what is there"
    for word, versions, next_ in (
        ("deprecated", result.deprecated, ""),
        ("unregistered", result.unregistered, adopts),
    ):
        if versions:
            yield ""
            yield Prose(f"{word}: {', '.join(versions)}{next_}", hang=2)
    yield ""
    yield count(result.events, "event")


def _rows(stage: operation.StageStatus) -> Iterator[tuple[str, ...]]:
    marks = ", ".join(_marks(stage))
    if not stage.members:
        yield (stage.stage, "–", "", "", "", marks)
    for member in stage.members:
        yield (
            stage.stage,
            member.version or "",
            date(member.since),
            member.by,
            member.digest,
            ", ".join(filter(None, (marks, *_spoken_against(member)))),
        )


def _spoken_against(member: operation.StageMember) -> Iterator[str]:
    if member.deprecated:
        yield "deprecated"
    if member.rejected_by:
        yield f"rejected by {', '.join(member.rejected_by)}"


def _marks(stage: operation.StageStatus) -> Iterator[str]:
    if stage.protected:
        yield "protected"
    if stage.drift:
        yield f"DRIFT: the tag names {stage.tag or 'nothing'}"
    elif stage.tag and not stage.members:
        yield f"a tag only: {stage.tag}"
    if stage.fork:
        kept = "it stays" if stage.kept else "the last one holds"
        yield f"FORK: {len(stage.fork)} moved it at once, {kept}"
    for refused in stage.refused:
        yield f"does not count: {refused}"


def _pending(pending: operation.Pending) -> tuple[str, ...]:
    return (
        pending.version or pending.digest,
        pending.stage,
        pending.requested_by,
        date(pending.since),
        ", ".join(
            f"{who} (does not count: {pending.discounted[who]})"
            if who in pending.discounted
            else who
            for who in pending.approved_by
        ),
        ", ".join(pending.rejected_by),
        pending.reason or "",
    )
