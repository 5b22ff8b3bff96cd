"""``lading image dockerfile``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.operations import image_dockerfile as operation
from lading.spec.tags import TARGETS

EXAMPLES: Final = examples(
    "lading image dockerfile ml/fraud:1.2.0 --target serve",
    # Without a target, docker build takes the last stage.
    "lading image dockerfile ml/fraud:1.2.0 --context ./fraud"
    " && docker build --target serve ./fraud",
)

BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="IMAGE",
        help="What it is made from, best by digest; {python} stands for the model's Python.",
        show_default=False,
    ),
]
TargetOption = Annotated[
    str,
    typer.Option(
        metavar="TARGET",
        help="serve, runtime (no model), train, base, or all.",
        autocompletion=offers.one_of(*TARGETS, "all"),
    ),
]
PickleOption = Annotated[
    bool, typer.Option("--allow-pickle", help="Let the model run code of its own when it loads.")
]


def dockerfile(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    target: TargetOption = "all",
    base: BaseOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--context",
            metavar="DIR",
            help="Write it there with all that it copies, the model included.",
            show_default=False,
        ),
    ] = None,
    allow_pickle: PickleOption = False,
) -> None:
    """Print the Dockerfile that image build uses, filled in; nothing is built."""
    console = Console.of(context)
    result = operation.image_dockerfile(
        reference,
        target=target,
        base=base,
        context=folder,
        allow_pickle=allow_pickle or None,
        settings=console.settings(),
    )
    for note in result.notes:
        console.say(f"note: {note}")
    if result.context:
        console.say(f"wrote the context of the build to {result.context}")
    console.answer(result, result.text.splitlines())
