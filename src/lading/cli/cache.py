"""``lading cache``: ``ls``, ``prune``, ``verify``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import examples
from lading.cli.output import count, size
from lading.cli.table import Line, table
from lading.errors import InvalidInput
from lading.operations import cache as operation

EXIT_DAMAGED = 1

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, prune and verify what was pulled.",
    epilog=examples("lading cache ls", "lading cache prune --older-than 30"),
)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """List what was pulled, and when it was last used."""
    console = Console.of(context)
    result = operation.cache_list(settings=console.settings())
    console.answer(result, _lines(result))


@app.command("prune", epilog=examples("lading cache prune --older-than 30"))
def prune(
    context: typer.Context,
    *,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            min=0,
            help="Free what was not used for so many days.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Free everything.")] = False,
) -> None:
    """Free what nobody used lately; the next pull fetches it again."""
    console = Console.of(context)
    if older_than is not None and everything:
        raise InvalidInput("--older-than and --all cannot both hold")
    result = operation.cache_prune(
        older_than_days=older_than, everything=everything, settings=console.settings()
    )
    console.answer(result, [f"freed {size(result.freed)} in {result.folder}"])


@app.command("verify")
def verify(context: typer.Context) -> None:
    """Hash everything again.

    What is damaged is removed, and fetched again when it is next pulled. Exits with 1 where
    something was.
    """
    console = Console.of(context)
    result = operation.cache_verify(settings=console.settings())
    lines = [f"damaged, removed: {digest}" for digest in result.damaged]
    console.answer(result, lines or [f"everything in {result.folder} is as it should be"])
    if result.damaged:
        raise typer.Exit(EXIT_DAMAGED)


def _lines(result: operation.CacheListResult) -> Iterator[Line]:
    rows = [
        (
            time.strftime("%Y-%m-%d %H:%M", time.gmtime(entry.used)),
            size(entry.size),
            entry.kind,
            entry.digest,
        )
        for entry in result.entries
    ]
    if rows:
        heads = ("USED (UTC)", "SIZE", "KIND", "DIGEST")
        yield table(heads, rows, right=frozenset({1}))
    yield f"{count(len(rows), 'entry', 'entries')}, {size(result.size)} in {result.folder}"
