"""What a person declares: short forms, nearest names, and what it says of a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.spec.declaration import Declaration, declaration, metric
from lading.spec.document import Document

SCHEMAS = Path(__file__).parents[2] / "schemas"


def given_fields(value: object) -> dict[str, Any]:
    return dict(declaration(value, "lading.yaml").statement().given)


def test_short_forms_are_written_out() -> None:
    fields = given_fields(
        {
            "metrics": {"auc@test": 0.93, "loss": 1},
            "parents": "ml/base:1.0.0",
            "datasets": ["s3://bucket/train", {"name": "test", "digest": "md5:abc"}],
        }
    )

    assert fields["metrics"] == [
        {"name": "auc", "value": 0.93, "split": "test"},
        {"name": "loss", "value": 1.0},
    ]
    assert fields["lineage"] == {
        "parents": [{"reference": "ml/base:1.0.0"}],
        "datasets": [{"uri": "s3://bucket/train"}, {"name": "test", "digest": "md5:abc"}],
    }


def test_one_author_and_one_license_need_no_list() -> None:
    identity = declaration({"author": "Ada", "license": "MIT"}, "it").statement().identity

    assert (identity.authors, identity.licenses) == (("Ada",), ("MIT",))


def test_an_arrays_scalar_is_a_number() -> None:
    class Scalar:
        shape = ()

        def item(self) -> float:
            return 0.5

    assert given_fields({"metrics": {"auc": Scalar()}})["metrics"][0]["value"] == 0.5


def test_nothing_declared_says_nothing() -> None:
    assert given_fields(None) == given_fields({}) == {}


@pytest.mark.parametrize(
    ("value", "field", "hint"),
    [
        ({"metric": {}}, "metric", "did you mean metrics?"),
        ({"metrics": [{"name": "a", "valu": 1}]}, r"metrics\.0\.valu", "did you mean value?"),
        (
            {"signature": {"inputs": [{"kind": "tensor", "dtpe": "int8", "shape": []}]}},
            r"signature\.inputs\.0\.dtpe",
            "did you mean dtype?",
        ),
        ({"card": {"tsk": ""}}, r"card\.tsk", "did you mean task?"),
        ({"version": "1.0.0"}, "version", "the version is the tag"),
        ({"zzz": 1}, "zzz", "known are: authors, "),
    ],
)
def test_a_field_that_nobody_knows_is_refused_with_the_nearest(
    value: object, field: str, hint: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^lading.yaml: there is no field '{field}'") as refusal:
        declaration(value, "lading.yaml")

    assert str(refusal.value.hint).startswith(hint)


@pytest.mark.parametrize(
    "value",
    [
        [],
        "text",
        {"metrics": 5},
        {"metrics": {"auc": "high"}},
        {"metrics": {"auc": float("nan")}},
        {"parents": 5},
        {"tags": {"a": 1}},
        {"datasets": [{"digest": "no digest"}]},
        {"params": {"model": object()}},
        {"signature": {"inputs": [{"kind": "colum"}]}},
    ],
)
def test_a_wrong_value_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^it"):
        declaration(value, "it")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auc=0.93", {"name": "auc", "value": 0.93}),
        ("auc@test=1", {"name": "auc", "split": "test", "value": 1.0}),
        ("auc=0.93@test", {"name": "auc", "split": "test", "value": 0.93}),
        ("map@50=0.5", {"name": "map", "split": "50", "value": 0.5}),
        ("a=b=1e-3", {"name": "a=b", "value": 0.001}),
    ],
)
def test_a_metric_is_read(text: str, expected: object) -> None:
    assert metric(text) == expected


@pytest.mark.parametrize("text", ["auc", "auc=", "=1", "auc=high", "auc=nan", "auc=inf"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a metric"):
        metric(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from([*Declaration.model_fields, "x"]), _JSON))
def test_any_value_is_a_declaration_or_refused(value: dict[str, Any]) -> None:
    try:
        statement = declaration(value, "it").statement()
    except InvalidInput as refusal:
        assert refusal.what
    else:
        files = [{"path": "m", "size": 1, "role": "weights", "layer": "sha256:" + "a" * 64}]
        document = statement.document("2026-01-01T00:00:00Z") | {"files": files}
        assert Document.model_validate(document, strict=False).files


@pytest.mark.parametrize(
    "value",
    [
        {"license": "MIT", "author": "Ada"},
        {"licenses": ["MIT"], "authors": "Ada"},
        {"metrics": {"auc@test": 0.9}},
        {"metrics": [{"name": "auc", "value": 0.9}]},
        {"parents": "ml/a:1.0.0", "datasets": "s3://x"},
        {"parents": {"reference": "x"}, "datasets": [{"uri": "y"}, "z"]},
        {"tags": {"a": "b"}, "params": {"lr": [1, None]}, "capture": {"code": False}},
        {"signature": {"inputs": [{"kind": "tensor", "dtype": "int8", "shape": [-1]}]}},
    ],
)
def test_what_is_taken_is_what_the_schema_of_the_file_says(value: dict[str, Any]) -> None:
    schema = json.loads((SCHEMAS / "lading.schema.json").read_bytes())

    jsonschema.validate(value, schema)

    assert declaration(value, "it").as_json()


@pytest.mark.parametrize("value", [{"metric": {}}, {"card": {"tsk": ""}}, {"metrics": 5}])
def test_what_is_refused_the_schema_of_the_file_refuses(value: dict[str, Any]) -> None:
    schema = json.loads((SCHEMAS / "lading.schema.json").read_bytes())

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema)
    with pytest.raises(InvalidInput):
        declaration(value, "it")


@pytest.mark.parametrize(
    ("column", "words", "hint"),
    [
        ({"kind": "colum", "name": "x"}, "there is no 'colum'", "did you mean column?"),
        ({"kind": "column", "name": "x", "dtype": "flot32"}, "there is no 'flot32'", "float32?"),
        ({"name": "x"}, "its kind is missing", ""),
    ],
)
def test_a_value_of_a_closed_set_is_refused_with_the_nearest(
    column: dict[str, Any], words: str, hint: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        declaration({"signature": {"inputs": [column]}}, "lading.yaml")

    assert words in str(refusal.value.cause)
    assert hint in str(refusal.value.hint)
