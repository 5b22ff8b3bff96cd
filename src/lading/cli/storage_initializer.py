"""``lading storage-initializer``: what KServe calls, and nobody types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import examples
from lading.cli.output import count, size
from lading.errors import InvalidInput
from lading.operations import storage_initializer as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples("lading storage-initializer lading://HOST/ml/fraud@sha256:4a7d1e /mnt/models")
)
def storage_initializer(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE FOLDER",
            help="Where a model comes from, and its folder; the same again for each further one.",
            show_default=False,
        ),
    ],
) -> None:
    """Hand models to KServe, as it asks for them.

    KServe starts this before a server whose storageUri begins with lading://. The model is pulled
    by digest, every byte checked, with the document that a server reads. Nothing is written but in
    the folder. lading deploy --as kserve --kserve-storage lading writes what KServe needs.
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.storage_initializer(
            _pairs(words), settings=settings, on_progress=on_progress
        )
    console.answer(result, _lines(result))


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    if len(words) % 2:
        raise InvalidInput(
            f"no folder is named for {words[-1][:200]!r}",
            hint="lading storage-initializer SOURCE FOLDER",
        )
    return list(zip(words[::2], words[1::2], strict=True))


def _lines(result: operation.StorageInitializerResult) -> Iterator[str]:
    for model in result.models:
        yield f"{model.source} in {model.path}: {count(model.files, 'file')}, {size(model.size)}"
