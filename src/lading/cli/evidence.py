"""``lading evidence``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.evidence_lines import rows_of
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import size
from lading.errors import InvalidInput
from lading.operations import evidence as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading evidence ml/fraud:1.2.0",
        "lading evidence ml/fraud:1.2.0 4a7d1ed41449 -o report.pdf",
    )
)
def evidence(
    context: typer.Context,
    reference: ReferenceArgument,
    digest: Annotated[
        str | None,
        typer.Argument(
            metavar="DIGEST", help="The piece to fetch; its first digits do.", show_default=False
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to, or a folder.", show_default=False
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="TITLE", help="Which part, where it holds several.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """List what hangs on a version, or fetch one piece of it.

    Newest first, with who says so as claimed: evidence is not signed. A piece is written to FILE
    when every byte is verified.
    """
    console = Console.of(context)
    if (digest is None) != (output is None):
        raise InvalidInput(
            "fetching takes a digest and a file", hint=f"lading evidence {reference} DIGEST -o FILE"
        )
    if digest is not None and output is not None:
        _fetch(console, reference, digest, output, layer, force=force)
        return
    result = operation.evidence(reference, settings=console.settings())
    if not result.evidence:
        console.say(f"nothing hangs on {result.reference}")
    for note in result.notes:
        console.warn(note)
    console.answer(result, rows_of(result.evidence))


def _fetch(
    console: Console, reference: str, digest: str, output: Path, layer: str | None, *, force: bool
) -> None:
    from lading.operations.fetch_evidence import fetch_evidence

    settings = console.settings()
    with console.progress() as on_progress:
        result = fetch_evidence(
            reference,
            digest,
            output,
            layer=layer,
            force=force,
            settings=settings,
            on_progress=on_progress,
        )
    console.say(f"wrote {size(result.size)} of {result.media_type} to {result.path}")
    console.answer_path(result, result.path)
