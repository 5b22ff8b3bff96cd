"""``lading gc``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import ModelArgument, PolicyOption, examples
from lading.cli.output import count, date, size
from lading.cli.table import Line, table
from lading.errors import InvalidInput
from lading.operations import gc as operation

# Of versions that stay for one reason, the others are one --json away.
_NAMED = 5

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading gc registry.example.com/ml/fraud --keep-last 10",
        "lading gc registry.example.com/ml/fraud --prereleases --older-than 90d --delete",
    )
)
def gc(
    context: typer.Context,
    model: ModelArgument,
    *,
    keep_last: Annotated[
        int | None,
        typer.Option(
            "--keep-last",
            metavar="N",
            min=0,
            help="But for the N highest of those that are meant.",
            show_default=False,
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="TIME",
            help="Versions that came longer ago: 90d, 12h.",
            show_default=False,
        ),
    ] = None,
    prereleases: Annotated[
        bool, typer.Option("--prereleases", help="Versions such as 1.2.0-rc.1.")
    ] = False,
    deprecated: Annotated[
        bool, typer.Option("--deprecated", help="Versions that somebody deprecated.")
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="MODEL",
            help="Where versions may have been made from these, too. Repeatable.",
            show_default=False,
            autocompletion=offers.models,
        ),
    ] = None,
    deployed_within: Annotated[
        str,
        typer.Option(
            "--deployed-within", metavar="TIME", help="Deployments that count, however outdated."
        ),
    ] = operation.DEPLOYED_WITHIN,
    grace: Annotated[
        str, typer.Option("--grace", metavar="TIME", help="What is younger stays.")
    ] = operation.GRACE,
    delete: Annotated[bool, typer.Option("--delete", help="Do it.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go; so it is without --delete.")
    ] = False,
    policy: PolicyOption = None,
) -> None:
    """Throw away versions that nobody needs, and what is left over.

    It only says what would go, and why the rest stays, until you say --delete. Of what is said of
    versions all must hold; where nothing is, leftovers go and versions stay. What stages name,
    protected ones ever named, versions that stay were made from, somebody asked for or deployed,
    and the highest release never go; nor do events.
    """
    if delete and dry_run:
        raise InvalidInput("--delete and --dry-run cannot both hold", hint="leave one of them out")
    console = Console.of(context)
    result = operation.gc(
        model,
        keep_last=keep_last,
        older_than=older_than,
        prereleases=prereleases,
        deprecated=deprecated,
        also=also or (),
        deployed_within=deployed_within,
        grace=grace,
        delete=delete,
        settings=console.settings(policy=policy),
    )
    for note in result.notes:
        console.say(f"note: {note}")
    console.say(_summary(result))
    # Nobody said which versions, or meant any that is there: why each stays would be a long table
    # that says little.
    summarised = keep_last is None and not (older_than or prereleases or deprecated)
    summarised |= all(v.because[0].startswith(operation.UNMEANT) for v in result.versions)
    console.answer(result, _lines(result, summarised=summarised))


def _summary(result: operation.GcResult) -> str:
    went = ("goes", "removed")
    versions = count(sum(v.status in went for v in result.versions), "version")
    leftovers = count(sum(left.status in went for left in result.leftovers), "leftover")
    said = f"{versions} and {leftovers}, about {size(result.frees)}"
    return f"removed {said}" if result.deleted else f"would remove {said}; --delete does it"


def _reasons(result: operation.GcResult) -> Line:
    """Each reason why versions stay, and which: what holds most of them comes first."""
    held: dict[str, list[str]] = {}
    for version in result.versions:
        for reason in version.because:
            held.setdefault(reason, []).append(version.version)
    rows = [
        (str(len(named)), _few(named), reason)
        for reason, named in sorted(held.items(), key=lambda item: -len(item[1]))
    ]
    return table(("STAY", "VERSIONS", "WHY"), rows, right=frozenset({0}))


def _few(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _lines(result: operation.GcResult, *, summarised: bool) -> Iterator[Line]:
    if summarised and result.versions:
        yield _reasons(result)
    else:
        yield from _versions(result)
    left = [
        (
            x.status,
            x.kind,
            x.tag or x.digest,
            size(x.frees) if x.frees else "",
            "; ".join(x.because),
        )
        for x in result.leftovers
    ]
    if result.versions and left:
        yield ""
    if left:
        yield table(("", "LEFT OVER", "NAME", "FREES", "WHY"), left, right=frozenset({3}))


def _versions(result: operation.GcResult) -> Iterator[Line]:
    rows = [
        (
            v.status,
            v.version,
            date(v.pushed),
            size(v.frees) if v.frees else "",
            "; ".join(v.because),
        )
        for v in result.versions
    ]
    if rows:
        yield table(("", "VERSION", "CAME (UTC)", "FREES", "WHY"), rows, right=frozenset({3}))
