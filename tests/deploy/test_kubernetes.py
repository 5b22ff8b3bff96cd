"""Every kind of document, as Kubernetes itself reads it, in every version that is written for."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
import yaml
from deploy.given import (
    CLIENT,
    EVENT,
    FACTS,
    KINDS,
    MODEL,
    PINS,
    PLACE,
    SCORING,
    SERVER,
    VERSIONS,
    wish,
)

from lading.deploy import kinds, kustomize, pod, text
from lading.deploy.cluster import Cluster
from lading.deploy.pins import Pins, Serving
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Kind
from lading.errors import InvalidInput, Unsupported

HELD = replace(PINS, serving=Serving(SERVER, holds_model=True))


def made(kind: Kind, pins: Pins = PINS, facts: Facts = FACTS, **more: Any) -> list[Resource]:
    """What a cluster reads, from the very text that it is given."""
    documents = kinds.resources(pins, facts, wish(kind, **more))
    return list(yaml.safe_load_all(text.write(documents)))


def spec_of(resource: Resource) -> Resource:
    """The pod's specification in a workload."""
    spec: Resource = resource["spec"]
    inner: Resource = spec["template"]["spec"] if "template" in spec else spec
    return inner


@pytest.mark.parametrize("minor", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pins", [PINS, HELD], ids=["without", "with the model"])
def test_kubernetes_takes_every_document(kind: Kind, minor: int, pins: Pins) -> None:
    cluster = Cluster(minor)
    if kind == "deployment" and minor < 35 and pins is PINS:
        with pytest.raises(Unsupported):
            made(kind, pins, cluster=cluster)
        return

    documents = made(
        kind,
        pins,
        cluster=cluster,
        namespace="ml",
        replicas=2,
        most=5,
        pull_secrets=("regcred",),
        platform="linux/amd64",
    )

    assert len(documents) == (4 if kind in ("deployment", "init") else 1)
    for document in documents:
        # Of a version that it has no schema of, it takes an older one's and says so only here.
        assert kubernetes_validate.validate(document, f"1.{minor}", strict=True) == f"1.{minor}"


@pytest.mark.parametrize("minor", [31, 32, 33, 34])
def test_with_the_feature_gate_older_clusters_mount_the_model(minor: int) -> None:
    documents = made("deployment", cluster=Cluster(minor), image_volumes=True)

    spec = spec_of(documents[0])
    assert kubernetes_validate.validate(documents[0], f"1.{minor}", strict=True) == f"1.{minor}"
    assert spec["volumes"][0]["image"]["reference"] == f"{PLACE}@{MODEL}"
    (mount,) = (each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "model")
    served = spec["containers"][0]["args"][1]
    # Where sub-paths are not known, the server is told where in the image the model is.
    assert (mount.get("subPath"), served) == (
        (None, "/models/models") if minor < 33 else ("models", "/models")
    )


def test_the_validator_refuses_what_is_wrong() -> None:
    document = made("deployment")[0]
    wrong = copy.deepcopy(document)
    wrong["spec"]["template"]["spec"]["containers"][0]["imagee"] = "x"

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.35", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):  # no such volumes then
        kubernetes_validate.validate(document, "1.30", strict=True)


@pytest.mark.parametrize("minor", [27, 30, 31, 34])
def test_a_cluster_that_mounts_nothing_is_told_what_would(minor: int) -> None:
    with pytest.raises(Unsupported) as refused:
        made("deployment", cluster=Cluster(minor))

    assert f"1.{minor}" in refused.value.what
    assert "--as init" in str(refused.value.hint)
    assert ("--image-volumes" in str(refused.value.hint)) == (minor >= 31)
    assert f"lading image build {PLACE}:1.2.0 --target serve --push" in str(refused.value.hint)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_runs_as_root_or_writes_where_it_should_not(kind: Kind) -> None:
    spec = spec_of(made(kind)[0])

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in [*spec["containers"], *spec.get("initContainers", ())]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]["limits"]) == {"memory"}
        mounts = {each["name"]: each for each in container["volumeMounts"]}
        assert mounts["tmp"]["mountPath"] == "/tmp"
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}} in spec["volumes"]
    asking = {each["name"]: each for each in spec["containers"][0]["volumeMounts"]}
    assert asking["model"]["readOnly"] is True


