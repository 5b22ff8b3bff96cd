"""Options and arguments that verbs share, each with one name and one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lading.cli import offers
from lading.cli.console import Console, show_help

ReferenceArgument = Annotated[
    str,
    typer.Argument(
        metavar="REF",
        help="[HOST/]NAME[:TAG|@DIGEST], or oci:FOLDER[:TAG] for a layout folder or a bundle.",
        show_default=False,
        autocompletion=offers.references,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        max=64,
        help="How many transfers at once; 4 where nothing else is set.",
        show_default=False,
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="What stages need; else lading-policy.yaml here, or above in this git repository.",
        show_default=False,
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="[HOST/]NAME, or oci:FOLDER; no version.",
        show_default=False,
        autocompletion=offers.models,
    ),
]
StageArgument = Annotated[
    str,
    typer.Argument(
        metavar="STAGE",
        help="dev, staging, prod, …",
        show_default=False,
        autocompletion=offers.stages,
    ),
]
StageOption = Annotated[
    str,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help="dev, staging, prod, …",
        show_default=False,
        autocompletion=offers.stages,
    ),
]
Because = Annotated[
    str | None,
    typer.Option("--because", metavar="TEXT", help="Why, for the history.", show_default=False),
]
Reason = Annotated[
    str,
    typer.Option("--because", metavar="TEXT", help="Why, for the history.", show_default=False),
]

_TALK = "Output"
_CONNECTION = "Registry connection"


def _json(context: typer.Context, given: bool) -> None:
    Console.of(context).json |= given


def _quiet(context: typer.Context, given: bool) -> None:
    Console.of(context).quiet |= given


def _debug(context: typer.Context, given: bool) -> None:
    Console.of(context).debug |= given


def _whole(context: typer.Context, given: bool) -> None:
    Console.of(context).whole |= given


def _insecure(context: typer.Context, hosts: list[str] | None) -> None:
    if hosts:
        Console.of(context).connection["insecure"] = frozenset(hosts)


def _ca_file(context: typer.Context, path: Path | None) -> None:
    Console.of(context).connection["ca_file"] = path


def _client_cert(context: typer.Context, path: Path | None) -> None:
    Console.of(context).connection["client_cert"] = path


def _client_key(context: typer.Context, path: Path | None) -> None:
    Console.of(context).connection["client_key"] = path


# Each of these leaves its value with the console (the callback) and not with the verb
# (expose_value): a verb cannot forget one, and does not have to hand it on.
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Answer with one JSON object; progress and errors are JSON lines on stderr.",
        callback=_json,
        expose_value=False,
        rich_help_panel=_TALK,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print the answer, warnings and errors, nothing else.",
        callback=_quiet,
        expose_value=False,
        rich_help_panel=_TALK,
    ),
]
Whole = Annotated[
    bool,
    typer.Option(
        "--no-trunc",
        help="Show tables with whole digests and texts, however wide.",
        callback=_whole,
        expose_value=False,
        rich_help_panel=_TALK,
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="Say what is done, and show tracebacks.",
        callback=_debug,
        expose_value=False,
        rich_help_panel=_TALK,
    ),
]


Help = Annotated[
    bool,
    typer.Option(
        "--help",
        "-h",
        help="Show this message and exit.",
        is_eager=True,
        callback=show_help,
        expose_value=False,
        rich_help_panel=_TALK,
    ),
]


def _talk(
    json: Json = False,
    quiet: Quiet = False,
    whole: Whole = False,
    debug: Debug = False,
    help: Help = False,  # noqa: A002  the option's word
) -> None:
    pass


def _helped(help: Help = False) -> None:  # noqa: A002  the option's word
    pass


def _connect(
    insecure: Annotated[
        list[str] | None,
        typer.Option(
            "--insecure",
            metavar="HOST[:PORT]",
            help="Speak plain http with this registry (always so on this machine). Repeatable.",
            callback=_insecure,
            expose_value=False,
            rich_help_panel=_CONNECTION,
            show_default=False,
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            metavar="FILE",
            help="Trust the certificate authorities in this file.",
            callback=_ca_file,
            expose_value=False,
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    client_cert: Annotated[
        Path | None,
        typer.Option(
            "--client-cert",
            metavar="FILE",
            help="Show the registry this certificate.",
            callback=_client_cert,
            expose_value=False,
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    client_key: Annotated[
        Path | None,
        typer.Option(
            "--client-key",
            metavar="FILE",
            help="The key of that certificate, where it is a file of its own.",
            callback=_client_key,
            expose_value=False,
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
) -> None:
    pass


def shared(*, connects: bool) -> list[Any]:
    """The options of every verb, and of those that connect to registries."""
    return [*(_params(_connect) if connects else []), *_params(_talk)]


def only_help() -> list[Any]:
    """The one option of a verb that only holds others."""
    return _params(_helped)


def _params(function: Any) -> list[Any]:
    """The options that Typer reads off a function."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return list(typer.main.get_command(app).params)


# What 80 columns have room for, beside Typer's margin and the mark that a line goes on.
_EXAMPLE_WIDTH = 76


def examples(*lines: str) -> str:
    """The end of a verb's help; what is too long for a terminal goes on as a shell reads it."""
    return "\n".join(["Examples:", *(_continued(f"$ {line}") for line in lines)])


def _continued(line: str) -> str:
    """The line, broken between words and never within quotes."""
    fitting = [
        at
        for at, letter in enumerate(line[: _EXAMPLE_WIDTH + 1])
        if letter == " " and line[:at].strip(" $") and _is_between(line, at)
    ]
    if len(line) <= _EXAMPLE_WIDTH or not fitting:
        return line
    # An option and its value stay together.
    options = [at for at in fitting if line[at + 1] == "-"]
    at = (options or fitting)[-1]
    return f"{line[:at]} \\\n{_continued('    ' + line[at + 1 :])}"


def _is_between(line: str, at: int) -> bool:
    """Whether no quote is open there."""
    return all(line[:at].count(quote) % 2 == 0 for quote in "'\"")
