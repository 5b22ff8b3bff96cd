"""The verbs and a real registry: logins, certificates, progress, the doctor."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

from parts.certificates import Identity
from parts.command import Command
from parts.registry import DockerRegistry


def test_push_and_pull_and_what_is_told_meanwhile(
    lading: Command, model: Path, registry: DockerRegistry, repository: str
) -> None:
    (model / "large.bin").write_bytes(os.urandom(5_000_000))
    place = f"{registry.host}/{repository}"

    pushed = lading("push", model, f"{place}:1.0.0", "--json")
    pulled = lading("pull", place, "-o", lading.folder / "there", "--json")

    assert (pushed.returncode, pulled.returncode) == (0, 0), pushed.stderr + pulled.stderr
    assert json.loads(pushed.stdout)["digest"] == json.loads(pulled.stdout)["digest"]
    for done in (pushed, pulled):
        events = [json.loads(line)["progress"] for line in done.stderr.splitlines()]
        finished = {event["label"] for event in events if event["kind"] == "finished"}
        assert any("large.bin" in label for label in finished)
        assert events[-1]["total_done"] >= events[-1]["total_size"]
    assert lading("verify", lading.folder / "there", f"{place}:1.0.0").returncode == 0


def test_a_log_says_what_is_done(
    lading: Command, model: Path, registry: DockerRegistry, repository: str
) -> None:
    done = lading("push", model, f"{registry.host}/{repository}:1.0.0")

    *finished, summary = done.stderr.splitlines()
    assert finished
    assert all(line.startswith("done ") for line in finished)
    assert summary.startswith("pushed 3 files, 16.4 kB; sent ")
    assert summary.endswith("; it is the latest release")


def test_quiet_is_quiet_about_transfers_too(
    lading: Command, model: Path, registry: DockerRegistry, repository: str
) -> None:
    done = lading("push", model, f"{registry.host}/{repository}:1.0.0", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


def test_login_tries_the_password_and_keeps_it(
    lading: Command, model: Path, password_registry: DockerRegistry, repository: str
) -> None:
    host = password_registry.host
    place = f"{host}/{repository}:1.0.0"

    before = lading("push", model, place)
    wrong = lading("login", host, "-u", "ada", "--password-stdin", stdin="wrong\n")
    right = lading("login", host, "-u", "ada", "--password-stdin", stdin="secret\n")
    after = lading("push", model, place)
    out = lading("logout", host)
    again = lading("inspect", place)

    assert before.returncode == 4
    assert f"lading login {host}" in before.stderr
    assert wrong.returncode == 4
    assert right.returncode == 0, right.stderr
    assert right.stdout.startswith(f"logged in to {host} as ada; the password is kept in ")
    assert "secret" not in right.stdout + right.stderr
    assert after.returncode == 0, after.stderr
    assert out.stdout.startswith(f"logged out of {host} (")
    assert again.returncode == 4


def test_login_asks_at_a_terminal_and_does_not_show_the_password(
    lading: Command, password_registry: DockerRegistry
) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        environment = lading.environment
        os.execve(sys.executable, lading.line("login", password_registry.host), environment)
    shown = _typed(terminal, [("user name: ", "ada"), ("password: ", "secret")])
    os.close(terminal)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert f"logged in to {password_registry.host} as ada" in shown
    assert "secret" not in shown


def _typed(terminal: int, answers: list[tuple[str, str]]) -> str:
    """Answer each question when it is asked; all that was shown."""
    shown = ""
    pending = list(answers)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece.decode()
        if pending and shown.endswith(pending[0][0]):
            os.write(terminal, pending.pop(0)[1].encode() + b"\n")
    return shown


def test_certificates_are_given_by_option(
    lading: Command,
    model: Path,
    client_certificate_registry: DockerRegistry,
    client_identity: Identity,
    repository: str,
) -> None:
    registry = client_certificate_registry
    place = f"{registry.host}/{repository}:1.0.0"
    trust = ["--ca-file", str(registry.ca_file)]
    identity = [
        "--client-cert",
        str(client_identity.cert),
        "--client-key",
        str(client_identity.key),
    ]

    without = lading("push", model, place, *trust)
    done = lading("push", model, place, *trust, *identity)

    assert without.returncode in (4, 5), without.stderr
    assert "Traceback" not in without.stderr
    assert done.returncode == 0, done.stderr


def test_the_doctor_says_what_works_and_what_it_means(
    lading: Command, registry: DockerRegistry, repository: str
) -> None:
    done = lading("doctor", f"{registry.host}/{repository}")

    lines = done.stdout.splitlines()
    assert lines[0] == f"{registry.host}/{repository}"
    assert any(line.startswith("works") and "chunked upload" in line for line in lines)
    # Distribution 2.8 has no referrers API, and Lading does without.
    (referrers,) = [at for at, line in enumerate(lines) if " referrers " in line]
    assert lines[referrers].startswith("missing")
    assert lines[referrers + 1].startswith("         so: ")
    assert "garbage" in lines[-1]
    assert done.returncode == 0, done.stdout


def test_the_doctor_fails_where_nothing_can_be_pushed(
    lading: Command, password_registry: DockerRegistry, repository: str
) -> None:
    done = lading("doctor", f"{password_registry.host}/{repository}")

    assert done.returncode == 4
    assert "lading login" in done.stderr


def test_an_interrupted_push_resumes(
    lading: Command, model: Path, registry: DockerRegistry, repository: str
) -> None:
    with (model / "huge.bin").open("wb") as file:
        file.truncate(400_000_000)
    place = f"{registry.host}/{repository}:1.0.0"

    with subprocess.Popen(
        lading.line("push", model, place, "--json"),
        env=lading.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(2)
        rest = process.stderr.read()
        code = process.wait(timeout=20)
    done = lading("push", model, place)

    assert "progress" in first
    assert code == 130, rest
    assert json.loads(rest.splitlines()[-1])["error"]["type"] == "Interrupted"
    assert done.returncode == 0, done.stderr
