"""What a person says of a model on the command line, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from parts.command import Command


@pytest.fixture
def lading(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    return folder


def document(lading: Command, reference: str = "ml/fraud:1.0.0") -> Any:
    return json.loads(lading("inspect", reference, "--json").stdout)["document"]


def test_every_flag_is_in_the_document(lading: Command, model: Path) -> None:
    assert lading("push", model, "ml/base:1.0.0").returncode == 0

    done = lading(
        *("push", model, "ml/fraud:1.0.0"),
        *("--metric", "auc@test=0.93", "--metric", "loss=1e-3"),
        *("--param", "lr=0.01", "--param", "name=adam", "--param", "layers=[1,2]"),
        *("--dataset", "s3://data/train#train", "--dataset", "s3://data/all"),
        *("--parent", "ml/base:1.0.0", "--license", "MIT", "--description", "Finds fraud"),
        *("--tag", "team=risk", "--author", "Ada"),
    )

    found = document(lading)
    assert done.returncode == 0
    assert found["metrics"] == [
        {"name": "auc", "value": 0.93, "split": "test"},
        {"name": "loss", "value": 0.001},
    ]
    assert found["params"] == {"lr": 0.01, "name": "adam", "layers": [1, 2]}
    assert found["lineage"]["datasets"] == [
        {"uri": "s3://data/train", "split": "train"},
        {"uri": "s3://data/all"},
    ]
    (parent,) = found["lineage"]["parents"]
    assert parent["reference"] == "ml/base:1.0.0"
    assert parent["digest"].startswith("sha256:")
    assert (found["licenses"], found["description"]) == (["MIT"], "Finds fraud")
    assert (found["tags"], found["authors"]) == ({"team": "risk"}, ["Ada"])


def test_a_flag_wins_over_the_file(lading: Command, model: Path) -> None:
    (model / "lading.yaml").write_text("description: file\nmetrics: {auc: 0.1, f1: 0.2}\n")

    lading("push", model, "ml/fraud:1.0.0", "--metric", "auc=0.9")

    found = document(lading)
    assert found["description"] == "file"
    assert {each["name"]: each["value"] for each in found["metrics"]} == {"auc": 0.9, "f1": 0.2}


def test_another_file_can_be_named(lading: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "about.yaml").write_text("description: from about.yaml\n")

    lading("push", model, "ml/fraud:1.0.0", "-f", tmp_path / "about.yaml")

    assert document(lading)["description"] == "from about.yaml"


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ('{"inputs": [{"kind": "column", "name": "a", "dtype": "int64"}]}', "column"),
        ("inputs: [{kind: column, name: a, dtype: int64}]", "column"),
        ('{"type": "object", "properties": {"a": {"type": "integer"}}}', "column"),
    ],
)
def test_a_schema_may_be_a_signature_or_a_json_schema(
    lading: Command, model: Path, tmp_path: Path, schema: str, kind: str
) -> None:
    (tmp_path / "schema.json").write_text(schema)

    done = lading("push", model, "ml/fraud:1.0.0", "--schema", tmp_path / "schema.json")

    assert done.returncode == 0, done.stderr
    (field,) = document(lading)["signature"]["inputs"]
    assert (field["kind"], field["name"], field["dtype"]) == (kind, "a", "int64")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("example.json", '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]'),
        ("example.jsonl", '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n'),
        ("example.csv", "a,b\n1,x\n2,y\n"),
    ],
)
def test_an_example_is_kept_and_tells_the_schema(
    lading: Command, model: Path, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)

    done = lading("push", model, "ml/fraud:1.0.0", "--input-example", tmp_path / name)

    assert done.returncode == 0, done.stderr
    found = document(lading)
    assert [field["dtype"] for field in found["signature"]["inputs"]] == ["int64", "string"]
    assert found["input_example"]["path"].startswith(".lading/example/")


def test_an_example_that_does_not_fit_is_refused(
    lading: Command, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "schema.json").write_text(
        '{"inputs": [{"kind": "column", "name": "a", "dtype": "int64"}]}'
    )
    (tmp_path / "example.json").write_text('[{"a": "one"}]')

    done = lading(
        *("push", model, "ml/fraud:1.0.0", "--schema", tmp_path / "schema.json"),
        *("--input-example", tmp_path / "example.json"),
    )

    assert done.returncode == 2
    assert "a" in done.stderr
    assert lading("inspect", "ml/fraud:1.0.0").returncode == 3


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (("--metric", "auc"), "not a metric: 'auc'"),
        (("--metric", "auc=high"), "not a metric"),
        (("--param", "lr"), "no key and value: 'lr'"),
        (("--without", "everything"), "nothing called 'everything' is captured"),
        (("--schema", "nowhere.json"), "there is no file nowhere.json"),
        (("--input-example", "nowhere.json"), "nowhere.json"),
        (("-f", "nowhere.yaml"), "there is no file nowhere.yaml"),
        (("--python", "/nowhere/python"), "/nowhere/python"),
        (("--run", "mlflow:nothing"), "there is no MLflow run 'nothing'"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_moves(
    lading: Command, model: Path, flags: tuple[str, ...], what: str
) -> None:
    done = lading("push", model, "ml/fraud:1.0.0", *flags)

    assert done.returncode in (2, 3)
    assert what in done.stderr
    assert "hint" in done.stderr or "cause" in done.stderr or "no file" in done.stderr
    assert lading("inspect", "ml/fraud:1.0.0").returncode == 3


def test_strict_is_a_flag_and_a_setting(lading: Command, model: Path, tmp_path: Path) -> None:
    refused = lading("push", model, "ml/fraud:1.0.0", "--strict")

    assert refused.returncode == 9
    assert "--metric NAME=NUMBER" in refused.stderr
    (tmp_path / "lading.toml").write_text('strict = true\nrequired = "description, license"\n')
    named = lading("push", model, "ml/fraud:1.0.0")
    assert "does not say description, license" in named.stderr
    assert lading("push", model, "ml/fraud:1.0.0", "--no-strict").returncode == 0


def test_nothing_is_looked_for_where_the_setting_says_so(
    lading: Command, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "lading.toml").write_text('without = ["all"]\n')

    lading("push", model, "ml/fraud:1.0.0")

    assert set(document(lading)) == {"schema_version", "name", "version", "created", "files"}


def test_inspect_shows_what_is_known(lading: Command, model: Path) -> None:
    lading(
        *("push", model, "ml/fraud:1.0.0", "--metric", "auc@test=0.93"),
        *("--dataset", "s3://data/train", "--without", "code"),
    )

    shown = lading("inspect", "ml/fraud:1.0.0").stdout

    assert "How well it does" in shown
    assert "auc     0.93   test" in shown
    assert "data  s3://data/train" in shown
    assert "python" in shown


def test_inspect_survives_a_document_of_nonsense() -> None:
    from lading.cli.known import sections
    from lading.cli.table import View, seen

    nonsense: list[object] = [None, 5, "x", [], [[]], {"a": [{}]}, True, [None, {"name": 5}]]
    names = ("metrics", "signature", "facts", "framework", "environment", "lineage", "hazards")

    for value in nonsense:
        lines = list(seen(sections(dict.fromkeys(names, value)), View(80, whole=False)))
        assert all(isinstance(line, str) for line in lines)
