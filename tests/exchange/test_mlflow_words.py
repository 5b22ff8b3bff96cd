"""MLflow's words over Lading's verbs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lading.errors import InvalidInput, NotFound, PolicyRefused
from lading.exchange import mlflow
from lading.operations.history import history
from lading.operations.save import save
from lading.settings import Settings


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    return folder


def test_a_model_is_registered_and_found_by_its_alias(model: Path, settings: Settings) -> None:
    first = mlflow.register_model(model, "ml/fraud", tags={"team": "risk"}, settings=settings)
    mlflow.set_alias("ml/fraud", "champion", first.version, settings=settings)

    found = mlflow.get_model_version_by_alias("ml/fraud", "champion", settings=settings)

    assert (found.version, found.digest) == ("0.1.0", first.digest)
    assert (found.tags, "champion" in found.aliases) == ({"team": "risk"}, True)
    mlflow.delete_alias("ml/fraud", "champion", settings=settings)
    with pytest.raises(NotFound):
        mlflow.get_model_version_by_alias("ml/fraud", "champion", settings=settings)


def test_an_alias_that_is_a_stage_moves_as_stages_do(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    first = mlflow.register_model(model, "ml/fraud", settings=settings)

    mlflow.set_alias("ml/fraud", "prod", first.version, settings=settings)
    found = mlflow.get_model_version_by_alias("ml/fraud", "prod", settings=settings)
    mlflow.delete_alias("ml/fraud", "prod", settings=settings)

    assert (found.version, "prod" in found.aliases) == (first.version, True)
    told = history("ml/fraud", stage="prod", settings=settings).events
    assert [event.kind for event in told] == ["assigned", "cleared"]
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true, approvals: 1}}")
    with pytest.raises(PolicyRefused):
        mlflow.set_alias(
            "ml/fraud", "prod", first.version, settings=replace(settings, policy=policy)
        )


def test_versions_are_searched_in_the_words_of_mlflow(model: Path, settings: Settings) -> None:
    for name, team in (("ml/fraud", "risk"), ("ml/fraud", "ads"), ("ml/chat", "risk")):
        mlflow.register_model(model, name, tags={"team": team}, settings=settings)

    found = mlflow.search_model_versions(
        "name = 'ml/fraud' and tags.`team` = 'risk'", settings=settings
    )
    ordered = mlflow.search_model_versions(
        order_by=["name DESC", "version ASC"], max_results=2, settings=settings
    )

    assert [(each.name, each.version, each.tags) for each in found] == [
        ("ml/fraud", "0.1.0", {"team": "risk"})
    ]
    assert [(each.name, each.version) for each in ordered] == [
        ("ml/fraud", "0.1.0"),
        ("ml/fraud", "0.1.1"),
    ]


def test_a_model_is_loaded_by_its_uri(settings: Settings) -> None:
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
    trained = LogisticRegression().fit(rows, [0, 0, 1, 1])
    save(trained, "ml/fraud:1.0.0", input_example=rows, settings=settings)

    loaded = mlflow.load_model("models:/ml/fraud/1.0.0", settings=settings)

    assert list(loaded.predict(rows)) == list(trained.predict(rows))


@pytest.mark.parametrize(
    ("uri", "reference"),
    [
        ("models:/ml/fraud@champion", "ml/fraud:champion"),
        ("models:/ml/fraud/1.2.0", "ml/fraud:1.2.0"),
        ("models:/ml/fraud", "ml/fraud"),
        ("models:/ml/fraud/latest", "ml/fraud"),
        ("models:/registry.example.com:5000/fraud@prod", "registry.example.com:5000/fraud:prod"),
    ],
)
def test_a_uri_is_a_reference(uri: str, reference: str) -> None:
    assert mlflow.reference(uri) == reference


def test_a_stage_of_mlflow_is_refused_with_what_it_is_here() -> None:
    with pytest.raises(InvalidInput, match="Production is a stage of MLflow"):
        mlflow.reference("models:/ml/fraud/Production")


@pytest.mark.parametrize("uri", ["runs:/abc/model", "ml/fraud", "models:/", "models:/a@b/c"])
def test_another_uri_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="not a URI of a registered model"):
        mlflow.reference(uri)


@pytest.mark.parametrize("uri", ["runs:/abc/model", "s3://bucket/model", "mlflow-artifacts:/x"])
def test_what_a_server_keeps_cannot_be_registered(uri: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        mlflow.register_model(uri, "ml/fraud", settings=settings)


def test_a_folder_may_be_a_file_uri(model: Path, settings: Settings) -> None:
    version = mlflow.register_model(model.as_uri(), "ml/fraud", version="2.0.0", settings=settings)

    assert version.version == "2.0.0"
