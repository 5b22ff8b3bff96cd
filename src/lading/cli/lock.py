"""``lading lock``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.options import ReferenceArgument, examples
from lading.cli.output import count
from lading.errors import Conflict, LocalFailure
from lading.operations import lock as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading lock ml/fraud:1.2.0 --format requirements",
        "lading lock ml/fraud:1.2.0 -o pylock.toml",
        "lading lock ml/fraud:prod --format conda -o environment.yml --force",
    )
)
def lock(
    context: typer.Context,
    reference: ReferenceArgument,
    *,
    format: Annotated[  # noqa: A002  the option's word
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="pylock, requirements (pip, uv), yaml (MLflow's python_env), or conda.",
            autocompletion=offers.one_of(*operation.FORMATS),
        ),
    ] = "pylock",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """Print the packages a version needs, exactly pinned.

    What was recorded when the version was pushed, with hashes where they are known.
    """
    console = Console.of(context)
    result = operation.lock(
        reference, format=cast("operation.Format", format), settings=console.settings()
    )
    for note in result.notes:
        console.say(f"note: {note}")
    if output is None:
        console.answer(result, result.text.splitlines())
        return
    _write(output, result.text, force=force)
    if console.json:
        console.answer(result, ())
    console.say(f"wrote {count(result.packages, 'package')} to {output}")


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Conflict(f"{path} exists", hint="--force overwrites it") from error
    except OSError as error:
        raise LocalFailure(f"cannot write {path}", cause=error.strerror) from error
