"""A signature's JSON Schema takes what the signature takes, and refuses what it refuses."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from signatures import strategies

from lading.errors import InvalidInput
from lading.signatures.compatible import compatible
from lading.signatures.forms import form_of, is_split
from lading.signatures.json_schema import from_json_schema, params_schema, to_json_schema
from lading.signatures.mlflow import to_mlflow
from lading.signatures.validate import validate
from lading.spec.signature import Column, JsonField, Param, Signature, Tensor

WRONG: tuple[Any, ...] = (
    {"no such name": 1},
    [{"no such name": 1}],
    [[{}]],
    0.5,
    "text?",
    True,
    None,
    [],
    {},
)


def accepts(schema: dict[str, Any], value: Any) -> bool:
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@given(st.data())
def test_what_the_signature_takes_the_schema_takes(data: st.DataObject) -> None:
    fields = data.draw(strategies.sides())
    signature = Signature(inputs=fields)
    value = data.draw(strategies.values(fields)) if fields else data.draw(st.sampled_from(WRONG))

    assert validate(signature, value) == ()
    assert accepts(to_json_schema(signature).value, value)


@given(st.data())
def test_what_the_schema_refuses_the_signature_refuses(data: st.DataObject) -> None:
    fields = data.draw(strategies.sides())
    other = data.draw(strategies.sides())
    signature = Signature(inputs=fields)
    value = data.draw(strategies.values(other)) if other else data.draw(st.sampled_from(WRONG))

    # Columns and data may come in any order, which no schema can say, and which is a loss.
    assume(not is_split((), value))
    if not accepts(to_json_schema(signature).value, value):
        assert validate(signature, value) != ()


def test_a_schema_says_where_it_is_stricter_than_the_signature() -> None:
    fields = (Column(name="a", dtype="bool"), Column(name="b", dtype="bool"))
    value = {"columns": ["b", "a"], "data": [[True, False]]}

    converted = to_json_schema(Signature(inputs=fields))

    assert validate(Signature(inputs=fields), value) == ()
    assert not accepts(converted.value, value)
    assert converted.losses == ("the form of columns and data must be in this order",)


@given(st.data())
def test_a_cell_of_another_type_is_refused_by_both(data: st.DataObject) -> None:
    column = data.draw(strategies.columns("a"))
    cell = data.draw(st.sampled_from([[1], {"a": 1}, "?", -0.5, 2**80]))
    signature = Signature(inputs=(column,))
    if cell in (-0.5, 2**80) and column.dtype in ("float16", "bfloat16", "float32", "float64"):
        cell = "?"
    if cell == "?" and column.dtype == "string":
        cell = 1

    assert validate(signature, [{"a": cell}]) != ()
    assert not accepts(to_json_schema(signature).value, [{"a": cell}])


@given(strategies.sides())
def test_a_signature_is_read_back_from_its_own_schema(fields: tuple[Any, ...]) -> None:
    schema = to_json_schema(Signature(inputs=fields)).value

    read = from_json_schema(schema).inputs

    # A JSON field that stands alone may describe a table, and is read as one.
    if fields and not (form_of(fields) == "value" and isinstance(fields[0], JsonField)):
        assert read == fields


def test_an_object_of_scalars_becomes_columns() -> None:
    signature = from_json_schema(
        {
            "type": "object",
            "properties": {
                "age": {"type": "integer"},
                "income": {"type": ["number", "null"]},
                "since": {"type": "string", "format": "date"},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["age"],
        }
    )

    assert signature.inputs == (
        Column(name="age", dtype="int64"),
        Column(name="income", dtype="float64", nullable=True, required=False),
        Column(name="since", dtype="date32", required=False),
        Column(name="kind", dtype="string", enum=("a", "b"), required=False),
        JsonField(
            name="tags", json_schema={"type": "array", "items": {"type": "string"}}, required=False
        ),
    )


def test_rectangular_arrays_become_tensors_and_the_rest_json() -> None:
    image: dict[str, Any] = {
        "type": "array",
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
    }

    assert from_json_schema(image).inputs == (Tensor(dtype="float64", shape=(-1, 3)),)
    assert from_json_schema(image, "outputs").outputs == (Tensor(dtype="float64", shape=(-1, 3)),)
    assert isinstance(from_json_schema({"type": "array", "items": {}}).inputs[0], JsonField)
    assert isinstance(from_json_schema({"oneOf": [{}, {}]}).inputs[0], JsonField)


def test_a_range_that_is_no_types_stays_json() -> None:
    schema: dict[str, Any] = {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 10},
    }

    assert from_json_schema(schema).inputs == (JsonField(json_schema=schema),)


def test_local_references_are_put_in_place() -> None:
    schema = {
        "type": "object",
        "properties": {"age": {"$ref": "#/$defs/a~1ge"}},
        "required": ["age"],
        "$defs": {"a/ge": {"type": "integer"}},
    }

    assert from_json_schema(schema).inputs == (Column(name="age", dtype="int64"),)


@pytest.mark.parametrize(
    ("reference", "cause"),
    [
        ("https://example.com/schema.json", "another document"),
        ("other.json#/a", "another document"),
        ("#/$defs/loop", "itself"),
        ("#/nowhere", "not in it"),
    ],
)
def test_references_out_round_and_to_nothing_are_refused(reference: str, cause: str) -> None:
    loop = {"type": "array", "items": {"$ref": "#/$defs/loop"}}

    with pytest.raises(InvalidInput, match=cause):
        from_json_schema({"$ref": reference, "$defs": {"loop": loop}})


def test_references_that_explode_are_refused() -> None:
    levels = {f"l{at}": {"anyOf": [{"$ref": f"#/$defs/l{at + 1}"}] * 10} for at in range(12)}

    with pytest.raises(InvalidInput, match="too large"):
        from_json_schema({"$ref": "#/$defs/l0", "$defs": {**levels, "l12": {"type": "null"}}})


def test_brackets_without_end_are_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(500):
        schema = {"items": schema}

    with pytest.raises(InvalidInput, match="too large or nested"):
        from_json_schema(schema)


def test_what_a_schema_cannot_check_is_said() -> None:
    signature = Signature(
        inputs=(
            Column(name="x", dtype="float32"),
            Column(name="t", dtype="timestamp", timezone="Europe/Berlin"),
            Column(name="n", dtype="int8"),
        )
    )

    losses = to_json_schema(signature).losses

    assert any(loss.startswith("x: ") and "float32" in loss for loss in losses)
    assert any("Europe/Berlin" in loss for loss in losses)
    assert not any(loss.startswith("n: ") for loss in losses)


def test_parameters_have_a_schema_with_their_defaults() -> None:
    signature = Signature(
        params=(
            Param(name="temperature", dtype="float64", default=0.5),
            Param(name="stop", dtype="string", shape=(-1,)),
        )
    )
    schema = params_schema(signature)

    assert schema["properties"]["temperature"]["default"] == 0.5
    assert accepts(schema, {"temperature": 1, "stop": ["."]})
    assert not accepts(schema, {"temperatur": 1})


def test_references_inside_a_field_stay_its_own() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"q": {"$ref": "#/$defs/text"}},
        "required": ["q"],
        "$defs": {"text": {"type": "string"}},
    }
    chat = JsonField(name="chat", json_schema=schema)
    alone = Signature(inputs=(JsonField(json_schema=schema),))
    table = Signature(inputs=(Column(name="id", dtype="int8"), chat))
    beside = Signature(inputs=(Tensor(name="id", dtype="int8", shape=(-1,)), chat))

    good, bad = {"q": "x"}, {"q": 1}

    for signature, form in ((alone, good), (table, [{"id": 1, "chat": good}])):
        assert accepts(to_json_schema(signature).value, form)
        assert validate(signature, form) == ()
    assert accepts(to_json_schema(beside).value, {"id": [1], "chat": good})
    assert not accepts(to_json_schema(alone).value, bad)
    assert not accepts(to_json_schema(table).value, [{"id": 1, "chat": bad}])
    assert not accepts(to_json_schema(beside).value, {"id": [1], "chat": bad})
    assert validate(beside, {"id": [1], "chat": bad}) != ()
    (_, read) = from_json_schema(to_json_schema(beside).value).inputs
    assert isinstance(read, JsonField)
    assert read.json_schema["properties"] == {"q": {"type": "string"}}


@pytest.mark.parametrize(
    "schema", [{"type": 5}, {"properties": []}, {"items": 3}, {"required": "a"}, {"enum": {}}]
)
def test_what_is_no_schema_is_refused_and_hurts_nobody(schema: Any) -> None:
    odd = Signature(inputs=(JsonField(json_schema=schema),))
    plain = Signature(inputs=(JsonField(json_schema={"type": "object", "required": ["a"]}),))

    with pytest.raises(InvalidInput, match="no JSON Schema"):
        from_json_schema(schema)
    with pytest.raises(InvalidInput, match="is none"):
        validate(odd, {})
    assert to_mlflow(odd).losses
    assert compatible(odd, plain).verdict == "breaking"
    assert compatible(plain, odd).verdict in ("breaking", "compatible")


def test_an_array_of_thousands_of_dimensions_is_not_written() -> None:
    deep = Signature(inputs=(Tensor(dtype="int8", shape=(1,) * 5000),))

    with pytest.raises(InvalidInput, match="5000 dimensions"):
        to_json_schema(deep)
    assert validate(deep, [[1]]) != ()