def test_the_puller_has_the_digest_and_credentials_that_only_it_can_read() -> None:
    (document, _) = made("init", replace(PINS, puller=CLIENT), credentials="auth")

    spec = spec_of(document)
    (puller,) = spec["initContainers"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert puller["image"] == CLIENT
    assert f"{PLACE}@{MODEL}" in puller["args"]
    assert volumes["model"]["emptyDir"]["sizeLimit"]
    assert volumes["credentials"]["secret"]["defaultMode"] == 0o400
    assert volumes["credentials"]["secret"]["secretName"] == "auth"
    # Kubernetes gives the file to this group; the mode alone would leave it to root.
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsUser"]
    assert "credentials" not in {each["name"] for each in spec["containers"][0]["volumeMounts"]}


def test_without_an_image_that_pulls_the_server_s_pulls_with_the_node_s_secret() -> None:
    spec = spec_of(made("init", pull_secrets=("regcred",))[0])

    volumes = {each["name"]: each for each in spec["volumes"]}
    assert spec["initContainers"][0]["image"] == SERVER
    assert volumes["credentials"]["secret"]["secretName"] == "regcred"
    assert spec["imagePullSecrets"] == [{"name": "regcred"}]


@pytest.mark.parametrize("kind", ["job", "pod"])
def test_jobs_and_pods_pull_where_nothing_mounts(kind: Kind) -> None:
    spec = spec_of(made(kind, cluster=Cluster(29))[0])

    assert [each["name"] for each in spec["initContainers"]] == ["pull"]


def test_an_image_that_holds_its_model_says_itself_how_it_is_served() -> None:
    spec = spec_of(made("deployment", HELD, cluster=Cluster(27))[0])

    (container,) = spec["containers"]
    assert "args" not in container
    assert "command" not in container
    assert [each["name"] for each in spec["volumes"]] == ["tmp"]


def test_a_rollout_never_has_fewer_and_a_budget_is_there_for_more_than_one() -> None:
    alone = made("deployment")
    three = made("deployment", replicas=3)

    rolling = alone[0]["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxUnavailable": 0, "maxSurge": 1}
    assert [each["kind"] for each in alone] == ["Deployment", "Service"]
    assert [each["kind"] for each in three] == ["Deployment", "Service", "PodDisruptionBudget"]
    for each in three[1:]:
        selector = each["spec"]["selector"]
        labels = three[0]["spec"]["template"]["metadata"]["labels"]
        assert selector.get("matchLabels", selector).items() <= labels.items()


def test_what_grows_to_several_has_a_budget_and_is_spread_before_it_has_grown() -> None:
    documents = made("deployment", replicas=1, most=8)

    assert [each["kind"] for each in documents] == [
        *("Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler")
    ]
    assert spec_of(documents[0])["topologySpreadConstraints"]


def test_a_service_sends_to_its_deployment_and_to_nothing_else_of_that_name() -> None:
    selector = made("deployment")[1]["spec"]["selector"]

    for kind in ("pod", "job"):
        document = made(kind)[0]
        head = document["spec"].get("template", document)["metadata"]
        assert not selector.items() <= head["labels"].items()


def test_a_scaler_alone_says_how_many_there_are() -> None:
    documents = made("deployment", replicas=2, most=6)

    scaler = documents[-1]
    assert scaler["kind"] == "HorizontalPodAutoscaler"
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 6)
    assert "replicas" not in documents[0]["spec"]


