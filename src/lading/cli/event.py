"""``lading event``: ``show``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.github import GithubOutput, hand_on
from lading.cli.options import examples
from lading.cli.output import date, fields
from lading.cli.table import Line, indented
from lading.operations import event as operation

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Show what happened last to a version or a stage.",
    epilog=examples("lading event show ml/fraud:prod"),
)


@app.callback()
def event() -> None:
    """Show what happened to a version or a stage."""


@app.command(
    "show",
    epilog=examples(
        "lading event show ml/fraud:prod",
        "lading event show ml/fraud:1.2.0 --json",
        "lading event show registry.example.com/ml/fraud:prod --github-output",
    ),
)
def show(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="A version, a stage, or an event by its tag or digest.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    *,
    github_output: GithubOutput = False,
) -> None:
    """Show the newest event about a version, the move that made a stage what it is, or an event.

    The answer names the version by digest, so that what is deployed is what was decided.
    """
    console = Console.of(context)
    result = operation.event_show(reference, settings=console.settings())
    if github_output:
        hand_on(result.outputs())
    console.answer(result, _lines(result))


def sentence(event: operation.EventResult) -> str:
    """An event on one line."""
    parts = [date(event.time), event.repository, event.kind, event.version or event.digest]
    parts += [f"for {event.stage}"] if event.stage else []
    parts += [f"by {event.actor} ({signed(event)})"]
    parts += [f"because {event.reason}"] if event.reason else []
    return "  ".join(parts)


def signed(event: operation.EventResult) -> str:
    """Whether anybody can prove who wrote it."""
    return f"signed by {event.signer}" if event.signer else "unsigned"


def _lines(event: operation.EventResult) -> Iterator[Line]:
    yield f"{event.kind} {event.version or event.digest}" + (
        f" for {event.stage}" if event.stage else ""
    )
    measured = ", ".join(f"{name}={value:g}" for name, value in event.metrics.items())
    yield from indented(
        fields(
            [
                ("version", event.reference),
                ("before", event.previous),
                ("by", f"{event.actor} ({signed(event)})"),
                ("at", f"{date(event.time)} UTC"),
                ("because", event.reason),
                ("expires", event.expires),
                ("where", event.where),
                ("measured", measured),
                ("window", " to ".join(event.window or ())),
                ("event", f"{event.event}, number {event.seq}"),
            ]
        )
    )
