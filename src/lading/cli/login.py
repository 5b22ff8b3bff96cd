"""``lading login``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.options import examples
from lading.errors import InvalidInput
from lading.operations import login as operation

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading login registry.example.com",
        "lading login ghcr.io -u octocat --password-stdin < token.txt",
    )
)
def login(
    context: typer.Context,
    host: Annotated[
        str, typer.Argument(metavar="HOST[:PORT]", help="The registry.", show_default=False)
    ],
    *,
    username: Annotated[
        str | None,
        typer.Option(
            "--username", "-u", metavar="NAME", help="Asked for if missing.", show_default=False
        ),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password or token from stdin.")
    ] = False,
    password: Annotated[str | None, typer.Option("--password", "-p", hidden=True)] = None,
) -> None:
    """Log in to a registry.

    The password is tried and then kept where docker and podman keep theirs, with their
    credential helpers where they are set up.
    """
    if password is not None:
        raise InvalidInput(
            "a password does not belong on the command line",
            cause="others on this machine can read it there, and the shell remembers it",
            hint="lading login HOST --password-stdin < FILE, or be asked for it",
        )
    console = Console.of(context)
    settings = console.settings()
    name = username or settings.username or _asked("user name", "--username")
    secret = _from_stdin() if password_stdin else _asked("password", "--password-stdin", hide=True)
    result = operation.login(host, name, secret, settings=settings)
    for note in result.notes:
        console.say(f"note: {note}")
    where = f"the password is kept in {result.stored_in}"
    console.answer(result, [f"logged in to {result.host} as {result.username}; {where}"])


def _from_stdin() -> str:
    secret = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not secret:
        raise InvalidInput("no password came from stdin", hint="--password-stdin < FILE")
    return secret


def _asked(what: str, option: str, *, hide: bool = False) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidInput(
            f"there is no {what}", cause="stdin is not a terminal to ask at", hint=option
        )
    if hide:
        import getpass

        answer = getpass.getpass(f"{what}: ")
    else:
        sys.stderr.write(f"{what}: ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip()
    if not answer:
        raise InvalidInput(f"no {what} was given")
    return answer
