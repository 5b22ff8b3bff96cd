"""What ``watch`` and ``hook serve`` have in common: who is told, and how a watch ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.event import sentence
from lading.spec.duration import seconds_of

if TYPE_CHECKING:
    from lading.hooks.bell import Bell
    from lading.operations.watching.sinks import Sink
    from lading.settings import Settings

_TOLD = "Who is told"

ModelsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="[HOST/]NAME, or oci:FOLDER. Several.",
        show_default=False,
        autocompletion=offers.models,
    ),
]
Stage = Annotated[
    str | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help="Only this stage; of its moves those that count.",
        show_default=False,
        autocompletion=offers.stages,
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only this kind: registered, assigned, approved, … Repeatable. "
        "Without it: registrations and moves.",
        show_default=False,
        autocompletion=offers.kinds,
    ),
]
FromStart = Annotated[
    bool,
    typer.Option("--from-start", help="The first time, tell what there is already, too."),
]
CursorName = Annotated[
    str | None,
    typer.Option(
        "--cursor",
        metavar="NAME",
        help="What remembers who was told; by default one of these models and this choice.",
        show_default=False,
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going", help="Go on where somebody cannot be told, and do not come back to it."
    ),
]
Exec = Annotated[
    str | None,
    typer.Option(
        "--exec",
        metavar="COMMAND",
        help="Run this for each event: JSON on stdin, LADING_EVENT_* in the environment."
        " A program and its words, no shell: pipes need sh -c '…'.",
        rich_help_panel=_TOLD,
        show_default=False,
    ),
]
ExecTimeout = Annotated[
    str,
    typer.Option(
        "--exec-timeout",
        metavar="TIME",
        help="How long the command may take.",
        rich_help_panel=_TOLD,
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        "--webhook",
        metavar="URL",
        help="Post each event there, signed.",
        rich_help_panel=_TOLD,
        show_default=False,
    ),
]
SecretEnv = Annotated[
    str | None,
    typer.Option(
        "--secret-env",
        metavar="NAME",
        help="The variable that holds the secret the webhook is signed with.",
        rich_help_panel=_TOLD,
        show_default=False,
    ),
]
InsecureWebhook = Annotated[
    bool,
    typer.Option(
        "--insecure-webhook",
        help="Let the webhook be plain http (always so on this machine).",
        rich_help_panel=_TOLD,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who was asked to be told, as it stands on the command line."""

    command: str | None
    timeout: str
    webhook: str | None
    secret_env: str | None
    insecure: bool

    def sinks(
        self, console: Console, settings: Settings, *, hidden: str | None = None
    ) -> list[Sink]:
        """All of them, first the reader of stdout.

        A program that is started sees the environment without what ``--secret-env`` and
        ``hidden`` name.

        Raises:
            InvalidInput: the command, the URL or the secret is none.
        """
        from lading.operations.watching import sinks
        from lading.settings import process_environment

        environment = process_environment()
        everybody: list[Sink] = [
            sinks.Listener(lambda event: console.answer(event, [sentence(event)]))
        ]
        if self.webhook is not None:
            secret = sinks.secret_in(self.secret_env, environment, "--secret-env")
            receiver = sinks.webhook_to(self.webhook, secret, settings, insecure=self.insecure)
            everybody.append(receiver)
        if self.command is not None:
            secrets = {self.secret_env, hidden}
            seen = {name: text for name, text in environment.items() if name not in secrets}
            program = sinks.Program.parse(self.command, seen, timeout=seconds_of(self.timeout))
            everybody.append(program)
        return everybody


@contextmanager
def until_told(bell: Bell) -> Iterator[None]:
    """Let SIGTERM end a watch in good order, and Ctrl-C, too; a second Ctrl-C ends it at once."""
    interrupted = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if number == signal.SIGINT:
            if interrupted:
                raise KeyboardInterrupt
            interrupted = True
        bell.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted:
        raise KeyboardInterrupt
