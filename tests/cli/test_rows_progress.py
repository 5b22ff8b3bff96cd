"""How far a file of rows is: as people read it, in logs, and on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from lading.cli.rows_progress import RowBoard, shown
from lading.serving.batch.run import Step


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rows_rate_and_time_left_are_told() -> None:
    clock = Clock()
    board = RowBoard(clock)

    assert board.summary() == "no row yet"
    board.take(Step(1000, 0, 0, 1_000_000, 10_000_000))
    assert board.summary() == "1,000 rows, 1.0 MB of 10.0 MB"
    clock.now += 2
    board.take(Step(5000, 3, 0, 5_000_000, 10_000_000))
    assert board.summary() == "5,000 rows, 3 wrong, 5.0 MB of 10.0 MB, 2,000 rows/s, 2 s left"


def test_what_was_resumed_does_not_count_for_the_rate() -> None:
    clock = Clock()
    board = RowBoard(clock)
    board.take(Step(1_000_000, 0, 999_000, 5_000_000, None))
    clock.now += 1
    board.take(Step(1_000_500, 0, 999_000, 5_001_000, None))

    assert board.summary() == "1,000,500 rows, 5.0 MB, 500 rows/s"


def test_logs_are_told_nothing_of_what_is_done_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(as_json=False) as on_rows:
        on_rows(Step(10, 0, 0, 10, 10))
    with shown(as_json=True) as on_rows:
        on_rows(Step(10, 0, 0, 10, 10))

    told = capsys.readouterr().err
    assert told == '{"rows":{"rows":10,"rejected":0,"resumed":0,"done":10,"size":10}}\n'


def test_a_terminal_shows_a_line_that_goes_again(tmp_path: Path) -> None:
    code = """
import time
from lading.cli.rows_progress import shown
from lading.serving.batch.run import Step
with shown(as_json=False) as told:
    for n in range(12):
        told(Step(n * 1000, 0, 0, n, 12))
        time.sleep(0.1)
"""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=theirs,
        env={
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            "PATH": os.environ["PATH"],
            "TERM": "xterm",
            "COLUMNS": "100",
        },
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)

    assert process.wait(20) == 0
    assert b"rows/s" in seen
    assert seen.rstrip().endswith(b"\x1b[2K")
