"""Somebody at a terminal: a real shell, and keys that are pressed one after another."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# What moves the cursor, colours, or names the window.
_DRAWING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][AB0]|\x1b\][^\x07]*\x07|\x1b[=>]")
_PATIENCE = 60.0


class Terminal:
    """A program on a terminal of its own, for as long as ``with`` lasts."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self._keys, self._shown = ours, ""
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment, "TERM": "xterm"},
            cwd=folder,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._keys)

    def press(self, keys: str, until: str) -> str:
        """Press keys, and wait until something new can be read on the screen; all of it."""
        self._shown = ""
        os.write(self._keys, keys.encode())
        end = time.monotonic() + _PATIENCE
        while until not in _DRAWING.sub("", self._shown):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._keys], [], [], left)[0]:
                raise TimeoutError(f"{until!r} is not shown: {self._shown!r}")
            self._shown += os.read(self._keys, 65536).decode(errors="replace")
        return _DRAWING.sub("", self._shown)

    def end(self, keys: str) -> tuple[int, str]:
        """Press keys, and wait until the program has ended; its exit code, and what was shown."""
        shown = ""
        os.write(self._keys, keys.encode())
        end = time.monotonic() + _PATIENCE
        while select.select([self._keys], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                shown += os.read(self._keys, 65536).decode(errors="replace")
            except OSError:  # Linux says so where nobody has the other end any more
                break
        return self._process.wait(max(0.1, end - time.monotonic())), _DRAWING.sub("", shown)
