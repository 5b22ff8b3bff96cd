"""What a verdict means for whoever is about to load."""

from __future__ import annotations

import pytest

from lading.errors import PolicyRefused
from lading.hazards.consult import consult
from lading.spec.facts import Finding, Hazards


def hazards(verdict: str, *severities: str) -> Hazards:
    findings = tuple(
        Finding(path="model.pkl", what=f"thing{number}", severity=severity)
        for number, severity in enumerate(severities)
    )
    return Hazards(verdict=verdict, findings=findings)


def test_a_clean_model_needs_no_word() -> None:
    assert consult(hazards("clean")) is None


def test_a_model_that_nobody_scanned_is_warned_of() -> None:
    assert "nobody has scanned" in str(consult(None))


def test_a_suspicious_model_is_warned_of_by_name() -> None:
    assert "thing0 in model.pkl" in str(consult(hazards("suspicious", "suspicious")))


def test_a_dangerous_model_is_refused_and_the_worst_is_named_first() -> None:
    with pytest.raises(PolicyRefused) as refused:
        consult(hazards("dangerous", *["suspicious"] * 5, "dangerous"))

    assert str(refused.value.cause).startswith("thing5 in model.pkl")
    assert "and 3 more" in str(refused.value.cause)


@pytest.mark.parametrize("verdict", ["", "safe", "CLEAN", "unknown"])
def test_a_verdict_that_nobody_knows_is_refused(verdict: str) -> None:
    with pytest.raises(PolicyRefused):
        consult(hazards(verdict))
