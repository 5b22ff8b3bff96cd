"""What people and tools write of an evaluation becomes one shape, or is refused with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.evaluation import EvaluatedVersion, Evaluation, evaluation
from lading.spec.evidence import EVALUATION, SCAN, content_of, names_another

INDEX = Digest("sha256:" + "1" * 64)
MODEL = Digest("sha256:" + "2" * 64)
OTHER = Digest("sha256:" + "3" * 64)
THIS = EvaluatedVersion(index=INDEX, model=MODEL)
CREATED = "2026-03-01T12:00:00Z"


def read(value: object) -> Evaluation:
    return evaluation(value, "metrics.json", subject=THIS, created=CREATED, actor="Ada")


def said(value: object) -> list[tuple[str, float]]:
    return [(metric.label, metric.value) for metric in read(value).metrics]


@pytest.mark.parametrize(
    "value",
    [
        {"auc": 0.91, "f1@test": 0.8},
        {"metrics": {"auc": 0.91, "f1@test": 0.8}},
        {"metrics": [{"name": "auc", "value": 0.91}, {"name": "f1@test", "value": 0.8}]},
        [{"key": "auc", "value": 0.91, "timestamp": 17}, {"key": "f1@test", "value": 0.8}],
        [
            {"key": "auc", "value": 0.5, "step": 0},
            {"key": "auc", "value": 0.91, "step": 9},
            {"key": "auc", "value": 0.7, "step": 3},
            {"key": "f1", "split": "test", "value": 0.8, "run_id": "r", "model_id": None},
        ],
    ],
    ids=["flat", "metrics", "a list of metrics", "MLflow", "MLflow's steps"],
)  # fmt: skip
def test_every_usual_shape_says_the_same(value: object) -> None:
    assert said(value) == [("auc", 0.91), ("f1@test", 0.8)]


def test_an_evaluation_says_who_when_and_of_what() -> None:
    made = read({"metrics": {"auc": 1}, "dataset": "s3://d", "split": "test", "notes": "why"})

    assert json.loads(made.encode()) == {
        "schema_version": 1,
        "subject": {"index": INDEX, "model": MODEL},
        "metrics": [{"name": "auc", "value": 1.0}],
        "dataset": "s3://d",
        "split": "test",
        "created": CREATED,
        "actor": "Ada",
        "notes": "why",
    }


def test_what_was_written_can_be_attached_again() -> None:
    made = read({"auc": 0.91, "f1@test": 0.8})

    assert read(json.loads(made.encode())) == made


def test_its_own_moment_and_actor_hold() -> None:
    made = read({"metrics": {"auc": 1}, "created": "2026-01-01T00:00:00Z", "actor": "ci"})

    assert (made.created, made.actor) == ("2026-01-01T00:00:00Z", "ci")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("auc", "not an evaluation"),
        (3, "not an evaluation"),
        ({}, "has no metrics"),
        ([], "has no metrics"),
        ({"auc": "0.91"}, "'auc' is not a number"),
        ({"auc": True}, "'auc' is not a number"),
        ({"auc": None}, "'auc' is not a number"),
        ({"0": {"precision": 0.5}}, "'0' is not a number"),
        ({"auc": float("nan")}, "cannot be written down"),
        ({"metrics": {"auc": 1}, "data": "x"}, "not known: 'data'"),
        ({"metrics": {"auc": 1}, "created": "yesterday"}, "not a moment"),
        ({"metrics": {"auc": 1}, "dataset": 3}, "dataset"),
        ({"metrics": {"auc": 1}, "subject": {"index": OTHER}}, "of another version"),
        ([{"value": 1}], "name"),
        ([{"name": "auc", "value": 1, "vlaue": 2}], "vlaue"),
        (["auc"], "metrics"),
        ({"\ud800": 1}, "hex escape"),
        ({"metrics": {"auc": 1}, "notes": "\ud800"}, "hex escape"),
    ],
)
def test_what_is_none_is_refused_with_a_reason(value: object, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(value)

    assert told in f"{refused.value} {refused.value.cause}"


def test_a_bomb_of_brackets_is_refused() -> None:
    value: object = 1
    for _ in range(500):
        value = [value]

    with pytest.raises(InvalidInput, match="nested too deeply"):
        read(value)


def test_of_a_compressed_copy_the_model_tells_that_it_is_the_same_version() -> None:
    subject = {"index": OTHER, "model": MODEL}

    assert read({"metrics": {"auc": 1}, "subject": subject}).subject == THIS
    content = {"subject": subject}
    assert names_another(EVALUATION, content, INDEX, MODEL) is None
    assert names_another(EVALUATION, content, INDEX, None) == OTHER
    assert names_another(EVALUATION, {"subject": {"index": OTHER}}, INDEX, MODEL) == OTHER
    assert names_another(SCAN, {"digest": OTHER}, INDEX, MODEL) == OTHER
    assert names_another(SCAN, {"digest": None}, INDEX, MODEL) is None


def test_each_metric_that_is_read_names_its_dataset_and_split() -> None:
    raw = read(
        {"metrics": {"auc": 1, "f1@val": 0.5}, "dataset": "s3://d", "split": "test"}
    ).encode()

    metrics = content_of(EVALUATION, raw)["metrics"]

    assert [(each["name"], each["split"], each["dataset"]) for each in metrics] == [
        ("auc", "test", "s3://d"), ("f1", "val", "s3://d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"{}", b'{"metrics":{"auc":1}}', b'{"metrics":[]}', b'{"metrics":[1]}',
        b'{"metrics":[{"name":"auc"}]}', b'{"metrics":[{"name":"auc","value":true}]}',
        b'{"metrics":[{"name":"auc","value":NaN}]}', b'{"metrics":[{"name":"auc","value":1e999}]}',
        b'{"metrics":[{"name":"","value":1}]}',
        b'{"metrics":[{"name":"auc","value":1' + b"0" * 400 + b"}]}",
        b'{"metrics":' + b"[" * 500 + b"]" * 500 + b"}", b" " * (1024 * 1024 + 1),
    ],
)  # fmt: skip
def test_hostile_evaluations_are_not_read(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        content_of(EVALUATION, raw)


def test_a_scan_has_a_verdict() -> None:
    assert content_of(SCAN, b'{"verdict":"clean"}') == {"verdict": "clean"}
    with pytest.raises(InvalidInput, match="no verdict"):
        content_of(SCAN, b'{"verdict":["clean"]}')


NAMES = st.text(min_size=1, max_size=20).filter(lambda name: "@" not in name)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=8))
def test_what_is_written_is_read_as_it_was_said(metrics: dict[str, float]) -> None:
    if "metrics" in metrics:
        return

    raw = read(metrics).encode()

    found = content_of(EVALUATION, raw)["metrics"]
    assert {each["name"]: each["value"] for each in found} == metrics
