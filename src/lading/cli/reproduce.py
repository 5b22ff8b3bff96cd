"""``lading reproduce``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.cli.table import Line, table
from lading.operations import reproduce as operation
from lading.operations.warning import EnvironmentWarning

EXIT_DIFFERENT = 1

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading reproduce ml/fraud:1.2.0",
        "lading reproduce ml/fraud:1.2.0 --check && echo 'it answers as it did'",
    )
)
def reproduce(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Load the model and compare its answer with the one kept."),
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(metavar="NUMBER", help="How much numbers may differ, relative to their size."),
    ] = 1e-5,
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Let the model's own code run, if it comes with any."),
    ] = False,
) -> None:
    """Say how a version was made, as commands.

    Prints commit, data, packages and commands, and what nobody recorded. With --check the model is
    loaded and asked its input example again; exits with 1 where it answers otherwise than it did.
    """
    console = Console.of(context)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", EnvironmentWarning)
        result = operation.reproduce(
            reference,
            check=check,
            relative=tolerance,
            allow_pickle=allow_pickle or None,
            settings=console.settings(),
        )
    for each in said:
        console.warn(str(each.message))
    console.answer(result, _lines(result))
    if result.check == "differs":
        raise typer.Exit(EXIT_DIFFERENT)


def _lines(result: operation.ReproduceResult) -> Iterator[Line]:
    yield from result.commands if result.check is None else ()
    if result.check is None:
        yield from _facts(result)
        return
    if result.check == "same":
        yield f"{result.reference} answers as it did"
        return
    rows = [(each.where or ".", str(each.expected), str(each.got)) for each in result.differences]
    yield table(("WHERE", "THEN", "NOW"), rows)
    yield f"{result.reference} does not answer as it did"


def _facts(result: operation.ReproduceResult) -> Iterator[str]:
    """What belongs to the commands, as comments: the whole can be kept as a script."""
    if result.commit and not result.repository:
        yield f"# commit: {result.commit} of a repository without an address"
    for data in result.data:
        yield f"# data: {data.uri or data.name} {data.digest or ''}".rstrip()
    for parent in result.parents:
        yield f"# parent: {parent}"
    for name, value in result.params.items():
        if value is not None:
            yield f"# param: {name}={value}"
    if result.dirty and not result.patch:
        yield "# the folder held changes that were not committed"
    for missing in result.missing:
        yield f"# not recorded: {missing}"
