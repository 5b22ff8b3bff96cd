"""What is said beside documents: what a cluster, or a container in it, would find out late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deploy import given as g

from lading.deploy.cluster import Cluster
from lading.deploy.engines import Podman
from lading.deploy.notes import notes
from lading.deploy.pins import Pins, Serving
from lading.deploy.wish import Kind

PULLED = replace(g.PINS, puller=g.CLIENT)
HELD = replace(g.PINS, serving=Serving(g.SERVER, holds_model=True))
CA = "site/own ca.pem"


def said(pins: Pins, kind: Kind, word: str, **more: Any) -> list[str]:
    """The notes with a word in them."""
    return [note for note in notes(pins, g.FACTS, g.wish(kind, **more)) if word in note]


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
@pytest.mark.parametrize("kind", ["deployment", "init", "job", "pod", "kserve"])
def test_a_cluster_finds_no_registry_of_this_machine_under_its_name(kind: Kind, host: str) -> None:
    pins = replace(g.PINS, runs=replace(g.PINS.runs, place=f"{host}/ml/fraud"))

    (note,) = said(pins, kind, "node itself", kserve_storage="native" if kind == "kserve" else None)

    assert f"on a node {host} is" in note
    assert "lading copy" in note


def test_each_such_host_is_told_once_whatever_is_there() -> None:
    here = "localhost:5000/tools/lading@sha256:0"
    serving = Serving(here, holds_model=False)

    assert len(said(replace(PULLED, serving=serving, puller=here), "init", "node itself")) == 1
    assert not said(PULLED, "init", "node itself")


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_this_machine_finds_its_own_registry(kind: Kind) -> None:
    pins = replace(g.PINS, runs=replace(g.PINS.runs, place="localhost:5000/ml/fraud"))

    assert not said(pins, kind, "node itself")


@pytest.mark.parametrize("kind", ["init", "job", "pod"])
def test_a_pod_that_pulls_is_given_an_authority_by_an_overlay(kind: Kind) -> None:
    (note,) = said(g.PINS, kind, CA, ca_file=CA, namespace="ml", cluster=Cluster(28))

    assert (
        "kubectl -n ml create configmap registry-ca --from-file='ca.crt=site/own ca.pem'," in note
    )
    assert "LADING_CA_FILE" in note


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("kserve", {"cluster": Cluster(30)}),
        ("compose", {}),
        ("podman", {}),
    ],
)
def test_what_no_overlay_reaches_pulls_with_an_image_that_trusts_it(
    kind: Kind, more: dict[str, Any]
) -> None:
    (note,) = said(PULLED, kind, CA, ca_file=CA, **more)

    assert "--puller" in note
    assert "ENV LADING_CA_FILE=/ca.crt" in note
    assert ("without --puller the engine mounts" in note) is (kind != "kserve")


def test_a_pod_of_a_podman_that_mounts_no_images_pulls() -> None:
    (note,) = said(g.PINS, "podman", CA, ca_file=CA, podman=Podman(5, 2))
    assert "without --puller" not in note
    assert not said(g.PINS, "podman", CA, ca_file=CA, podman=Podman(5, 4))


@pytest.mark.parametrize(
    ("pins", "kind"),
    [(g.PINS, "deployment"), (HELD, "job"), (HELD, "kserve"), (g.PINS, "compose")],
)
def test_where_nothing_pulls_nobody_needs_an_authority(pins: Pins, kind: Kind) -> None:
    assert not said(pins, kind, CA, ca_file=CA)


def test_who_trusts_the_usual_authorities_is_told_nothing_of_any() -> None:
    assert not said(g.PINS, "init", "trust")
