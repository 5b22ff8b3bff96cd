"""Where a model runs: events of a real ledger, and a double of a cluster behind the real kubectl.

There is no API server in the package registries; see :mod:`parts.cluster`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from operations.team import ADA, Team
from parts.cluster import Cluster, pod, service

from lading.errors import InvalidInput, NotFound, Unavailable
from lading.operations.attaching.attachment import Attachment
from lading.operations.attaching.image_evidence import hang_image
from lading.operations.promote import promote
from lading.operations.record import record_deploy
from lading.operations.where import RunningVersion, WhereResult, where
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.image import Image
from lading.spec.tags import Target


@pytest.fixture
def cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with Cluster() as cluster:
        cluster.kubeconfig(home / ".kube" / "config")
        yield cluster


def digest_of(team: Team, version: str) -> Digest:
    return Digest(str(team.tag(version)))


def record(team: Team, version: str, place: str) -> None:
    record_deploy(f"{team.place}:{version}", place, settings=team.settings)


def asked(team: Team, **words: str) -> WhereResult:
    return where(team.place, settings=team.settings, **words)


def row(result: WhereResult, place: str) -> RunningVersion:
    (found,) = [each for each in result.places if each.place == place]
    return found


def test_what_was_recorded_is_shown_where_no_cluster_can_be_asked(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    record(team, "1.0.0", "eu-1/risk/fraud")
    record(team, "1.1.0", "eu-1/risk/fraud")
    record(team, "1.0.0", "us-1/risk/fraud")
    promote(f"{team.place}:1.1.0", "prod", settings=team.settings)

    result = asked(team)

    one, two = result.places
    assert (one.place, one.version, one.stages) == ("eu-1/risk/fraud", "1.1.0", ("prod",))
    assert (two.place, two.version, two.stages) == ("us-1/risk/fraud", "1.0.0", ())
    assert {each.known for each in result.places} == {"recorded"}
    assert one.recorded_by == ADA
    assert (one.pods, one.difference, result.cluster) == (None, None, None)
    assert any("only what was recorded" in note for note in result.notes)


def test_records_and_what_runs_are_one_row_where_they_agree(team: Team, cluster: Cluster) -> None:
    digest = digest_of(team, "1.0.0")
    record(team, "1.0.0", "eu-1/risk/fraud")
    volume = f"registry.example/ml/fraud@{digest}"
    cluster.pods = [
        pod("fraud-5d4f8c9b7-a", volume=volume, deployment="fraud"),
        pod("fraud-5d4f8c9b7-b", volume=volume, deployment="fraud", ready=False),
    ]

    (found,) = asked(team).places

    assert (found.known, found.version, found.digest) == ("both", "1.0.0", digest)
    assert (found.ready, found.pods, found.how) == (1, 2, ("image volume",))
    assert found.difference is None


def test_every_difference_is_said(team: Team, cluster: Cluster) -> None:
    record(team, "1.0.0", "eu-1/risk/gone")
    record(team, "1.0.0", "eu-1/risk/other")
    record(team, "1.0.0", "us-1/risk/far")
    volume = f"registry.example/x@{digest_of(team, '1.1.0')}"
    claim = {"dev.lading/digest": str(digest_of(team, "1.0.0"))}
    cluster.pods = [
        pod("other", volume=volume),
        pod("new", volume=volume),
        pod("claims", annotations=claim),
    ]

    result = asked(team)

    assert row(result, "eu-1/risk/gone").difference == "not seen there"
    assert row(result, "eu-1/risk/new").difference == "nobody recorded it"
    assert row(result, "eu-1/risk/claims").known == "claimed"
    assert row(result, "us-1/risk/far").difference is None
    other = {each.version: each for each in result.places if each.place == "eu-1/risk/other"}
    assert other["1.0.0"].known == "recorded"
    assert other["1.1.0"].known == "seen"
    assert all(each.difference for each in other.values())
    assert any("nobody looked into us-1" in note for note in result.notes)


def test_a_service_of_kserve_is_seen(team: Team, cluster: Cluster) -> None:
    digest = digest_of(team, "1.1.0")
    cluster.services = [service("fraud", f"oci+native://registry.example/ml/x@{digest}")]

    (found,) = asked(team).places

    assert (found.place, found.version, found.how) == ("eu-1/risk/fraud", "1.1.0", ("storageUri",))


@pytest.mark.parametrize(("target", "rows"), [("serve", 1), ("runtime", 0)])
def test_an_image_is_known_by_the_evidence_of_the_version_that_it_holds(
    team: Team, cluster: Cluster, target: Target, rows: int
) -> None:
    image = Descriptor(mediatypes.IMAGE_INDEX, Digest.of(b"an image"), 8)
    hang(team, "1.1.0", image, target)
    name = Attachment.to(f"{team.place}:1.0.0", team.settings).place.repository
    cluster.pods = [pod("fraud", image=f"registry.example/{name}@{image.digest}")]

    found = asked(team).places

    assert [(each.version, each.how) for each in found] == [("1.1.0", ("image",))] * rows


def test_one_version_is_looked_for_alone(team: Team, cluster: Cluster) -> None:
    record(team, "1.0.0", "eu-1/risk/one")
    record(team, "1.1.0", "eu-1/risk/two")

    result = where(f"{team.place}:1.0.0", settings=team.settings)

    assert [each.place for each in result.places] == ["eu-1/risk/one"]


def test_one_namespace_is_looked_into_and_others_are_not_judged(
    team: Team, cluster: Cluster
) -> None:
    record(team, "1.0.0", "eu-1/risk/fraud")
    record(team, "1.0.0", "eu-1/shop/fraud")

    result = asked(team, namespace="risk")

    assert row(result, "eu-1/risk/fraud").difference == "not seen there"
    assert row(result, "eu-1/shop/fraud").difference is None


def test_a_cluster_may_be_called_otherwise_in_records(
    team: Team, cluster: Cluster, home: Path
) -> None:
    cluster.kubeconfig(home / ".kube" / "config", "arn:aws:eks:eu:1:cluster/europe")
    record(team, "1.0.0", "eu-1/risk/fraud")

    by_context, by_name = asked(team), asked(team, cluster="eu-1")

    assert by_context.cluster == "europe"
    assert any("--cluster NAME" in note for note in by_context.notes)
    assert row(by_context, "eu-1/risk/fraud").difference is None
    assert row(by_name, "eu-1/risk/fraud").difference == "not seen there"


def test_a_cluster_that_does_not_answer_leaves_the_records(team: Team, cluster: Cluster) -> None:
    record(team, "1.0.0", "eu-1/risk/fraud")
    cluster.stop()

    result = asked(team)

    assert row(result, "eu-1/risk/fraud").known == "recorded"
    assert result.cluster is None
    assert any("only what was recorded: cannot list pods" in note for note in result.notes)


def test_a_cluster_that_somebody_named_must_answer(team: Team, cluster: Cluster) -> None:
    cluster.stop()

    with pytest.raises(Unavailable):
        asked(team, context="eu-1")
    with pytest.raises(InvalidInput):
        asked(team, context="nowhere")


def test_what_is_not_there_runs_nowhere(local: Team, cluster: Cluster) -> None:
    with pytest.raises(NotFound):
        where("ml/nobody", settings=local.settings)
    with pytest.raises(NotFound):
        where(f"{local.place}:9.0.0", settings=local.settings)
    assert asked(local).places == ()


def hang(team: Team, version: str, image: Descriptor, target: Target) -> None:
    attachment = Attachment.to(f"{team.place}:{version}", team.settings)
    hang_image(
        attachment,
        Image(
            index=attachment.root.digest,
            model=None,
            target=target,
            repository="registry.example/ml/fraud",
            descriptor=image,
            platforms=(Platform("linux", "amd64"),),
            base=None,
            how="built",
            tool="lading",
            created="2026-11-20T00:00:00Z",
            actor=ADA,
            reproducible=True,
        ),
    )
