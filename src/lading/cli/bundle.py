"""``lading bundle``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import Jobs, examples
from lading.cli.output import count, size
from lading.operations import bundle as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading bundle registry.example.com/ml/fraud:1.2.0 -o fraud.tar",
        "lading bundle registry.example.com/ml/{fraud:prod,churn:2.0.1} -o models.tar",
        "lading bundle registry.example.com/ml/fraud:prod --deploy ./fraud-prod -o fraud.tar",
        "lading history oci:fraud.tar",
        "skopeo copy --all --preserve-digests oci-archive:fraud.tar:ml/fraud:1.2.0 dir:./out",
    )
)
def bundle(
    context: typer.Context,
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REF",
            help="What to bundle: versions or stages of any models; else what --deploy names.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ] = None,
    *,
    file: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE.tar", help="The file to write.", show_default=False
        ),
    ],
    without_images: Annotated[
        bool,
        typer.Option("--without-images", help="Leave out the images that serve the versions."),
    ] = False,
    deploy: Annotated[
        list[Path] | None,
        typer.Option(
            "--deploy",
            "--documents",
            metavar="DIR",
            help="A folder of documents, as deploy/DIR:current, and all that they name; may be"
            " repeated.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Write versions, images and history into one file.

    For a site without a network: carry FILE there, and lading unbundle puts it into its registry.
    The file is an OCI layout in a tar, written once and straight from the registry, and has its
    name only when it is whole; each blob is in it once. Every digest stays what it is.

    FILE is read in place by every verb that reads, as oci:FILE, or oci:FILE/NAME where it has
    several models: lading history oci:FILE/ml/fraud. Unpacked with tar it is a layout folder.
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.bundle(
            references or (),
            file,
            images=not without_images,
            documents=deploy or (),
            jobs=jobs,
            settings=settings,
            on_progress=on_progress,
        )
    for note in result.notes:
        console.warn(note)
    events = f", {count(result.events, 'event')}" if result.events else ""
    console.say(
        f"wrote {result.file}: {count(len(result.names), 'name')}{events}, {size(result.size)}"
    )
    console.answer(result, _lines(result))


def _lines(result: operation.BundleResult) -> Iterator[str]:
    for name in result.names:
        yield f"{name.reference}@{name.digest}"
