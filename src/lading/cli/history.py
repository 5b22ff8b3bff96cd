"""``lading history``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import PolicyOption, examples
from lading.cli.output import date
from lading.cli.table import Line, table
from lading.operations import history as operation
from lading.spec.event import REMOVED

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading history ml/fraud",
        "lading history ml/fraud:1.2.0",
        "lading history ml/fraud --stage prod --at 2026-05-03",
    )
)
def history(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model, or one version of it.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    *,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="Only this stage.",
            show_default=False,
            autocompletion=offers.stages,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="DATE",
            help="What stages named then: on a date (UTC), or at a moment with its time zone, such"
            " as 2026-05-03T14:00:00+02:00.",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = None,
) -> None:
    """Show what happened to a model, and what a stage named when.

    Every event is read and its digest checked. Who acted is claimed while events are unsigned.
    """
    console = Console.of(context)
    result = operation.history(model, stage=stage, at=at, settings=console.settings(policy=policy))
    for note in result.notes:
        console.warn(note)
    console.answer(result, _at(result) if at else event_lines(result.events))
    if not result.events:
        console.say("nothing was recorded" + (" of that time" if at else " of it"))


def event_lines(events: tuple[operation.HistoryEvent, ...]) -> Iterator[Line]:
    """A table of events."""
    yield table(_HEADS, map(_row, events), right=frozenset({0}), cut=frozenset({5}))


_HEADS = ("#", "TIME (UTC)", "WHAT", "VERSION", "STAGE", "BY (UNSIGNED)", "WHY")


def _row(event: operation.HistoryEvent) -> tuple[str, ...]:
    return (
        str(event.seq),
        date(event.time),
        _word(event) + (" (does not count)" if event.refused else ""),
        _version(event),
        event.stage or "",
        event.actor,
        "; ".join(_details(event)),
    )


def _word(event: operation.HistoryEvent) -> str:
    """What happened, in people's words: a removal is recorded as a note."""
    return REMOVED if _is_removal(event) else event.kind


def _is_removal(event: operation.HistoryEvent) -> bool:
    return event.kind == "noted" and event.reason == REMOVED


def _version(event: operation.HistoryEvent) -> str:
    """Which version it is about; of a move, from what to what."""
    version = event.version or event.digest
    if event.kind == "cleared":
        return f"{version} → –"
    if event.previous in (None, event.digest):
        return version
    return f"{event.previous_version or event.previous} → {version}"


def _details(event: operation.HistoryEvent) -> Iterator[str]:
    if event.where:
        yield event.where
    if event.metrics:
        yield " ".join(f"{name}={value:g}" for name, value in event.metrics.items())
    if event.window:
        yield "/".join(event.window)
    if event.reason and not _is_removal(event):
        yield event.reason
    if event.expires:
        yield f"until {date(event.expires)}"
    yield from event.refused


def _at(result: operation.HistoryResult) -> Iterator[Line]:
    heads = ("STAGE", "VERSION", "FROM (UTC)", "TO (UTC)", "BY (UNSIGNED)", "DIGEST")
    rows = (
        (
            interval.stage,
            interval.version or "",
            date(interval.start),
            date(interval.end) or "now",
            interval.actor,
            interval.digest,
        )
        for interval in result.intervals
    )
    if result.intervals:
        yield table(heads, rows, cut=frozenset({4}))
