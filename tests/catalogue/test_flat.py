"""Documents as flat facts: the names, and what a hostile one cannot do."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lading.catalogue import GROUPS, NAMES, Measured, Names, flatten
from lading.catalogue.flat import LISTS, LONGEST_NAME, LONGEST_TEXT, MOST_FACTS
from lading.catalogue.state import MOST_VERSIONS

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
FIELDS = (
    "metrics", "tags", "params", "lineage", "framework", "facts", "files", "hazards", "authors",
    "licenses", "created", "description",
)  # fmt: skip


def test_everything_that_can_be_asked_for_has_its_name() -> None:
    facts = flatten(
        {
            "description": "Finds fraud",
            "created": "2026-03-01T12:00:00Z",
            "authors": ["ada", "bob"],
            "licenses": ["MIT"],
            "framework": {"name": "pytorch", "version": "2.1"},
            "facts": {"parameters": 8_000_000_000},
            "files": [
                {"role": "weights", "format": "onnx", "size": 1},
                {"role": "weights", "format": "safetensors", "size": 9},
                {"role": "doc", "size": 5},
            ],
            "lineage": {
                "datasets": [{"uri": "s3://data/train", "digest": "md5:1"}, {"name": "extra"}],
                "parents": [{"reference": "ml/base:1.0.0"}],
            },
            "hazards": {"verdict": "clean"},
            "metrics": [
                {"name": "auc", "value": 0.9},
                {"name": "auc", "value": 0.8, "split": "test", "dataset": "s3://data/test"},
                {"name": "auc", "value": 0.1, "group": "under 18"},
                {"name": "loss", "value": 1, "higher_is_better": False},
            ],
            "params": {"lr": 0.1, "bias": True, "layers": [1, 2]},
            "tags": {"team": "risk"},
        }
    )

    # What searches let people ask for is exactly this.
    assert set(NAMES) == {name for name in facts.values if name.partition(".")[0] not in GROUPS}
    assert facts.values == {
        "description": "Finds fraud",
        "created": "2026-03-01T12:00:00Z",
        "authors": ("ada", "bob"),
        "licenses": ("MIT",),
        "framework": "pytorch",
        "framework.version": "2.1",
        "format": ("safetensors", "onnx"),
        "parameters": 8_000_000_000,
        "size": 15,
        "datasets": ("s3://data/train", "md5:1", "extra"),
        "parents": ("ml/base:1.0.0",),
        "scan": "clean",
        "metrics.auc": 0.9,
        "metrics.auc@test": 0.8,
        "metrics.loss": 1,
        "tags.team": "risk",
        "params.lr": 0.1,
        "params.bias": True,
        "params.layers": "[1,2]",
    }
    assert facts.metrics == (
        Measured("auc", 0.9),
        Measured("auc", 0.8, "test", "s3://data/test"),
        Measured("loss", 1, None, None, False),
    )
    assert facts.note is None


@given(st.dictionaries(st.sampled_from(FIELDS), ANY))
def test_no_document_is_too_strange(document: dict[str, Any]) -> None:
    facts = flatten(document)

    for name, value in facts.values.items():
        assert isinstance(value, tuple) == (name in LISTS)
        assert value not in (None, ())
    # What is no number, or has no end, would be refused.
    json.dumps(facts.values, allow_nan=False)


def test_of_a_hostile_document_only_so_much_is_kept_and_that_is_said() -> None:
    facts = flatten(
        {
            "description": "x" * 1_000_000,
            "authors": ["a"] * 100_000,
            "tags": {f"{number}": "t" for number in range(100_000)},
            "metrics": [{"name": f"m{number}", "value": number} for number in range(100_000)],
        }
    )

    rows = sum(len(v) if isinstance(v, tuple) else 1 for v in facts.values.values())
    assert rows <= MOST_FACTS
    assert len(facts.metrics) <= MOST_FACTS
    assert len(str(facts.values["description"])) == LONGEST_TEXT
    assert facts.note is not None


def test_names_and_numbers_that_cannot_be_kept_do_no_harm() -> None:
    facts = flatten(
        {
            "tags": {"k" * 5000: "v"},
            "metrics": [
                {"name": "huge", "value": 10**400},
                {"name": "large", "value": 2**70},
                {"name": "not", "value": float("nan")},
            ],
        }
    )

    assert {len(name) for name in facts.values if name.startswith("tags.")} == {LONGEST_NAME}
    assert facts.values["metrics.large"] == float(2**70)
    assert not {"metrics.huge", "metrics.not"} & facts.values.keys()


def test_of_too_many_versions_the_highest_are_searched() -> None:
    tags = [f"1.{number}.0" for number in range(MOST_VERSIONS + 5)] + ["prod", "evt.broken"]

    names = Names.of(tags)

    assert len(names.versions) == MOST_VERSIONS
    assert names.left_out == 5
    assert {"1.4.0", "prod"}.isdisjoint(names.versions)
    assert f"1.{MOST_VERSIONS + 4}.0" in names.versions
