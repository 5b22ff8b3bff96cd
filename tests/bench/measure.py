"""What one run of a command cost, and the medians of many.

Only measuring lives here: which commands are run is for ``cases``, what they may cost for
``limits``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_LAUNCH = str(Path(__file__).with_name("launch.py"))
# Far beyond anything measured here: a command that hangs is ended.
_TIMEOUT = 900


class Failed(Exception):
    """A command failed, or did not do the work that was measured."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and the environment that it gets (nothing of the caller's)."""

    line: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost: with its children, from its start to its end."""

    wall: float
    cpu: float
    memory: float

    @classmethod
    def typical(cls, runs: Sequence[Cost]) -> Cost:
        """The medians, each by itself; of the memory the highest, since that is a ceiling."""
        return cls(
            median(run.wall for run in runs),
            median(run.cpu for run in runs),
            max(run.memory for run in runs),
        )


def run(command: Command) -> tuple[Cost, str]:
    """Run a command to its end; what it cost, and what it printed.

    Raises:
        Failed: its exit code was not 0.
    """
    out, err = command.folder / "stdout", command.folder / "stderr"
    code, wall, user, system, peak = _launch(command, out, err)
    if code != 0:
        said = err.read_text("utf-8", "replace").strip()[-2000:]
        raise Failed(f"exit code {code:.0f} of: {' '.join(command.line)}\n{said}")
    return Cost(wall, user + system, peak * 1024 / 1e6), out.read_text("utf-8", "replace")


def _launch(command: Command, out: Path, err: Path) -> tuple[float, ...]:
    launcher = subprocess.Popen(
        [sys.executable, "-I", "-S", _LAUNCH, str(out), str(err), *command.line],
        env=dict(command.environment),
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = launcher.communicate(timeout=_TIMEOUT)
    except BaseException as error:
        # The session was made for this command: nothing else is in its group.
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(f"no end after {_TIMEOUT} s: {' '.join(command.line)}") from error
        raise
    if launcher.returncode != 0:
        raise Failed(f"could not be started: {' '.join(command.line)}")
    return tuple(float(word) for word in said.split())
