"""What the names in a gate stand for."""

from __future__ import annotations

import math
from typing import Any

import pytest
from policy.cases import ADA, NOW, ago, evaluation, gate, scan

from lading.expressions import Name, Value
from lading.policy.case import Case, Compatible
from lading.policy.facts import Facts

from policy.cases import DIGEST  # isort: skip

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "ml/fraud",
    "version": "1.2.0",
    "created": ago(days=10),
    "authors": [ADA, "Bob"],
    "licenses": [],
    "tags": {"team": "risk", "a.b": "c"},
    "framework": {"name": "sklearn", "version": "1.5.0"},
    "signature": {"inputs": [{"kind": "column", "name": "a", "dtype": "int64"}]},
    "metrics": [
        {"name": "auc", "value": 0.8},
        {"name": "auc", "value": 0.95, "split": "train"},
        {"name": "auc", "value": 0.99, "group": "women"},
        {"name": "loss", "value": 0.5, "step": 1},
        {"name": "loss", "value": 0.2, "step": 9},
        {"name": "loss", "value": 0.3, "step": 5},
        {"name": "f1", "value": 0.7, "split": "test"},
        {"name": "f1", "value": 0.9, "split": "train"},
        {"name": "mae", "value": 3, "dataset": "s3://a"},
        {"name": "mae", "value": 1, "dataset": "s3://b"},
        {"name": "only", "value": 1, "split": "test"},
    ],
    "params": {
        "lr": 0.1,
        "tree.depth": 3,
        "optimizer": {"beta": 0.9},
        "columns": ["a", "b"],
        "dropped": [],
    },
    "environment": {"lock": {"path": "x"}, "python": {"version": "3.12.1"}},
    "facts": {"parameters": 7000},
    "hazards": {"verdict": "clean"},
    "governance": {"risk": "high"},
}


def value(text: str, **case: Any) -> Value | None:
    age = case.pop("evidence_max_age", None)
    document = case.pop("document", DOCUMENT)
    facts = Facts(Case(digest=DIGEST, document=document, now=NOW, **case), age)
    return facts(Name.of(*text.split(".")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("name", "ml/fraud"),
        ("version", "1.2.0"),
        ("created", ago(days=10)),
        ("authors", (ADA, "Bob")),
        ("licenses", None),
        ("tags.team", "risk"),
        ("tags.a.b", "c"),
        ("tags.none", None),
        ("framework", "sklearn"),
        ("framework.name", "sklearn"),
        ("framework.version", "1.5.0"),
        ("parameters", 7000),
        ("params.lr", 0.1),
        ("params.tree.depth", 3),
        ("params.optimizer.beta", 0.9),
        ("params.columns", ("a", "b")),
        ("params.dropped", ()),
        ("params.optimizer", None),
        ("metrics.auc", 0.8),
        ("metrics.auc@train", 0.95),
        ("metrics.loss", 0.2),
        ("metrics.f1@test", 0.7),
        ("metrics.f1", None),
        ("metrics.mae", None),
        ("metrics.mae@s3://b", 1),
        ("metrics.only", 1),
        ("evaluation.auc", None),
        ("schema.present", True),
        ("schema.compatible", True),
        ("scan", "clean"),
        ("lock", True),
        ("signed", False),
        ("age_days", 10.0),
        ("environment.python.version", "3.12.1"),
        ("governance.risk", "high"),
        ("environment.python", None),
        ("environment.python.version.x", None),
        ("nothing", None),
    ],
)
def test_a_name_stands_for_a_field(name: str, expected: Value | None) -> None:
    assert value(name) == expected


@pytest.mark.parametrize(
    "document",
    [
        {},
        dict.fromkeys(DOCUMENT),
        dict.fromkeys(DOCUMENT, "text"),
        {name: [1, {"x": []}] for name in DOCUMENT},
        {name: {"name": [], "lock": 5, "verdict": {}} for name in DOCUMENT},
        {"metrics": [{"name": "auc", "value": bad} for bad in ("0.99", None, True)]},
        {"metrics": [{"name": "auc", "value": math.inf}]},
        {"metrics": [{"name": "auc", "value": 10**400}]},
        {"metrics": [{"name": ["auc"], "value": 1}, {"value": 1}, 5]},
        {"created": "0001-01-01T00:00:00+14:00"},
        {"created": "yesterday"},
    ],
)
def test_no_document_makes_a_gate_pass_by_being_strange(document: dict[str, Any]) -> None:
    for text in (
        "metrics.auc > 0.5",
        "schema.present",
        "lock",
        "signed",
        "age_days < 5",
        "scan = 'clean'",
    ):
        assert not gate(text, document).holds


def test_the_versions_own_name_wins_over_the_documents() -> None:
    assert value("version", version="1.3.0") == "1.3.0"


def test_several_that_could_be_meant_are_named() -> None:
    found = gate("metrics.f1 > 0.5", DOCUMENT)

    assert not found.holds
    assert found.why == (
        "metrics.f1 is not known; several are meant: f1 (split test), f1 (split train)"
    )


def test_the_newest_evaluation_wins_over_the_document() -> None:
    evidence = (
        evaluation(ago(days=3), {"name": "auc", "value": 0.7}),
        evaluation(ago(days=1), {"name": "auc", "value": 0.85}),
        evaluation(ago(days=2), {"name": "auc", "value": 0.9}),
        evaluation(ago(hours=1), {"name": "other", "value": 0.1}),
    )

    assert value("metrics.auc", evidence=evidence) == 0.85
    assert value("evaluation.auc", evidence=evidence) == 0.85
    assert value("metrics.auc@train", evidence=evidence) == 0.95
    assert value("metrics.auc", evidence=evidence[::-1]) == 0.85


