"""``lading where``, as people see it: the real kubectl, and a double of a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.cluster import Cluster, pod
from parts.command import Command


@pytest.fixture
def cluster(lading: Command) -> Iterator[Cluster]:
    with Cluster() as cluster:
        cluster.kubeconfig(lading.folder / "home" / ".kube" / "config")
        yield cluster


@pytest.fixture
def pushed(lading: Command, model: Path) -> Command:
    lading("push", model, "ml/fraud:1.0.0")
    lading("record", "deploy", "ml/fraud:1.0.0", "--where", "eu-1/risk/fraud")
    return lading


def test_where_is_a_table_for_people_and_everything_for_machines(
    pushed: Command, cluster: Cluster
) -> None:
    digest = json.loads(pushed("inspect", "ml/fraud:1.0.0", "--json").stdout)["digest"]
    cluster.pods = [pod("fraud-5d4f8c9b7-a", volume=f"x/y@{digest}", deployment="fraud")]

    shown = pushed("where", "ml/fraud")
    told = json.loads(pushed("where", "ml/fraud", "--json").stdout)

    head, line = shown.stdout.splitlines()
    assert head.split()[:2] == ["PLACE", "VERSION"]
    assert line.split()[:4] == ["eu-1/risk/fraud", "1.0.0", "–", "both"]
    assert "1/1" in line
    assert told["places"][0]["known"] == "both"
    assert told["cluster"] == "eu-1"


def test_a_check_fails_where_records_and_cluster_differ(pushed: Command, cluster: Cluster) -> None:
    done = pushed("where", "ml/fraud", "--check")

    assert done.returncode == 1
    assert "not seen there" in done.stdout


def test_without_a_kubeconfig_it_is_what_was_recorded_and_that_is_said(pushed: Command) -> None:
    done = pushed("where", "ml/fraud", "--check")

    assert done.returncode == 0
    assert "recorded" in done.stdout
    assert "only what was recorded" in done.stderr


def test_what_a_cluster_calls_things_does_nothing_to_a_terminal(
    pushed: Command, cluster: Cluster
) -> None:
    digest = json.loads(pushed("inspect", "ml/fraud:1.0.0", "--json").stdout)["digest"]
    cluster.pods = [pod("\x1b[31mred\nline", volume=f"x/y@{digest}")]

    shown = pushed("where", "ml/fraud")

    assert "\x1b" not in shown.stdout
    assert len(shown.stdout.splitlines()) == 3


def test_a_model_that_runs_nowhere_says_so(lading: Command, model: Path) -> None:
    lading("push", model, "ml/quiet:1.0.0")

    done = lading("where", "ml/quiet")

    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing is known to run" in done.stderr


def test_help_shows_how(lading: Command) -> None:
    done = lading("where", "--help")

    assert done.returncode == 0
    assert "lading where ml/fraud" in done.stdout
