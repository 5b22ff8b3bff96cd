"""A version as KServe runs it, held against KServe's own definitions, strictly.

Only validated: no KServe runs here. What its storage initializer does is run for real in
operations/test_storage_initializer.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import kubernetes_validate
import pytest
from deploy.crds_of import problems
from hypothesis import given
from hypothesis import strategies as st

from lading.deploy.cluster import NEWEST as NEWEST_CLUSTER
from lading.deploy.cluster import OLDEST as OLDEST_CLUSTER
from lading.deploy.cluster import Cluster
from lading.deploy.kinds import resources
from lading.deploy.kserve_name import longest_name
from lading.deploy.kserve_version import NATIVE, NEWEST, OLDEST, KServe, Storage
from lading.deploy.kustomize import DIGESTS, files, merge, split
from lading.deploy.lint import lint
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.read import running
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish
from lading.errors import InvalidInput, Unsupported
from lading.spec.digest import Digest

HOME = "registry.example.com/ml/fraud"
SERVER = f"{HOME}@{Digest.of(b'server')}"
CAR = f"{HOME}@{Digest.of(b'modelcar')}"
CLIENT = f"registry.example.com/tools/lading@{Digest.of(b'client')}"
PINS = Pins(
    Runs(HOME, Digest.of(b"index"), "1.2.0", "prod", Digest.of(b"event")),
    Serving(SERVER, holds_model=False),
)
FULL = replace(PINS, puller=CLIENT, modelcar=CAR, serving=Serving(SERVER, holds_model=True))
FACTS = Facts(size=10_000_000, framework="sklearn", platforms=("linux/amd64", "linux/arm64"))
STORAGES: tuple[Storage, ...] = get_args(Storage)


def wish(**said: Any) -> Wish:
    return Wish(kind="kserve", name="fraud", **said)


def made(kind: str, pins: Pins = PINS, facts: Facts = FACTS, **said: Any) -> Resource:
    (found,) = (each for each in resources(pins, facts, wish(**said)) if each["kind"] == kind)
    return found


def uri(pins: Pins, **said: Any) -> str | None:
    service = made("InferenceService", pins, **said)
    found: str | None = service["spec"]["predictor"]["model"].get("storageUri")
    return found


# How the model gets there


def test_a_recent_kserve_has_the_node_mount_the_version_s_index() -> None:
    assert uri(PINS) == f"oci+native://{HOME}@{Digest.of(b'index')}"


def test_an_older_one_starts_an_image_with_the_model_beside_the_server() -> None:
    assert uri(replace(PINS, modelcar=CAR), kserve=KServe(15)) == f"oci://{CAR}"


def test_a_cluster_without_image_volumes_pulls_with_lading_s_own_image() -> None:
    found = uri(replace(PINS, puller=CLIENT), cluster=Cluster(30))

    assert found == f"lading://{HOME}@{Digest.of(b'index')}"


def test_an_image_that_holds_its_model_needs_no_storage() -> None:
    pins = replace(PINS, serving=Serving(SERVER, holds_model=True))

    assert uri(pins, kserve=KServe(11)) is None
    (container,) = made("ServingRuntime", pins, kserve=KServe(11))["spec"]["containers"]
    assert container["args"][:2] == ["serve", "/models"]


def test_what_somebody_chose_comes_before_what_would_be_chosen() -> None:
    assert uri(FULL, kserve_storage="lading") == f"lading://{HOME}@{Digest.of(b'index')}"
    assert uri(FULL, kserve_storage="modelcar") == f"oci://{CAR}"
    assert uri(FULL, kserve_storage="image") is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kserve": KServe(19)}, "before 0.20"),
        ({"cluster": Cluster(30)}, "begins with 1.31"),
        ({"cluster": Cluster(32), "image_volumes": True}, "1.33"),
        ({"cluster": Cluster(34)}, "--image-volumes"),
    ],
)
def test_where_nothing_brings_the_model_it_is_said_why_and_what_would(
    said: dict[str, Any], why: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        resources(PINS, FACTS, wish(**said))

    assert why in (caught.value.cause or "")
    assert "--puller" in (caught.value.hint or "")
    assert "--modelcar" in (caught.value.hint or "")


def test_a_gate_that_is_set_counts_from_the_version_with_sub_paths_on() -> None:
    said = {"cluster": Cluster(33), "image_volumes": True}

    assert (uri(PINS, **said) or "").startswith("oci+native://")


@pytest.mark.parametrize(
    ("storage", "said", "kind"),
    [
        ("native", {"kserve": KServe(19)}, Unsupported),
        ("native", {"cluster": Cluster(30)}, Unsupported),
        ("modelcar", {"kserve": KServe(11)}, Unsupported),
        ("modelcar", {}, InvalidInput),
        ("lading", {}, InvalidInput),
        ("image", {}, InvalidInput),
    ],
)
def test_a_storage_that_cannot_be_is_refused_with_what_to_do(
    storage: Storage, said: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        resources(PINS, FACTS, wish(kserve_storage=storage, **said))

    assert getattr(caught.value, "hint", None)


# What is written


@pytest.mark.parametrize(
    ("storage", "version"),
    [
        (storage, version)
        for storage in STORAGES
        for version in range({"native": NATIVE, "modelcar": 12}.get(storage, OLDEST), NEWEST + 1)
    ],
)
def test_every_document_is_as_kserve_defines_it_and_has_no_field_more(
    storage: Storage, version: int
) -> None:
    said = {"kserve": KServe(version), "kserve_storage": storage}
    variants = [
        wish(**said),
        wish(**said, replicas=3, most=9, namespace="ml", pull_secrets=("a", "b"), insecure=True),
        wish(**said, cpu="2", memory="4Gi", platform="linux/arm64", allow_pickle=True),
    ]
    every = [each for wanted in variants for each in resources(FULL, FACTS, wanted)]
    documents = [each for each in every if each["apiVersion"].startswith("serving.kserve.io/")]

    found = [line for each in documents for line in problems("kserve", each, version)]

    assert len(documents) >= 2 * len(variants)
    assert found == []


@pytest.mark.parametrize("minor", range(OLDEST_CLUSTER, NEWEST_CLUSTER + 1))
def test_kubernetes_takes_the_pod_that_kserve_makes_of_it(minor: int) -> None:
    said: dict[str, Any] = {"cluster": Cluster(minor), "kserve_storage": "lading", "replicas": 2}
    (server,) = made("ServingRuntime", FULL, **said)["spec"]["containers"]
    predictor = made("InferenceService", FULL, **said)["spec"]["predictor"]
    laid = predictor["model"]
    initializer = made("ClusterStorageContainer", FULL, **said)["spec"]["container"]
    own = ("annotations", "minReplicas", "maxReplicas", "deploymentStrategy", "model")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fraud", "annotations": predictor["annotations"]},
        "spec": {name: part for name, part in predictor.items() if name not in own}
        | {
            "initContainers": [initializer],
            "containers": [server | {name: laid[name] for name in ("image", "resources")}],
            "volumes": made("ServingRuntime", FULL, **said)["spec"]["volumes"],
        },
    }

    for document in (pod, made("PodDisruptionBudget", FULL, **said)):
        assert kubernetes_validate.validate(document, f"1.{minor}", strict=True) == f"1.{minor}"


def test_the_definitions_refuse_what_kserve_does_not_know() -> None:
    service = made("InferenceService")
    service["spec"]["predictor"]["model"]["storageURI"] = "s3://nowhere"
    del service["spec"]["predictor"]["model"]["modelFormat"]

    assert len(problems("kserve", service, NEWEST)) == 2


def test_the_definitions_of_a_version_refuse_what_came_later() -> None:
    service = made("InferenceService", FULL, kserve=KServe(13))

    assert problems("kserve", service, 13) == []
    assert any("deploymentStrategy" in line for line in problems("kserve", service, 12))


def test_the_runtime_is_lading_s_server_by_digest_with_the_protocol_of_version_two() -> None:
    runtime = made("ServingRuntime")

    (container,) = runtime["spec"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["command"] == ["lading"]
    assert container["args"][:2] == ["serve", "/mnt/models"]
    assert runtime["spec"]["protocolVersions"] == ["v2"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"


def test_the_service_asks_for_that_runtime_and_no_other() -> None:
    model = made("InferenceService")["spec"]["predictor"]["model"]

    (accepted,) = made("ServingRuntime")["spec"]["supportedModelFormats"]
    assert model["runtime"] == made("ServingRuntime")["metadata"]["name"]
    assert model["modelFormat"]["name"] == accepted["name"]
    assert accepted["autoSelect"] is False


def test_the_service_names_the_server_s_image_so_that_a_version_is_one_change_of_one_document() -> (
    None
):
    assert made("InferenceService")["spec"]["predictor"]["model"]["image"] == SERVER
    assert "sha256:" not in str(made("ServingRuntime"))


def test_nobody_may_more_than_a_server_needs() -> None:
    predictor = made("InferenceService")["spec"]["predictor"]
    (container,) = made("ServingRuntime")["spec"]["containers"]

    assert predictor["automountServiceAccountToken"] is False
    assert predictor["securityContext"]["runAsNonRoot"] is True
    assert predictor["securityContext"]["runAsUser"] == 65532
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(("cpu", "limit"), [("500m", "1000m"), ("2", "4"), ("1.5", "3.0")])
def test_processors_have_a_limit_since_kserve_would_write_a_smaller_one(
    cpu: str, limit: str
) -> None:
    model = made("InferenceService", cpu=cpu)["spec"]["predictor"]["model"]

    assert model["resources"]["requests"]["cpu"] == cpu
    assert model["resources"]["limits"]["cpu"] == limit


def test_servers_are_replaced_one_by_one_and_a_drain_leaves_all_but_one() -> None:
    predictor = made("InferenceService", replicas=3, most=9)["spec"]["predictor"]
    budget = made("PodDisruptionBudget", replicas=3)

    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (3, 9)
    assert predictor["deploymentStrategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert budget["spec"]["selector"]["matchLabels"] == {
        "serving.kserve.io/inferenceservice": "fraud"
    }


def test_servers_that_become_more_by_their_load_are_drained_one_by_one_too() -> None:
    predictor = made("InferenceService", most=8)["spec"]["predictor"]

    assert made("PodDisruptionBudget", most=8)["spec"]["maxUnavailable"] == 1
    assert predictor["topologySpreadConstraints"]
    alone = resources(PINS, FACTS, wish())
    assert "PodDisruptionBudget" not in {each["kind"] for each in alone}


def test_before_a_version_that_is_told_how_to_replace_servers_it_is_not_told() -> None:
    def told(minor: int) -> bool:
        predictor = made("InferenceService", FULL, kserve=KServe(minor))["spec"]["predictor"]
        return "deploymentStrategy" in predictor

    assert [told(minor) for minor in (11, 12, 13, 21)] == [False, False, True, True]


def test_a_server_waits_for_its_modelcar_as_long_as_the_model_s_size_may_need() -> None:
    def patience(size: int, storage: Storage) -> tuple[str | None, int]:
        facts = replace(FACTS, size=size)
        runtime = made("ServingRuntime", FULL, facts, kserve_storage=storage)
        (container,) = runtime["spec"]["containers"]
        args = container["args"]
        probe = container["startupProbe"]
        waits = args[args.index("--wait") + 1] if "--wait" in args else None
        return waits, probe["failureThreshold"] * probe["periodSeconds"]

    # Until the image is there, and then as long as any server may take to load it.
    assert patience(2_000_000_000, "modelcar") == ("215s", 430)
    assert patience(2_000_000_000, "native") == (None, 215)


@pytest.mark.parametrize("server", [("linux/amd64",), ("linux/amd64", "linux/arm64")])
def test_a_modelcar_runs_on_nodes_that_it_is_for(server: tuple[str, ...]) -> None:
    facts = replace(FACTS, platforms=server, modelcar=("linux/amd64",))

    predictor = made("InferenceService", FULL, facts, kserve_storage="modelcar")["spec"][
        "predictor"
    ]

    assert predictor["nodeSelector"]["kubernetes.io/arch"] == "amd64"
    with pytest.raises(Unsupported, match="different processors"):
        other = replace(facts, modelcar=("linux/s390x",))
        resources(FULL, other, wish(kserve_storage="modelcar"))


# Names


@pytest.mark.parametrize(
    ("namespace", "most"), [(None, 48), ("ml", 48), ("default", 45), ("n" * 40, 12), ("n" * 51, 1)]
)
def test_a_name_is_as_long_as_what_kserve_makes_of_it_lets_it(
    namespace: str | None, most: int
) -> None:
    name = "f" * most

    resources(PINS, FACTS, Wish(kind="kserve", name=name, namespace=namespace))
    with pytest.raises(InvalidInput) as caught:
        resources(PINS, FACTS, Wish(kind="kserve", name=f"{name}f", namespace=namespace))

    assert most == longest_name(namespace)
    assert f"--name {name}," in (caught.value.hint or "")
    assert len(f"{name}-predictor-{namespace or ''}") <= 63
    assert len(f"isvc.{name}-predictor") <= 63


def test_a_namespace_beside_which_no_name_has_room_is_refused_as_such() -> None:
    with pytest.raises(InvalidInput, match="in the namespace") as caught:
        resources(PINS, FACTS, Wish(kind="kserve", name="f", namespace="n" * 52))

    assert "namespace of" in (caught.value.hint or "")


def test_modes_are_called_as_each_version_calls_them() -> None:
    def mode(minor: int) -> str:
        said = made("InferenceService", FULL, kserve=KServe(minor))["metadata"]["annotations"]
        return str(said["serving.kserve.io/deploymentMode"])

    assert [mode(minor) for minor in (11, 15, 16, 21)] == [
        *("RawDeployment", "RawDeployment"),
        *("Standard", "Standard"),
    ]


def test_an_older_kserve_pauses_with_a_program_since_it_forgets_other_pauses() -> None:
    def pause(minor: int) -> list[str]:
        (container,) = made("ServingRuntime", FULL, kserve=KServe(minor))["spec"]["containers"]
        return list(container["lifecycle"]["preStop"])

    assert pause(14) == ["exec"]
    assert pause(15) == ["sleep"]


def test_a_cluster_is_taught_lading_s_addresses_once_by_an_image_with_a_digest() -> None:
    container = made("ClusterStorageContainer", FULL, kserve_storage="lading", namespace="ml")

    assert "namespace" not in container["metadata"]
    # Whoever removes one model's folder must not take it from the others.
    assert container["metadata"]["annotations"] == {
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    }
    assert container["spec"]["supportedUriFormats"] == [{"prefix": "lading://"}]
    inner = container["spec"]["container"]
    assert inner["name"] == "storage-initializer"
    assert inner["image"] == CLIENT
    # KServe gives the arguments: those of ours would take their place.
    assert inner["command"] == ["lading", "storage-initializer"]
    assert "args" not in inner


def test_only_a_version_that_knows_of_several_models_is_told_of_them() -> None:
    def told(minor: int) -> bool:
        said: dict[str, Any] = {"kserve_storage": "lading", "kserve": KServe(minor)}
        return "supportsMultiModelDownload" in made("ClusterStorageContainer", FULL, **said)["spec"]

    assert [told(minor) for minor in (11, 15, 16, 21)] == [False, False, True, True]


@given(
    storage=st.sampled_from([None, *STORAGES]),
    minor=st.integers(OLDEST, NEWEST),
    cluster=st.integers(OLDEST_CLUSTER, NEWEST_CLUSTER),
    gate=st.booleans(),
    replicas=st.integers(1, 5),
    namespace=st.sampled_from([None, "ml"]),
    pins=st.sampled_from([PINS, FULL, replace(PINS, modelcar=CAR), replace(PINS, puller=CLIENT)]),
)
def test_whatever_is_wished_for_everything_is_by_digest_and_a_patch_gives_all_digests_back(  # noqa: PLR0917
    storage: Storage | None,
    minor: int,
    cluster: int,
    gate: bool,
    replicas: int,
    namespace: str | None,
    pins: Pins,
) -> None:
    wanted = wish(
        kserve=KServe(minor),
        kserve_storage=storage,
        cluster=Cluster(cluster),
        image_volumes=gate,
        replicas=replicas,
        namespace=namespace,
    )
    try:
        documents = resources(pins, FACTS, wanted)
    except (Unsupported, InvalidInput) as refusal:
        assert refusal.hint
        return

    bare, patches = split(documents)
    of_versions = [each for each in bare if each["kind"] != "ClusterStorageContainer"]

    assert lint(documents) == ()
    assert "sha256:" not in str(of_versions)
    assert [patch["kind"] for patch in patches] == ["InferenceService"]
    assert merge(bare, patches) == documents
    assert running(files(documents)[DIGESTS]).reference == pins.runs.reference


# Versions


@pytest.mark.parametrize(("text", "minor"), [("0.20", 20), ("v0.15.2", 15), ("0.21.0-rc1", 21)])
def test_a_version_of_kserve_is_read_as_people_write_it(text: str, minor: int) -> None:
    assert KServe.parse(text) == KServe(minor)


@pytest.mark.parametrize("text", ["", "1.35", "twenty", "0.10", "0.99", "0.20; rm"])
def test_an_unknown_version_of_kserve_is_refused_with_one_that_is_known(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        KServe.parse(text)

    assert "0." in (caught.value.hint or "")
