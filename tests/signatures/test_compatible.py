"""What breaks who uses a signature, and what does not; each break with a value that shows it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from signatures import strategies

from lading.signatures.compatible import Change, bump_for, compatible
from lading.signatures.forms import form_of
from lading.signatures.json_narrowing import narrowing
from lading.signatures.scalars import FLOATS, INTEGERS
from lading.signatures.validate import validate
from lading.spec.signature import Column, FieldType, JsonField, Param, Signature, Tensor

AGE = Column(name="age", dtype="int32")


def inputs(*fields: FieldType) -> Signature:
    return Signature(inputs=fields)


def outputs(*fields: FieldType) -> Signature:
    return Signature(outputs=fields)


def params(*those: Param) -> Signature:
    return Signature(params=those)


def other(field: Any, **changes: Any) -> Any:
    return field.model_copy(update=changes)


# Every rule with the input that proves it: valid before, refused now.
BREAKING_INPUTS = {
    "a required input is added": (
        inputs(AGE), inputs(AGE, Column(name="b", dtype="bool")), [{"age": 1}],
    ),
    "an input is removed": (
        inputs(AGE, Column(name="b", dtype="bool")), inputs(AGE), [{"age": 1, "b": True}],
    ),
    "an optional input is removed": (
        inputs(AGE, Column(name="b", dtype="bool", required=False)), inputs(AGE),
        [{"age": 1, "b": True}],
    ),
    "an input is required now": (
        inputs(AGE, Column(name="b", dtype="bool", required=False)),
        inputs(AGE, Column(name="b", dtype="bool")), [{"age": 1}],
    ),
    "an integer is narrowed": (inputs(AGE), inputs(other(AGE, dtype="int16")), [{"age": 40_000}]),
    "a sign is lost": (inputs(AGE), inputs(other(AGE, dtype="uint64")), [{"age": -1}]),
    "a float is narrowed": (
        inputs(other(AGE, dtype="float64")), inputs(other(AGE, dtype="float32")), [{"age": 1e300}],
    ),
    "a float becomes an integer": (
        inputs(other(AGE, dtype="float32")), inputs(AGE), [{"age": 0.5}],
    ),
    "a number becomes text": (inputs(AGE), inputs(other(AGE, dtype="string")), [{"age": 1}]),
    "null is no longer taken": (inputs(other(AGE, nullable=True)), inputs(AGE), [{"age": None}]),
    "a possible value is gone": (
        inputs(Column(name="k", dtype="string", enum=("a", "b"))),
        inputs(Column(name="k", dtype="string", enum=("a",))), [{"k": "b"}],
    ),
    "only some values are possible": (
        inputs(Column(name="k", dtype="string")),
        inputs(Column(name="k", dtype="string", enum=("a",))), [{"k": "b"}],
    ),
    "a time zone is demanded": (
        inputs(Column(name="t", dtype="timestamp")),
        inputs(Column(name="t", dtype="timestamp", timezone="UTC")), [{"t": "2026-03-01T00:00:00"}],
    ),
    "a dimension is fixed": (
        inputs(Tensor(dtype="int8", shape=(-1, -1))), inputs(Tensor(dtype="int8", shape=(-1, 3))),
        [[1, 2]],
    ),
    "the rank is another": (
        inputs(Tensor(dtype="int8", shape=(-1,))), inputs(Tensor(dtype="int8", shape=(-1, -1))),
        [1],
    ),
    "an array gets a name": (
        inputs(Tensor(dtype="int8", shape=(-1,))),
        inputs(Tensor(name="x", dtype="int8", shape=(-1,))), [1],
    ),
    "columns become a tensor": (
        inputs(AGE), inputs(Tensor(name="age", dtype="int32", shape=(-1,))), [{"age": 1}],
    ),
    "a property is required": (
        inputs(JsonField(json_schema={"type": "object"})),
        inputs(JsonField(json_schema={"type": "object", "required": ["q"]})), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING_INPUTS)
def test_a_break_of_inputs_has_a_witness(name: str) -> None:
    old, new, witness = BREAKING_INPUTS[name]

    found = compatible(old, new)

    assert found.verdict == "breaking"
    assert bump_for(found) == "major"
    assert validate(old, witness) == ()
    assert validate(new, witness) != ()


@pytest.mark.parametrize("name", BREAKING_INPUTS)
def test_what_breaks_inputs_one_way_breaks_outputs_the_other(name: str) -> None:
    old, new, _ = BREAKING_INPUTS[name]
    if "added" in name or name == "an optional input is removed":
        # Outputs that nobody knows are not seen.
        assert compatible(outputs(*new.inputs), outputs(*old.inputs)).verdict != "same"
        return
    before, after = outputs(*new.inputs), outputs(*old.inputs)

    expected = "compatible" if name == "an input is removed" else "breaking"

    assert compatible(before, after).verdict == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (inputs(AGE), inputs(AGE, Column(name="b", dtype="bool", required=False))),
        (inputs(AGE), inputs(other(AGE, dtype="int64"))),
        (inputs(AGE), inputs(other(AGE, dtype="float64"))),
        (inputs(other(AGE, dtype="int64")), inputs(other(AGE, dtype="float64"))),
        (inputs(AGE), inputs(other(AGE, nullable=True))),
        (inputs(AGE), inputs(other(AGE, required=False))),
        (
            inputs(Column(name="t", dtype="timestamp", timezone="UTC", unit="us")),
            inputs(Column(name="t", dtype="timestamp", timezone="Asia/Tokyo", unit="ns")),
        ),
        (
            inputs(Tensor(dtype="float32", shape=(-1, 3))),
            inputs(Tensor(dtype="float64", shape=(-1, -1))),
        ),
        (outputs(AGE), outputs(AGE, Column(name="b", dtype="bool"))),
        (outputs(other(AGE, nullable=True)), outputs(AGE)),
        (params(), params(Param(name="t", dtype="float64", default=0.5))),
        (
            params(Param(name="t", dtype="float64", default=0.5)),
            params(Param(name="t", dtype="float64", default=0.7)),
        ),
        (params(Param(name="t", dtype="int32")), params(Param(name="t", dtype="int64"))),
        (None, inputs(AGE)),
        (outputs(), outputs(AGE)),
    ],
)
def test_what_widens_inputs_or_narrows_outputs_is_compatible(
    old: Signature | None, new: Signature
) -> None:
    found = compatible(old, new)

    assert (found.verdict, bump_for(found)) == ("compatible", "minor")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (outputs(AGE), outputs(other(AGE, dtype="int16"))),
        (outputs(AGE), outputs()),
        (outputs(AGE), outputs(other(AGE, name="years"))),
        (outputs(AGE), outputs(other(AGE, nullable=True))),
        (outputs(AGE), outputs(other(AGE, dtype="int64"))),
        (outputs(AGE), outputs(other(AGE, required=False))),
        (
            outputs(Column(name="k", dtype="string", enum=("a",))),
            outputs(Column(name="k", dtype="string", enum=("a", "b"))),
        ),
        (
            outputs(Tensor(dtype="float32", shape=(-1, 3))),
            outputs(Tensor(dtype="float32", shape=(-1, 4))),
        ),
        (
            inputs(Column(name="d", dtype="duration", unit="s")),
            inputs(Column(name="d", dtype="duration", unit="ms")),
        ),
        (
            inputs(Column(name="t", dtype="timestamp", unit="ns")),
            inputs(Column(name="t", dtype="timestamp", unit="s")),
        ),
        (inputs(other(AGE, dtype="int64")), inputs(other(AGE, dtype="float32"))),
        (params(Param(name="t", dtype="float64")), params()),
        (params(Param(name="t", dtype="float64")), params(Param(name="t", dtype="string"))),
        (
            params(Param(name="t", dtype="float64", default=0.5)),
            params(Param(name="t", dtype="float64")),
        ),
        (params(), params(Param(name="t", dtype="float64"))),
        (params(Param(name="t", dtype="int8")), params(Param(name="t", dtype="int8", shape=(-1,)))),
        (inputs(AGE), None),
        (inputs(AGE), inputs()),
    ],
)
def test_other_breaks(old: Signature, new: Signature | None) -> None:
    assert compatible(old, new).verdict == "breaking"


def test_a_change_says_where_what_and_why() -> None:
    (change,) = compatible(inputs(AGE), inputs(other(AGE, dtype="int8"))).changes

    assert change == Change(
        "inputs.age", "int32 is now int8", True, "not every int32 is in the range of int8"
    )


def test_descriptions_do_not_count() -> None:
    found = compatible(inputs(AGE), inputs(other(AGE, description="in years")))

    assert (found.verdict, bump_for(found)) == ("same", "patch")


@given(st.none() | strategies.signatures())
def test_a_signature_is_the_same_as_itself(signature: Signature | None) -> None:
    assert compatible(signature, signature).verdict == "same"


@given(st.data())
def test_an_optional_input_beside_others_with_names_never_breaks(data: st.DataObject) -> None:
    old = data.draw(st.one_of(strategies.tables(), strategies.named()))
    added: FieldType = (
        Column(name="new", dtype="bool", required=False)
        if form_of(old) == "table"
        else Tensor(name="new", dtype="bool", shape=(), required=False)
    )

    found = compatible(inputs(*old), inputs(*old, added))

    assert found.verdict == "compatible"


@given(strategies.signatures(), st.randoms())
def test_the_order_of_names_does_not_matter(signature: Signature, rng: random.Random) -> None:
    def shuffled(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(rng.sample(parts, len(parts)))

    assume(all(field.name for field in signature.inputs + signature.outputs))
    mixed = Signature(
        inputs=shuffled(signature.inputs),
        outputs=shuffled(signature.outputs),
        params=shuffled(signature.params),
    )

    assert compatible(signature, mixed).verdict == "same"


def test_the_order_of_what_has_no_name_does() -> None:
    text, number = Tensor(dtype="string", shape=()), Tensor(dtype="int8", shape=())

    assert compatible(inputs(text, number), inputs(number, text)).verdict == "breaking"


@given(st.data())
def test_what_is_called_compatible_takes_every_input_of_before(data: st.DataObject) -> None:
    old = data.draw(strategies.sides())
    new = data.draw(
        st.one_of(st.just(old).map(lambda side: changed(data, side)), strategies.sides())
    )
    assume(old and compatible(inputs(*old), inputs(*new)).verdict != "breaking")

    value = data.draw(strategies.values(old))

    assert validate(inputs(*old), value) == ()
    assert validate(inputs(*new), value) == ()


@given(st.data())
def test_what_is_called_compatible_answers_only_what_was_answered_before(
    data: st.DataObject,
) -> None:
    old = data.draw(strategies.sides())
    new = changed(data, old)
    found = compatible(outputs(*old), outputs(*new))
    assume(
        new and found.verdict != "breaking" and not any("added" in c.what for c in found.changes)
    )

    answer = data.draw(strategies.values(new))

    assert validate(outputs(*old), answer, "outputs") == ()


def changed(data: st.DataObject, side: tuple[FieldType, ...]) -> tuple[FieldType, ...]:
    """The fields with something else about some of them."""
    fields: list[FieldType] = []
    for field in side:
        if isinstance(field, Column):
            fresh = data.draw(strategies.columns(field.name))
            keep = data.draw(st.sets(st.sampled_from(["nullable", "required", "enum"])))
            kept = {name: getattr(field, name) for name in keep}
            fields.append(fresh.model_copy(update=kept) if field.dtype == fresh.dtype else fresh)
        elif isinstance(field, Tensor) and data.draw(st.booleans()):
            fields.append(data.draw(strategies.tensors(field.name)))
        else:
            fields.append(field)
    return tuple(fields)


# JSON Schemas

OPEN = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("sent", "taken", "why"),
    [
        (OPEN, OPEN, ""),
        (OPEN, {}, ""),
        (OPEN, {**OPEN, "title": "other"}, ""),
        (OPEN, {**OPEN, "properties": {**OPEN["properties"], "b": {"type": "string"}}}, ""),  # type: ignore[dict-item]
        (OPEN, {**OPEN, "required": []}, ""),
        (OPEN, {**OPEN, "required": ["a", "b"]}, "b is required"),
        (OPEN, {**OPEN, "properties": {"a": {"type": "number"}}}, ""),
        (OPEN, {**OPEN, "properties": {"a": {"type": "string"}}}, "a: integer is not taken"),
        (OPEN, {**OPEN, "additionalProperties": False}, "other properties"),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array"}, ""),
        ({"type": "array"}, {"type": "array", "items": {"type": "string"}}, "items"),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, ""),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "other values"),
        ({"type": "integer", "minimum": 5}, {"type": "integer", "minimum": 1}, ""),
        ({"type": "integer"}, {"type": "integer", "minimum": 1}, "minimum is 1"),
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 9}, ""),
        ({"oneOf": [{}]}, {"oneOf": [{}, {}]}, "cannot be shown"),
        ({"type": "string"}, {"type": "string", "pattern": "a"}, "cannot be shown"),
    ],
)
def test_one_schema_inside_another(sent: Any, taken: Any, why: str) -> None:
    found = narrowing(sent, taken)

    assert why in found
    assert bool(found) == bool(why)


NUMBERS = ("bool", *INTEGERS, *FLOATS, "string")


@st.composite
def simple(draw: st.DrawFn) -> Column:
    """A column of numbers or text, of which every change that breaks can be shown."""
    dtype = draw(st.sampled_from(NUMBERS))
    enum = draw(st.sampled_from([(), ("a",), ("a", "b")])) if dtype == "string" else ()
    flags = {"nullable": draw(st.booleans()), "required": draw(st.booleans())}
    return Column.model_validate({"name": "a", "dtype": dtype, "enum": enum, **flags})


def candidates(column: Column) -> list[dict[str, Any]]:
    """Records at the edges of what a column takes."""
    edges = [*INTEGERS.get(column.dtype, ()), FLOATS.get(column.dtype, 0.5), 0.5, True, "a", "b"]
    return [{}, *({"a": value} for value in [*edges, "other", None])]


@given(simple(), simple())
def test_every_break_of_a_column_has_a_witness(old: Column, new: Column) -> None:
    # Only precision is lost here, which no check of a single value sees.
    rounded = new.dtype in FLOATS and old.dtype in {*INTEGERS, "float16"}
    assume(not rounded or old.dtype == new.dtype)
    always = Column(name="id", dtype="int8")
    before, after = inputs(always, old), inputs(always, new)

    records = [{"id": 1, **each} for each in candidates(old)]
    taken = [record for record in records if not validate(before, [record])]
    refused = [record for record in taken if validate(after, [record])]

    assert bool(refused) == (compatible(before, after).verdict == "breaking")
