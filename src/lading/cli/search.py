"""``lading search``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import formats
from lading.cli.console import Console
from lading.cli.formats import Cell, FormatOption, Rows
from lading.cli.options import examples
from lading.cli.output import count, date
from lading.operations import search as operation

app = typer.Typer(add_completion=False)

# A model may be trained with hundreds of parameters: in a table for people, these are enough.
_METRICS_SHOWN = 4
_FIXED = (
    "reference", "name", "version", "stage", "deprecated", "created", "framework", "format",
    "parameters", "size", "scan", "digest",
)  # fmt: skip
_GROUPS = ("metrics", "params", "tags")
_FIELDS = frozenset(operation.FoundVersion.__dataclass_fields__) - set(_GROUPS)


@app.command(
    epilog=examples(
        "lading search 'metrics.auc > 0.9 and tags.team = \"risk\"'",
        "lading search 'stage = \"prod\"' 'registry.example.com/ml/*' registry.example.com/x/y",
        "lading search 'name like \"%fraud%\"' --order-by 'metrics.auc DESC' --limit 10",
        "lading search '' ml/fraud --format csv > fraud.csv",
    )
)
def search(
    context: typer.Context,
    filter: Annotated[  # noqa: A002  the user's word
        str | None,
        typer.Argument(
            metavar="[FILTER]", help="What must hold; without it, all.", show_default=False
        ),
    ] = None,
    repositories: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REPO]...",
            help="[HOST/]NAME, oci:FOLDER, or HOST/PREFIX/* for all below.",
            show_default=False,
        ),
    ] = None,
    *,
    order_by: Annotated[
        str | None,
        typer.Option(metavar="NAME [DESC]", help="What to sort by.", show_default=False),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="N", help="Show so many.", show_default=False)
    ] = None,
    format: FormatOption = "table",  # noqa: A002  the option's word
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Believe nothing that earlier searches read.")
    ] = False,
) -> None:
    """Find versions by what is said of them.

    FILTER compares name, version, stage, created, description, authors, licenses, framework,
    format, parameters, size, datasets, parents, scan, metrics.NAME (metrics.NAME@SPLIT),
    params.NAME and tags.NAME with =, !=, <, <=, >, >=, LIKE, ILIKE, IN and IS NULL; AND, OR, NOT
    and parentheses join them. What is not known does not hold; a version in no stage has no stage
    that would differ from another: stage IS NULL finds it.

    Without REPO: what the setting repositories names; else all that the default registry lists, or
    what is on this machine. What was read is kept: a later search asks for what changed.
    """
    console = Console.of(context)
    formats.checked(format)
    result = operation.search(
        filter,
        repositories or (),
        order_by=order_by,
        limit=formats.whole(limit, "--limit"),
        refresh=refresh,
        settings=console.settings(),
    )
    for note in result.notes:
        console.say(f"note: {note}")
    if len(result.versions) < result.matched:
        console.say(f"{count(result.matched, 'version')} match; these are the first")
    elif not result.versions:
        where = count(result.repositories, "repository", "repositories")
        console.say(f"none of {count(result.looked_at, 'version')} in {where}")
    console.answer(result, formats.written(format, _rows(result), _shown(result)))


def _rows(result: operation.SearchResult) -> Rows:
    """Everything, for programs: the fixed columns, then every metric, parameter and tag."""
    groups = [
        f"{group}.{name}"
        for group in _GROUPS
        for name in sorted({name for each in result.versions for name in getattr(each, group)})
    ]
    heads = (*_FIXED, *groups)
    return Rows(heads, [[_value(each, head) for head in heads] for each in result.versions])


def _shown(result: operation.SearchResult) -> Rows:
    """What people look for: where it is, its stage, what was asked for, else its metrics."""
    asked = [name for name in result.asked if name not in ("name", "version", "stage", "created")]
    heads = ("name", "version", "stage", "created", *asked, *(() if asked else ("metrics",)))
    return Rows(heads, [tuple(_cells(each, asked)) for each in result.versions])


def _cells(version: operation.FoundVersion, asked: list[str]) -> Iterator[Cell]:
    marks = [*version.stage, *(["deprecated"] if version.deprecated else [])]
    yield from (version.name, version.version, marks, date(version.created))
    for name in asked:
        yield _value(version, name)
    if not asked:
        few = list(version.metrics.items())[:_METRICS_SHOWN]
        yield " ".join(f"{name}={value}" for name, value in few)


def _value(version: operation.FoundVersion, asked: str) -> Cell:
    """What a version says under a name that was asked for."""
    group, _, name = asked.partition(".")
    if name and group in _GROUPS:
        found: Cell = getattr(version, group).get(name)
        return found
    field = asked.replace(".", "_")
    return getattr(version, field) if field in _FIELDS else None
