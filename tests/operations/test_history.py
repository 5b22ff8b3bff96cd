"""What happened, and what a stage named at any time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from operations.team import ADA, BOB, Team

from lading.errors import InvalidInput, NotFound
from lading.ledger import write
from lading.operations.clear import clear
from lading.operations.deprecate import deprecate
from lading.operations.history import history
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.record import record_deploy, record_measure
from lading.operations.request import approve, reject, request


class Clock:
    """The writers' clock, as a test sets it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 5, 1, tzinfo=UTC)

    def __call__(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def set(self, text: str) -> None:
        self.at = datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(write, "now", clock)
    return clock


@pytest.fixture
def may(clock: Clock, local: Team) -> Team:
    """prod was 1.0.0 from the 2nd to noon of the 3rd of May, 1.1.0 to the 5th, then nothing."""
    for moment, version in (("2026-05-02T08:00:00", "1.0.0"), ("2026-05-03T12:00:00", "1.1.0")):
        clock.set(moment)
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)
    clock.set("2026-05-04T00:00:00")
    promote("ml/fraud:1.0.0", "staging", settings=local.settings)
    clock.set("2026-05-05T00:00:00")
    clear("ml/fraud", "prod", settings=local.settings)
    return local


@pytest.mark.parametrize(
    ("at", "named"),
    [
        ("2026-05-01", []),
        ("2026-05-02", ["1.0.0"]),
        ("2026-05-03", ["1.0.0", "1.1.0"]),
        ("2026-05-03T11:59:59Z", ["1.0.0"]),
        ("2026-05-03T12:00:00Z", ["1.1.0"]),
        ("2026-05-03T13:59:59+02:00", ["1.0.0"]),
        ("2026-05-03 14:00+02:00", ["1.1.0"]),
        ("2026-05-04", ["1.1.0"]),
        ("2026-05-05", []),
        ("2030-01-01", []),
    ],
)
def test_what_a_stage_named_then(at: str, named: list[str], may: Team) -> None:
    told = history("ml/fraud", stage="prod", at=at, settings=may.settings)

    assert [interval.version for interval in told.intervals] == named
    assert [event.version for event in told.events] == named


def test_of_a_version_everything_is_told_and_of_a_stage_only_its_own(may: Team) -> None:
    of_version = history("ml/fraud:1.0.0", settings=may.settings)
    of_stage = history("ml/fraud", stage="staging", settings=may.settings)

    assert [event.kind for event in of_version.events] == ["registered", "assigned", "assigned"]
    assert [interval.stage for interval in of_version.intervals] == ["prod", "staging"]
    assert [event.stage for event in of_stage.events] == ["staging"]
    (interval,) = of_stage.intervals
    assert (interval.version, interval.end) == ("1.0.0", None)


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "2026-02-30", "", "2026-05-03T99:00Z"])
def test_what_is_no_date_is_refused(at: str, local: Team) -> None:
    with pytest.raises(InvalidInput) as caught:
        history("ml/fraud", at=at, settings=local.settings)

    assert "2026-05-03" in str(caught.value.hint)


def test_a_stage_that_nobody_ever_moved_or_declared_is_said(local: Team) -> None:
    with pytest.raises(InvalidInput, match="no stage 'prodd'"):
        history("ml/fraud", stage="prodd", settings=local.settings)
    assert history("ml/fraud", stage="prod", settings=local.settings).events == ()


def test_a_stage_that_is_declared_no_longer_has_its_history(may: Team) -> None:
    other = may.under("stages: {live: {}}")

    told = history("ml/fraud", stage="prod", settings=other.settings)

    assert [event.kind for event in told.events] == ["assigned", "assigned", "cleared"]


def test_what_is_not_there_is_not_found(local: Team) -> None:
    for reference in ("ml/nothing", "ml/fraud:9.9.9"):
        with pytest.raises(NotFound):
            history(reference, settings=local.settings)


def test_clocks_that_went_backwards_do_not_turn_the_order_around(clock: Clock, local: Team) -> None:
    clock.set("2026-05-10T00:00:00")
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    clock.set("2026-05-01T00:00:00")
    promote("ml/fraud:1.1.0", "prod", settings=local.settings)

    told = history("ml/fraud", stage="prod", settings=local.settings)
    now = history("ml/fraud", stage="prod", at="2026-06-01", settings=local.settings)
    between = history("ml/fraud", stage="prod", at="2026-05-05", settings=local.settings)

    assert [event.version for event in told.events] == ["1.0.0", "1.1.0"]
    assert [interval.version for interval in now.intervals] == ["1.1.0"]
    assert "1.1.0" in [interval.version for interval in between.intervals]
    assert [interval.version for interval in told.intervals] == ["1.0.0", "1.1.0"]
    for interval in told.intervals:
        assert interval.end is None or interval.start <= interval.end
    assert any("clock" in said for said in told.notes)


