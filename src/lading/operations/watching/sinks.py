"""Who is told of events: a program that is started, a receiver that is posted to, whoever asked."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

from lading.errors import InvalidInput, LocalFailure
from lading.operations.event import EventResult
from lading.stores.remote.retry import backoff

if TYPE_CHECKING:
    from lading.hooks.bell import Bell
    from lading.hooks.deliver import Webhook
    from lading.settings import Settings

_log = logging.getLogger(__name__)

_TRIES = 4
# Between asking a program to end and making it.
_GRACE = 5.0


class Sink(Protocol):
    """Somebody who is told."""

    @property
    def name(self) -> str:
        """What the cursor calls it; the same after a restart with other details."""
        ...

    def tell(self, event: EventResult, bell: Bell) -> None:
        """Tell it of one event.

        Raises:
            LadingError: it could not be told, and trying again now would not help.
            Ended: the bell was stopped while waiting to try again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Whoever asked, told by a call."""

    on_event: Callable[[EventResult], object]
    name: str = "stdout"

    def tell(self, event: EventResult, bell: Bell) -> None:
        """Call."""
        del bell
        self.on_event(event)


@dataclass(frozen=True, slots=True)
class Program:
    """A program, started once for each event: the event as JSON on stdin, and in variables."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    timeout: float = 600.0
    name: str = "exec"

    @classmethod
    def parse(
        cls, command: str, environment: Mapping[str, str], *, timeout: float = 600.0
    ) -> Program:
        """A program in a command line as shells read it, though no shell will see it.

        Raises:
            InvalidInput: it is empty, or a quotation has no end.
        """
        try:
            arguments = tuple(shlex.split(command))
        except ValueError as error:
            raise InvalidInput("cannot read the command", cause=str(error)) from error
        if not arguments or any("\0" in each for each in arguments):
            raise InvalidInput("the command is empty", hint="--exec './deploy.sh prod'")
        return cls(arguments, environment, timeout)

    def tell(self, event: EventResult, bell: Bell) -> None:
        """Run it to its end; again, later each time, where it fails."""
        for failures in range(_TRIES):
            if failures:
                bell.pause(backoff(failures))
            said = self._run(event)
            if said is None:
                return
            _log.info("%s: %s", self.arguments[0], said)
        raise LocalFailure(
            f"the command does not take the event {event.seq} of {event.repository}",
            cause=f"{self.arguments[0]} {said}, {_TRIES} times",
            hint="mend it and watch again: this event comes first; --keep-going would skip it",
        )

    def _run(self, event: EventResult) -> str | None:
        """How it failed; None where it did not."""
        told = {f"LADING_EVENT_{name.upper()}": text for name, text in event.variables().items()}
        try:
            process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.PIPE,
                stdout=2,  # stdout is for events alone
                env={**self.environment, **told},
                # Ctrl-C is for the watch, which lets a program that has begun come to its end.
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        try:
            process.communicate(line_of(event), timeout=self.timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"took longer than {self.timeout:g} seconds"
        except BaseException:
            _end(process)
            raise
        if process.returncode < 0:
            return f"was ended by signal {-process.returncode}"
        return f"exited with {process.returncode}" if process.returncode else None


@dataclass(frozen=True, slots=True)
class Receiver:
    """A webhook."""

    webhook: Webhook
    name: str = "webhook"

    def tell(self, event: EventResult, bell: Bell) -> None:
        """Post."""
        from lading.hooks.signing import delivery_id

        url = self.webhook.address.url
        delivery = delivery_id(event.repository, event.seq, event.event, url)
        self.webhook.deliver(asdict(event), delivery=delivery, kind=event.kind, pause=bell.pause)


def webhook_to(url: str, secret: str, settings: Settings, *, insecure: bool = False) -> Receiver:
    """The webhook at a URL, reached as the settings say.

    Raises:
        InvalidInput: the URL is not safe to post to, or the secret is too short.
    """
    from lading.hooks.address import Address
    from lading.hooks.deliver import Webhook
    from lading.hooks.post import Line
    from lading.hooks.signing import check_secret

    line = Line(
        timeout=min(settings.timeout, 30.0),
        ca_file=settings.ca_file,
        http_proxy=settings.http_proxy,
        https_proxy=settings.https_proxy,
        no_proxy=settings.no_proxy,
    )
    return Receiver(
        Webhook(
            address=Address.parse(url, insecure=insecure),
            secret=check_secret(secret),
            line=line,
            tries=settings.retries + 1,
        )
    )


def secret_in(variable: str | None, environment: Mapping[str, str], option: str) -> str:
    """The secret that a variable of the environment holds.

    Raises:
        InvalidInput: none is named, or it is empty.
    """
    secret = environment.get(variable, "") if variable else ""
    if not secret:
        cause = f"{variable} is empty" if variable else "no variable is named that holds it"
        raise InvalidInput("there is no secret", cause=cause, hint=f"{option} NAME")
    return secret


def line_of(event: EventResult) -> bytes:
    """An event as one line of JSON."""
    return json.dumps(asdict(event), separators=(",", ":")).encode() + b"\n"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue
        break
    # What it left behind is ended, too; its leader may be gone already.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
