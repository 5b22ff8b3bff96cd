"""Shows how far a file of rows is: a line that changes on a terminal, lines in a log, JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from lading.cli.output import count, duration, size

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lading.serving.batch.run import Step

OnRows = Callable[["Step"], object]

_WINDOW: Final = 10.0
_LOG_EVERY: Final = 10.0
_JSON_EVERY: Final = 1.0
_PATIENCE: Final = 0.5


class RowBoard:
    """How far it is, and how fast it goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int, int]] = deque()
        self.step: Step | None = None

    def take(self, step: Step) -> None:
        """Note a step."""
        now = self._clock()
        if not self._samples or now - self._samples[-1][0] >= _WINDOW / 40:
            self._samples.append((now, step.rows, step.done))
            while now - self._samples[0][0] > _WINDOW:
                self._samples.popleft()
        self.step = step

    def summary(self) -> str:
        """The whole in a line: ``12,000 rows, 1.2 of 3.4 MB, 8,000 rows/s, 2 s left``."""
        step = self.step
        if step is None:
            return "no row yet"
        parts = [count(step.rows, "row")]
        if step.rejected:
            parts.append(f"{step.rejected:,} wrong")
        parts.append(f"{size(step.done)} of {size(step.size)}" if step.size else size(step.done))
        then, rows, done = self._samples[0]
        passed = self._clock() - then
        if passed > 0 and step.rows > rows:
            parts.append(f"{(step.rows - rows) / passed:,.0f} rows/s")
            if step.size and step.done > done:
                left = max(0, step.size - step.done) * passed / (step.done - done)
                parts.append(f"{duration(left)} left")
        return ", ".join(parts)


@contextmanager
def shown(*, as_json: bool) -> Iterator[OnRows]:
    """A listener that shows on stderr what it is told, in the way that fits who reads it."""
    if as_json:
        yield _every(_JSON_EVERY, _write_json, at_once=True)
    elif sys.stderr is not None and sys.stderr.isatty():
        with _drawn() as draw:
            yield draw
    else:
        board = RowBoard()

        def log(step: Step) -> None:
            board.take(step)
            say(step)

        say = _every(_LOG_EVERY, lambda step: _write(board.summary()))
        yield log


def _every(
    seconds: float, tell: OnRows, *, at_once: bool = False, clock: Callable[[], float] | None = None
) -> OnRows:
    """A listener that tells at most so often."""
    clock = clock or time.monotonic
    due = clock() + (0 if at_once else seconds)

    def listen(step: Step) -> None:
        nonlocal due
        if clock() >= due:
            due = clock() + seconds
            tell(step)

    return listen


@contextmanager
def _drawn() -> Iterator[OnRows]:
    """One line that changes; nothing is drawn for what is done at once."""
    from rich.console import Console
    from rich.live import Live

    board = RowBoard()
    begun = time.monotonic()
    live = Live(
        console=Console(stderr=True),
        get_renderable=lambda: _picture(board),
        refresh_per_second=8,
        transient=True,
        redirect_stdout=False,
    )

    def draw(step: Step) -> None:
        board.take(step)
        if not live.is_started and time.monotonic() - begun > _PATIENCE:
            live.start()

    try:
        yield draw
    finally:
        live.stop()


def _picture(board: RowBoard) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    step = board.step
    grid = Table.grid(padding=(0, 1))
    text = Text(board.summary())
    if step is None or not step.size:
        grid.add_row(text)
    else:
        grid.add_column(width=24)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_row(ProgressBar(total=step.size, completed=step.done, width=24), text)
    return grid


def _write_json(step: Step) -> None:
    _write(json.dumps({"rows": asdict(step)}, separators=(",", ":")))


def _write(line: str) -> None:
    if sys.stderr is not None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except OSError:  # nobody reads it; the work goes on
            return
