"""``lading copy``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import Jobs, examples
from lading.cli.output import count, size
from lading.operations import copy as operation
from lading.spec.reference import Reference

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading copy ml/fraud:1.2.0 registry.example.com/ml/fraud:1.2.0",
        "lading copy registry.example.com/ml/fraud:prod oci:./usb-stick:prod",
        "lading copy --all old.example.com/ml/fraud new.example.com/ml/fraud",
    )
)
def copy(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="What to copy: a REF.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DST",
            help="Where to: a REF.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    *,
    referrers: Annotated[
        bool,
        typer.Option("--referrers", help="Take signatures and other evidence along."),
    ] = False,
    all_versions: Annotated[
        bool,
        typer.Option("--all", help="Every version, with its evidence, the stages, the history."),
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Copy between registries, layouts and the local store.

    In any pair, and the digest never changes. Within one registry nothing travels where it can
    mount. Without a tag, DST takes that of SRC. With --all the ledger comes along: where DST has
    one, both are one afterwards, and stages name what follows from that.
    """
    console = Console.of(context)
    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.copy(
            source,
            destination,
            referrers=referrers,
            all_versions=all_versions,
            jobs=jobs,
            settings=settings,
            on_progress=on_progress,
        )
    for note in result.notes:
        console.warn(note)
    console.say(_summary(result))
    console.answer(result, _lines(result))


def _summary(result: operation.CopyResult) -> str:
    parts = [f"sent {size(result.sent)}"]
    parts += [f"{size(result.mounted)} mounted or linked"] if result.mounted else []
    parts += [f"{size(result.present)} there already"] if result.present else []
    unchanged = sum(copied.unchanged for copied in result.copied)
    came = [count(len(result.copied) - unchanged, "tag")]
    came += [count(len(result.stages), "stage")] if result.stages else []
    came += [count(result.events, "event")] if result.events else []
    left = f"; {count(unchanged, 'tag')} unchanged" if unchanged else ""
    if not result.sent and unchanged == len(result.copied) and len(came) == 1:
        return f"nothing new: {', '.join((left[2:], *parts[1:]))}"
    copied = " and ".join(filter(None, (", ".join(came[:-1]), came[-1])))
    return f"copied {copied}{left}; {', '.join(parts)}"


def _lines(result: operation.CopyResult) -> Iterator[str]:
    place = Reference.parse(result.destination)
    for copied in result.copied:
        name = place.with_tag(copied.tag) if copied.tag else place.base
        yield f"{name}@{copied.digest}"
    for moved in result.stages:
        yield f"{place.with_tag(moved.stage)}@{moved.after or 'nothing'}"
