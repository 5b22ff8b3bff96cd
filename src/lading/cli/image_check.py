"""``lading image check``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from lading.cli.console import Console
from lading.cli.differences import differences
from lading.cli.image_sbom import PlatformOption, TargetOption
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import count
from lading.cli.table import Line
from lading.operations import image_check as operation

EXAMPLES: Final = examples(
    "lading image check ml/fraud:1.2.0",
    "lading image check ml/fraud:1.2.0 --record && lading promote ml/fraud:1.2.0 prod",
)
EXIT_INCOMPATIBLE: Final = 1
_MOST_NAMES: Final = 12
_SAID: Final = {
    "equal": "has the packages that the model was made with",
    "differs": "differs in nothing that is likely to matter",
    "incompatible": "differs in what is likely to matter",
}


def check(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    target: TargetOption = "serve",
    platform: PlatformOption = None,
    record: Annotated[
        bool,
        typer.Option("--record", help="Hang the answer on the version, for gates: image.matches."),
    ] = False,
) -> None:
    """Hold the packages in a version's image against those it was made with.

    Layers are read and nothing is run. What only training needs may be missing where the image is
    not for training. Exits with 1 where a difference is likely to matter.
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.image_check(
            reference,
            target=target,
            platform=platform,
            record=record,
            settings=settings,
            on_progress=on_progress,
        )
    for note in result.notes:
        console.warn(note)
    console.answer(result, _lines(result))
    if result.verdict == "incompatible":
        raise typer.Exit(EXIT_INCOMPATIBLE)


def _lines(result: operation.ImageCheckResult) -> Iterator[Line]:
    for each in result.platforms:
        yield f"{result.target} of {result.reference} for {each.platform} {_SAID[each.verdict]}"
        differing = [found for found in each.all if found.state != "equal"]
        if differing:
            yield from differences(differing, "IMAGE")
        equal = sum(package.state == "equal" for package in each.packages)
        yield f"{count(equal, 'package')} of {len(each.packages)} equal"
        if each.left_out:
            yield f"Left out, as only training needs them: {_names(each.left_out)}"
    if result.evidence:
        yield f"recorded: evidence {result.evidence}"


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
