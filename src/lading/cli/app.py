"""The entry point: Typer first, then the one verb that was called."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, NoReturn

import typer

import lading
from lading.cli.console import Console
from lading.cli.verbs import Verbs

app = typer.Typer(
    cls=Verbs,
    name="lading",
    pretty_exceptions_enable=False,
    add_help_option=False,
)


def _version(given: bool) -> None:
    if given:
        typer.echo(f"lading {lading.__version__}")
        raise typer.Exit


# Typer's own help option has no default, which costs the import of pydantic on every run.
def _help(context: typer.Context, given: bool) -> None:
    if given:
        typer.echo(context.get_help())
        raise typer.Exit


@app.callback(invoke_without_command=True)
def lading_command(  # noqa: PLR0917  options are declared as parameters
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the answer and errors only.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Say what is done.")] = False,
    help: Annotated[  # noqa: A002  the option's word
        bool,
        typer.Option("--help", "-h", callback=_help, is_eager=True, help="Show this message."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Any OCI registry is a model registry.

    Push a model once; pull, mount and copy it by version or digest. A name without a host, such
    as ml/fraud:1.2.0, lives in a store on this machine. Begin with: lading quickstart
    """
    console = Console.of(context)
    console.json, console.quiet, console.debug = json, quiet, debug
    # With rich, Typer writes its help by itself and gives an empty text.
    if context.invoked_subcommand is None and (text := context.get_help()):
        typer.echo(text)


def main() -> NoReturn:
    """What ``lading`` and ``python -m lading`` run."""
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # A terminal that lacks a letter shows its number; nothing stops for it.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # always text
    app(prog_name="lading")
    sys.exit(0)


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