def test_of_equally_new_evaluations_everybody_takes_the_same() -> None:
    one = evaluation(ago(days=1), {"name": "auc", "value": 0.7}, digest="1")
    other = evaluation(ago(days=1), {"name": "auc", "value": 0.9}, digest="2")

    assert value("metrics.auc", evidence=(one, other)) == value(
        "metrics.auc", evidence=(other, one)
    )


def test_an_evaluation_that_says_no_number_leaves_nothing_to_count() -> None:
    evidence = (evaluation(ago(days=1), {"name": "auc", "value": math.nan}),)

    assert value("metrics.auc", evidence=evidence) is None
    assert (
        "the value of auc is no number" in gate("metrics.auc > 0", DOCUMENT, evidence=evidence).why
    )


def test_with_a_maximum_age_only_young_evidence_counts() -> None:
    young = evaluation(ago(days=29), {"name": "auc", "value": 0.7})
    exactly = evaluation(ago(days=30), {"name": "auc", "value": 0.6})
    old = evaluation(ago(days=30, seconds=1), {"name": "auc", "value": 0.9})
    ageless = evaluation(None, {"name": "auc", "value": 0.9})
    text = "metrics.auc >= 0.6"

    assert gate(text, DOCUMENT, evidence_max_age="30d", evidence=(young, old, ageless)).holds
    assert gate(text, DOCUMENT, evidence_max_age="30d", evidence=(exactly,)).holds
    found = gate(text, DOCUMENT, evidence_max_age="30d", evidence=(old, ageless))
    assert not found.holds
    assert found.why == "metrics.auc is not known; no evaluation of the last 30d says it"
    assert found.hint == "lading evaluate REF --metric auc=…"
    assert gate(text, DOCUMENT, evidence=(ageless,)).holds


def test_evidence_from_the_future_stops_what_it_speaks_of() -> None:
    """It may say the worse, and must not be passed over by setting a clock."""
    evidence = (
        evaluation("2099-01-01T00:00:00Z", {"name": "auc", "value": 0.3}),
        scan("2099-01-01T00:00:00Z", "dangerous"),
    )

    assert value("metrics.auc", evidence=evidence) is None
    assert value("metrics.auc", evidence=evidence, evidence_max_age=86400) is None
    assert value("scan", evidence=evidence) is None
    assert "look at the clocks" in gate("metrics.auc > 0", DOCUMENT, evidence=evidence).why
    assert value("metrics.f1", evidence=evidence) == value("metrics.f1")


def test_the_newest_scan_counts() -> None:
    later = scan(ago(days=1), "dangerous")
    earlier = scan(ago(days=20), "dangerous")

    assert value("scan", evidence=(later,)) == "dangerous"
    assert value("scan", evidence=(earlier,)) == "clean"
    assert value("scan", document={}, evidence=(earlier,)) == "dangerous"
    assert value("scan", evidence=(scan(ago(days=10), "suspicious"),)) == "suspicious"


def test_a_scan_that_is_too_old_does_not_count() -> None:
    text = 'scan = "clean"'

    assert gate(text, DOCUMENT, evidence_max_age="11d").holds
    assert "no scan of the last 5d says it" in gate(text, DOCUMENT, evidence_max_age="5d").why
    assert gate(text, DOCUMENT, evidence_max_age="5d", evidence=(scan(ago(days=1), "clean"),)).holds


@pytest.mark.parametrize("said", [True, False, None])
def test_compatible_is_asked_of_who_is_in_the_stage_now(said: bool | None) -> None:
    asked = []

    def compatible(old: Any, new: Any) -> bool | None:
        asked.append((old, new))
        return said

    answer: Compatible = compatible
    found = gate("schema.compatible", DOCUMENT, incumbent={"name": "old"}, compatible=answer)

    assert found.holds is (said is True)
    assert asked == [({"name": "old"}, DOCUMENT)]


def test_a_gate_that_wants_a_signature_cannot_be_met_yet() -> None:
    assert gate("signed", DOCUMENT).why == "signed is false; cannot be met yet: unsigned"


def test_a_gate_that_holds_says_by_what() -> None:
    assert gate("metrics.auc > 0.5 and lock", DOCUMENT).why == "lock is true; metrics.auc is 0.8"


def test_a_gate_that_fails_says_by_what() -> None:
    found = gate("metrics.auc >= 0.9 and schema.compatible and scan == 'clean'", DOCUMENT)

    assert found.why == "metrics.auc is 0.8, not >= 0.9"
    assert found.hint is None


@pytest.mark.parametrize("text", ["stage != 'prod'", "not stage = 'prod'", "stage not in ('prod')"])
def test_a_version_in_no_stage_is_in_none_that_is_named(text: str) -> None:
    assert gate(text).holds
    assert gate(text, named_by=frozenset({"dev"})).holds
    found = gate(text, named_by=frozenset({"dev", "prod"}))

    assert not found.holds
    assert 'stage is "dev", "prod"' in found.why


def test_what_a_document_leaves_empty_is_not_known_to_be_none() -> None:
    for text in ("licenses != 'GPL-3.0-only'", "not licenses = 'GPL-3.0-only'"):
        assert not gate(text, DOCUMENT).holds
    assert gate("stage is null and licenses is null", DOCUMENT).holds


@pytest.mark.parametrize(
    "text", ["stage = 'staging'", "stage != 'prod'", "stage is null", "not stage"]
)
def test_a_gate_holds_by_no_stage_of_which_nobody_can_tell(text: str) -> None:
    found = gate(text, named_by=None)

    assert (found.holds, found.why) == (False, "which stages named it then cannot be told")
