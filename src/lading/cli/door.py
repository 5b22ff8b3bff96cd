"""The door: every way in which a verb can fail becomes one message and one exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import typer

import lading
from lading.cli.console import Console, Failure
from lading.errors import EXIT_BUG, EXIT_INTERRUPTED, InvalidInput, LadingError, LocalFailure

# A disk, rights or limits in the way, should one slip past the place that ought to name it.
_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EIO,
    }
)


@contextmanager
def door(console: Console) -> Iterator[None]:
    """Run what is inside; say what went wrong once, and leave with the right code."""
    try:
        yield
    except BaseException as error:
        failure = _misspelt(error, console) or _failure(error)
        if failure is None:
            raise
        console.fail(failure, error)
        raise typer.Exit(failure.exit_code) from None


def _misspelt(error: BaseException, console: Console) -> Failure | None:
    """What to tell machines of a command line that is none; people are shown Typer's own text."""
    if not hasattr(error, "format_message") or not console.json_is_written:
        return None
    console.json = True
    context = getattr(error, "ctx", None)
    what = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        what = "Missing command."  # its own text is the whole help
    hint = f"{context.command_path} --help" if context else None
    return Failure("InvalidInput", InvalidInput.exit_code, what, None, hint, ())


def _failure(error: BaseException) -> Failure | None:
    """What to say of an error; None where somebody else has the say."""
    if isinstance(error, LadingError):
        return Failure.of(error)
    if isinstance(error, KeyboardInterrupt):
        hint = "run it again: it resumes"
        return Failure("Interrupted", EXIT_INTERRUPTED, "interrupted", None, hint, ())
    if isinstance(error, MemoryError):
        return Failure.of(LocalFailure("this machine ran out of memory"))
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f": {error.filename}" if error.filename else ""
        return Failure.of(LocalFailure(f"this machine is in the way{where}", cause=error.strerror))
    if not isinstance(error, Exception) or _is_typers(error):
        return None
    return Failure(
        "Bug",
        EXIT_BUG,
        f"this is a bug in lading {lading.__version__}",
        f"{type(error).__name__}: {error}",
        "report it with what --debug prints",
        (),
    )


def _is_typers(error: Exception) -> bool:
    # Typer imported click once and brings its own today: its usage errors are told by what they
    # can do, since no name for them holds for both.
    return isinstance(error, typer.Exit | typer.Abort) or hasattr(error, "format_message")
