"""``lading pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import Jobs, ReferenceArgument, examples
from lading.cli.output import count, size
from lading.operations import pull as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading pull ml/fraud:1.2.0",
        "cd $(lading pull registry.example.com/ml/fraud:prod)",
        "lading pull ml/fraud -o ./model",
        "lading pull ml/chat --include '*.safetensors' --include config.json",
    )
)
def pull(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Put the files here; without it they stay in the cache, read-only.",
            show_default=False,
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Fetch only files that match, such as '*.json'. Repeatable.",
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave these out. Repeatable.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files in DIR that are different.")
    ] = False,
    link: Annotated[
        bool,
        typer.Option(
            "--link", help="Hard links instead of copies: quick, but an edit reaches the cache."
        ),
    ] = False,
    document: Annotated[
        bool,
        typer.Option("--document", help="Put lading.json beside the files, where a server looks."),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use only what is on this machine already.")
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Pull a version and print where it is.

    REF names a version, a stage such as prod, another tag, or a digest; without any of them it
    means latest, the highest release. Every byte is checked before a file gets its name. A pull
    that broke off goes on where it was.
    """
    console = Console.of(context)
    settings = console.settings(offline=offline or None)
    with console.progress() as on_progress:
        result = operation.pull(
            reference,
            output,
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            force=force,
            link=link,
            document=document,
            offline=offline or None,
            jobs=jobs,
            settings=settings,
            on_progress=on_progress,
        )
    for note in result.notes:
        console.say(f"note: {note}")
    console.say(_summary(result))
    console.answer_path(result, result.path)


def _summary(result: operation.PullResult) -> str:
    what = f"{result.reference} ({count(result.files, 'file')}, {size(result.size)})"
    if result.status == "cached":
        return f"{what} was here already"
    if not result.fetched:
        return f"pulled {what}; nothing was fetched, all of it was on this machine"
    return f"pulled {what}; fetched {size(result.fetched)}"
