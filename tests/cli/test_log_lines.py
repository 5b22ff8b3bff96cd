"""A log that nobody reads stops nobody."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from lading.cli.log_lines import LogLines

LINE = "x" * 999


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", encoding="utf-8")
    yield reading, stream
    os.close(reading)
    stream.close()


def test_lines_are_left_out_while_nobody_reads_them_and_counted(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    lines = LogLines(lambda line: print(line, file=stream, flush=True), stream)

    for _ in range(500):
        lines(LINE)
    first = os.read(reading, 1_000_000).decode().splitlines()
    lines("last")
    lost, last = os.read(reading, 1_000_000).decode().splitlines()

    assert 0 < len(first) < 500
    assert set(first) == {LINE}
    assert json.loads(lost) == {"level": "warning", "event": "log", "lost": 500 - len(first)}
    assert last == "last"


def test_lines_go_on_where_nobody_knows_how_much_room_there_is() -> None:
    kept = io.StringIO()

    for stream in (None, kept):
        LogLines(lambda line: kept.write(f"{line}\n"), stream)("one")

    assert kept.getvalue() == "one\none\n"
