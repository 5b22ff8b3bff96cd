"""Readers that go away, streams that are closed, signals that arrive."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.command import Command


def test_a_reader_that_went_away_is_no_failure_to_talk_about(lading: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        lading.line("cache", "ls"),
        env=lading.environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize("arguments", [["--help"], ["push", "--help"], ["--version"]])
def test_help_stays_quiet_about_a_reader_that_went_away(
    lading: Command, arguments: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        lading.line(*arguments),
        env=lading.environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(writer)
    assert done.returncode in (1, 141)
    assert done.stderr == b""


def test_nobody_who_listens_to_talk_is_no_failure(lading: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        lading.line("list", "ml/nothing"),
        env=lading.environment,
        stdout=subprocess.PIPE,
        stderr=writer,
        check=False,
    )

    os.close(writer)
    assert done.returncode == 3


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_failure(lading: Command, closed: str) -> None:
    line = " ".join(lading.line("cache", "ls"))

    done = subprocess.run(
        ["sh", "-c", f"{line} {closed}"], env=lading.environment, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == b""


def test_an_answer_that_does_not_fit_on_the_disk_is_a_failure(lading: Command) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            lading.line("cache", "ls"),
            env=lading.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 10
    assert "cannot write the answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_letters_that_the_terminal_lacks_are_written_as_numbers(lading: Command) -> None:
    done = lading("inspect", "oci:./模型:1.0.0", PYTHONIOENCODING="ascii")

    assert done.returncode == 3, done.stderr
    assert "\\u6a21\\u578b" in done.stderr


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """A registry that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_an_interruption_ends_it_at_once_and_says_that_it_resumes(
    lading: Command, silence: socket.socket, number: signal.Signals, flag: list[str]
) -> None:
    port = silence.getsockname()[1]
    with subprocess.Popen(
        lading.line("pull", f"127.0.0.1:{port}/ml/tiny:1.0.0", *flag),
        env=lading.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            connection, _ = silence.accept()
            with connection:
                process.send_signal(number)
                stdout, stderr = process.communicate(timeout=10)
        finally:
            process.kill()

    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    if flag:
        assert json.loads(stderr)["error"]["hint"] == "run it again: it resumes"
    else:
        assert stderr == "error: interrupted\n  hint:  run it again: it resumes\n"
