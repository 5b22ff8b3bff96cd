"""Shows how a transfer goes: a live picture on a terminal, lines in a log, JSON for machines.

Listeners are called for every few hundred kilobytes, from the threads that move them: they note
what they are told and draw at a pace of their own.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from lading.cli.output import duration, escape, size
from lading.transfer.progress import OnProgress, Progress

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

_FRAMES_A_SECOND = 8
# What is done sooner than this is not worth drawing, nor importing what draws.
_PATIENCE = 0.3
_WINDOW = 10.0
_LOG_EVERY = 10.0
_JSON_EVERY = 1.0


class Board:
    """Where every transfer and the whole stand, and how fast it goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.in_flight: dict[str, Progress] = {}
        self.total_done = 0
        self.total_size = 0
        self._moved = 0
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    def take(self, event: Progress) -> None:
        """Note an event."""
        before = self.in_flight.get(event.label)
        if before is not None and event.kind in ("advanced", "finished"):
            # A retry goes back; what it sends again was moved all the same.
            self._moved += max(0, event.done - before.done)
        if event.kind in ("finished", "skipped"):
            self.in_flight.pop(event.label, None)
        else:
            self.in_flight[event.label] = event
        # Small things that nobody counted beforehand, such as configs, never make it over 100 %.
        self.total_done = event.total_done
        self.total_size = max(event.total_size, event.total_done)
        self._sample()

    def _sample(self) -> None:
        now = self._clock()
        if now - self._samples[-1][0] >= _WINDOW / 40:
            self._samples.append((now, self._moved))
            while now - self._samples[0][0] > _WINDOW:
                self._samples.popleft()

    @property
    def rate(self) -> float:
        """Bytes a second over the last few seconds; what was skipped does not count."""
        then, moved = self._samples[0]
        passed = self._clock() - then
        return (self._moved - moved) / passed if passed > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds to go at this rate; None while nobody can know."""
        rate = self.rate
        return (self.total_size - self.total_done) / rate if rate > 0 else None

    def summary(self) -> str:
        """The whole in a line: ``1.2 GB of 3.4 GB, 120 MB/s, 18 s left``."""
        parts = [f"{size(self.total_done)} of {size(self.total_size)}"]
        if rate := self.rate:
            parts.append(f"{size(rate)}/s")
        if (left := self.left) is not None and self.total_done < self.total_size:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)


@contextmanager
def shown(*, as_json: bool) -> Iterator[OnProgress]:
    """A listener that shows what it is told on stderr, in the way that fits who reads it."""
    if as_json:
        yield JsonLines(_write)
    elif sys.stderr is not None and sys.stderr.isatty():
        with Picture() as picture:
            yield picture
    else:
        yield Lines(_write)


def _write(line: str) -> None:
    if sys.stderr is not None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except OSError:  # nobody reads it; the transfer goes on
            return


class JsonLines:
    """One JSON object a line; how far it is at most once a second."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._next = clock()

    def __call__(self, event: Progress) -> None:
        """Write the event, unless it says only how far something is and another did just now."""
        if event.kind == "advanced":
            if self._clock() < self._next:
                return
            self._next = self._clock() + _JSON_EVERY
        self._write(json.dumps({"progress": asdict(event)}, separators=(",", ":")))


class Lines:
    """A line for what is finished, and every ten seconds one for the whole."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._board = Board(clock)
        self._next = clock() + _LOG_EVERY

    def __call__(self, event: Progress) -> None:
        """Write what is finished, and now and then how far the whole is."""
        self._board.take(event)
        if event.kind == "finished":
            self._write(f"done {escape(event.label)} ({size(event.size)})")
        if self._clock() >= self._next:
            self._next = self._clock() + _LOG_EVERY
            self._write(self._board.summary())


class Picture:
    """One line for each transfer in flight and one for the whole, on a terminal."""

    def __init__(self) -> None:
        self._board = Board()
        self._from = time.monotonic() + _PATIENCE
        self._live: Live | None = None

    def __enter__(self) -> Picture:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Progress) -> None:
        """Note the event; what it looks like is drawn at a pace of its own."""
        self._board.take(event)
        if self._live is None and time.monotonic() >= self._from:
            self._live = self._started()

    def _started(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        live = Live(
            console=Console(stderr=True),
            get_renderable=self._drawn,
            refresh_per_second=_FRAMES_A_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        live.start()
        return live

    def _drawn(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
        grid.add_column(width=24)
        grid.add_column(no_wrap=True)
        flying = list(self._board.in_flight.values())
        room = max(1, (self._live.console.height if self._live else 24) - 3)
        for event in flying[:room]:
            bar = ProgressBar(total=max(1, event.size), completed=event.done, width=24)
            amount = f"{size(event.done)} of {size(event.size)}"
            grid.add_row(Text(escape(event.label)), bar, Text(amount))
        total = ProgressBar(
            total=max(1, self._board.total_size), completed=self._board.total_done, width=24
        )
        name = f"total, and {len(flying) - room} more" if len(flying) > room else "total"
        grid.add_row(Text(name, style="bold"), total, Text(self._board.summary()))
        return grid
