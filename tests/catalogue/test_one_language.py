"""Gates and searches mean the same by the same name."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from policy.cases import DIGEST, NOW

from lading.catalogue import flatten
from lading.expressions import Name
from lading.policy.case import Case
from lading.policy.facts import Facts

_NAMES = st.sampled_from(["auc", "loss", "auc@test"])
_NUMBERS = (
    st.integers(-9, 9) | st.floats() | st.sampled_from([2**70, 10**400, True, None, "0.9", 1e301])
)
_METRICS = st.fixed_dictionaries(
    {"name": _NAMES, "value": _NUMBERS},
    optional={
        "split": st.sampled_from(["test", "train", None, 7]),
        "dataset": st.sampled_from(["test", "s3://data", None, ["x"]]),
        "step": st.integers(-1, 3) | st.floats() | st.none(),
        "group": st.sampled_from(["women", None]),
    },
)


def by_gates(document: dict[str, Any], label: str) -> Any:
    return Facts(Case(digest=DIGEST, document=document, now=NOW))(Name.of("metrics", label))


@given(st.lists(_METRICS, max_size=5))
def test_a_metric_has_the_value_that_a_gate_would_mean(metrics: list[dict[str, Any]]) -> None:
    document = {"metrics": metrics}

    values = flatten(document).values

    for label in ("auc", "loss", "auc@test", "auc@train", "loss@test", "auc@test@test"):
        of_all = [m for m in metrics if m.get("group") is None]
        asked = {
            m["name"] if not isinstance(m.get("split"), str) else f"{m['name']}@{m['split']}"
            for m in of_all
        } | {m["name"] for m in of_all}
        meant, found = by_gates(document, label), values.get(f"metrics.{label}")
        if found is None:
            # Only gates look for a dataset.
            assert meant is None or label not in asked
        else:
            assert isinstance(found, int | float)
            assert meant is not None
            assert math.isclose(meant, found)


_TEXTS = st.text(min_size=1, max_size=8)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "authors": st.lists(_TEXTS, max_size=3),
            "licenses": st.lists(_TEXTS, max_size=3),
            "created": st.just("2026-03-01T12:00:00Z"),
            "description": _TEXTS,
            "framework": st.fixed_dictionaries({}, optional={"name": _TEXTS, "version": _TEXTS}),
            "facts": st.fixed_dictionaries({"parameters": st.integers(0, 2**40)}),
            "hazards": st.fixed_dictionaries({"verdict": st.sampled_from(["clean", "danger"])}),
            "tags": st.dictionaries(_TEXTS, _TEXTS, max_size=3),
            "params": st.dictionaries(
                _TEXTS, st.integers(-9, 9) | st.booleans() | _TEXTS, max_size=3
            ),
        },
    )
)
def test_whatever_a_search_finds_a_gate_finds_too(document: dict[str, Any]) -> None:
    facts = Facts(Case(digest=DIGEST, document=document, now=NOW))

    values = flatten(document).values
    for name in ("authors", "licenses"):
        assert facts(Name.of(name)) == values.get(name)  # an empty list is not known to both
    for name, value in values.items():
        group, dot, key = name.partition(".")
        # The size is counted from the files, which gates do not ask for.
        if name != "size":
            assert facts(Name.of(group, key) if dot else Name.of(group)) == value
