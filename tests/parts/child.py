"""Things done in a process of their own: with fewer rights, or to be torn down with it."""

from __future__ import annotations

import os
from collections.abc import Callable

from lading.errors import LadingError

NOBODY = 65534


def as_nobody(action: Callable[[], object]) -> str:
    """Do something without root's rights, and say how it went: "done", an error, or a bug."""

    def drop_and_act() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        action()

    return in_a_child(drop_and_act)


def in_a_child(action: Callable[[], object]) -> str:
    """Do something in a child, and say how it went; the hint of an error on a line of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            action()
            said = "done"
        except LadingError as error:
            said = f"{type(error).__name__}: {error}" + (f"\n{error.hint}" if error.hint else "")
        except BaseException as error:  # noqa: BLE001  the parent reports it
            said = f"BUG {error!r}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said
