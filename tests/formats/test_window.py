"""Windows give what was asked for, and no more than there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.formats.window import BytesWindow, FileWindow


@given(st.binary(max_size=64), st.integers(0, 80), st.integers(0, 80))
def test_every_window_reads_like_a_slice(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, offset: int, length: int
) -> None:
    path = tmp_path_factory.mktemp("window") / "file"
    path.write_bytes(data)

    with FileWindow(path) as window:
        near = BytesWindow(data)

        assert window.size == near.size == len(data)
        expected = data[offset : offset + length]
        assert window.read_at(offset, length) == near.read_at(offset, length) == expected


def test_a_place_beyond_any_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    with FileWindow(path) as window:
        assert window.read_at(2**70, 4) == b""


def test_a_window_is_closed_once_and_for_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    with FileWindow(path) as window:
        pass
    window.close()

    with pytest.raises(OSError):
        window.read_at(0, 1)


def test_a_named_pipe_is_refused_and_nobody_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="not a regular file"):
        FileWindow(tmp_path / "pipe")
