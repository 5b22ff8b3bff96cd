"""What looking after a ledger does about versions' tags: what it finds, mends, and leaves alone."""

from __future__ import annotations

import shlex

import pytest
from operations.older import give_again
from operations.team import ADA, EVE, Team
from operations.test_compressed_copies import compressed, index_of, put

from lading.operations.copy import copy
from lading.operations.ledger import LedgerFinding, ledger_adopt, ledger_repair, ledger_verify
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.remove import remove
from lading.spec.digest import Digest
from lading.stores.layout import LayoutStore
from lading.stores.remote.registry import RemoteStore

PROTECTED = "stages: {prod: {protected: true, approvals: 1}}"


def findings(team: Team) -> list[LedgerFinding]:
    return list(ledger_verify(team.place, settings=team.settings).findings)


def repaired(team: Team) -> tuple[str, ...]:
    return ledger_repair(team.place, settings=team.settings).actions


# A version's tag that something else moved


@pytest.mark.parametrize("policy", ["stages: {prod: {}}", PROTECTED])
def test_a_repair_gives_a_versions_tag_back_what_was_registered(policy: str, team: Team) -> None:
    was, other = team.tag("1.0.0"), team.tag("1.1.0")
    team.set_tag("1.0.0", "1.1.0")
    eve = team.acting(EVE).under(policy)
    (finding,) = findings(eve)

    first, second = repaired(eve), repaired(eve)

    assert (finding.kind, finding.hint) == ("moved", f"lading ledger repair {team.place}")
    assert first == (f"moved 1.0.0 from {other} to {was}",)
    assert (second, team.tag("1.0.0"), team.tag("1.1.0")) == ((), was, other)
    assert findings(eve) == []
    assert pull(f"{team.place}:1.0.0", settings=team.settings).digest == was


def test_a_version_that_went_missing_comes_back_as_the_hint_says(team: Team) -> None:
    was = Digest(str(team.tag("1.0.0")))
    copy(team.place, "ml/backup", all_versions=True, settings=team.settings)
    team.store.untag("1.0.0")
    if isinstance(store := team.store, LayoutStore):
        store.collect(grace=0)
    else:
        assert isinstance(store, RemoteStore)
        store.delete_manifest(was)
    team.set_tag("1.0.0", "1.1.0")
    (finding,) = findings(team)
    done = ledger_repair(team.place, settings=team.settings)

    assert finding.hint is not None
    copying, repairing = finding.hint.replace("FROM", "ml/backup").split(", then ")
    _, _, source, target = shlex.split(copying)
    copy(source, target, settings=team.settings)

    assert (done.actions, len(done.left)) == ((), 1)
    assert repairing == f"lading ledger repair {team.place}"
    assert len(repaired(team)) == 1
    assert (team.tag("1.0.0"), findings(team)) == (was, [])


def test_a_repair_brings_nothing_back_that_was_removed_or_only_lost(team: Team) -> None:
    team.push("1.2.0")
    remove(f"{team.place}:1.0.0", settings=team.settings)
    team.store.untag("1.1.0")

    assert repaired(team) == ()

    assert (team.tag("1.0.0"), team.tag("1.1.0")) == (None, None)


def test_a_tag_that_came_over_a_removed_version_is_left_and_can_be_taken_away(team: Team) -> None:
    remove(f"{team.place}:1.0.0", settings=team.settings)
    team.set_tag("1.0.0", "1.1.0")
    (finding,) = findings(team)

    done = ledger_repair(team.place, settings=team.settings)

    assert (done.actions, len(done.left)) == ((), 1)
    assert f"lading remove {team.place}:1.0.0" in str(finding.hint)
    remove(f"{team.place}:1.0.0", settings=team.settings)
    assert "moved" not in {found.kind for found in findings(team)}
    assert pull(f"{team.place}:1.1.0", settings=team.settings).files


def test_a_copy_that_was_compressed_on_the_way_keeps_its_tag(local: Team) -> None:
    there = put(local.store, compressed(local.store, index_of(local.store, "1.0.0")), "1.0.0")

    assert repaired(local) == ()

    assert local.tag("1.0.0") == there.digest
    assert [found.kind for found in findings(local)] == ["recompressed"]
    assert pull("ml/fraud:1.0.0", settings=local.settings).files


