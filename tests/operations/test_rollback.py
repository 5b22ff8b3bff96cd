"""Stages that go back to what they named, and stages that are emptied."""

from __future__ import annotations

import pytest
from operations.team import ADA, BOB, EVE, Team

from lading.errors import InvalidInput, NotFound, PolicyRefused
from lading.operations.clear import clear
from lading.operations.deprecate import deprecate
from lading.operations.history import history
from lading.operations.promote import promote
from lading.operations.remove import remove
from lading.operations.request import approve, reject
from lading.operations.rollback import rollback
from lading.spec.digest import Digest

APPROVED = "stages: {prod: {protected: true, approvals: 1}}"


@pytest.fixture
def moved(team: Team) -> Team:
    """Three versions were in prod, one after the other."""
    team.push("1.2.0", authors=[ADA])
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        promote(f"{team.place}:{version}", "prod", settings=team.settings)
    return team


def test_a_stage_goes_back_to_what_it_named_before(moved: Team) -> None:
    done = rollback(moved.place, "prod", because="too many alarms", settings=moved.settings)

    assert (done.version, done.status) == ("1.1.0", "assigned")
    assert done.previous == moved.tag("1.2.0")
    assert moved.tag("prod") == moved.tag("1.1.0")
    newest = history(moved.place, stage="prod", settings=moved.settings).events[-1]
    assert (newest.kind, newest.reason) == ("assigned", "too many alarms")


def test_a_stage_goes_back_by_steps_and_to_a_version(moved: Team) -> None:
    digest = moved.tag("1.0.0")

    by_steps = rollback(moved.place, "prod", steps=2, dry_run=True, settings=moved.settings)
    by_digest = rollback(moved.place, "prod", to=digest, dry_run=True, settings=moved.settings)
    by_version = rollback(moved.place, "prod", to="1.0.0", settings=moved.settings)

    assert (by_steps.digest, by_steps.status) == (digest, "planned")
    assert (by_digest.digest, by_version.digest) == (digest, digest)
    assert moved.tag("prod") == digest


def test_a_rollback_after_a_rollback_goes_on_back_and_forth(local: Team) -> None:
    for version in ("1.0.0", "1.1.0"):
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)

    first = rollback("ml/fraud", "prod", settings=local.settings)
    second = rollback("ml/fraud", "prod", settings=local.settings)

    # What a stage named before is what it named before: each version once, the latest first.
    assert (first.version, second.version) == ("1.0.0", "1.1.0")


def test_a_stage_that_was_cleared_comes_back(moved: Team) -> None:
    clear(moved.place, "prod", settings=moved.settings)

    done = rollback(moved.place, "prod", settings=moved.settings)

    assert (done.version, done.previous) == ("1.2.0", None)
    assert moved.tag("prod") == moved.tag("1.2.0")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"steps": 3}, NotFound),
        ({"steps": 0}, InvalidInput),
        ({"steps": 1, "to": "1.0.0"}, InvalidInput),
        ({"to": "9.9.9"}, NotFound),
        ({"to": "not a version"}, InvalidInput),
        ({"to": "sha256:short"}, InvalidInput),
        ({"to": ""}, InvalidInput),
    ],
)
def test_what_cannot_come_back_says_why(
    words: dict[str, object], error: type[Exception], local: Team
) -> None:
    for version in ("1.0.0", "1.1.0"):
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)
    before = local.events()

    with pytest.raises(error):
        rollback("ml/fraud", "prod", settings=local.settings, **words)  # type: ignore[arg-type]

    assert local.events() == before


def test_a_stage_that_named_nothing_cannot_go_back(local: Team) -> None:
    with pytest.raises(NotFound, match="cannot go back"):
        rollback("ml/fraud", "prod", settings=local.settings)


def test_versions_that_are_gone_are_passed_over_with_a_note(moved: Team) -> None:
    gone = moved.tag("1.1.0")
    remove(f"{moved.place}:1.1.0", settings=moved.settings)

    with pytest.raises(NotFound, match="is gone: prod named it") as by_version:
        rollback(moved.place, "prod", to="1.1.0", settings=moved.settings)
    with pytest.raises(NotFound, match="is gone: prod named it"):
        rollback(moved.place, "prod", to=gone, settings=moved.settings)
    with pytest.raises(NotFound, match="cannot go back by 2") as too_far:
        rollback(moved.place, "prod", steps=2, settings=moved.settings)
    done = rollback(moved.place, "prod", settings=moved.settings)

    assert f"@{gone} {moved.place}:1.1.0" in str(by_version.value.hint)
    assert "1.1.0 is passed over" in str(too_far.value.cause)
    assert (done.version, moved.tag("prod")) == ("1.0.0", moved.tag("1.0.0"))
    assert [note for note in done.notes if note.startswith("1.1.0 is passed over: ")]


def test_a_version_that_lost_its_tag_is_given_it_back(local: Team) -> None:
    for version in ("1.0.0", "1.1.0"):
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)
    local.set_tag("kept", "1.0.0")
    local.store.untag("1.0.0")

    with pytest.raises(NotFound, match="is gone: prod named it") as caught:
        rollback("ml/fraud", "prod", to=local.tag("kept"), settings=local.settings)

    assert f"lading copy ml/fraud@{local.tag('kept')} ml/fraud:1.0.0" in str(caught.value.hint)


def test_a_version_that_the_stage_never_named_is_promoted_instead(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)

    with pytest.raises(InvalidInput, match="never named") as caught:
        rollback("ml/fraud", "prod", to="1.1.0", settings=local.settings)

    assert "lading promote ml/fraud:1.1.0 prod" in str(caught.value.hint)


