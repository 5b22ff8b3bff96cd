"""Text into conditions and queries, and every way it goes wrong."""

from __future__ import annotations

import pytest
from expressions.conditions import conditions
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.expressions import (
    And,
    Compare,
    Expression,
    IsNull,
    Like,
    Name,
    Not,
    OneOf,
    Or,
    Order,
    Query,
    Truth,
    parse,
    parse_order,
    parse_query,
)

AUC = Name.of("metrics", "auc")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("metrics.auc", ("metrics", "auc")),
        ("metric.auc", ("metrics", "auc")),
        ('"metrics"."auc"', ("metrics", "auc")),
        ("`metrics`.`auc`", ("metrics", "auc")),
        ('metrics["auc@test"]', ("metrics", "auc@test")),
        ("metrics['auc@test']", ("metrics", "auc@test")),
        ("metrics.auc@test", ("metrics", "auc@test")),
        ("metrics.val/auc-pr", ("metrics", "val/auc-pr")),
        ("metrics.val.auc", ("metrics", "val.auc")),
        ('params."learning rate"', ("params", "learning rate")),
        ("params.`a``b`", ("params", "a`b")),
        ("param.lr", ("params", "lr")),
        ("parameter.lr", ("params", "lr")),
        ("parameters.lr", ("params", "lr")),
        ("parameters", ("parameters",)),
        ("tag.team", ("tags", "team")),
        ("tags.in", ("tags", "in")),
        ("attribute.name", ("name",)),
        ("attributes.framework.version", ("framework", "version")),
        ("schema.compatible", ("schema", "compatible")),
        ("größe", ("größe",)),
        ("`and`", ("and",)),
    ],
)
def test_a_name_is_a_path_in_one_form(text: str, parts: tuple[str, ...]) -> None:
    expression = parse(text)

    assert expression == Truth(Name(parts))
    assert parse(str(expression)) == expression


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc >= 0.9", Compare(AUC, ">=", 0.9)),
        ("metrics.auc>=-9e-1", Compare(AUC, ">=", -0.9)),
        ("a == 5", Compare(Name.of("a"), "=", 5)),
        ("a <> 'it''s'", Compare(Name.of("a"), "!=", "it's")),
        ('a = "say ""so"""', Compare(Name.of("a"), "=", 'say "so"')),
        ("a = TRUE", Compare(Name.of("a"), "=", True)),
        ("a in ('x', 2)", OneOf(Name.of("a"), ("x", 2))),
        ("a Not In ('x')", OneOf(Name.of("a"), ("x",), negated=True)),
        ("a like 'x%'", Like(Name.of("a"), "x%")),
        ('a NOT ILIKE "x_"', Like(Name.of("a"), "x_", ignoring_case=True, negated=True)),
        ("a is null", IsNull(Name.of("a"))),
        ("a IS NOT NULL", IsNull(Name.of("a"), negated=True)),
        ('version >= "1.10.0"', Compare(Name.of("version"), ">=", "1.10.0")),
        ("order = 5", Compare(Name.of("order"), "=", 5)),
    ],
)
def test_a_condition_is_read(text: str, expected: Expression) -> None:
    assert parse(text) == expected


def test_and_binds_tighter_than_or_and_not_tighter_than_both() -> None:
    a, b, c = (Truth(Name.of(name)) for name in "abc")

    assert parse("a or b and not c") == Or((a, And((b, Not(c)))))
    assert parse("(a or b) and c") == And((Or((a, b)), c))
    assert parse("not a = 1 and b") == And((Not(Compare(Name.of("a"), "=", 1)), b))


def test_the_names_of_an_expression_are_known() -> None:
    expression = parse("metric.auc > 1 and (not tags.team = 'x' or a in (1)) and metrics.auc < 2")

    assert expression.names == {("metrics", "auc"), ("tags", "team"), ("a",)}


