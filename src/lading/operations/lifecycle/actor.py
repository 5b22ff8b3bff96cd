"""Who acts, as events and evidence record it: claimed, and proven by nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lading.settings import Settings

_LONGEST: Final = 256


def actor(settings: Settings) -> str:
    """The name under which this run acts: one line of at most 256 characters, never empty.

    What the settings say (``actor``, else ``author``), else whom git names in this folder, else
    the user of this machine.
    """
    for claimed in (settings.actor, settings.author):
        if name := _one_line(claimed):
            return name
    return _one_line(_by_git()) or _one_line(_by_machine()) or "unknown"


def _by_git() -> str | None:
    from lading.capture.author import author
    from lading.settings import process_environment

    try:
        folder = Path.cwd()
    except OSError:
        folder = Path("/")  # the current folder was removed; whom git names anywhere holds
    return author(folder, environment=process_environment())


def _by_machine() -> str:
    import os
    import pwd

    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"user-{number}"  # containers run under numbers that no file names
    return f"{name}@{os.uname().nodename}"


def _one_line(text: str | None) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text or "")
    return " ".join(plain.split())[:_LONGEST].rstrip()
