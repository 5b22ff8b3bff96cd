"""How a model stands."""

from __future__ import annotations

import pytest
from operations.team import ADA, BOB, EVE, Later, Team

from lading.errors import InvalidInput, NotFound
from lading.operations import status as operation
from lading.operations.clear import clear
from lading.operations.deprecate import deprecate
from lading.operations.promote import promote
from lading.operations.request import approve, reject, request
from lading.operations.status import status


def test_the_declared_stages_stand_in_their_order(team: Team) -> None:
    strict = team.under("stages: {live: {}, prod: {protected: true}, dev: {}}")
    promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)

    told = status(team.place, settings=strict.settings)

    assert [stage.stage for stage in told.stages] == ["live", "prod", "dev"]
    assert [stage.protected for stage in told.stages] == [False, True, False]
    (member,) = told.stages[1].members
    assert (member.version, member.by, member.deprecated) == ("1.0.0", ADA, False)
    assert (told.stages[1].tag, told.stages[1].drift) == (team.tag("prod"), False)
    assert (told.events, told.pending, told.unregistered, told.notes) == (3, (), (), ())
    assert not told.drift


def test_a_stage_that_is_no_longer_declared_is_still_told(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)

    told = status("ml/fraud", settings=local.under("stages: {live: {}}").settings)

    assert [stage.stage for stage in told.stages] == ["live", "prod"]


def test_what_waits_is_pending_until_it_is_there(team: Team) -> None:
    strict = team.under("stages: {prod: {protected: true, approvals: 1}}")
    version = f"{team.place}:1.0.0"
    request(version, "prod", because="auc", settings=strict.settings)
    approve(version, "prod", settings=strict.acting(BOB).settings)
    reject(version, "prod", because="no", settings=strict.acting(EVE).settings)

    (pending,) = status(team.place, settings=strict.settings).pending

    assert (pending.version, pending.stage, pending.requested_by) == ("1.0.0", "prod", ADA)
    assert (pending.reason, pending.approved_by, pending.rejected_by) == ("auc", (BOB,), (EVE,))

    approve(version, "prod", settings=strict.acting(EVE).settings)
    promote(version, "prod", settings=strict.settings)
    assert status(team.place, settings=strict.settings).pending == ()


def test_a_move_that_does_not_count_leaves_the_request_pending(local: Team) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1}}")
    approve("ml/fraud:1.1.0", "prod", settings=strict.acting(BOB).settings)
    promote("ml/fraud:1.1.0", "prod", settings=strict.settings)
    request("ml/fraud:1.0.0", "prod", settings=strict.settings)
    promote("ml/fraud:1.0.0", "prod", settings=local.acting(EVE).settings)

    told = status("ml/fraud", settings=strict.settings)

    assert [pending.version for pending in told.pending] == ["1.0.0"]


def test_an_approval_that_expired_is_not_shown_as_one(
    local: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    request("ml/fraud:1.0.0", "prod", settings=local.settings)
    approve("ml/fraud:1.0.0", "prod", expires="39d", settings=local.acting(BOB).settings)
    (before,) = status("ml/fraud", settings=local.settings).pending

    monkeypatch.setattr(operation, "datetime", Later)
    (after,) = status("ml/fraud", settings=local.settings).pending

    assert (before.approved_by, after.approved_by) == ((BOB,), ())


def test_versions_that_nobody_recorded_and_those_not_to_be_used_are_told(team: Team) -> None:
    deprecate(f"{team.place}:1.1.0", because="stale", settings=team.settings)
    promote(f"{team.place}:1.1.0", "dev", settings=team.settings)
    team.set_tag("3.0.0", "1.0.0")

    told = status(team.place, settings=team.settings)

    assert (told.unregistered, told.deprecated) == (("3.0.0",), ("1.1.0",))
    assert team.stage("dev").members[0].deprecated


@pytest.mark.parametrize("stray", ["1.1.0", None])
def test_a_tag_that_strayed_is_drift(stray: str | None, local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    if stray:
        local.set_tag("prod", stray)
    else:
        local.store.untag("prod")

    told = local.stage("prod")

    assert (told.drift, told.tag) == (True, local.tag("prod"))
    assert status("ml/fraud", settings=local.settings).drift


def test_a_tag_that_came_back_after_a_clear_is_drift(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    clear("ml/fraud", "prod", settings=local.settings)
    local.set_tag("prod", "1.0.0")

    assert local.stage("prod").drift


def test_status_is_of_a_model_that_is_there(local: Team) -> None:
    with pytest.raises(InvalidInput, match="takes a model"):
        status("ml/fraud:1.0.0", settings=local.settings)
    with pytest.raises(NotFound):
        status("ml/nothing", settings=local.settings)


def test_words_against_a_version_say_which_stage_goes_on_naming_it(team: Team) -> None:
    for stage in ("staging", "prod"):
        promote(f"{team.place}:1.0.0", stage, settings=team.settings)

    rejected = reject(f"{team.place}:1.0.0", "prod", because="drifts", settings=team.settings)
    deprecated = deprecate(f"{team.place}:1.0.0", because="old", settings=team.settings)
    elsewhere = deprecate(f"{team.place}:1.1.0", because="old", settings=team.settings)

    assert [note.partition(" ")[0] for note in rejected.notes] == ["prod"]
    assert sorted(note.partition(" ")[0] for note in deprecated.notes) == ["prod", "staging"]
    assert f"lading clear {team.place} prod" in rejected.notes[0]  # it named nothing else before
    assert elsewhere.notes == ()
    assert team.versions("prod") == ["1.0.0"]
