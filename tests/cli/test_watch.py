"""``watch``, ``hook serve`` and ``event show`` as their users start them: other processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hooks.conftest import Receiver, ReceiverHandler
from hooks.ledgers import Ledger
from parts.command import Command
from parts.process import free_port
from parts.registry import DockerRegistry

import lading as sdk
from lading.settings import Settings

SECRET = "a secret of thirty-two characters"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def ledger(lading: Command) -> Ledger:
    """ml/fraud in the store of the command line."""
    folder = lading.folder
    return Ledger("ml/fraud", Settings(home=folder / "data", cache=folder / "cache"))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def wait_for(ready: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


class Running:
    """A run in the background, with what it printed in files."""

    def __init__(self, lading: Command, *arguments: str, **environment: str) -> None:
        self.out, self.err = lading.folder / "out", lading.folder / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                lading.line(*arguments),
                cwd=lading.folder,
                env=lading.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)

    def events(self) -> list[dict[str, Any]]:
        return lines(self.out.read_text())

    def end(self, number: signal.Signals) -> int:
        """As a terminal does it: everything that was started from there hears the signal."""
        os.killpg(self.process.pid, number)
        return self.process.wait(20)


def test_events_are_lines_for_people_and_for_machines(lading: Command, ledger: Ledger) -> None:
    ledger.write("registered")
    moved = ledger.assign(reason="better")

    people = lading("watch", "ml/fraud", "--once", "--from-start")
    machines = lading("watch", "ml/fraud", "--once", "--from-start", "--cursor", "b", "--json")

    assert people.returncode == machines.returncode == 0
    assert "assigned  1.0.0  for prod  by ada (unsigned)  because better" in people.stdout
    assert people.stdout.count("\n") == 2
    assert lines(machines.stdout)[1]["event"] == moved.digest


def test_the_first_time_it_says_that_it_begins_now(lading: Command, ledger: Ledger) -> None:
    ledger.assign()

    done = lading("watch", "ml/fraud", "--once")

    assert done.stdout == ""
    assert "ml/fraud is watched from now on" in done.stderr


def test_a_watcher_that_is_killed_while_telling_tells_the_same_event_again(
    lading: Command, ledger: Ledger
) -> None:
    """kill -9 between what was told and the note of it, by the very command that is told."""
    recorded = [ledger.write("registered"), ledger.assign(), ledger.write("registered", "1.1.0")]
    log, died = lading.folder / "log", lading.folder / "died"
    script = (
        f"echo $LADING_EVENT_EVENT >> {log};"
        f" if test $LADING_EVENT_SEQ = 2 -a ! -e {died}; then touch {died}; kill -9 $PPID; fi"
    )
    watch = ("watch", "ml/fraud", "--once", "--from-start", "--json", "--exec", f"sh -c '{script}'")

    killed = lading(*watch)
    again = lading(*watch)
    third = lading(*watch)

    assert killed.returncode == -signal.SIGKILL
    assert again.returncode == third.returncode == 0
    digests = [str(each.digest) for each in recorded]
    assert log.read_text().split() == [digests[0], digests[1], digests[1], digests[2]]
    # The line on stdout had been noted: it is not said twice.
    said = [event["event"] for event in lines(killed.stdout + again.stdout + third.stdout)]
    assert said == digests


def test_a_webhook_is_told_again_with_the_id_it_had(
    lading: Command, ledger: Ledger, receiver: Receiver
) -> None:
    ledger.assign()
    running: list[Running] = []

    def kill_and_reply(handler: ReceiverHandler) -> None:
        running[0].process.kill()
        running[0].process.wait(20)
        handler.reply(204)

    receiver.replies.append(kill_and_reply)
    watch = ["watch", "ml/fraud", "--from-start", "--webhook", f"{receiver.origin}/x"]
    watch += ["--secret-env", "HOOK"]

    with Running(lading, *watch, HOOK=SECRET) as first:
        running.append(first)
        assert first.process.wait(20) == -signal.SIGKILL
    done = lading(*watch, "--once", HOOK=SECRET)

    assert done.returncode == 0, done.stderr
    one, two = receiver.deliveries
    for sent in (one, two):
        assert sdk.verify_webhook(SECRET, sent.headers, sent.body)
    assert one.headers["lading-delivery"] == two.headers["lading-delivery"]
    assert one.body == two.body


def test_a_secret_is_needed_and_shown_to_nobody(
    lading: Command, ledger: Ledger, receiver: Receiver
) -> None:
    ledger.assign()
    seen = lading.folder / "seen"
    watch = ["watch", "ml/fraud", "--once", "--from-start", "--webhook", receiver.origin]

    assert lading(*watch).returncode == 2
    assert lading(*watch, "--secret-env", "HOOK").returncode == 2
    assert "too short" in lading(*watch, "--secret-env", "HOOK", HOOK="short").stderr
    command = f"sh -c 'env > {seen}'"
    done = lading(*watch, "--secret-env", "HOOK", "--exec", command, "--debug", HOOK=SECRET)

    assert done.returncode == 0
    assert "LADING_EVENT_KIND=assigned" in seen.read_text()
    for text in (seen.read_text(), done.stdout, done.stderr):
        assert SECRET not in text


def test_a_failing_command_ends_the_watch_and_its_event_comes_first_again(
    lading: Command, ledger: Ledger
) -> None:
    ledger.write("registered")
    ledger.assign()
    watch = ("watch", "ml/fraud", "--once", "--from-start", "--json")

    failed = lading(*watch, "--exec", "sh -c 'exit 7'")
    mended = lading(*watch, "--exec", "sh -c 'echo $LADING_EVENT_SEQ >> seen'")

    assert failed.returncode == 10
    error = json.loads(failed.stderr.splitlines()[-1])["error"]
    assert "exited with 7" in error["cause"]
    assert mended.returncode == 0
    assert (lading.folder / "seen").read_text() == "1\n2\n"
    assert [event["seq"] for event in lines(failed.stdout + mended.stdout)] == [1, 2]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_watch_ends_cleanly_and_lets_a_command_that_began_come_to_its_end(
    lading: Command, ledger: Ledger, number: signal.Signals, code: int
) -> None:
    ledger.assign()
    began, ended = lading.folder / "began", lading.folder / "ended"
    script = f"touch {began}; sleep 0.6; touch {ended}"

    with Running(
        lading, "watch", "ml/fraud", "--from-start", "--exec", f"sh -c '{script}'"
    ) as running:
        wait_for(began.exists)
        assert running.end(number) == code

    assert ended.exists()
    assert "Traceback" not in running.err.read_text()
    assert lading("watch", "ml/fraud", "--once", "--exec", "touch again").returncode == 0
    assert not (lading.folder / "again").exists()


def test_a_watch_that_waits_ends_at_once(lading: Command, ledger: Ledger) -> None:
    ledger.assign()

    watch = ("watch", "ml/fraud", "--from-start", "--json", "--interval", "1h")
    with Running(lading, *watch) as running:
        wait_for(lambda: len(running.events()) == 1)
        before = time.monotonic()
        assert running.end(signal.SIGTERM) == 0

    assert time.monotonic() - before < 15


def test_two_watches_of_the_same_are_one_too_many(lading: Command, ledger: Ledger) -> None:
    ledger.assign()
    with Running(lading, "watch", "ml/fraud", "--from-start", "--json") as running:
        wait_for(lambda: len(running.events()) == 1)

        second = lading("watch", "ml/fraud", "--once")

    assert second.returncode == 7
    assert "--cursor" in second.stderr


def test_an_event_is_shown_to_people_machines_and_pipelines(
    lading: Command, ledger: Ledger
) -> None:
    moved = ledger.assign(reason="better")
    output = lading.folder / "output"

    people = lading("event", "show", "ml/fraud:prod")
    done = lading(
        *("event", "show", "ml/fraud:prod", "--json", "--github-output"), GITHUB_OUTPUT=str(output)
    )

    assert people.stdout.splitlines()[0] == "assigned 1.0.0 for prod"
    assert "because  better" in people.stdout
    assert "ada (unsigned)" in people.stdout
    assert json.loads(done.stdout)["digest"] == moved.event.digest
    assert f"\nml/fraud@{moved.event.digest}\n" in output.read_text()
    assert lading("event", "show", "ml/fraud:staging").returncode == 3
    assert lading("event", "show", "ml/fraud").returncode == 2
    assert lading("event", "show", "ml/fraud:prod", "--github-output").returncode == 2


def test_a_promotion_and_a_rollback_hand_on_what_a_stage_names(
    lading: Command, tmp_path: Path
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    for version in ("1.0.0", "1.1.0"):
        assert lading("push", "weights.bin", f"ml/fraud:{version}").returncode == 0
    assert lading("promote", "ml/fraud:1.0.0", "prod").returncode == 0

    handed: list[str] = []
    for words in (("promote", "ml/fraud:1.1.0", "prod"), ("rollback", "ml/fraud", "prod")):
        output = tmp_path / words[0]
        done = lading(*words, "--json", "--github-output", GITHUB_OUTPUT=str(output))
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert f"\nml/fraud@{answer['digest']}\n" in output.read_text()
        assert f"\n{answer['event']}\n" in output.read_text()
        handed.append(answer["version"])

    assert handed == ["1.1.0", "1.0.0"]


class Notifying(DockerRegistry):
    """A docker-registry that tells a listener what is pushed."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder)
        self.told = port

    def _configuration(self) -> dict[str, Any]:
        endpoint = {
            "name": "lading",
            "url": f"http://127.0.0.1:{self.told}/notifications",
            "headers": {"Authorization": [f"Bearer {SECRET}"]},
            "timeout": "2s",
            "threshold": 3,
            "backoff": "200ms",
        }
        return super()._configuration() | {"notifications": {"endpoints": [endpoint]}}


