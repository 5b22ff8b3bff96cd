"""The entry point: Typer first, then the one verb that was called."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

import lading
from lading.cli.console import Console, show_help, write_answer
from lading.cli.door import door
from lading.cli.verbs import Verbs

app = typer.Typer(
    cls=Verbs,
    name="lading",
    pretty_exceptions_enable=False,
    add_completion=False,
    add_help_option=False,
)


def _version(given: bool) -> None:
    if given:
        write_answer(f"lading {lading.__version__}\n")
        raise typer.Exit


# The tab key runs callbacks, too: then nothing may be shown or installed.
def _show_completion(context: typer.Context, given: bool) -> None:
    if given and not context.resilient_parsing:
        from lading.cli import shells

        with door(Console.of(context)):
            write_answer(shells.script(shells.calling()))
        raise typer.Exit


def _install_completion(context: typer.Context, given: bool) -> None:
    if given and not context.resilient_parsing:
        from lading.cli import shells
        from lading.settings import process_environment

        with door(Console.of(context)):
            path = shells.install(shells.calling(), process_environment())
            Console.of(context).say(f"installed in {path}; it begins with the next shell")
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
        typer.Option("--help", "-h", callback=show_help, is_eager=True, help="Show this message."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    install_completion: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
            help="Let this shell (bash, zsh, fish) complete what is typed.",
        ),
    ] = False,
    show_completion: Annotated[
        bool,
        typer.Option(
            "--show-completion",
            callback=_show_completion,
            is_eager=True,
            help="Print the script that does so.",
        ),
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
        write_answer(f"{text}\n")


def main() -> NoReturn:
    """What ``lading`` and ``python -m lading`` run."""
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # A terminal that lacks a letter shows its number; nothing stops for it.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # always text
    # Not by the settings, which --version has no time to import.
    if instruction := os.environ.get("_LADING_COMPLETE"):  # noqa: TID251
        _complete(instruction)
    app(prog_name="lading")
    sys.exit(0)


def _complete(instruction: str) -> NoReturn:
    """Answer a shell: ``complete_bash``, or ``source_bash`` for the script; and so the others."""
    from lading.cli import shells
    from lading.cli.completion import answered
    from lading.settings import process_environment

    order, _, shell = instruction.partition("_")
    if order == "complete" and shell in shells.SCRIPTS:
        # Who asked may not wait for the end of it.
        with suppress(typer.Exit):
            write_answer(f"{answered(shell, process_environment(), app)}\n")
        sys.exit(0)
    try:
        with door(Console()):
            write_answer(shells.script(shell))
    except typer.Exit as end:
        sys.exit(end.exit_code)
    sys.exit(0)


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
