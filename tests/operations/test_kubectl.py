"""kubectl as it is started: the real one against a double of the API, and stand-ins that misbehave.

There is no API server in the package registries; see :mod:`parts.cluster`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from parts.cluster import Cluster, pod, service

from lading.errors import (
    AccessDenied,
    IntegrityError,
    InvalidInput,
    LadingError,
    LocalFailure,
    NotFound,
    Unavailable,
    Unsupported,
)
from lading.operations.deploying.kubectl import Kubectl, can_ask


@pytest.fixture
def cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with Cluster() as cluster:
        cluster.kubeconfig(home / ".kube" / "config")
        yield cluster


Stand = Callable[[str], None]


@pytest.fixture
def instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """A program of a few lines that stands where kubectl would."""

    def stand(lines: str) -> None:
        program = tmp_path / "bin" / "kubectl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\nimport os, sys, time\n{lines}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return stand


def test_pods_of_every_namespace_are_listed(cluster: Cluster) -> None:
    cluster.pods = [pod("a"), pod("b", "shop")]

    found = Kubectl().listed("pods")

    assert [each["metadata"]["name"] for each in found] == ["a", "b"]  # type: ignore[index]


def test_one_namespace_is_listed_where_it_is_named(cluster: Cluster) -> None:
    cluster.pods = [pod("a"), pod("b", "shop")]

    found = Kubectl(namespace="shop").listed("pods")

    assert [each["metadata"]["name"] for each in found] == ["b"]  # type: ignore[index]
    assert cluster.asked("GET", "^/api/v1/namespaces/shop/pods")


def test_services_of_kserve_are_listed_where_there_are_any(cluster: Cluster) -> None:
    kind = "inferenceservices.serving.kserve.io"

    with pytest.raises(NotFound):
        Kubectl().listed(kind)
    cluster.services = [service("fraud", "oci://x")]
    cached = Path(os.environ["HOME"]) / ".kube" / "cache"
    if cached.exists():
        cached.rename(cached.with_name("old"))
    found = Kubectl().listed(kind)

    assert len(found) == 1


def test_the_current_context_has_a_name(cluster: Cluster) -> None:
    assert Kubectl().context_name() == "eu-1"
    assert Kubectl("other").context_name() == "other"


def test_a_context_that_is_none_is_wrong_input(cluster: Cluster) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        Kubectl("nowhere").listed("pods")


def test_a_context_is_never_taken_for_an_option(cluster: Cluster) -> None:
    with pytest.raises(InvalidInput, match="--kubeconfig=/etc/passwd"):
        Kubectl("--kubeconfig=/etc/passwd").listed("pods")


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (403, "Forbidden", AccessDenied),
        (401, "Unauthorized", AccessDenied),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_a_refusal_is_told_by_its_kind(
    cluster: Cluster, status: int, reason: str, expected: type[LadingError]
) -> None:
    Kubectl().listed("pods")
    cluster.refuses = (status, reason)

    with pytest.raises(expected):
        Kubectl().listed("pods")


def test_a_cluster_that_is_away_does_not_answer(cluster: Cluster) -> None:
    cluster.stop()

    with pytest.raises(Unavailable, match="list pods") as caught:
        Kubectl().listed("pods")

    assert "was refused" in str(caught.value.cause)
    assert "memcache.go" not in str(caught.value.cause)


LOGGED = (
    'E1122 08:00:00.123456   12345 memcache.go:265] "Unhandled Error" err="dial: timeout"\n'
    'E1122 08:00:00.2        12345 reflector.go:1] "Unhandled Error" err=<\n'
    "\ta line\n\tanother\n >\n"
)


def test_what_the_libraries_of_kubectl_log_is_no_cause(instead: Stand) -> None:
    instead(f"sys.stderr.write({LOGGED!r} + 'Error (Forbidden): not yours\\n'); sys.exit(1)")

    with pytest.raises(AccessDenied) as caught:
        Kubectl().run("version")

    assert caught.value.cause == "Error (Forbidden): not yours"


def test_where_kubectl_only_logs_that_is_shown(instead: Stand) -> None:
    instead(f"sys.stderr.write({LOGGED!r}); sys.exit(1)")

    with pytest.raises(Unavailable, match="Unhandled Error"):
        Kubectl().run("version")


def test_a_cluster_that_hangs_is_not_waited_for(cluster: Cluster) -> None:
    cluster.delay = 5
    began = time.monotonic()

    with pytest.raises(Unavailable, match="did not end within 1 s"):
        Kubectl(seconds=1).listed("pods")

    assert time.monotonic() - began < 4


def test_what_it_started_ends_with_it(instead: Stand, tmp_path: Path) -> None:
    instead(
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )

    with pytest.raises(Unavailable, match="did not end"):
        Kubectl(seconds=1.5).run("version")

    assert _has_ended(int((tmp_path / "child").read_text()))


def test_output_without_an_end_is_refused(instead: Stand) -> None:
    instead("while True: sys.stdout.write('x' * 100000)")

    with pytest.raises(Unsupported, match="prints more"):
        Kubectl().run("get", "pods", limit=1_000_000)


@pytest.mark.parametrize("text", ["", "[]", "nothing", '{"items": ', "[" * 100_000])
def test_what_is_no_list_is_refused(instead: Stand, text: str) -> None:
    instead(f"sys.stdout.write({text!r})")

    with pytest.raises(InvalidInput, match="JSON"):
        Kubectl().listed("pods")


@pytest.mark.parametrize("text", ["{}", '{"items": 3}', '{"items": {"a": 1}}'])
def test_an_answer_without_a_list_is_not_taken_for_an_empty_one(instead: Stand, text: str) -> None:
    instead(f"print({text!r})")

    with pytest.raises(IntegrityError) as caught:
        Kubectl().listed("pods")

    assert caught.value.hint


@pytest.mark.parametrize("text", ["\x00\x01", "a: [", "- a: {", "contexts: 3"])
def test_a_kubeconfig_that_cannot_be_read_is_to_be_mended(
    cluster: Cluster, home: Path, text: str
) -> None:
    (home / ".kube" / "config").write_text(text)

    with pytest.raises(InvalidInput) as caught:
        Kubectl("eu-1").listed("pods")

    assert "KUBECONFIG" in (caught.value.hint or "")


def test_objects_that_are_none_are_left_out(instead: Stand) -> None:
    instead("""sys.stdout.write('{"items": [1, null, {"metadata": {}}, "x"]}')""")

    assert Kubectl().listed("pods") == [{"metadata": {}}]


def test_it_is_given_what_it_reads_and_asked_nothing_else(instead: Stand) -> None:
    instead("sys.stdout.write(repr(sys.argv[1:]) + sys.stdin.read())")

    told = Kubectl("eu-1", "risk").run("apply", "--filename=-", given=b"documents").output
    silent = Kubectl().run("version").output

    assert told == b"['apply', '--filename=-', '--context=eu-1', '--namespace=risk']documents"
    assert silent == b"['version']"


def test_an_exit_code_that_means_something_is_an_answer(instead: Stand) -> None:
    instead("sys.stderr.write('differs'); sys.exit(1)")

    printed = Kubectl().run("diff", accepted=(0, 1))

    assert (printed.code, printed.complaint) == (1, "differs")
    with pytest.raises(Unavailable, match="differs"):
        Kubectl().run("diff")


def test_without_kubectl_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalFailure, match="not installed"):
        Kubectl().listed("pods")
    assert can_ask(dict(os.environ)) == "kubectl is not installed"


def test_without_a_kubeconfig_nobody_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch, instead: Stand
) -> None:
    instead("")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    assert "there is no kubeconfig" in str(can_ask(dict(os.environ)))
    (home / "mine").write_text("{}")
    assert can_ask({**os.environ, "KUBECONFIG": f"{home}/none:{home}/mine"}) is None
    assert can_ask({**os.environ, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}) is None
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text("{}")
    assert can_ask(dict(os.environ)) is None


def _has_ended(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
