"""``lading diff``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.diff_sections import Section, cut, sections, summary
from lading.cli.options import examples
from lading.cli.output import count, fields
from lading.cli.table import Line, Prose, indented, table
from lading.cli.verify import EXIT_DIFFERENT
from lading.errors import LocalFailure
from lading.operations import diff as operation

# The rest is one `--json` away.
_ROWS_SHOWN = 50
_WIDEST = 72

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading diff ml/fraud:1.1.0 ml/fraud:1.2.0",
        "lading diff ml/fraud:prod ml/fraud:latest --html diff.html",
        "lading diff ml/fraud:1.2.0 oci:./stick:1.2.0 --no-tensors --exit-code",
    )
)
def diff(  # noqa: PLR0917  options are declared as parameters
    context: typer.Context,
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A version, as REF.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="The version to compare with.",
            show_default=False,
            autocompletion=offers.references,
        ),
    ],
    no_tensors: Annotated[
        bool, typer.Option("--no-tensors", help="Compare files, but not the tensors in them.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what is the same, too.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page that shows it all.", show_default=False
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where anything differs.")
    ] = False,
) -> None:
    """Show what changed from one version to another.

    Metrics, parameters, schema, packages, lineage, files, tensors, and the bytes to fetch for B
    where A is. Neither is downloaded: of the tensors as much is read as tells them apart.
    """
    console = Console.of(context)
    result = operation.diff(a, b, tensors=not no_tensors, settings=console.settings())
    if html is not None:
        _write(html, result)
        console.say(f"wrote {html}")
    console.answer(result, _lines(result, everything=everything))
    if exit_code and not result.equal:
        raise typer.Exit(EXIT_DIFFERENT)


def _write(path: Path, result: operation.DiffResult) -> None:
    from lading.cli.diff_page import page

    try:
        path.write_text(page(result), "utf-8")
    except OSError as error:
        raise LocalFailure(f"cannot write {path}", cause=error.strerror) from error


def _lines(result: operation.DiffResult, *, everything: bool) -> Iterator[Line]:
    yield from fields([("A", _named(result.a)), ("B", _named(result.b))])
    for section in sections(result):
        shown = _section(section, everything=everything)
        first = next(shown, None)
        if first is not None:
            yield ""
            yield section.title
            yield from indented([first])
            yield from indented(shown)
    yield ""
    yield from summary(result)
    for note in result.notes:
        yield Prose(f"Note: {note}", hang=2)


def _named(side: operation.Side) -> str:
    return f"{side.reference}  {side.digest}"


def _section(section: Section, *, everything: bool) -> Iterator[Line]:
    rows = section.rows if everything else section.differing
    if not rows:
        return
    shown = rows if everything else rows[:_ROWS_SHOWN]
    yield table(
        ("", *section.heads),
        ((row.status, *(cut(cell, _WIDEST) for cell in row.cells)) for row in shown),
        right=frozenset(at + 1 for at in section.right),
    )
    if len(rows) > len(shown):
        yield f"and {count(len(rows) - len(shown), 'line')} more (--all shows them)"
