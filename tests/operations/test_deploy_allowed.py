"""What a policy has to say before documents are written, and a stage that moves meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operations.team import BOB, Team
from operations.tied import tie

from lading.errors import PolicyRefused
from lading.ledger.book import Book
from lading.ledger.read import read_book
from lading.operations import stores
from lading.operations.deploy import deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.deploy_update import deploy_update
from lading.operations.deprecate import deprecate
from lading.operations.promote import promote
from lading.operations.request import approve, reject
from lading.operations.rollback import rollback
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.reference import Reference

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

APPROVED = "stages: {dev: {}, prod: {protected: true, approvals: 1}}"
# What was let in under the other one still counts.
STRICTER = f"""\
former: ['{Digest.of(APPROVED.encode())}']
stages: {{dev: {{}}, prod: {{protected: true, approvals: 1, gates: ['metrics.auc >= 0.9']}}}}
"""


@pytest.fixture
def fraud(team: Team) -> Team:
    """Two versions that can be served; Bob let the first into prod."""
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    strict = team.under(APPROVED)
    let_in(strict, "1.0.0")
    return strict


def let_in(team: Team, version: str) -> None:
    reference = f"{team.place}:{version}"
    approve(reference, "prod", settings=team.acting(BOB).settings)
    promote(reference, "prod", settings=team.settings)


def texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def never(difference: str) -> bool:
    raise AssertionError("a cluster was asked")


def taken_back(team: Team, version: str) -> None:
    reject(f"{team.place}:{version}", "prod", because="alarms", settings=team.acting(BOB).settings)


def regretted(team: Team, version: str) -> None:
    deprecate(f"{team.place}:{version}", because="leaks", settings=team.settings)


@pytest.mark.parametrize(
    ("against", "rule"), [(taken_back, "not rejected"), (regretted, "not deprecated")]
)
def test_what_a_protected_stage_may_not_have_any_more_is_not_written(
    fraud: Team, tmp_path: Path, against: Callable[[Team, str], None], rule: str
) -> None:
    folder, new = tmp_path / "fraud", tmp_path / "new"
    documents = f"{fraud.place}-deploy:prod"
    deploy(fraud.place, stage="prod", output=folder, settings=fraud.settings)
    let_in(fraud, "1.1.0")
    against(fraud, "1.1.0")
    before = texts(folder)

    for call in (
        lambda: deploy(
            fraud.place,
            stage="prod",
            output=new,
            push=documents,
            confirm=never,
            settings=fraud.settings,
        ),
        lambda: deploy(f"{fraud.place}:prod", settings=fraud.settings),
        lambda: deploy_update(folder, push=documents, confirm=never, settings=fraud.settings),
        lambda: deploy_update(folder, stage="prod", dry_run=True, settings=fraud.settings),
    ):
        with pytest.raises(PolicyRefused, match="prod may not have") as caught:
            call()
        assert rule in str(caught.value.cause)
        assert caught.value.hint
        assert rule in [each.name for each in caught.value.rules if not each.holds]

    assert (texts(folder), new.exists()) == (before, False)
    pushed = stores.open_store(Reference.parse(documents), fraud.settings)
    assert list(pushed.names()) == []


def test_a_rule_that_came_since_is_asked_of_what_the_stage_names(
    fraud: Team, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    let_in(fraud, "1.1.0")
    deploy(fraud.place, stage="prod", output=folder, settings=fraud.settings)

    with pytest.raises(PolicyRefused, match="prod may not have") as caught:
        deploy_update(folder, settings=fraud.under(STRICTER).settings)

    assert "metrics.auc is 0.85" in str(caught.value.cause)


def test_what_came_back_stays_although_it_would_not_be_let_in_anew(
    team: Team, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    strict = team.under(APPROVED)
    let_in(strict, "1.1.0")
    let_in(strict, "1.0.0")
    stricter = team.under(STRICTER)
    deploy(team.place, stage="prod", output=folder, settings=stricter.settings)
    rollback(team.place, "prod", settings=stricter.settings)

    done = deploy_update(folder, settings=stricter.settings)
    checked = deploy_check(folder, settings=stricter.settings)

    assert (done.status, done.version, checked.status) == ("updated", "1.1.0", "current")
    for notes in (done.notes, checked.notes):
        assert any("would not take it anew: metrics.auc" in note for note in notes)
    taken_back(stricter, "1.1.0")
    with pytest.raises(PolicyRefused, match="prod may not have"):
        deploy_update(folder, settings=stricter.settings)


def test_a_version_by_name_has_to_be_allowed_where_the_folder_follows_a_protected_stage(
    fraud: Team, tmp_path: Path
) -> None:
    folder, other = tmp_path / "fraud", tmp_path / "other"
    reference = f"{fraud.place}:1.1.0"
    deploy(fraud.place, stage="prod", output=folder, settings=fraud.settings)
    before = texts(folder)

    with pytest.raises(PolicyRefused, match="prod may not have") as caught:
        deploy_update(folder, reference, dry_run=True, settings=fraud.settings)
    with pytest.raises(PolicyRefused):
        deploy_update(folder, reference, confirm=never, settings=fraud.settings)
    with pytest.raises(PolicyRefused):
        deploy(reference, output=folder, force=True, settings=fraud.settings)
    promote(reference, "dev", settings=fraud.settings)
    away = deploy_update(folder, stage="dev", dry_run=True, settings=fraud.settings)
    free = deploy(reference, output=other, settings=fraud.settings)

    assert f"lading approve {reference} --stage prod" in str(caught.value.hint)
    assert texts(folder) == before
    # Another stage that is named has its own rules; a folder that follows none has none.
    assert any("followed prod before" in note for note in away.notes)
    assert (free.version, free.stage) == ("1.1.0", None)
    approve(reference, "prod", settings=fraud.acting(BOB).settings)
    done = deploy_update(folder, reference, settings=fraud.settings)
    assert done.status == "updated"
    assert f"it follows none now; {fraud.place} --stage prod has it follow that again" in done.notes


def test_files_for_one_machine_are_not_written_over_their_stage_s_policy(
    fraud: Team, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    deploy(fraud.place, stage="prod", kind="compose", output=folder, settings=fraud.settings)
    before = texts(folder)
    reference = f"{fraud.place}:1.1.0"

    with pytest.raises(PolicyRefused, match="prod may not have"):
        deploy(reference, kind="compose", output=folder, force=True, settings=fraud.settings)
    with pytest.raises(PolicyRefused, match="prod may not have"):
        deploy_update(folder, reference, settings=fraud.settings)

    assert texts(folder) == before


def test_of_a_version_by_name_it_is_told_what_was_said_against_it(fraud: Team) -> None:
    clean = deploy(f"{fraud.place}:1.0.0", settings=fraud.settings)
    taken_back(fraud, "1.1.0")
    regretted(fraud, "1.1.0")

    spoken = deploy(f"{fraud.place}:1.1.0", settings=fraud.settings)

    assert not any("reject" in note or "deprecated" in note for note in clean.notes)
    assert any(note.startswith("deprecated by Ada") for note in spoken.notes)
    assert any(note.startswith("rejected for prod by Bob") for note in spoken.notes)


def test_of_a_version_in_a_stage_that_nobody_protects_it_is_told_who_rejected_it(
    fraud: Team, tmp_path: Path
) -> None:
    place = promoted(fraud, "dev")
    folder = tmp_path / "dev"
    clean = deploy(place, stage="dev", output=folder, settings=fraud.settings)
    promote(f"{place}:1.1.0", "dev", settings=fraud.settings)
    for stage in ("dev", "prod"):
        reject(f"{place}:1.1.0", stage, because="drifts", settings=fraud.acting(BOB).settings)

    told = deploy_update(folder, settings=fraud.settings)

    assert (told.status, told.version) == ("updated", "1.1.0")
    assert not any("reject" in note for note in clean.notes)
    # What another stage may not have is no news here.
    (note,) = (note for note in told.notes if "reject" in note)
    assert note.startswith("rejected for dev by Bob")


def test_where_no_policy_is_it_is_said_that_others_had_one(fraud: Team, team: Team) -> None:
    taken_back(fraud, "1.0.0")

    told = deploy(team.place, stage="prod", settings=team.settings)
    dev = deploy(promoted(team, "dev"), stage="dev", settings=team.settings)

    assert any("LADING_POLICY" in note for note in told.notes)
    assert not any("LADING_POLICY" in note for note in dev.notes)


def promoted(team: Team, stage: str) -> str:
    promote(f"{team.place}:1.0.0", stage, settings=team.settings)
    return team.place


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("protected", [True, False])
def test_digest_and_event_are_of_one_moment_where_a_stage_moves_meanwhile(
    team: Team, monkeypatch: pytest.MonkeyPatch, *, when: str, protected: bool
) -> None:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    asked = team.under(APPROVED) if protected else team
    let_in(asked, "1.0.0")
    resolve = stores.resolve
    moved = [False]

    def meanwhile(store: stores.AnyStore, place: Reference) -> Descriptor:
        if place.tag != "prod" or moved[0]:
            return resolve(store, place)
        moved[0] = True
        if when == "before":
            let_in(asked, "1.1.0")
        root = resolve(store, place)
        if when == "after":
            let_in(asked, "1.1.0")
        return root

    monkeypatch.setattr(stores, "resolve", meanwhile)
    done = deploy(team.place, stage="prod", settings=asked.settings)

    (now,) = asked.stage("prod").members
    assert moved == [True]
    assert (done.version, done.digest, done.event) == ("1.1.0", now.digest, now.event)


def test_a_tag_that_is_believed_unchecked_is_paired_with_no_event_of_another(team: Team) -> None:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    credulous = replace(team.settings, unchecked=True)
    agreeing = deploy(team.place, stage="prod", settings=credulous)
    team.set_tag("prod", "1.1.0")

    done = deploy(team.place, stage="prod", settings=credulous)

    (now,) = team.stage("prod").members
    assert (agreeing.version, agreeing.event) == ("1.0.0", now.event)
    assert (done.version, done.stage, done.event) == ("1.1.0", "prod", None)


def test_the_ledger_of_a_protected_stage_is_read_once(
    fraud: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(store: stores.AnyStore, **words: Any) -> Book:
        read.append(words["whole"])
        return read_book(store, **words)

    monkeypatch.setattr("lading.operations.lifecycle.logbook.read_book", counted)
    deploy(fraud.place, stage="prod", settings=fraud.settings)

    assert read == [True]