def test_probes_ask_what_the_server_answers_and_big_models_have_time() -> None:
    small = spec_of(made("deployment")[0])["containers"][0]
    large = spec_of(made("deployment", facts=replace(FACTS, size=40 * 1024**3))[0])["containers"][0]

    assert small["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert small["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    patience = [
        each["startupProbe"]["periodSeconds"] * each["startupProbe"]["failureThreshold"]
        for each in (small, large)
    ]
    assert patience[0] >= 120
    assert patience[1] >= 2000


def test_an_image_for_one_processor_runs_on_such_nodes_only() -> None:
    one = spec_of(made("deployment", facts=replace(FACTS, platforms=("linux/arm64/v8",)))[0])
    two = spec_of(made("deployment")[0])
    chosen = spec_of(made("deployment", platform="linux/arm64")[0])

    wanted = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
    assert one["nodeSelector"] == chosen["nodeSelector"] == wanted
    assert "nodeSelector" not in two


@pytest.mark.parametrize(
    ("more", "facts", "says"),
    [
        ({"platform": "linux/s390x"}, FACTS, "linux/amd64, linux/arm64"),
        ({}, replace(FACTS, platforms=("windows/amd64",)), "windows/amd64"),
        ({}, replace(FACTS, mountable=("linux/s390x",)), "linux/s390x"),
    ],
)
def test_an_image_for_another_processor_is_refused(
    more: dict[str, Any], facts: Facts, says: str
) -> None:
    with pytest.raises(Unsupported) as refused:
        made("deployment", facts=facts, **more)

    assert says in str(refused.value.cause)
    assert refused.value.hint


def test_nodes_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInput, match="solaris"):
        made("deployment", platform="solaris/sparc")


def test_what_was_guessed_is_said_and_what_was_measured_is_taken() -> None:
    guessed = made("deployment")[0]
    half = made("deployment", cpu="3")[0]
    measured = made("deployment", cpu="3", memory="2Gi")[0]

    assert guessed["metadata"]["annotations"][pod.GUESSED].startswith("cpu and memory")
    assert half["metadata"]["annotations"][pod.GUESSED].startswith("memory")
    assert pod.GUESSED not in measured["metadata"]["annotations"]
    assert spec_of(measured)["containers"][0]["resources"] == {
        "requests": {"cpu": "3", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }


def test_a_job_is_called_by_its_digest_and_scores_files_in_its_volumes() -> None:
    (document,) = made("job")

    (container,) = spec_of(document)["containers"]
    assert re.fullmatch(rf"fraud-[0-9a-f]{{5}}-{MODEL.short}", document["metadata"]["name"])
    assert container["args"][:2] == ["predict", "/models"]
    assert {"name": "data-1", "mountPath": "/data"} in container["volumeMounts"]
    claims = [each for each in spec_of(document)["volumes"] if each["name"] == "data-1"]
    assert claims == [{"name": "data-1", "persistentVolumeClaim": {"claimName": "data"}}]


def test_a_job_of_the_longest_name_has_one_that_kubernetes_takes() -> None:
    (document,) = made("job", name="a" * 43 + "-" + "b" * 19)

    name = document["metadata"]["name"]
    assert len(name) <= 63
    assert name.startswith(f"{'a' * 43}-")
    assert name.endswith(f"-{MODEL.short}")


def test_whatever_a_job_does_otherwise_is_another_job_and_the_same_is_the_same() -> None:
    def name(pins: Pins = PINS, **more: Any) -> str:
        return str(made("job", pins, **more)[0]["metadata"]["name"])

    promoted = replace(PINS, runs=replace(PINS.runs, stage="staging", event=None))
    rebuilt = replace(PINS, serving=Serving(CLIENT, holds_model=False))
    tomorrow = replace(SCORING, input="/data/tomorrow.csv")

    others = [name(cpu="3"), name(rebuilt), name(scoring=tomorrow), name(namespace="ml")]

    # A cluster refuses to change a job that is there, and runs one that is done no more.
    assert name() == name(promoted) == others.pop()
    assert len({name(), *others}) == 4


def test_a_job_without_rows_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        made("job", scoring=None)

    assert "--rows" in str(refused.value.hint)


def test_a_promotion_of_the_same_digest_starts_no_pod_anew() -> None:
    before = made("deployment")[0]
    moved = replace(PINS, runs=replace(PINS.runs, stage="staging", event=None))

    after = made("deployment", moved)[0]

    assert before["metadata"] != after["metadata"]
    assert before["spec"] == after["spec"]


def test_a_new_digest_changes_the_pods_of_every_kind() -> None:
    other = replace(PINS, runs=replace(PINS.runs, digest=EVENT))

    for kind in KINDS:
        bare = kustomize.split(kinds.resources(PINS, FACTS, wish(kind)))[0]
        assert spec_of(made(kind)[0]) != spec_of(made(kind, other)[0])
        assert bare == kustomize.split(kinds.resources(other, FACTS, wish(kind)))[0]