def test_a_number_that_two_contents_were_registered_under_is_left(local: Team) -> None:
    local.at("ml/other").push("1.0.0", metrics={"auc": 0.1})
    give_again("ml/other:1.0.0", "ml/fraud:1.0.0", local.settings)
    local.set_tag("1.0.0", "1.1.0")

    assert repaired(local) == ()
    assert {f.hint for f in findings(local)} == {"lading history ml/fraud tells who registered it"}


# Adopting


def forgotten(team: Team) -> Team:
    """The same versions, as if another tool had pushed them."""
    for name in [n for n in team.store.names() if n == "ledger" or n.startswith("evt.")]:
        team.store.untag(name)
    return team.elsewhere()


def test_adopting_registers_what_is_good_and_notes_what_is_not(team: Team) -> None:
    team.push("1.2.0")
    team.set_tag("1.0.0", "1.1.0")
    team = forgotten(team)

    done = ledger_adopt(team.place, settings=team.settings)

    assert done.adopted == ("1.1.0", "1.2.0")
    (note,) = (note for note in done.notes if "is not registered" in note)
    assert note.startswith(f"{team.place}:1.0.0 is not registered: the tag 1.0.0 names version 1.1")
    assert ledger_adopt(team.place, settings=team.settings).adopted == ()


# What is gone


def test_what_was_removed_in_order_is_no_finding(team: Team) -> None:
    remove(f"{team.place}:1.0.0", settings=team.settings)

    assert findings(team) == []


def test_what_a_protected_stage_named_once_stays_a_note_when_it_was_removed(team: Team) -> None:
    team = team.under("stages: {prod: {protected: true}}")
    for version in ("1.0.0", "1.1.0"):
        promote(f"{team.place}:{version}", "prod", settings=team.settings)
    remove(f"{team.place}:1.0.0", force=True, settings=team.settings)

    finding, *others = findings(team)

    assert (finding.kind, finding.severity, finding.hint) == ("gone", "note", None)
    assert finding.what.startswith(f"{ADA} removed 1.0.0")
    assert all(other.severity == "note" for other in others)  # its bytes may be gone: unjudged


def test_a_removed_version_that_came_back_and_was_lost_by_its_stage_is_an_error(
    local: Team,
) -> None:
    copy("ml/fraud:1.0.0", "ml/backup:1.0.0", settings=local.settings)
    remove("ml/fraud:1.0.0", settings=local.settings)
    copy("ml/backup:1.0.0", "ml/fraud:1.0.0", settings=local.settings)
    promote("ml/fraud:1.0.0", "dev", settings=local.settings)
    local.store.untag("1.0.0")

    assert [(found.kind, found.severity) for found in findings(local)] == [("gone", "error")]


def test_a_version_that_lost_its_tag_gets_it_back_as_the_hint_says(team: Team) -> None:
    was = team.tag("1.0.0")
    team.store.untag("1.0.0")
    (finding,) = findings(team)

    _, _, source, target = shlex.split(str(finding.hint))
    copy(source, target, settings=team.settings)

    assert (finding.kind, finding.severity) == ("gone", "note")
    assert (team.tag("1.0.0"), findings(team)) == (was, [])


# What nobody registered


def test_of_a_model_without_events_verify_says_how_many_versions_to_adopt(team: Team) -> None:
    team = forgotten(team)

    result = ledger_verify(team.place, settings=team.settings)

    (finding,) = (found for found in result.findings if found.kind == "unregistered")
    assert (result.events, finding.severity, finding.what, finding.hint) == (
        0,
        "note",
        "2 versions are not registered",
        f"lading ledger adopt {team.place}",
    )


def test_a_moved_tag_that_nobody_registered_is_taken_away_as_the_hint_says(team: Team) -> None:
    team.push("1.2.0")
    team.set_tag("1.0.0", "1.1.0")
    team = forgotten(team)
    ledger_adopt(team.place, settings=team.settings)
    (finding,) = (found for found in findings(team) if found.kind == "moved")

    assert (finding.severity, finding.hint) == ("error", f"lading remove {team.place}:1.0.0")
    remove(f"{team.place}:1.0.0", settings=team.settings)

    assert "moved" not in {found.kind for found in findings(team)}
    assert pull(f"{team.place}:1.1.0", settings=team.settings).files
