"""``lading list``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from lading.cli import formats, offers
from lading.cli.console import Console
from lading.cli.formats import FormatOption, Rows
from lading.cli.options import examples
from lading.cli.output import date, size
from lading.cli.table import Line, table
from lading.operations import list as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading list",
        "lading list ml/fraud",
        "lading list registry.example.com/ml/fraud --json",
        "lading list ml/fraud --format md",
    )
)
def list_(
    context: typer.Context,
    repository: Annotated[
        str | None,
        typer.Argument(
            metavar="[HOST/]NAME",
            help="A model; without it, all models.",
            show_default=False,
            autocompletion=offers.models,
        ),
    ] = None,
    *,
    format: FormatOption = "table",  # noqa: A002  the option's word
) -> None:
    """List the versions of a model, or all models.

    Versions come highest first, with the other tags that name them, and the images made for them
    ("+ serve" is the image under serve-VERSION). It says which are deprecated,
    and warns of DRIFT: a stage whose tag is not what the ledger says. Without a name: the models
    of the store on this machine, or of the default registry if one is set and has a catalogue.
    """
    console = Console.of(context)
    formats.checked(format)
    result = operation.list_versions(repository, settings=console.settings())
    if not result.repositories and not result.versions and not result.tags:
        console.say("nothing here yet: lading push PATH NAME:VERSION")
    for note in (*result.notes, *map(str, result.drifted)):
        console.warn(note)
    rows = _rows(result)
    lines: Iterable[Line]
    lines = _lines(result) if format == "table" else formats.written(format, rows, rows)
    console.answer(result, lines)


def _rows(result: operation.ListResult) -> Rows:
    if result.repository is None:
        return Rows(("repository",), [(name,) for name in result.repositories])
    said = ("version", "created", "size", "files", "tags", "digest", "summary")
    heads = (*said, "deprecated", "images")
    return Rows(heads, [tuple(getattr(v, head) for head in heads) for v in result.versions])


def _lines(result: operation.ListResult) -> Iterator[Line]:
    if result.repository is None:
        yield from result.repositories
        return
    if result.versions:
        yield table(_HEADS, map(_row, result.versions), right=frozenset({2, 3}))
    named = {tag for version in result.versions for tag in (*version.tags, *_images(version))}
    others = [tag for tag in result.tags if tag.tag not in named]
    if others and result.versions:
        yield ""
    if others:
        yield table(("TAG", "DIGEST"), ((tag.tag, tag.digest) for tag in others))


def _images(version: operation.ListedVersion) -> Iterator[str]:
    """The tags of its images."""
    for target in version.images:
        yield f"{target}-{version.version.replace('+', '_')}"


_HEADS = ("VERSION", "CREATED (UTC)", "SIZE", "FILES", "TAGS", "DIGEST", "SUMMARY")


def _row(version: operation.ListedVersion) -> tuple[str, ...]:
    return (
        version.version,
        date(version.created),
        size(version.size) if version.size is not None else "",
        str(version.files) if version.files is not None else "",
        ", ".join(
            (
                *version.tags,
                *(f"+ {target}" for target in version.images),
                *(["(deprecated)"] if version.deprecated else []),
            )
        ),
        version.digest,
        version.summary,
    )
