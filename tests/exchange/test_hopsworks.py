"""Hopsworks' words over Lading's verbs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, NotFound
from lading.exchange.hopsworks import ModelSchema, Registry, Schema
from lading.operations.inspect import inspect
from lading.settings import Settings

X = pd.DataFrame({"amount": [1.0, 2.5], "country": ["DE", "FR"]})
y = pd.Series([0, 1], name="fraud")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    return folder


@pytest.fixture(params=["local", "registry"])
def place(request: pytest.FixtureRequest, repository: str) -> str:
    if request.param == "local":
        return ""
    registry: DockerRegistry = request.getfixturevalue("registry")
    return f"{registry.host}/{repository}"


def test_a_model_is_created_and_saved_as_users_of_hopsworks_know(
    place: str, model: Path, settings: Settings
) -> None:
    registry = Registry(place, settings=settings)
    schema = ModelSchema(input_schema=Schema(X), output_schema=Schema(y))

    saved = registry.sklearn.create_model(
        "fraud",
        metrics={"auc": 0.93},
        description="Finds fraud",
        input_example=X.head(1),
        model_schema=schema,
    ).save(model)

    assert saved.version == "0.1.0"
    document = inspect(registry.reference("fraud"), settings=settings).document
    assert document["framework"]["name"] == "scikit-learn"
    assert [field["name"] for field in document["signature"]["inputs"]] == ["amount", "country"]
    assert document["metrics"] == [{"name": "auc", "value": 0.93}]
    assert Path(saved.download(), "model.bin").read_bytes() == b"weights"


def test_a_missing_version_means_the_latest_release(model: Path, settings: Settings) -> None:
    registry = Registry(settings=settings)
    registry.python.create_model("ml/fraud", version="1.0.0").save(model)
    (model / "model.bin").write_bytes(b"other")
    registry.python.create_model("ml/fraud", version="2.0.0").save(model)

    assert registry.get_model("ml/fraud").version == "2.0.0"
    assert registry.get_model("ml/fraud", "1.0.0").version == "1.0.0"


@pytest.mark.parametrize(("direction", "version"), [("max", "0.1.1"), ("min", "0.1.0")])
def test_the_best_model_is_found(
    model: Path, settings: Settings, direction: str, version: str
) -> None:
    registry = Registry(settings=settings)
    for auc in (0.8, 0.9, 0.85):
        registry.torch.create_model("ml/fraud", metrics={"auc": auc}).save(model)
    registry.torch.create_model("ml/fraud").save(model)

    best = registry.get_best_model("ml/fraud", "auc", direction)  # type: ignore[arg-type]  # both

    assert best.version == version


def test_what_is_not_there_is_said(model: Path, settings: Settings) -> None:
    registry = Registry(settings=settings)
    unsaved = registry.python.create_model("ml/fraud")

    with pytest.raises(NotFound, match="was not saved yet"):
        unsaved.download()
    with pytest.raises(InvalidInput, match="not a semantic version"):
        registry.python.create_model("ml/fraud", version="1")
    unsaved.save(model)
    with pytest.raises(NotFound, match="no version of ml/fraud has a metric"):
        registry.get_best_model("ml/fraud", "auc", "max")
    with pytest.raises(InvalidInput, match="direction"):
        registry.get_best_model("ml/fraud", "auc", "best")  # type: ignore[arg-type]  # wrong
    with pytest.raises(AttributeError, match="there are sklearn"):
        registry.prophet  # noqa: B018  asked for on purpose
