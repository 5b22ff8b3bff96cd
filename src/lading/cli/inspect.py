"""``lading inspect``."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from lading.cli.console import Console
from lading.cli.evidence_lines import rows_of
from lading.cli.known import sections
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import count, date, fields, size
from lading.cli.table import Line, Prose, indented, table
from lading.operations import inspect as operation

# The rest is one `--json` away.
_FILES_SHOWN = 50

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading inspect ml/fraud:1.2.0",
        "lading inspect registry.example.com/ml/fraud:prod --json",
    )
)
def inspect(context: typer.Context, reference: ReferenceArgument) -> None:
    """Show what a version holds, without its weights.

    What is known about the model, its files, layers and digests, and who can consume it: a few
    kilobytes are read, whatever its size.
    """
    console = Console.of(context)
    result = operation.inspect(reference, settings=console.settings())
    if result.deprecated:
        console.warn(result.notes[-1])
    console.answer(result, _lines(result))


def _lines(result: operation.InspectResult) -> Iterator[Line]:
    yield result.reference
    yield from indented(fields(_facts(result)))
    if result.kind == "lading":
        yield from sections(result.document)
    yield ""
    yield "Files"
    yield from indented(_files(result))
    yield ""
    yield "Layers"
    yield from indented(_layers(result))
    if result.evidence:
        yield ""
        yield "Evidence"
        yield from indented(rows_of(result.evidence))
    yield ""
    yield "Who can use it"
    yield from indented(_consumers(result))
    for note in result.notes[: -1 if result.deprecated else None]:
        yield ""
        yield Prose(f"Note: {note}", hang=2)


def _facts(result: operation.InspectResult) -> list[tuple[str, str | None]]:
    document = result.document
    return [
        ("name", result.name),
        ("version", result.version),
        ("description", _text(document.get("description"))),
        ("authors", _text(document.get("authors"))),
        ("licence", _text(document.get("licenses"))),
        ("created", f"{date(result.created)} UTC" if result.created else None),
        ("size", f"{size(result.size)} in {count(len(result.files), 'file')}"),
        ("kind", result.kind),
        ("deprecated", "yes" if result.deprecated else None),
        ("digest", result.digest),
    ]


def _text(value: object) -> str | None:
    """A part of the document for people; other tools write it in shapes of their own."""
    if isinstance(value, list | tuple):
        return ", ".join(text for item in value if (text := _text(item)))
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def _files(result: operation.InspectResult) -> Iterator[Line]:
    rows = [(size(file.size), file.role or "", file.path) for file in result.files[:_FILES_SHOWN]]
    yield table(("SIZE", "ROLE", "PATH"), rows, right=frozenset({0}))
    if (more := len(result.files) - _FILES_SHOWN) > 0:
        yield f"and {count(more, 'file')} more (--json shows all)"


def _layers(result: operation.InspectResult) -> Iterator[Line]:
    rows = [(size(layer.size), layer.title or "", layer.digest) for layer in result.layers]
    yield table(("SIZE", "LAYER", "DIGEST"), rows, right=frozenset({0}))


def _consumers(result: operation.InspectResult) -> Iterator[Line]:
    rows = [
        (manifest.role or "", manifest.platform or "", ", ".join(manifest.consumers))
        for manifest in result.manifests
    ]
    yield table(("MANIFEST", "PLATFORM", "FOR"), rows)
