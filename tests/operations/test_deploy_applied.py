"""``--apply`` as it happens: the real kubectl, and a double of the API that keeps what it is sent.

What the double does not do, :mod:`parts.objects` says; no pod runs here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from operations.team import Team
from operations.tied import tie
from parts.cluster import Cluster
from parts.sid import kubectl

from lading.errors import AccessDenied, InvalidInput, LadingError, NotFound, Unavailable
from lading.operations.deploy import deploy
from lading.operations.deploy_update import deploy_update
from lading.operations.promote import promote
from lading.operations.record import record_deploy
from lading.operations.where import where

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)


@pytest.fixture
def cluster(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A kubectl of these years, since ``-k`` is asked for; its one context is eu-1."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "kubectl").symlink_to(kubectl())
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with Cluster(program=kubectl()) as cluster:
        cluster.kubeconfig(home / ".kube" / "config", namespace="risk")
        cluster.objects.namespaces = {"risk", "shop"}
        yield cluster


@pytest.fixture
def fraud(team: Team) -> Team:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    return team


class Person:
    """Who is shown a difference while nothing is changed yet, and answers."""

    def __init__(self, cluster: Cluster, *, answer: bool = True) -> None:
        self.cluster, self.answer = cluster, answer
        self.shown: list[str] = []

    def __call__(self, difference: str) -> bool:
        assert self.cluster.asked("POST") or self.cluster.asked("PATCH")
        assert writes(self.cluster) == []
        self.shown.append(difference)
        return self.answer


def writes(cluster: Cluster) -> list[str]:
    """What was changed there, but for dry runs."""
    found = [*cluster.asked("POST"), *cluster.asked("PATCH")]
    return [each.method for each in found if "dryRun" not in each.query]


def running(cluster: Cluster, name: str = "fraud") -> Any:
    """What the cluster's deployment names."""
    spec = cluster.objects.of("Deployment")[name]["spec"]["template"]["spec"]
    return spec["volumes"][0]["image"]["reference"]


def test_documents_are_compared_asked_for_and_applied(fraud: Team, cluster: Cluster) -> None:
    ada = Person(cluster)

    def given() -> str | None:
        return deploy(
            fraud.place, stage="prod", name="fraud", confirm=ada, settings=fraud.settings
        ).applied

    first = given()
    written = writes(cluster)
    second = given()

    assert (first, second, written) == ("applied", "unchanged", ["POST", "POST"])
    (shown,) = ada.shown
    assert f"+        reference: {fraud.place}@{fraud.tag('1.0.0')}" in shown.replace(
        "          ref", "        ref"
    )
    assert running(cluster) == f"{fraud.place}@{fraud.tag('1.0.0')}"
    assert set(cluster.objects.of("Service")) == {"fraud"}
    assert writes(cluster) == written


def test_an_update_reaches_the_cluster_and_changes_digests_alone(
    fraud: Team, cluster: Cluster, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    words: dict[str, Any] = {"output": folder, "name": "fraud", "replicas": 2, "namespace": "shop"}
    deploy(fraud.place, stage="prod", confirm=Person(cluster), settings=fraud.settings, **words)
    before = dict(cluster.objects.kept)
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)
    cluster.forget_requests()
    no, yes = Person(cluster, answer=False), Person(cluster)

    declined = deploy_update(folder, confirm=no, settings=fraud.settings)
    kept = running(cluster)
    done = deploy_update(folder, confirm=yes, settings=fraud.settings)

    assert (declined.status, declined.applied, kept) == (
        "updated",
        "declined",
        f"{fraud.place}@{fraud.tag('1.0.0')}",
    )
    assert (done.status, done.applied, no.shown and len(no.shown)) == ("unchanged", "applied", 1)
    assert running(cluster) == f"{fraud.place}@{fraud.tag('1.1.0')}"
    assert set(cluster.objects.of("PodDisruptionBudget")) == {"fraud"}
    after = cluster.objects.kept
    assert {after[key]["kind"] for key in after if after[key] != before[key]} == {"Deployment"}
    (key,) = [key for key in after if after[key] != before[key]]
    assert before[key]["metadata"]["uid"] == after[key]["metadata"]["uid"]
    changed = [line for line in yes.shown[0].splitlines() if line.startswith("+ ")]
    assert all(
        any(word in line for word in ("sha256:", "version", "generation", "resourceVersion"))
        for line in changed
    )


def test_what_records_it_is_told_and_is_what_where_joins(fraud: Team, cluster: Cluster) -> None:
    """It is not recorded by itself: that would write to the repository of the model."""
    events = fraud.events()

    done = deploy(
        fraud.place, stage="prod", name="fraud", confirm=Person(cluster), settings=fraud.settings
    )
    again = deploy(
        fraud.place, stage="prod", name="fraud", confirm=Person(cluster), settings=fraud.settings
    )

    told = f"lading record deploy {fraud.place}@{fraud.tag('1.0.0')} --where eu-1/risk/fraud"
    assert [note for note in done.notes if "record" in note] == [f"{told} tells lading where"]
    assert not any("record" in note for note in again.notes)
    assert fraud.events() == events
    _, _, _, reference, _, at = told.split()
    record_deploy(reference, at, settings=fraud.settings)
    (found,) = where(fraud.place, settings=fraud.settings).places
    assert (found.place, found.version) == ("eu-1/risk/fraud", "1.0.0")


def test_a_comparing_program_of_somebody_s_own_decides_nothing(
    fraud: Team, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "true")

    done = deploy(
        fraud.place, stage="prod", name="fraud", confirm=Person(cluster), settings=fraud.settings
    )

    assert done.applied == "applied"


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        ("namespace", NotFound, "kubectl create namespace nowhere"),
        ("kind", NotFound, "ensure CRDs are installed"),
        ("context", InvalidInput, "kubectl config get-contexts"),
        ("rights", AccessDenied, "kubectl auth can-i"),
        ("down", Unavailable, "kubectl cluster-info"),
    ],
)
def test_whatever_kubectl_ends_with_a_cluster_that_refuses_gets_nothing(
    fraud: Team, cluster: Cluster, what: str, error: type[LadingError], says: str
) -> None:
    words: dict[str, Any] = {"namespace": "nowhere"} if what == "namespace" else {}
    if what == "context":
        words["context"] = "nowhere"
    if what == "kind":
        words |= {"kind": "kserve", "kserve_storage": "native"}
    if what == "rights":
        cluster.objects.forbidden = True
    if what == "down":
        cluster.stop()

    def asked(difference: str) -> bool:
        raise AssertionError("nobody is asked about what cannot be compared")

    with pytest.raises(error) as caught:
        deploy(fraud.place, stage="prod", confirm=asked, settings=fraud.settings, **words)

    assert says in f"{caught.value.cause} {caught.value.hint}"
    assert cluster.objects.kept == {}