def test_a_real_registry_says_that_something_was_pushed_and_it_is_told_at_once(
    lading: Command, tmp_path: Path, receiver: Receiver
) -> None:
    port = free_port()
    settings = Settings(home=tmp_path / "writer", cache=tmp_path / "writer")
    with Notifying(tmp_path / "registry", port) as registry:
        ledger = Ledger(f"{registry.host}/ml/fraud", settings)
        ledger.write("registered")
        serve = ["hook", "serve", f"{registry.host}/ml/fraud", "--listen", f"127.0.0.1:{port}"]
        serve += ["--listen-secret-env", "LISTEN", "--interval", "1h", "--stage", "prod"]
        serve += ["--webhook", receiver.origin, "--secret-env", "HOOK", "--debug"]
        with Running(lading, *serve, LISTEN=SECRET, HOOK=SECRET) as running:
            wait_for(lambda: "watched from now on" in running.err.read_text())
            moved = ledger.assign()
            wait_for(lambda: len(receiver.deliveries) == 1)
            assert running.end(signal.SIGTERM) == 0

    assert running.out.read_text().count("assigned  1.0.0  for prod") == 1
    (sent,) = receiver.deliveries
    assert json.loads(sent.body)["digest"] == moved.event.digest
    assert SECRET not in running.err.read_text()


def test_others_may_not_be_let_in_without_a_secret(lading: Command) -> None:
    done = lading("hook", "serve", "ml/fraud", "--listen", "0.0.0.0:0")

    assert done.returncode == 2
    assert "--listen-secret-env" in done.stderr


def test_the_sdk_tells_of_events_as_they_come(lading: Command, ledger: Ledger) -> None:
    ledger.assign()
    script = (
        "import lading\n"
        "for event in lading.watch('ml/fraud', once=True, from_start=True):\n"
        "    print(event.kind, event.version, event.stage)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=lading.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("assigned 1.0.0 prod\n", "")
