"""What may be wished for, and what is said of the rest."""

from __future__ import annotations

from typing import Literal

import pytest
from deploy.given import wish
from hypothesis import given
from hypothesis import strategies as st

from lading.deploy.cluster import NEWEST, OLDEST, Cluster
from lading.deploy.wish import (
    Scoring,
    Volume,
    checked_name,
    checked_namespace,
    checked_object,
    checked_quantity,
    name_from,
)
from lading.errors import InvalidInput


@given(st.text(max_size=120))
def test_any_name_becomes_one_that_kubernetes_takes(text: str) -> None:
    found = name_from(text)

    assert checked_name(found) == found
    assert checked_namespace(found) == found
    assert checked_object(found, "secret") == found


@pytest.mark.parametrize("name", ["Fraud", "fraud_1", "-a", "a-", "1a", "", "a" * 64, "a.b", "ä"])
def test_a_name_that_kubernetes_does_not_take_is_refused_with_one_that_it_does(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_name(name)

    checked_name(str(refused.value.hint).removeprefix("--name "))


@pytest.mark.parametrize("text", ["1.35", "v1.35.2", "1.35.0-gke.100", "1.35+k3s1"])
def test_versions_are_read_as_clusters_say_them(text: str) -> None:
    assert Cluster.parse(text) == Cluster(35)


@pytest.mark.parametrize("text", ["1.26", "1.38", "2.0", "latest", "1", "", "1.35x", "1.٣٥"])
def test_a_version_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Cluster.parse(text)

    hint = str(refused.value.hint).removeprefix("--kubernetes-version ").partition(",")[0]
    assert OLDEST <= Cluster.parse(hint).minor <= NEWEST


@pytest.mark.parametrize("what", ["cpu", "memory"])
@pytest.mark.parametrize("text", ["", "0", "-1", "1e3", "much", "1 Gi", "Mi", "1Xi", "0.0", "１"])
def test_an_amount_that_is_none_is_refused(text: str, what: Literal["cpu", "memory"]) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_quantity(text, what)

    assert f"--{what}" in str(refused.value.hint)


@pytest.mark.parametrize("text", ["0.0001", "0.5m", "1.2345", "0.001m"])
def test_processors_finer_than_kubernetes_counts_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_quantity(text, "cpu")

    assert "1m" in str(refused.value.cause)
    assert checked_quantity("0.001", "cpu") and checked_quantity("2.0m", "cpu")


def test_amounts_of_one_are_none_of_the_other() -> None:
    assert checked_quantity("500m", "cpu") and checked_quantity("512Mi", "memory")
    with pytest.raises(InvalidInput):
        checked_quantity("512Mi", "cpu")
    with pytest.raises(InvalidInput):
        checked_quantity("500m", "memory")


@pytest.mark.parametrize("words", ["", "data", "data:", "data:x", "data:/a/../b", "data:/d:rx"])
def test_a_volume_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Volume.parse(words)

    assert "--volume" in str(refused.value.hint)


@pytest.mark.parametrize("path", ["/models", "/models/x", "/tmp/a", "/proc", "/opt", "/dev/shm"])
def test_a_volume_where_something_else_is_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="no volume can be at"):
        Volume.parse(f"data:{path}")


def test_a_volume_is_read_with_its_path_and_mode() -> None:
    assert Volume.parse("my.claim:/data/:ro") == Volume("my.claim", "/data", read_only=True)
    assert Volume.parse("data:/d") == Volume("data", "/d")


@pytest.mark.parametrize(
    ("rows", "predictions", "volumes"),
    [
        ("/data/a.csv", "/data/b.csv", ()),
        ("/data/a.csv", "/data/b.csv", ("d:/data:ro",)),
        ("/data/a.csv", "/else/b.csv", ("d:/data",)),
        ("/data/", "/data/b.csv", ("d:/data",)),
        ("rows.csv", "/data/b.csv", ("d:/data",)),
        ("/data/../etc/x", "/data/b.csv", ("d:/data",)),
        ("/data/a.csv", "/data/b.csv", ("d:/data", "e:/data")),
    ],
)
def test_files_of_a_job_are_in_volumes(
    rows: str, predictions: str, volumes: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput):
        Scoring.checked(rows, predictions, tuple(map(Volume.parse, volumes)))


@pytest.mark.parametrize(
    "more",
    [{"replicas": 0}, {"replicas": 3, "most": 2}, {"replicas": 3, "most": 3}, {"most": 10**6}],
)
def test_replicas_that_cannot_be_are_refused(more: dict[str, int]) -> None:
    with pytest.raises(InvalidInput) as refused:
        wish(**more)  # type: ignore[arg-type]

    assert "replicas" in str(refused.value.hint)
