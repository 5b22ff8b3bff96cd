"""What is given, laid over what is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lading.spec.merge import laid_over


def test_what_is_given_wins() -> None:
    known = {"description": "old", "params": {"lr": 1, "depth": 3}}

    merged = laid_over({"description": "new", "params": {"lr": 2}}, known)

    assert merged == {"description": "new", "params": {"lr": 2, "depth": 3}}


def test_a_metric_of_the_same_name_and_split_is_replaced_and_others_stay() -> None:
    known = {
        "metrics": [
            {"name": "auc", "value": 0.9, "source": "mlflow"},
            {"name": "auc", "split": "test", "value": 0.8},
        ]
    }

    merged = laid_over({"metrics": [{"name": "auc", "split": "test", "value": 0.7}]}, known)

    assert merged["metrics"] == [
        {"name": "auc", "value": 0.9, "source": "mlflow"},
        {"name": "auc", "split": "test", "value": 0.7},
    ]


def test_lineage_is_merged_and_a_parameter_is_taken_whole() -> None:
    known = {
        "lineage": {"code": {"commit": "abc"}, "parents": [{"reference": "a"}]},
        "params": {"nested": {"a": 1}},
    }
    told = {
        "lineage": {"parents": [{"reference": "b"}]},
        "params": {"nested": {"b": 2}},
    }

    merged = laid_over(told, known)

    assert merged["lineage"] == {
        "code": {"commit": "abc"},
        "parents": [{"reference": "a"}, {"reference": "b"}],
    }
    assert merged["params"] == {"nested": {"b": 2}}


def test_a_signature_is_never_mixed_from_two() -> None:
    known = {"signature": {"inputs": [1], "params": [2]}}

    assert laid_over({"signature": {"inputs": [3]}}, known) == {"signature": {"inputs": [3]}}


_METRICS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("ab"), "value": st.floats(0, 1)},
        optional={
            "split": st.sampled_from("xy"),
            "dataset": st.sampled_from("de"),
            "step": st.integers(0, 3),
        },
    ),
    max_size=4,
)
_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "metrics": _METRICS,
        "params": st.dictionaries(st.sampled_from("ab"), st.integers()),
        "description": st.text(max_size=3),
        "lineage": st.fixed_dictionaries(
            {}, optional={"parents": st.lists(st.sampled_from([{"reference": "a"}, {}]))}
        ),
    },
)


@given(_DOCUMENTS, _DOCUMENTS)
def test_laying_over_twice_is_laying_over_once(
    told: dict[str, object], known: dict[str, object]
) -> None:
    once = laid_over(told, known)

    assert laid_over(told, once) == once


@given(_DOCUMENTS)
def test_nothing_given_changes_nothing(known: dict[str, object]) -> None:
    assert laid_over({}, known) == known


def test_what_is_said_less_exactly_is_about_the_one_thing_that_fits() -> None:
    card = {"metrics": [{"name": "acc", "split": "test", "dataset": "imdb", "value": 0.91}]}

    merged = laid_over({"metrics": [{"name": "acc", "split": "test", "value": 0.93}]}, card)

    assert merged["metrics"] == [{"name": "acc", "split": "test", "dataset": "imdb", "value": 0.93}]


def test_what_fits_two_things_is_a_third() -> None:
    card = {"metrics": [{"name": "acc", "dataset": name, "value": 0.9} for name in "ab"]}

    merged = laid_over({"metrics": [{"name": "acc", "value": 0.5}]}, card)

    assert len(merged["metrics"]) == 3  # type: ignore[arg-type]  # a list
