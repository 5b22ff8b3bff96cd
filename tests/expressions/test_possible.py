"""What a name may be compared with: what could never be right is refused."""

from __future__ import annotations

import pytest

from lading.errors import InvalidInput
from lading.expressions import (
    MOMENT,
    NUMBER,
    TRUTH,
    Kind,
    Name,
    demand_possible,
    parse,
)

_KINDS: dict[str, Kind] = {
    "auc": NUMBER,
    "created": MOMENT,
    "lock": TRUTH,
    "scan": ("clean", "suspicious", "dangerous"),
}


def kind_of(name: Name) -> Kind | None:
    return _KINDS.get(".".join(name))


@pytest.mark.parametrize(
    "text",
    [
        "auc > 0.9 and auc != '0.9' and auc in (1, '1e-3') and auc like 'high%'",
        "created > '2026' and created <= '2026-01-31' and created = '2026-01-31T12:00:00.5Z'",
        "created < '2026-01-31T12:00' or created ilike '2026%' or created is not null",
        "created < '2026-01-31T12:00:00+02:00'",
        "lock and lock = true and lock != 'False' and not lock",
        "scan = 'clean' and scan not in ('dangerous', 'suspicious') and scan like 'cla%'",
        "other = 'x' and other > 5 and other = true and auc is null",
    ],
)
def test_what_could_be_right_passes(text: str) -> None:
    demand_possible(parse(text), kind_of)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("auc > 'high'", "auc compares with a number, not with 'high'", "auc > 0.9"),
        ("other or not auc != true", "auc compares with a number, not with true", "auc != 0.9"),
        ("auc in (0.9, 'x')", "auc compares with a number, not with 'x'", "auc = 0.9"),
        ("created > 'yesterday'", "created compares with a moment, not with 'yesterday'", "2026-"),
        ("created > 2026", "created compares with a moment, not with 2026", '"2026-01-31"'),
        ("created > '31.1.2026'", "created compares with a moment, not with '31.1.2026'", "2026-"),
        ("lock = 'yes'", "lock compares with true or false, not with 'yes'", "NOT lock"),
        ("lock = 1", "lock compares with true or false, not with 1", "NOT lock"),
        ("scan = 'claen'", "scan is never 'claen'", "did you mean clean?"),
        ("scan != 'Dangerous'", "scan is never 'Dangerous'", "did you mean dangerous?"),
        ("scan in ('clean', 5)", "scan is never 5", "known are: clean, suspicious, dangerous"),
    ],
)
def test_what_could_never_be_right_is_refused(text: str, what: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        demand_possible(parse(text), kind_of)

    assert refusal.value.what == what
    assert hint in str(refusal.value.hint)