def test_a_move_says_from_what_to_what(may: Team) -> None:
    told = history("ml/fraud", stage="prod", settings=may.settings)

    assert [(event.previous_version, event.version) for event in told.events] == [
        (None, "1.0.0"),
        ("1.0.0", "1.1.0"),
        ("1.1.0", "1.1.0"),
    ]


def test_moves_of_one_second_keep_their_order(clock: Clock, local: Team) -> None:
    order = ["1.1.0", "1.0.0", "1.1.0", "1.0.0", "1.1.0"]
    clock.set("2026-05-01T08:00:00")
    for version in order:
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)

    told = history("ml/fraud", stage="prod", at="2026-05-01", settings=local.settings)

    assert [event.version for event in told.events] == order
    assert [interval.version for interval in told.intervals] == order
    assert [interval.end is None for interval in told.intervals] == [False] * 4 + [True]


def test_everything_that_was_said_is_told_as_it_was_said(team: Team) -> None:
    place, bob = team.place, team.acting(BOB).settings
    version = f"{place}:1.0.0"
    request(version, "prod", because="auc 0.95", settings=team.settings)
    approve(version, "prod", because="fine", expires="90d", settings=bob)
    promote(version, "prod", settings=team.settings)
    record_deploy(f"{place}:prod", "eu-1/risk/fraud", settings=bob)
    record_measure(
        f"{place}:prod", {"psi": 0.12, "age.mean": 41}, window="2026-11-01/2026-11-07", settings=bob
    )
    note(version, "größer ✓", settings=bob)
    deprecate(version, because="old", settings=bob)

    told = history(version, settings=team.settings).events

    assert [event.kind for event in told] == [
        "registered", "requested", "approved", "assigned", "deployed", "measured", "noted",
        "deprecated",
    ]  # fmt: skip
    assert [event.actor for event in told] == [ADA, ADA, BOB, ADA, BOB, BOB, BOB, BOB]
    assert not any(event.signed for event in told)
    approved, deployed, measured, noted = told[2], told[4], told[5], told[6]
    until = datetime.fromisoformat(str(approved.expires))
    assert timedelta(days=89) < until - datetime.now(UTC) <= timedelta(days=90)
    assert deployed.where == "eu-1/risk/fraud"
    assert dict(measured.metrics) == {"psi": 0.12, "age.mean": 41}
    assert measured.window == ("2026-11-01", "2026-11-07")
    assert noted.reason == "größer ✓"


@pytest.mark.parametrize(
    "where", ["", "a b", "a//b", "/a", "a/", "x" * 501, "a\nb", "/".join("abcdefghi")]
)
def test_a_place_that_is_none_is_refused(where: str, local: Team) -> None:
    with pytest.raises(InvalidInput):
        record_deploy("ml/fraud:1.0.0", where, settings=local.settings)


@pytest.mark.parametrize(
    ("metrics", "window"),
    [
        ({}, None),
        ({"psi": float("nan")}, None),
        ({"psi": float("inf")}, None),
        ({"": 1.0}, None),
        ({f"m{n}": 1.0 for n in range(201)}, None),
        ({"x" * 70_000: 1.0}, None),
        ({"psi": 1.0}, "2026-11-01"),
        ({"psi": 1.0}, "2026-11-07/2026-11-01"),
        ({"psi": 1.0}, "then/now"),
        ({"psi": 1.0}, ""),
    ],
)
def test_a_measurement_that_is_none_is_refused(
    metrics: dict[str, float], window: str | None, local: Team
) -> None:
    before = local.events()

    with pytest.raises(InvalidInput):
        record_measure("ml/fraud:1.0.0", metrics, window=window, settings=local.settings)

    assert local.events() == before


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_words_that_say_nothing_are_refused(text: str, local: Team) -> None:
    with pytest.raises(InvalidInput):
        note("ml/fraud:1.0.0", text, settings=local.settings)
    with pytest.raises(InvalidInput):
        deprecate("ml/fraud:1.0.0", because=text, settings=local.settings)
    with pytest.raises(InvalidInput):
        reject("ml/fraud:1.0.0", "prod", because=text, settings=local.settings)
