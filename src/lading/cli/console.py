"""The console: what a verb talks through, and what was asked of every verb alike.

Answers go to stdout, talk to stderr. With ``--json`` the answer is one JSON object on one line of
stdout, and stderr holds JSON too, one object a line with one key each: ``progress``, ``rows``,
``warning``, ``debug`` or ``error``, also where the command line itself cannot be read.
Everything written for people is escaped here, line by line, so that no verb can forget it.
"""

from __future__ import annotations

import json
import os
import sys
import typing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import typer

from lading.cli.output import escape
from lading.errors import LadingError, LocalFailure, PolicyRefused, Rule

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from lading.cli.rows_progress import OnRows
    from lading.cli.table import Line, View
    from lading.settings import Settings
    from lading.transfer.progress import OnProgress

# What a shell reports for a program whose reader went away.
EXIT_READER_GONE = 141


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be done, as machines read it under the key ``error``."""

    type: str
    exit_code: int
    what: str
    cause: str | None
    hint: str | None
    # Where a policy refused: every rule, as `lading policy check` answers them.
    rules: tuple[Rule, ...]

    @staticmethod
    def of(error: LadingError) -> Failure:
        """An error of Lading's own."""
        return Failure(
            type(error).__name__,
            error.exit_code,
            error.what,
            error.cause,
            _as_typed(error.hint),
            error.rules if isinstance(error, PolicyRefused) else (),
        )


def _as_typed(hint: str | None) -> str | None:
    """A hint for whoever sits at a command line: workshops name what Python's callers write."""
    return hint and hint.replace("allow_pickle=True", "--allow-pickle")


@dataclass(slots=True)
class Console:
    """How this run answers: for people or machines, loudly or quietly."""

    json: bool = False
    # Whether the command line says so somewhere; it may be none that can be read to its end.
    json_is_written: bool = False
    quiet: bool = False
    debug: bool = False
    # Tables are neither cut nor made narrow.
    whole: bool = False
    connection: dict[str, typing.Any] = field(default_factory=dict)

    @staticmethod
    def of(context: typer.Context) -> Console:
        """The console of this run; options before the verb and after it meet here."""
        return context.find_root().ensure_object(Console)

    def settings(self, **flags: typing.Any) -> Settings:
        """The settings that hold for this run; None was not given."""
        from lading.settings import load

        settings = load(**self.connection, **flags)
        self.debug = self.debug or settings.debug
        self._listen_to_logging()
        return settings

    def answer(self, result: DataclassInstance, lines: Iterable[Line]) -> None:
        """Give the result: the whole of it to machines, these lines to people."""
        if self.json:
            lines = [json.dumps(asdict(result), separators=(",", ":"))]
        write_answer("".join(f"{line}\n" for line in self._seen(lines, sys.stdout)))

    def answer_path(self, result: DataclassInstance, path: str) -> None:
        """Give a result that is a path for people: its very bytes, so that ``cd`` finds it."""
        if self.json:
            self.answer(result, [])
        else:
            write_answer(path + "\n", errors="surrogateescape")

    def say(self, *lines: Line) -> None:
        """Talk about what was done; machines and who asked for quiet are not told."""
        if not self.json and not self.quiet:
            _write_talk(self._seen(lines, sys.stderr))

    def log(self, line: str) -> None:
        """Talk in lines that are for machines anyway; who asked for quiet is not told."""
        if not self.quiet:
            _write_talk([line])

    def warn(self, text: str) -> None:
        """Say something that ought to be known, whatever was asked."""
        _write_talk([json.dumps({"warning": text}) if self.json else f"warning: {text}"])

    def fail(self, failure: Failure, error: BaseException) -> None:
        """Say what could not be done, why, and what to do next."""
        if self.debug:
            import traceback

            text = "".join(traceback.format_exception(error))
            self._trace(text.splitlines())
        if self.json:
            _write_talk([json.dumps({"error": asdict(failure)})])
            return
        lines = [f"error: {failure.what}"]
        lines += [f"  cause: {failure.cause}"] if failure.cause else []
        lines += [f"  hint:  {failure.hint}"] if failure.hint else []
        _write_talk(lines)

    def _seen(self, lines: Iterable[Line], stream: typing.TextIO | None) -> Iterator[str]:
        """Lines that fit where they are read."""
        from lading.cli.table import seen

        return seen(lines, self._view(stream))

    def _view(self, stream: typing.TextIO | None) -> View:
        from lading.cli.table import View

        if self.json or stream is None or not stream.isatty():
            return View(None, self.whole)
        import shutil

        return View(shutil.get_terminal_size().columns, self.whole)

    @property
    def is_fitted(self) -> bool:
        """Whether the answer is fitted to a terminal, where not all of it is wanted."""
        return self._view(sys.stdout).width is not None and not self.whole

    def _trace(self, lines: Iterable[str]) -> None:
        _write_talk(json.dumps({"debug": line}) if self.json else line for line in lines)

    @contextmanager
    def progress(self) -> Iterator[OnProgress | None]:
        """A listener that shows how a transfer goes, or None where nobody looks."""
        if self.quiet:
            yield None
            return
        from lading.cli.progress import shown

        with shown(as_json=self.json) as on_progress:
            yield on_progress

    @contextmanager
    def rows(self) -> Iterator[OnRows | None]:
        """The same for a file of rows."""
        if self.quiet:
            yield None
            return
        from lading.cli.rows_progress import shown

        with shown(as_json=self.json) as on_rows:
            yield on_rows

    def _listen_to_logging(self) -> None:
        """Warnings of the library are shown; with ``--debug`` all it says is."""
        import logging

        console = self

        class Listener(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if record.levelno >= logging.WARNING:
                    console.warn(record.getMessage())
                else:
                    console._trace([f"debug: {record.name}: {record.getMessage()}"])

        logger = logging.getLogger("lading")
        logger.handlers[:] = [Listener()]
        logger.propagate = False
        logger.setLevel(logging.DEBUG if self.debug else logging.WARNING)


def show_help(context: typer.Context, given: bool) -> None:
    """What the help option does: Typer's own has no default, and imports pydantic on every run."""
    if given:
        write_answer(f"{context.get_help()}\n")
        raise typer.Exit


def write_answer(text: str, errors: str = "backslashreplace") -> None:
    """Write to stdout, all of it or nothing that looks like a success.

    Raises:
        typer.Exit: the reader went away, which is no failure to talk about.
        LocalFailure: it cannot be written.
    """
    stdout = sys.stdout
    if stdout is None:  # closed by whoever started this
        return
    try:
        stdout.flush()
        stdout.buffer.write(text.encode(stdout.encoding or "utf-8", errors))
        stdout.flush()
    except BrokenPipeError:
        _let_go(stdout)
        raise typer.Exit(EXIT_READER_GONE) from None
    except OSError as error:
        _let_go(stdout)
        raise LocalFailure(
            "cannot write the answer", cause=error.strerror, hint="it was done all the same"
        ) from error


def leave_quietly() -> typing.NoReturn:
    """Leave because whoever read stdout went away, which is no failure to talk about."""
    _let_go(sys.stdout)
    raise typer.Exit(EXIT_READER_GONE)


def _write_talk(lines: Iterable[str]) -> None:
    stderr = sys.stderr
    if stderr is None:
        return
    try:
        stderr.write("".join(f"{escape(line)}\n" for line in lines))
        stderr.flush()
    except OSError:  # nobody listens; that is no reason to stop
        _let_go(stderr)


def _let_go(stream: typing.TextIO) -> None:
    """Send the rest nowhere, or Python complains about it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
