"""What runs, read from pods as an API shows them, and records beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.cluster import pod, service

from lading.deploy.running import How, Known, Running, running, unknown_images
from lading.deploy.whereabouts import Deployed, Looked, joined, latest
from lading.spec.digest import Digest

ONE, TWO, IMAGE, OTHER = (Digest(f"sha256:{digit * 64}") for digit in "1234")
PLACE = "registry.example/ml/fraud"
KNOWN = Known("ml/fraud", frozenset({ONE, TWO}), {IMAGE: TWO})


def seen(*pods: dict[str, Any], services: tuple[dict[str, Any], ...] = ()) -> tuple[Running, ...]:
    return running(pods, services, KNOWN)


def test_an_image_volume_names_a_version() -> None:
    (found,) = seen(pod("fraud-5d4f8c9b7-x", volume=f"{PLACE}@{ONE}", deployment="fraud"))

    assert (found.place, found.digest, found.how) == ("risk/fraud", ONE, ("image volume",))
    assert (found.pods, found.ready, found.since) == (1, 1, "2026-11-20T10:00:00Z")


def test_pods_of_one_deployment_are_one_workload() -> None:
    (found,) = seen(
        pod("a", volume=f"{PLACE}@{ONE}", deployment="fraud", created="2026-11-21T00:00:00Z"),
        pod("b", volume=f"{PLACE}@{ONE}", deployment="fraud", ready=False),
    )

    assert (found.pods, found.ready) == (2, 1)
    assert found.since == "2026-11-20T10:00:00Z"


def test_in_the_middle_of_a_rollout_two_versions_run() -> None:
    found = seen(
        pod("a", volume=f"{PLACE}@{ONE}", deployment="fraud"),
        pod("b", volume=f"{PLACE}@{TWO}", deployment="fraud"),
    )

    assert [(each.name, each.digest) for each in found] == [("fraud", ONE), ("fraud", TWO)]


def test_an_image_of_which_evidence_says_that_it_holds_a_version_names_it() -> None:
    (found,) = seen(pod("a", image=f"{PLACE}@{IMAGE}"))

    assert (found.digest, found.how) == (TWO, ("image",))


def test_a_version_that_is_run_as_an_image_itself_is_seen() -> None:
    (found,) = seen(pod("a", image=f"{PLACE}@{ONE}"))

    assert (found.digest, found.how) == (ONE, ("image",))


def test_what_an_init_container_is_told_to_pull_is_seen() -> None:
    (found,) = seen(pod("a", init_args=("pull", f"{PLACE}@{ONE}", "--output", "/models")))

    assert (found.digest, found.how, found.pods) == (ONE, ("command",), 1)


def test_a_pod_that_names_a_version_in_two_ways_is_one_pod() -> None:
    (found,) = seen(pod("a", volume=f"{PLACE}@{TWO}", image=f"{PLACE}@{IMAGE}"))

    assert (found.digest, found.pods) == (TWO, 1)
    assert set(found.how) == {"image volume", "image"}


def test_an_annotation_is_a_claim() -> None:
    (found,) = seen(pod("a", annotations={"dev.lading/digest": ONE}))

    assert found.is_claimed
    assert found.digest == ONE


def test_a_claim_that_the_spec_contradicts_is_told_with_what_runs() -> None:
    (found,) = seen(pod("a", volume=f"{PLACE}@{TWO}", annotations={"dev.lading/digest": ONE}))

    assert (found.digest, found.claims, found.is_claimed) == (TWO, ONE, False)


def test_the_id_of_an_image_in_a_status_names_nothing() -> None:
    assert seen(pod("a", image_id=f"{PLACE}@{ONE}")) == ()


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pods_that_ended_do_not_run(phase: str) -> None:
    assert seen(pod("a", volume=f"{PLACE}@{ONE}", phase=phase)) == ()


def test_a_mirrored_version_is_the_same_version() -> None:
    (found,) = seen(pod("a", volume=f"near.example:5000/ml/fraud@{ONE}"))

    assert found.digest == ONE


def test_a_model_named_by_tag_runs_and_nobody_knows_which() -> None:
    found = seen(
        pod("a", volume=f"{PLACE}:prod"),
        pod("b", image=f"{PLACE}:serve-1.0.0"),
        services=(service("c", "oci+native://registry.example/ml/fraud:1.0.0"),),
    )

    assert [(each.digest, each.named) for each in found] == [
        (None, f"{PLACE}:prod"),
        (None, f"{PLACE}:serve-1.0.0"),
        (None, "registry.example/ml/fraud:1.0.0"),
    ]


def test_another_model_is_not_this_one() -> None:
    assert (
        seen(
            pod("a", volume=f"registry.example/ml/churn@{OTHER}"),
            pod("b", image=f"{PLACE}:runtime-1.0.0"),
            pod("c", annotations={"dev.lading/digest": OTHER}),
            services=(service("d", "s3://bucket/ml/fraud"),),
        )
        == ()
    )


@pytest.mark.parametrize("scheme", ["oci", "oci+native", "oci+fetch", "lading"])
def test_a_service_of_kserve_names_a_version(scheme: str) -> None:
    (found,) = seen(services=(service("fraud", f"{scheme}://{PLACE}@{ONE}"),))

    assert (found.place, found.digest, found.how) == ("risk/fraud", ONE, ("storageUri",))


def test_a_services_own_pods_belong_to_it() -> None:
    own = pod("fraud-predictor-x", image=f"{PLACE}@{ONE}")
    own["metadata"]["labels"] = {"serving.kserve.io/inferenceservice": "fraud"}

    (found,) = seen(own, services=(service("fraud", f"oci://{PLACE}@{ONE}"),))

    assert (found.name, found.pods, found.ready) == ("fraud", 1, 1)
    assert set(found.how) == {"image", "storageUri"}


def test_images_that_lie_beside_the_model_are_asked_about() -> None:
    pods = [
        pod("a", image=f"{PLACE}@{OTHER}"),
        pod("b", image=f"{PLACE}@{ONE}"),
        pod("c", image=f"registry.example/other@{IMAGE}"),
    ]

    assert unknown_images(pods, KNOWN) == {OTHER}


# fmt: off
_KEYS = (
    "metadata", "spec", "status", "volumes", "image", "reference", "containers",
    "initContainers", "args", "name", "namespace", "labels", "annotations", "ownerReferences",
    "predictor", "storageUri", "conditions", "type", "phase", "pod-template-hash", "model",
    "kind", "dev.lading/digest", "dev.lading/model",
)
# fmt: on
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from([f"{PLACE}@{ONE}", PLACE, "@", ":", "sha256:", f"{ONE}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), _JSON, max_size=3))
def test_whatever_a_cluster_says_is_read(document: dict[str, Any]) -> None:
    found = running([document], [document], KNOWN)

    assert all(each.digest in (None, *KNOWN.versions) or each.named for each in found)
    assert all(len(each.name) <= 253 for each in found)
    unknown_images([document], KNOWN)


# Records beside it

EVENT = Deployed("eu-1/risk/fraud", ONE, "2026-11-19T00:00:00Z", "ada")
HERE = Looked("eu-1")


def found_at(
    name: str, digest: Digest | None, how: How = "image volume", named: str | None = None
) -> Running:
    return Running("risk", name, digest, (how,), "2026-11-20T00:00:00Z", 1, 1, named)


def test_what_was_recorded_and_seen_is_both() -> None:
    (row,) = joined([EVENT], [found_at("fraud", ONE)], HERE)

    assert (row.known, row.difference, row.since) == ("both", None, EVENT.time)


def test_what_was_recorded_and_runs_no_more_is_said() -> None:
    (row,) = joined([EVENT], [], HERE)

    assert (row.known, row.difference) == ("recorded", "not seen there")


def test_what_was_recorded_where_another_runs_is_said_of_both() -> None:
    one, two = joined([EVENT], [found_at("fraud", TWO)], HERE)

    assert (one.digest, one.known) == (ONE, "recorded")
    assert one.difference == f"not seen there: {TWO.short} runs"
    assert (two.digest, two.known, two.difference) == (
        TWO,
        "seen",
        f"recorded there is {ONE.short}",
    )


def test_what_nobody_recorded_is_said() -> None:
    (row,) = joined([], [found_at("fraud", ONE)], HERE)

    assert (row.place, row.known, row.difference) == (
        "eu-1/risk/fraud",
        "seen",
        "nobody recorded it",
    )


@pytest.mark.parametrize("looked", [None, Looked("us-1"), Looked("eu-1", "fraud")])
def test_of_places_where_nobody_looked_nothing_is_said(looked: Looked | None) -> None:
    (row,) = joined([EVENT], [], looked)

    assert (row.known, row.difference) == ("recorded", None)


def test_a_record_that_only_an_annotation_confirms_is_no_more_than_a_record() -> None:
    (row,) = joined([EVENT], [found_at("fraud", ONE, how="annotation")], HERE)

    assert row.known == "recorded"
    assert row.difference == "an annotation says so, and no spec names it"


def test_a_claim_is_told_as_one() -> None:
    (row,) = joined([], [found_at("fraud", ONE, how="annotation")], HERE)

    assert row.known == "claimed"


def test_what_runs_by_tag_is_said() -> None:
    (row,) = joined([], [found_at("fraud", None, named=f"{PLACE}:prod")], HERE)

    assert str(row.difference).startswith(f"named by {PLACE}:prod: no digest says")


def test_of_two_records_of_one_place_the_later_holds() -> None:
    later = Deployed(EVENT.place, TWO, "2026-11-20T00:00:00Z", "bob")

    assert latest([EVENT, later]) == (later,)


def test_every_sighting_and_every_record_is_in_the_answer() -> None:
    rows = joined(
        [EVENT, Deployed("a place of our own", ONE, EVENT.time, "ada")],
        [found_at("fraud", TWO), found_at("fraud", ONE), found_at("churn", TWO)],
        HERE,
    )

    assert [(row.place, row.digest, row.known) for row in rows] == [
        ("a place of our own", ONE, "recorded"),
        ("eu-1/risk/churn", TWO, "seen"),
        ("eu-1/risk/fraud", ONE, "both"),
        ("eu-1/risk/fraud", TWO, "seen"),
    ]
