"""``lading search``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import formats, offers
from lading.cli.console import Console
from lading.cli.formats import Cell, FormatOption, Rows
from lading.cli.options import examples
from lading.cli.output import count, date
from lading.operations import search as operation
from lading.operations.searching.found import FoundVersion
from lading.spec.reference import Reference

app = typer.Typer(add_completion=False)

# A model may be trained with hundreds of parameters: in a table for people, these are enough.
_METRICS_SHOWN = 4
_FIXED = (
    "reference", "name", "version", "stage", "deprecated", "created", "framework", "format",
    "parameters", "size", "scan", "digest",
)  # fmt: skip
_GROUPS = ("metrics", "params", "tags", "evidence")
_MEASURED = ("metrics.", "evaluation.")
_FIELDS = frozenset(FoundVersion.__dataclass_fields__) - set(_GROUPS)


@app.command(
    epilog=examples(
        "lading search 'metrics.auc > 0.9 and tags.team = \"risk\"'",
        "lading search 'stage = \"prod\"' 'registry.example.com/ml/*' registry.example.com/x/y",
        "lading search 'name like \"%fraud%\"' --order-by 'metrics.auc DESC' --limit 10",
        "lading search 'registry.example.com/*' --order-by 'metrics.auc DESC'",
        "lading search '' ml/fraud --format csv > fraud.csv",
        "lading search 'metrics.auc@test > 0.9 and stage is null' ml/fraud --evaluations",
    )
)
def search(
    context: typer.Context,
    filter: Annotated[  # noqa: A002  the user's word
        str | None,
        typer.Argument(
            metavar="FILTER", help="What must hold; without it, all.", show_default=False
        ),
    ] = None,
    repositories: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REPO",
            help="[HOST/]NAME, oci:FOLDER, or HOST/PREFIX/* for all below.",
            show_default=False,
            autocompletion=offers.models,
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
    evaluations: Annotated[
        bool, typer.Option("--evaluations", help="Count evaluations that were attached, too.")
    ] = False,
    format: FormatOption = "table",  # noqa: A002  the option's word
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Believe nothing that earlier searches read.")
    ] = False,
) -> None:
    """Find versions by what is said of them.

    FILTER compares name, version, stage, created, description, authors, licenses, framework,
    format, parameters, size, datasets, parents, scan, metrics.NAME (metrics.NAME@SPLIT),
    params.NAME and tags.NAME with =, !=, <, <=, >, >=, LIKE, ILIKE, IN and IS NULL; AND, OR, NOT
    and parentheses join them. What is not known does not hold, under NOT neither. Stages are always
    known: stage != 'prod' finds versions in no stage, too; stage IS NULL only those.

    A REPO with a host, or with /*, may stand first: then there is no filter. Without REPO: what the
    setting repositories names; else all that the default registry lists, or what is on this
    machine. What was read is kept: a later search asks for what changed.

    Metrics are those that a version states itself. With --evaluations, evaluations that were
    attached to it count first, the newest of them, as for best and at gates; evaluation.NAME is
    what they alone say. That takes a request for each version that the rest of FILTER does not
    exclude.
    """
    console = Console.of(context)
    formats.checked(format)
    result = operation.search(
        filter,
        repositories or (),
        order_by=order_by,
        limit=formats.whole(limit, "--limit"),
        evaluations=evaluations,
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
    shown = _shown(result, evaluations)
    said = console.is_fitted and not console.quiet
    if format == "table" and said and (host := _common_host(result)):
        console.say(f"on {host}:")
        shown = _without(host, shown)
    console.answer(result, formats.written(format, _rows(result), shown))


def _rows(result: operation.SearchResult) -> Rows:
    """Everything, for programs: the fixed columns, then every metric, parameter and tag."""
    groups = [
        f"{group}.{name}"
        for group in _GROUPS
        for name in sorted({name for each in result.versions for name in getattr(each, group)})
    ]
    heads = (*_FIXED, *groups)
    return Rows(heads, [[_value(each, head) for head in heads] for each in result.versions])


def _shown(result: operation.SearchResult, evaluations: bool) -> Rows:
    """What people look for: where it is, its stage, what was asked for, else its metrics."""
    asked = [name for name in result.asked if name not in ("name", "version", "stage", "created")]
    columns = [column for name in asked for column in _columns(name, evaluations)]
    heads = (
        "name",
        "version",
        "stage",
        "created (UTC)",
        *columns,
        *(() if asked else ("metrics",)),
    )
    rows = [tuple(_cells(each, asked, evaluations)) for each in result.versions]
    return Rows(heads, rows)


def _common_host(result: operation.SearchResult) -> str | None:
    """The registry that all names begin with; it would take the room of what is looked for."""
    hosts = {Reference.parse(version.name).host for version in result.versions}
    return hosts.pop() if len(hosts) == 1 else None


def _without(host: str, shown: Rows) -> Rows:
    """The same rows; names, which stand first, without their registry."""
    return Rows(
        shown.heads,
        [(str(name).removeprefix(f"{host}/"), *others) for name, *others in shown.rows],
    )


def _columns(name: str, evaluations: bool) -> tuple[str, ...]:
    """The columns of a name: where evaluations count, a metric's source stands beside it."""
    return (name, "source") if evaluations and name.startswith(_MEASURED) else (name,)


def _cells(version: FoundVersion, asked: list[str], evaluations: bool) -> Iterator[Cell]:
    marks = [*version.stage, *(["deprecated"] if version.deprecated else [])]
    yield from (version.name, version.version, marks, date(version.created))
    for name in asked:
        yield _value(version, name)
        if len(_columns(name, evaluations)) > 1:
            yield _source(version, name)
    if not asked:
        few = [each for each in version.metrics.items() if not _is_said_twice(version, *each)]
        few = few[:_METRICS_SHOWN]
        yield " ".join(f"{name}={value}{_mark(version, name)}" for name, value in few)


def _is_said_twice(version: FoundVersion, metric: str, value: float) -> bool:
    """Whether the same number stands beside it with the split on which it was measured."""
    return any(
        name.startswith(f"{metric}@") and other == value for name, other in version.metrics.items()
    )


def _mark(version: FoundVersion, metric: str) -> str:
    return " (evaluation)" if metric in version.evidence else ""


def _source(version: FoundVersion, asked: str) -> str | None:
    """Where a metric's value is from, as ``lading best`` says it."""
    metric = asked.partition(".")[2]
    if metric in version.evidence:
        return f"evaluation {version.evidence[metric]}"
    return "document" if _value(version, asked) is not None else None


def _value(version: FoundVersion, asked: str) -> Cell:
    """What a version says under a name that was asked for."""
    group, _, name = asked.partition(".")
    if group == "evaluation":
        return version.metrics[name] if name in version.evidence else None
    if name and group in _GROUPS:
        found: Cell = getattr(version, group).get(name)
        return found
    field = asked.replace(".", "_")
    return getattr(version, field) if field in _FIELDS else None
