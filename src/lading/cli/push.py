"""``lading push``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from lading.cli.console import Console
from lading.cli.options import Jobs, ReferenceArgument, examples
from lading.cli.output import count, size, table
from lading.errors import InvalidInput
from lading.operations import push as operation
from lading.spec.identity import Identity

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading push ./model ml/fraud:1.2.0",
        "lading push ./model registry.example.com/ml/fraud --bump minor",
        "lading push weights.gguf ml/chat:0.1.0 --license Apache-2.0 --tag task=chat",
        "lading push ./model ml/fraud:1.2.0 --dry-run",
    )
)
def push(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The model's folder, or a single file.")
    ],
    reference: ReferenceArgument,
    *,
    bump: Annotated[
        Literal["patch", "minor", "major"] | None,
        typer.Option(help="Choose the next version; REF then has no tag. A first one is 0.1.0."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Pack what links to outside of the folder point to."),
    ] = False,
    file_hashes: Annotated[
        bool | None,
        typer.Option(
            "--file-hashes/--no-file-hashes",
            help="Write the sha256 of large files down, too; small ones always have it.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model is, in a sentence.")
    ] = None,
    author: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Who made it. Repeatable.", show_default=False),
    ] = None,
    license: Annotated[  # noqa: A002  # the option's word
        list[str] | None,
        typer.Option(
            metavar="SPDX", help="Its licence: Apache-2.0. Repeatable.", show_default=False
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="A free mark: task=chat. Repeatable.", show_default=False
        ),
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Push a folder or a file as a version.

    The version is immutable: pushing the same content again succeeds and sends nothing, other
    content is refused. What .ladingignore names (git's syntax) stays out. Prints the version's
    reference with its digest.
    """
    console = Console.of(context)
    settings = console.settings()
    identity = Identity(
        description=description,
        authors=tuple(author or ()),
        licenses=tuple(license or ()),
        tags=_tags(tag or []),
    )
    with console.progress() as on_progress:
        result = operation.push(
            path,
            reference,
            bump=bump,
            dry_run=dry_run,
            identity=identity,
            follow_links=follow_links,
            file_hashes=file_hashes,
            jobs=jobs,
            settings=settings,
            on_progress=on_progress,
        )
    console.say(_summary(result))
    console.answer(result, _lines(result))


def _tags(given: list[str]) -> dict[str, str]:
    tags = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput(f"not a mark: {text!r}", hint="write --tag KEY=VALUE")
        tags[key] = value
    return tags


def _summary(result: operation.PushResult) -> str:
    amount = f"{count(result.files, 'file')}, {size(result.size)}"
    if result.status == "unchanged":
        return f"unchanged: {result.reference} has this very content already ({amount})"
    if result.status == "planned":
        return f"nothing was sent; a push of {amount} would send {size(result.sent)}"
    latest = "; it is the latest release" if result.latest else ""
    return f"pushed {amount}; sent {size(result.sent)}{latest}"


def _lines(result: operation.PushResult) -> Iterator[str]:
    if result.status == "planned":
        rows = [
            (layer.status, size(layer.size), str(layer.files), layer.role, layer.title)
            for layer in result.layers
        ]
        yield from table(("WHAT", "SIZE", "FILES", "ROLE", "LAYER"), rows, right=frozenset({1, 2}))
    yield f"{result.reference}@{result.digest}"
