"""What stays where digests move, and is too little for the version that comes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deploy.given import FACTS, KINDS, PINS, wish

from lading.deploy import kinds
from lading.deploy.cluster import Cluster
from lading.deploy.guess import GIB, guess
from lading.deploy.outgrown import outgrown, too_small
from lading.deploy.resource import Resource
from lading.deploy.wish import Kind

LARGER = replace(FACTS, size=3 * GIB)


def made(kind: Kind, **more: Any) -> tuple[Resource, ...]:
    return kinds.resources(PINS, FACTS, wish(kind, **more))


@pytest.mark.parametrize("kind", [*KINDS, "kserve"])
def test_both_figures_are_told_of_what_was_guessed(kind: Kind) -> None:
    documents = made(kind)

    notes = " ".join(outgrown(documents, LARGER))

    written, wanted = guess(FACTS), guess(LARGER)
    for amount in (written.memory, written.memory_limit, wanted.memory, wanted.memory_limit):
        assert amount in notes
    if kind != "job":  # which answers nobody
        assert f"{wanted.patience} s" in notes
    assert "3072Mi" in notes


@pytest.mark.parametrize("kind", [*KINDS, "kserve"])
def test_nothing_is_told_of_the_same_size_or_a_smaller_one(kind: Kind) -> None:
    documents = kinds.resources(PINS, LARGER, wish(kind))

    assert list(outgrown(documents, LARGER)) == []
    assert list(outgrown(documents, FACTS)) == []


def test_what_somebody_measured_is_believed_until_the_files_alone_are_more() -> None:
    documents = made("deployment", memory="2Gi")

    (patience,) = outgrown(documents, replace(FACTS, size=GIB))
    limit, _ = outgrown(documents, LARGER)

    assert patience.startswith("the model has ")
    assert limit == "the limit of memory is 2Gi, and the files alone are 3072Mi"


def test_a_volume_that_the_files_do_not_fit_into_is_told() -> None:
    pulled = made("init")

    assert too_small(pulled, LARGER) == guess(FACTS).room
    assert too_small(pulled, FACTS) is None
    assert too_small(made("deployment"), LARGER) is None
    assert too_small(made("job", cluster=Cluster(29)), LARGER) == guess(FACTS).room


@pytest.mark.parametrize(
    ("limit", "fits"),
    [("3Gi", True), ("4G", True), ("3.1G", False), ("3221225471", False), ("lots", True)],
)
def test_amounts_are_read_as_people_write_them(limit: str, fits: bool) -> None:
    (workload, _) = made("init")
    workload["spec"]["template"]["spec"]["volumes"][0]["emptyDir"]["sizeLimit"] = limit

    assert (too_small([workload], LARGER) is None) == fits


def test_whatever_shape_documents_have_they_are_looked_through() -> None:
    odd: list[Resource] = [
        {},
        {"spec": None},
        {"spec": {"containers": [None, {}], "volumes": [None, {"name": "model"}]}},
        {"spec": {"template": [], "predictor": {"model": "x"}}, "metadata": "x"},
    ]

    assert list(outgrown(odd, LARGER)) == []
    assert too_small(odd, LARGER) is None
