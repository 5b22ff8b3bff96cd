"""What goes in and comes out of a version, in four kinds of words, and against another version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from parts.stated import push_stated

from lading.errors import InvalidInput, NotFound
from lading.operations.push import push
from lading.operations.schema import FORMATS, compare, schema
from lading.settings import Settings
from lading.spec.signature import Column, Param, Signature

OLD = Signature(
    inputs=(Column(name="age", dtype="int64"), Column(name="kind", dtype="string", enum=("a",))),
    outputs=(Column(name="prediction", dtype="float32"),),
    params=(Param(name="threshold", dtype="float64", default=0.5),),
)
NEW = Signature(inputs=OLD.inputs[1:], outputs=OLD.outputs, params=OLD.params)


@pytest.fixture
def versions(settings: Settings) -> Settings:
    push_stated("ml/fraud:1.0.0", settings, signature=OLD)
    push_stated("ml/fraud:2.0.0", settings, signature=NEW)
    push_stated("ml/fraud:0.1.0", settings)
    return settings


def test_the_signature_is_shown_as_it_is(versions: Settings) -> None:
    result = schema("ml/fraud:1.0.0", settings=versions)

    assert Signature.model_validate_json(json.dumps(result.schema)) == OLD
    assert (result.format, result.losses) == ("lading", ())
    assert result.digest.startswith("sha256:")


def test_every_format_has_its_words_and_says_what_it_loses(versions: Settings) -> None:
    results = {each: schema("ml/fraud:1.0.0", format=each, settings=versions) for each in FORMATS}

    assert results["json-schema"].schema["params"]["properties"]["threshold"]["default"] == 0.5
    assert results["json-schema"].schema["inputs"]["$schema"].endswith("2020-12/schema")
    assert json.loads(results["mlflow"].schema["inputs"])[0]["type"] == "long"
    assert results["v2"].schema["name"] == "ml/fraud"
    assert results["v2"].schema["versions"] == ["1.0.0"]
    assert "kind: its 1 possible values are lost" in results["mlflow"].losses


def test_two_versions_are_compared(versions: Settings) -> None:
    broken = compare("ml/fraud:2.0.0", "ml/fraud:1.0.0", settings=versions)
    same = compare("ml/fraud:1.0.0", "ml/fraud:1.0.0", settings=versions)
    stated = compare("ml/fraud:1.0.0", "ml/fraud:0.1.0", settings=versions)

    assert (broken.verdict, broken.bump) == ("breaking", "major")
    assert [change.where for change in broken.changes] == ["inputs.age"]
    assert (same.verdict, same.bump, same.changes) == ("same", "patch", ())
    assert (stated.verdict, stated.bump) == ("compatible", "minor")


def test_a_version_that_says_nothing_is_told_apart_from_none(
    versions: Settings, model: Path
) -> None:
    push(model, "ml/plain:1.0.0", settings=versions)

    with pytest.raises(NotFound, match="does not say what goes in"):
        schema("ml/fraud:0.1.0", settings=versions)
    with pytest.raises(NotFound, match="does not say what goes in"):
        schema("ml/plain:1.0.0", settings=versions)
    with pytest.raises(NotFound):
        schema("ml/fraud:9.9.9", settings=versions)


def test_an_unknown_format_is_refused(versions: Settings) -> None:
    with pytest.raises(InvalidInput, match="no format 'xml'"):
        schema("ml/fraud:1.0.0", format="xml", settings=versions)