@given(conditions())
def test_the_normal_form_parses_to_the_same(expression: Expression) -> None:
    text = str(expression)

    assert parse(text) == expression
    assert str(parse(text)) == text
    assert repr(parse(text)) == repr(expression)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query()),
        ("  ", Query()),
        ("a = 1", Query(parse("a = 1"))),
        ("order by created", Query(None, (Order(Name.of("created")),))),
        ("limit 5", Query(limit=5)),
        (
            "a = 1 ORDER BY metric.auc DESC, created asc LIMIT 10",
            Query(parse("a = 1"), (Order(AUC, True), Order(Name.of("created"))), 10),
        ),
        ("limit = 5 limit 5", Query(parse("limit = 5"), (), 5)),
        ("a order by limit limit 5", Query(parse("a"), (Order(Name.of("limit")),), 5)),
    ],
)
def test_a_query_is_read(text: str, expected: Query) -> None:
    assert parse_query(text) == expected


def test_an_order_is_read() -> None:
    assert parse_order("metrics.auc DESC, name") == (Order(AUC, True), Order(Name.of("name")))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "at the end: expected a name"),
        ("a >", "at the end: expected a number, text in quotes, true or false"),
        ("a > > 5", "at character 5, > 5: expected a number"),
        ("a b", "at character 3, b: expected AND, OR or the end"),
        ("(a", "at the end: expected AND, OR or )"),
        ("a)", "expected AND, OR or the end"),
        ("a in 5", "expected ( and a list"),
        ("a in ()", "expected a number"),
        ("a in (1", "expected a comma or )"),
        ("a not 5", "expected IN, LIKE or ILIKE"),
        ("a is 5", "expected NULL or NOT NULL"),
        ("a like 5", "expected a pattern in quotes"),
        ("a > true", "true has no order"),
        ("a.", "at the end: expected a name"),
        ("a['x'", "at the end: expected ]"),
        ("a[5]", "expected a name in quotes"),
        ("a.`` = 1", "expected a name"),
        ("and", "expected a name"),
        ("a = 1e999", "a number that is not too large"),
        ("a = " + "1" * 41, "at most 40 digits"),
        ("a ^ b", "at character 3"),
        ("a = 'x", "expected a closing '"),
        ("a = 1\x00", "expected a name, a value, AND, OR or NOT"),
        ("a = b", "expected a number, text in quotes"),
        ("true", "expected a name"),
        ("version > 1.2", "a version in quotes"),
    ],
)
def test_a_refusal_points_at_the_place_and_says_what_was_expected(text: str, cause: str) -> None:
    with pytest.raises(InvalidInput, match="not an expression: ") as refusal:
        parse(text)

    assert cause in str(refusal.value.cause)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("framework.name = sklearn", 'text goes in quotes: "sklearn"'),
        ("created > 2026-01-01", "dates and versions are text"),
        ("x = 1.2.3", "dates and versions are text"),
        ('version > "1.2"', "three numbers are needed: 1.2.0"),
        ("metrics.5xx > 1", "backticks"),
        ("null = 1", "`null`"),
    ],
)
def test_a_usual_mistake_has_a_hint(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse(text)

    assert hint in str(refusal.value.hint)


@pytest.mark.parametrize(
    "text",
    [
        "a order",
        "limit 0",
        "limit 1.5",
        "order by",
        "order by a,",
        "a limit 5 order by a",
        "a order by b c",
    ],
)
def test_a_query_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_query(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a" * 8193, "too long"),
        ("(" * 65 + "a" + ")" * 65, "no more than 64 levels"),
        ("(" * 8000, "no more than 64 levels"),
        ("not " * 2000 + "a", "no more than 64 levels"),
        (" or ".join(["a"] * 501), "no more than 500 conditions"),
        ("a in (" + ",".join(["1"] * 5000) + ")", "too long"),
    ],
)
def test_what_nobody_writes_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse(text)

    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_as_much_as_is_allowed_is_read() -> None:
    deep = "(" * 64 + "a" + ")" * 64
    beside = " and ".join(["(not a)"] * 100)
    wide = " or ".join(["a"] * 500)

    assert parse(deep) == parse("a")
    assert parse(beside) == And((parse("not a"),) * 100)
    assert len(str(parse(wide))) == len(wide)


@given(
    st.text(max_size=40)
    | st.text(alphabet="ab .=<>!'\"`()[],15NOTINandr%\u202e\ud800", max_size=40)
)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except InvalidInput as refusal:
        assert refusal.cause
    else:
        assert parse(str(expression)) == expression
