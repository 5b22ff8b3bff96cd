"""``lading unbundle``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import Jobs, examples
from lading.cli.output import count, size
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.operations.bundling.listing import UnbundleListResult
    from lading.operations.unbundle import UnbundleResult

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading unbundle fraud.tar --list",
        "lading unbundle fraud.tar registry.site.example",
        "lading unbundle fraud.tar registry.site.example/mirror --stages",
        "lading history oci:fraud.tar",
    )
)
def unbundle(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.tar",
            help="What lading bundle wrote, or skopeo as oci-archive.",
            show_default=False,
        ),
    ],
    destination: Annotated[
        str | None,
        typer.Argument(
            metavar="REGISTRY[/PREFIX]",
            help="Where to; else where names without a host live.",
            show_default=False,
        ),
    ] = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="Say what is in it, and write nothing.")
    ] = False,
    stages: Annotated[
        bool,
        typer.Option("--stages", help="Bring the ledger, too, and name stages as it says."),
    ] = False,
    documents: Annotated[
        Path | None,
        typer.Option(
            "--documents",
            metavar="DIR",
            help="Write the deploy documents below DIR, and put nothing anywhere.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Put what is in a bundle into a registry.

    Under the names that it had, below PREFIX, with every digest as it was. A version that is there
    with other content is a conflict, found before anything is written. Broken off and run again it
    goes on where it was; run twice it changes nothing.

    Each version is registered there and carries, as evidence, what was said of it where it was.
    Stages stay as they are; with --stages the ledger comes along: where there is one, both are one
    afterwards, and stages name what follows from that. The whole history can be read from the file,
    too: lading history oci:FILE, or oci:FILE/NAME where it has several models.
    """
    console = Console.of(context)
    if (listed or documents) and (destination is not None or stages):
        raise _one_after_the_other(file, destination, documents, stages=stages)
    if listed:
        from lading.operations.bundling.listing import unbundle_list

        found = unbundle_list(file)
        console.say(_held(found))
        console.answer(found, (_line(found, each) for each in range(len(found.things))))
        return
    if documents:
        from lading.operations.bundling.documents import unbundle_documents

        written = unbundle_documents(file, documents)
        for note in written.notes:
            console.warn(note)
        console.answer(written, written.folders)
        return
    from lading.operations import unbundle as operation

    settings = console.settings()
    with console.progress() as on_progress:
        result = operation.unbundle(
            file,
            destination,
            stages=stages,
            jobs=jobs,
            settings=settings,
            on_progress=on_progress,
        )
    for note in result.notes:
        console.warn(note)
    console.say(_summary(result))
    console.answer(result, _lines(result))


def _one_after_the_other(
    file: Path, destination: str | None, documents: Path | None, *, stages: bool
) -> InvalidInput:
    """That nothing is put anywhere where it is only looked, and what does both."""
    looks = f"--documents {documents}" if documents else "--list"
    into = (f" {destination}" if destination else "") + (" --stages" if stages else "")
    return InvalidInput(
        f"{looks.partition(' ')[0]} puts nothing anywhere, and takes nothing but FILE",
        hint=f"lading unbundle {file} {looks}, and then lading unbundle {file}{into}",
    )


def _held(found: UnbundleListResult) -> str:
    rest = [count(found.events, "event")] if found.events else []
    rest += [f"{found.untagged} without a tag"] if found.untagged else []
    parts = (count(len(found.things), "name"), *rest, f"{size(found.size)}")
    return f"{found.file}: {', '.join(parts)}"


def _line(found: UnbundleListResult, number: int) -> str:
    thing = found.things[number]
    version = f" {thing.version}" if thing.version and thing.kind == "name" else ""
    return f"{thing.reference}@{thing.digest} ({thing.kind}{version})"


def _summary(result: UnbundleResult) -> str:
    new = sum(not name.unchanged for name in result.names)
    if not new and not result.sent and not result.events:
        return f"nothing new: {count(len(result.names), 'name')} unchanged"
    parts = [f"sent {size(result.sent)}"]
    parts += [f"{size(result.mounted)} mounted or linked"] if result.mounted else []
    parts += [f"{size(result.present)} there already"] if result.present else []
    came = count(new, "name") + (f", {count(result.events, 'event')}" if result.events else "")
    return f"put {came} into {result.destination}; {', '.join(parts)}"


def _lines(result: UnbundleResult) -> Iterator[str]:
    for name in result.names:
        yield f"{name.reference}@{name.digest}"
