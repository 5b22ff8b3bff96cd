"""``lading deploy --apply`` at a terminal: the question, and every answer to it.

The real kubectl, and a double of the API (:mod:`parts.cluster`), since there is no API server here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from operations.tied import tie
from parts.cluster import Cluster
from parts.command import Command
from parts.registry import DockerRegistry
from parts.sid import kubectl
from parts.typing_in import Terminal

from lading.operations.promote import promote
from lading.operations.push import push

ASKED = "Apply this? [y/N]"


@pytest.fixture
def place(lading: Command, model: Path, registry: DockerRegistry, repository: str) -> str:
    """A model with an image, in prod."""
    name = f"{registry.host}/{repository}"
    settings = replace(lading.settings, actor="tests")
    push(model, f"{name}:1.0.0", settings=settings)
    tie(f"{name}:1.0.0", settings, target="runtime")
    promote(f"{name}:1.0.0", "prod", settings=settings)
    return name


@pytest.fixture
def cluster(lading: Command) -> Iterator[Cluster]:
    programs = lading.folder / "programs"
    programs.mkdir()
    (programs / "kubectl").symlink_to(kubectl())
    with Cluster(program=kubectl()) as cluster:
        cluster.kubeconfig(lading.folder / "home" / ".kube" / "config")
        yield cluster


def environment(lading: Command) -> dict[str, str]:
    path = f"{lading.folder / 'programs'}:{lading.environment['PATH']}"
    return lading.environment | {"PATH": path}


@pytest.mark.parametrize(
    ("keys", "code", "says"),
    [
        ("y\n", 0, "applied"),
        ("YES\n", 0, "applied"),
        ("n\n", 0, "nothing was applied"),
        ("\n", 0, "nothing was applied"),
        ("\x04", 0, "nothing was applied"),
        ("\x03", 130, ""),
    ],
    ids=["y", "yes", "no", "enter", "end of input", "Ctrl-C"],
)
def test_a_person_is_asked_with_the_difference_in_sight(
    lading: Command, place: str, cluster: Cluster, *, keys: str, code: int, says: str
) -> None:
    line = lading.line("deploy", place, "--stage", "prod", "--name", "fraud", "--apply")

    with Terminal(line, environment(lading), lading.folder) as terminal:
        shown = terminal.press("", until=ASKED)
        before = dict(cluster.objects.kept)
        ended, answered = terminal.end(keys)

    assert "+        reference: " in shown or "+          reference: " in shown
    assert before == {}
    assert ended == code
    assert says in answered
    assert "Traceback" not in answered
    agreed = keys.strip().lower() in ("y", "yes")
    assert set(cluster.objects.of("Deployment")) == ({"fraud"} if agreed else set())
    assert ("lading record deploy" in answered) == agreed


def test_an_update_at_a_terminal_asks_as_well(
    lading: Command, place: str, cluster: Cluster
) -> None:
    written = lading("deploy", place, "--stage", "prod", "--name", "fraud", "-o", "fraud")
    line = lading.line("deploy", "update", "fraud", "--apply")

    with Terminal(line, environment(lading), lading.folder) as terminal:
        terminal.press("", until=ASKED)
        ended, answered = terminal.end("y\n")

    assert (written.returncode, ended) == (0, 0)
    assert "applied" in answered
    assert set(cluster.objects.of("Deployment")) == {"fraud"}


def test_where_nobody_is_at_a_terminal_it_is_said_what_applies_all_the_same(
    lading: Command, place: str, cluster: Cluster
) -> None:
    words = ("deploy", place, "--stage", "prod", "--name", "fraud", "--apply")
    path = environment(lading)["PATH"]

    refused = lading(*words, stdin="y\n", PATH=path)
    asked = list(cluster.requests)
    done = lading(*words, "--yes", PATH=path)

    assert (refused.returncode, asked) == (2, [])
    assert "--yes applies without asking" in refused.stderr
    assert (done.returncode, done.stdout) == (0, "applied\n")
    assert "+++ " in done.stderr
    assert set(cluster.objects.of("Deployment")) == {"fraud"}
