"""``lading image build``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Final

import typer

from lading.cli.console import Console
from lading.cli.image_dockerfile import BaseOption, PickleOption, TargetOption
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import count, escape, size
from lading.operations import image_build as operation

EXAMPLES: Final = examples(
    "lading image build ml/fraud:1.2.0",
    "lading image build registry.example.com/ml/fraud:prod --target all --push",
    "docker run --rm -p 8080:8080 ml/fraud:serve-1.2.0",
)


def build(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    target: TargetOption = "serve",
    push: Annotated[
        bool, typer.Option("--push", help="Push it beside the model, and tell the version.")
    ] = False,
    base: BaseOption = None,
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="NAME", help="Its name on this machine.", show_default=False),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(metavar="OS/ARCH", help="Build for another platform.", show_default=False),
    ] = None,
    allow_pickle: PickleOption = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Use nothing that was built before.")
    ] = False,
) -> None:
    """Build an image that runs a version, with Docker or Podman.

    Packages are those of the version's lock, held against its hashes; what only training needs is
    in train and not in serve. The model is loaded while the image is built: one that cannot be
    fails here. serve answers requests on port 8080, as nobody, and needs to write nowhere.
    """
    console = Console.of(context)
    result = operation.image_build(
        reference,
        target=target,
        push=push,
        base=base,
        tag=tag,
        platform=platform,
        allow_pickle=allow_pickle or None,
        fresh=fresh,
        settings=console.settings(),
        on_line=_listener(console),
    )
    for note in result.notes:
        console.say(f"note: {note}")
    console.answer(result, _built_lines(result))


def _listener(console: Console) -> Callable[[str], None] | None:
    """Shows what a builder says: as it is to people, a line of JSON to machines."""
    if console.quiet:
        return None

    def listen(line: str) -> None:
        text = json.dumps({"build": line}) if console.json else escape(line)
        if sys.stderr is not None:
            sys.stderr.write(text + "\n")

    return listen


def _built_lines(result: operation.ImageBuildResult) -> Iterator[str]:
    for image in result.images:
        where = f" {image.digest}" if image.digest else ""
        packages = count(len(image.packages), "package")
        yield f"{image.name}{where} ({image.platform}, {size(image.size)}, {packages})"
        if image.without:
            yield f"  without {', '.join(image.without)}, which only training needs"
        if image.why_not:
            yield f"  not reproducible: {image.why_not}"
