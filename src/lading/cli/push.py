"""``lading push``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lading.cli import words as said
from lading.cli.console import Console
from lading.cli.options import Jobs, ReferenceArgument, examples
from lading.cli.output import count, size
from lading.cli.table import Line, table
from lading.operations import push as operation
from lading.operations.publishing.captured import Capture
from lading.settings import active_environment, without_plugins

if TYPE_CHECKING:
    from lading.spec.words import Words

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading push ./model ml/fraud:1.2.0",
        "lading push ./model registry.example.com/ml/fraud --bump minor",
        "lading push weights.gguf ml/chat:0.1.0 --license Apache-2.0 --tag task=chat",
        "lading push ./model ml/fraud:1.2.0 --metric auc@test=0.93 --dataset s3://data/train#train",
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
        Literal["patch", "minor", "major", "auto"] | None,
        typer.Option(
            help="Choose the next version; REF then has no tag. A first one is 0.1.0. "
            "auto: as the change of the schema asks for."
        ),
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
    file: said.DeclarationFile = None,
    description: said.Description = None,
    author: said.Authors = None,
    license: said.Licenses = None,  # noqa: A002  # the option's word
    tag: said.Tags = None,
    metric: said.Metrics = None,
    param: said.Params = None,
    dataset: said.Datasets = None,
    parent: said.Parents = None,
    schema: said.SchemaFile = None,
    input_example: said.ExampleFile = None,
    strict: said.Strict = None,
    without: said.Without = None,
    with_diff: said.WithDiff = False,
    resolve_hashes: said.ResolveHashes = False,
    python: said.Python = None,
    run: said.RunId = None,
    jobs: Jobs = None,
) -> None:
    """Push a folder or a file as a version.

    The version is immutable: pushing the same content again succeeds and sends nothing, other
    content is refused. What .ladingignore names (git's syntax) stays out. Prints the version's
    reference with its digest.
    """
    console = Console.of(context)
    settings = console.settings()
    without_plugins()
    words: Words = {
        "description": description,
        "authors": author or (),
        "licenses": license or (),
        "tags": said.pairs(tag, "--tag KEY=VALUE"),
        "metrics": said.metrics(metric),
        "params": said.params(param),
        "datasets": said.datasets(dataset),
        "parents": parent or (),
        "signature": schema,
        "input_example": input_example,
    }
    capture = Capture(
        without=frozenset(without or ()),
        with_diff=with_diff,
        resolve_hashes=resolve_hashes,
        interpreter=python or active_environment(),
        run=run,
    )
    with console.progress() as on_progress:
        result = operation.push(
            path,
            reference,
            bump=bump,
            dry_run=dry_run,
            file=file,
            capture=capture,
            strict=strict,
            follow_links=follow_links,
            file_hashes=file_hashes,
            jobs=jobs,
            settings=settings,
            on_progress=on_progress,
            **words,
        )
    console.say(*(f"note: {note}" for note in result.notes))
    console.say(_summary(result))
    console.answer(result, _lines(result))


def _summary(result: operation.PushResult) -> str:
    amount = f"{count(result.files, 'file')}, {size(result.size)}"
    if result.status == "unchanged":
        return f"unchanged: {result.reference} has this very content already ({amount})"
    if result.status == "planned":
        return f"nothing was sent; a push of {amount} would send {size(result.sent)}"
    latest = "; it is the latest release" if result.latest else ""
    return f"pushed {amount}; sent {size(result.sent)}{latest}"


def _lines(result: operation.PushResult) -> Iterator[Line]:
    if result.status == "planned":
        rows = [
            (layer.status, size(layer.size), str(layer.files), layer.role, layer.title)
            for layer in result.layers
        ]
        yield table(("WHAT", "SIZE", "FILES", "ROLE", "LAYER"), rows, right=frozenset({1, 2}))
        # The moment of a push is part of its digest, so nobody can foresee that.
        yield result.reference
    else:
        yield f"{result.reference}@{result.digest}"