def test_a_rollback_that_is_repeated_changes_nothing(local: Team) -> None:
    for version in ("1.0.0", "1.1.0"):
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)
    rollback("ml/fraud", "prod", to="1.0.0", settings=local.settings)
    before = local.events()

    again = rollback("ml/fraud", "prod", to="1.0.0", settings=local.settings)

    assert (again.status, local.events()) == ("unchanged", before)


def test_what_was_let_in_comes_back_although_its_approval_is_over(team: Team) -> None:
    strict = team.under(APPROVED)
    for version in ("1.0.0", "1.1.0"):
        reference = f"{team.place}:{version}"
        approve(reference, "prod", settings=strict.acting(BOB).settings)
        promote(reference, "prod", settings=strict.settings)
    assert strict.settings.policy
    former = Digest.of(strict.settings.policy.read_bytes())
    stages = "stages: {prod: {protected: true, approvals: 2}}"
    # A stricter policy says itself whether what the one before let in still counts.
    assert team.under(stages).versions("prod") == []
    tighter = team.under(f"former: ['{former}']\n{stages}")

    done = rollback(team.place, "prod", settings=tighter.settings)

    assert (done.version, done.status) == ("1.0.0", "assigned")
    assert tighter.versions("prod") == ["1.0.0"]
    assert team.tag("prod") == team.tag("1.0.0")


def test_a_deprecated_version_is_passed_over_and_a_rejected_one_is_refused(team: Team) -> None:
    strict = team.under(APPROVED)
    team.push("1.2.0", authors=[ADA])
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        reference = f"{team.place}:{version}"
        approve(reference, "prod", settings=strict.acting(BOB).settings)
        promote(reference, "prod", settings=strict.settings)

    deprecate(f"{team.place}:1.1.0", because="stale", settings=strict.settings)
    planned = rollback(team.place, "prod", dry_run=True, settings=strict.settings)
    reject(f"{team.place}:1.0.0", "prod", because="no", settings=strict.acting(EVE).settings)

    assert planned.version == "1.0.0"
    with pytest.raises(PolicyRefused, match="rejected it: no"):
        rollback(team.place, "prod", settings=strict.settings)
    with pytest.raises((PolicyRefused, InvalidInput, NotFound)) as caught:
        rollback(team.place, "prod", to="1.1.0", settings=strict.settings)
    assert "deprecated" in f"{caught.value} {caught.value.hint}"
    assert strict.versions("prod") == ["1.2.0"]


def test_a_move_that_did_not_count_is_nothing_to_go_back_to(local: Team) -> None:
    strict = local.under("stages: {prod: {protected: true, gates: ['metrics.auc >= 0.9']}}")
    promote("ml/fraud:1.0.0", "prod", settings=strict.settings)
    promote("ml/fraud:1.1.0", "prod", settings=local.acting(EVE).settings)
    local.push("1.2.0", authors=[ADA], metrics={"auc": 0.99})
    promote("ml/fraud:1.2.0", "prod", settings=strict.settings)

    assert rollback("ml/fraud", "prod", settings=strict.settings).version == "1.0.0"


# Clear


def test_a_cleared_stage_names_nothing_and_its_history_stays(moved: Team) -> None:
    done = clear(moved.place, "prod", because="shut down", settings=moved.settings)

    assert (done.status, done.version, done.current) == ("cleared", "1.2.0", None)
    assert (moved.tag("prod"), moved.versions("prod")) == (None, [])
    intervals = history(moved.place, stage="prod", settings=moved.settings).intervals
    assert [interval.end is None for interval in intervals] == [False, False, False]


def test_clearing_again_changes_nothing(team: Team) -> None:
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    clear(team.place, "prod", settings=team.settings)
    before = team.events()

    again = clear(team.place, "prod", settings=team.settings)

    assert (again.status, again.event) == ("unchanged", None)
    assert team.events() == before


def test_a_tag_that_came_back_by_itself_is_cleared_again(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    clear("ml/fraud", "prod", settings=local.settings)
    local.set_tag("prod", "1.0.0")

    clear("ml/fraud", "prod", settings=local.settings)

    assert local.tag("prod") is None


def test_one_version_leaves_a_shared_stage(team: Team) -> None:
    shared = team.under("stages: {shadow: {exclusive: false}, prod: {}}")
    for version in ("1.0.0", "1.1.0"):
        promote(f"{team.place}:{version}", "shadow", settings=shared.settings)

    done = clear(f"{team.place}:1.1.0", "shadow", settings=shared.settings)

    assert (done.version, done.status) == ("1.1.0", "cleared")
    assert shared.versions("shadow") == ["1.0.0"]
    assert team.tag("shadow") == team.tag("1.0.0")
    with pytest.raises(InvalidInput, match="not in shadow"):
        clear(f"{team.place}:1.1.0", "shadow", settings=shared.settings)
    with pytest.raises(InvalidInput, match="one version at a time"):
        clear(f"{team.place}:1.1.0", "prod", settings=shared.settings)
    everything = clear(team.place, "shadow", settings=shared.settings)
    assert (everything.current, shared.versions("shadow")) == (None, [])


def test_who_may_clear_by_key_alone_cannot_clear_yet(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    strict = local.under("stages: {prod: {protected: true, assigners: [key]}}")

    with pytest.raises(PolicyRefused, match="cannot be met yet: unsigned") as caught:
        clear("ml/fraud", "prod", settings=strict.settings)

    assert [(rule.name, rule.holds) for rule in caught.value.rules] == [("assigners", False)]
    assert local.tag("prod") == local.tag("1.0.0")
