from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Literal

from parts.command import Command

from lading.cli.progress import Board, JsonLines, Lines
from lading.transfer.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def event(
    kind: Literal["started", "advanced", "finished", "skipped"],
    done: int,
    total_done: int,
    *,
    label: str = "weights.tar",
) -> Progress:
    return Progress(kind, label, None, done, 1000, total_done, 4000)


def test_the_board_knows_what_is_in_flight() -> None:
    board = Board(Clock())

    board.take(event("started", 0, 0))
    board.take(event("started", 0, 0, label="other.tar"))
    board.take(event("advanced", 500, 500))
    board.take(event("finished", 1000, 1000, label="other.tar"))

    assert list(board.in_flight) == ["weights.tar"]
    assert board.in_flight["weights.tar"].done == 500


def test_the_rate_leaves_out_what_was_skipped_and_where_it_resumed() -> None:
    clock = Clock()
    board = Board(clock)

    board.take(event("skipped", 1000, 1000, label="there.tar"))
    board.take(event("started", 400, 1400))
    clock.now += 2
    board.take(event("advanced", 600, 1600))

    assert board.rate == 100
    assert board.left == 24


def test_a_retry_never_makes_the_rate_negative() -> None:
    clock = Clock()
    board = Board(clock)

    board.take(event("started", 0, 0))
    clock.now += 1
    board.take(event("advanced", 800, 800))
    clock.now += 1
    board.take(event("advanced", 0, 0))

    assert board.rate == 400


def test_what_nobody_counted_beforehand_never_makes_it_more_than_all() -> None:
    board = Board(Clock())

    board.take(event("skipped", 1000, 4100))

    assert board.summary() == "4.1 kB of 4.1 kB"


def test_nobody_claims_to_know_the_time_left_before_anything_moved() -> None:
    board = Board(Clock())

    board.take(event("started", 0, 0))

    assert board.left is None
    assert board.summary() == "0 B of 4.0 kB"


def test_a_log_has_a_line_for_each_finished_transfer_and_few_others() -> None:
    clock = Clock()
    lines: list[str] = []
    listener = Lines(lines.append, clock)

    listener(event("started", 0, 0))
    for done in range(0, 1000, 10):
        clock.now += 0.15
        listener(event("advanced", done, done))
    listener(event("finished", 1000, 1000))

    assert len(lines) == 2
    assert lines[0].startswith("660 B of 4.0 kB, ")
    assert lines[1] == "done weights.tar (1.0 kB)"


def test_a_log_escapes_what_a_registry_calls_its_layers() -> None:
    lines: list[str] = []

    Lines(lines.append, Clock())(event("finished", 1000, 1000, label="\x1b]0;x\x07"))

    assert lines == ["done \\x1b]0;x\\x07 (1.0 kB)"]


def test_machines_get_every_start_and_end_and_how_far_once_a_second() -> None:
    clock = Clock()
    lines: list[str] = []
    listener = JsonLines(lines.append, clock)

    listener(event("started", 0, 0))
    for done in range(0, 1000, 10):
        clock.now += 0.025
        listener(event("advanced", done, done))
    listener(event("finished", 1000, 1000))

    events = [json.loads(line)["progress"] for line in lines]
    assert [e["kind"] for e in events] == ["started", *["advanced"] * 3, "finished"]
    assert events[-1] == {
        "kind": "finished",
        "label": "weights.tar",
        "digest": None,
        "done": 1000,
        "size": 1000,
        "total_done": 1000,
        "total_size": 4000,
    }


_DRAW = """
import sys, time
from lading.cli.console import Console
from lading.transfer.progress import Progress

with Console().progress() as listen:
    listen(Progress("started", "big\\x1b[2J.tar", None, 0, 1000, 0, 1000))
    assert "rich" not in sys.modules, "what is over at once is not worth drawing"
    for done in range(0, 1000, 100):
        time.sleep(0.06)
        listen(Progress("advanced", "big\\x1b[2J.tar", None, done, 1000, done, 1000))
print("after")
"""


def _on_a_terminal(lading: Command, **environment: str) -> str:
    ours, theirs = pty.openpty()
    environment = lading.environment | {"TERM": "xterm"} | environment
    process = subprocess.Popen(
        [sys.executable, "-c", _DRAW], env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(timeout=30) == 0, shown
    return shown.decode()


def test_a_terminal_sees_each_transfer_and_the_whole_and_then_nothing(lading: Command) -> None:
    shown = _on_a_terminal(lading)

    assert "big\\x1b[2J.tar" in shown
    assert "total" in shown
    assert "/s" in shown
    assert "\x1b[2J" not in shown
    assert shown.endswith("after\r\n")
    # The picture is wiped away in the end, the cursor is there again.
    assert shown.rindex("\x1b[2K") > shown.rindex("total")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_colour_is_left_out_where_it_is_not_wanted(lading: Command) -> None:
    shown = _on_a_terminal(lading, NO_COLOR="1")

    assert "total" in shown
    assert "\x1b[3" not in shown
