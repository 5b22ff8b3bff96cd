"""``lading image sbom``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import count
from lading.errors import LocalFailure
from lading.operations import image_sbom as operation
from lading.spec.tags import TARGETS

EXAMPLES: Final = examples(
    "lading image sbom ml/fraud:1.2.0 -o sbom.cdx.json",
    "lading image sbom HOST/ml/fraud:serve-1.2.0 --platform linux/arm64",
)
TargetOption = Annotated[
    str,
    typer.Option(metavar="TARGET", help="Which image.", autocompletion=offers.one_of(*TARGETS)),
]
PlatformOption = Annotated[
    str | None,
    typer.Option(metavar="OS/ARCH", help="For this platform only.", show_default=False),
]


def sbom(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    target: TargetOption = "serve",
    platform: PlatformOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to.", show_default=False),
    ] = None,
) -> None:
    """Say which Python packages are in a version's image: CycloneDX, as JSON.

    Layers are read and nothing is run. An image may be named itself, too.
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.image_sbom(
            reference,
            target=target,
            platform=platform,
            settings=settings,
            on_progress=on_progress,
        )
    for note in result.notes:
        console.warn(note)
    text = json.dumps(result.bill, indent=2, ensure_ascii=False)
    if output is None:
        console.answer(result, text.splitlines())
        return
    try:
        output.write_text(f"{text}\n", "utf-8")
    except OSError as error:
        raise LocalFailure(f"cannot write {output}", cause=error.strerror) from error
    console.say(f"wrote {count(result.packages, 'package')} of {result.image} to {output}")
    console.answer_path(result, str(output))
