"""``lading image assemble``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from lading.cli import offers, words
from lading.cli.console import Console
from lading.cli.image_dockerfile import PickleOption
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import size
from lading.errors import InvalidInput
from lading.images.address import PORT
from lading.operations import image_assemble as operation

EXAMPLES: Final = examples(
    "lading image assemble HOST/ml/fraud:1.3.0 --base HOST/ml/fraud:runtime-1.2.0",
    "lading image assemble HOST/ml/fraud:prod --base HOST/ml/fraud@sha256:4a7d1e --port 9000",
)


def assemble(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    base: Annotated[
        str,
        typer.Option(
            metavar="IMAGE",
            help="An image that has Python and the packages already, best by digest.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse a base whose packages are not known to be the lock's."
        ),
    ] = False,
    tag: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="Its tag; else serve-VERSION.", show_default=False),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable. Repeatable.", show_default=False),
    ] = None,
    cmd: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND", help="What runs; else lading serve /models.", show_default=False
        ),
    ] = None,
    port: Annotated[int, typer.Option(metavar="PORT", help="What it listens on.")] = PORT,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="USER",
            help="As whom it runs; else the base's user, and nobody where that is root.",
            show_default=False,
        ),
    ] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OS/ARCH",
            help="Only for this one of the base's platforms. Repeatable.",
            show_default=False,
        ),
    ] = None,
    allow_pickle: PickleOption = False,
    modelcar: Annotated[
        bool,
        typer.Option(
            "--modelcar",
            help="Without an entrypoint: KServe starts sh and ln in it, which the base must have.",
        ),
    ] = False,
) -> None:
    """Make a runnable image of a version without a container engine.

    The base's layers are mounted, the model's own are taken as they are: weights do not move. It is
    named beside the model, and hung on the version as evidence. A second time nothing changes.
    The base is best a runtime image of a version with the same lock (image build).
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.image_assemble(
            reference,
            base=base,
            strict=strict,
            tag=tag,
            env=words.pairs(env, "--env NAME=VALUE"),
            cmd=None if cmd is None else _words(cmd),
            port=port,
            user=user,
            platforms=platform or (),
            allow_pickle=allow_pickle or None,
            modelcar=modelcar,
            settings=settings,
            on_progress=on_progress,
        )
    if result.previous:
        console.say(f"{result.tag} named {result.previous} before")
    console.say(*(f"note: {note}" for note in result.notes))
    console.answer(result, _lines(result))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise InvalidInput(f"not a command: {command[:80]!r}", cause=str(error)) from error


def _lines(result: operation.ImageAssembleResult) -> Iterator[str]:
    place = result.reference.rpartition(":")[0]
    yield f"{place}:{result.tag}@{result.image}"
    yield f"for {', '.join(result.platforms)}: {result.layers} layers each"
    if result.status == "unchanged":
        yield "it was there already"
    else:
        yield f"{size(result.sent)} sent, {size(result.mounted)} mounted"
