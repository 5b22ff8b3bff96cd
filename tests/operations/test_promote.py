"""Stages that name versions: promoted by anybody, or as a policy lets them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, BOB, EVE, Later, Team
from parts.child import as_nobody

from lading.errors import IntegrityError, InvalidInput, NotFound, PolicyRefused
from lading.operations.clear import clear
from lading.operations.copy import copy
from lading.operations.deprecate import deprecate
from lading.operations.evaluate import evaluate
from lading.operations.history import history
from lading.operations.lifecycle import judging
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.policy_check import policy_check
from lading.operations.promote import promote
from lading.operations.request import approve, reject, request
from lading.operations.status import status
from lading.operations.tag import tag
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import Draft
from lading.spec.reference import Reference
from lading.spec.signature import Column, Signature
from lading.stores.layout import LayoutStore
from lading.transfer import read

PROTECTED = "stages: {staging: {}, prod: {protected: true}}"
GATED = "stages: {prod: {protected: true, gates: ['metrics.auc >= 0.9']}}"


def test_a_stage_names_what_was_promoted_and_an_event_says_so(team: Team) -> None:
    done = promote(f"{team.place}:1.0.0", "prod", because="the first", settings=team.settings)

    assert (done.status, done.previous, done.current) == ("assigned", None, done.digest)
    assert team.tag("prod") == done.digest
    (event,) = history(team.place, stage="prod", settings=team.settings).events
    assert (event.event, event.seq) == (done.event, done.seq)
    assert (event.kind, event.version, event.actor) == ("assigned", "1.0.0", ADA)
    assert (event.reason, event.signed, event.previous) == ("the first", False, None)


def test_a_version_is_promoted_by_every_name_it_has(team: Team) -> None:
    newest = team.tag("1.1.0")
    tag(f"{team.place}:1.1.0", "candidate", settings=team.settings)
    names = (":latest", ":1.1.0", ":candidate", f"@{newest}")

    for stage, name in zip(("dev", "staging", "shadow", "prod"), names, strict=True):
        promote(f"{team.place}:1.0.0", stage, settings=team.settings)
        done = promote(f"{team.place}{name}", stage, settings=team.settings)
        assert (done.digest, done.version, team.tag(stage)) == (newest, "1.1.0", newest)

    again = promote(f"{team.place}:prod", "canary", settings=canary(team).settings)
    assert (again.version, again.digest) == ("1.1.0", newest)


def canary(team: Team) -> Team:
    return team.under("stages: {prod: {}, canary: {}}")


def test_promoting_again_changes_nothing_and_writes_no_event(team: Team) -> None:
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    before = team.events()

    again = promote(f"{team.place}:1.0.0", "prod", because="again", settings=team.settings)

    assert (again.status, again.event, again.seq) == ("unchanged", None, None)
    assert team.events() == before


def test_a_dry_run_says_what_would_be_and_does_nothing(team: Team) -> None:
    before = team.events()

    planned = promote(f"{team.place}:1.0.0", "prod", dry_run=True, settings=team.settings)

    assert (planned.status, planned.current, planned.event) == ("planned", None, None)
    assert (team.events(), team.tag("prod")) == (before, None)


@pytest.mark.parametrize(
    ("reference", "stage", "error"),
    [
        ("ml/fraud:9.9.9", "prod", NotFound),
        ("ml/nothing:1.0.0", "prod", NotFound),
        ("ml/fraud", "prod", InvalidInput),
        ("ml/fraud:1.0.0", "prodd", InvalidInput),
        ("ml/fraud:1.0.0", "a/b", InvalidInput),
        ("ml/fraud:1.0.0", "größe", InvalidInput),
        ("ml/fraud:1.0.0", "x" * 500, InvalidInput),
        ("ml/fraud:1.0.0", "\x1b[2J", InvalidInput),
        ("ml/fraud:1.0.0", "latest", InvalidInput),
        ("ml/fraud:ledger", "prod", InvalidInput),
    ],
)
def test_what_cannot_be_promoted_says_why_and_leaves_no_event(
    reference: str, stage: str, error: type[Exception], local: Team
) -> None:
    before = local.events()

    with pytest.raises(error) as caught:
        promote(reference, stage, settings=local.settings)

    assert getattr(caught.value, "hint", None)
    assert local.events() == before


def test_a_version_whose_tag_was_given_to_another_one_is_refused(team: Team) -> None:
    team.set_tag("1.0.0", "1.1.0")
    written = team.events()

    for act in (promote, approve):
        with pytest.raises(IntegrityError, match=r"the tag 1\.0\.0 names version 1\.1\.0"):
            act(f"{team.place}:1.0.0", "prod", settings=team.settings)

    assert team.events() == written
    assert team.tag("prod") is None
    done = promote(f"{team.place}:1.1.0", "prod", settings=team.settings)
    assert done.version == "1.1.0"


def test_a_version_with_build_metadata_names_itself(local: Team) -> None:
    local.push("1.2.0_cu121")

    assert promote("ml/fraud:1.2.0_cu121", "prod", settings=local.settings).status == "assigned"


@pytest.mark.parametrize("written", ["prodd", "PROD", "prd", "Prod"])
def test_a_stage_that_is_nearly_one_is_suggested(written: str, local: Team) -> None:
    with pytest.raises(InvalidInput) as caught:
        promote("ml/fraud:1.0.0", written, settings=local.settings)

    assert "did you mean prod?" in str(caught.value.hint)
    assert "dev, staging, shadow, prod" in str(caught.value.cause)


@pytest.mark.parametrize("written", ["ml/frud", "ml/frauds", "fraud"])
def test_a_model_that_is_nearly_one_is_suggested(written: str, local: Team) -> None:
    for act in (status, history):
        with pytest.raises(NotFound) as caught:
            act(written, settings=local.settings)

        assert str(caught.value.hint).startswith("did you mean ml/fraud? Otherwise: lading list")
    with pytest.raises(NotFound) as other:
        status("quite/another-one", settings=local.settings)
    assert "did you mean" not in str(other.value.hint)


def test_a_reason_of_any_language_is_kept_and_too_long_a_one_is_refused(local: Team) -> None:
    done = promote("ml/fraud:1.0.0", "prod", because="größer ✓ 模型\n\x1b", settings=local.settings)
    events = local.events()

    with pytest.raises(InvalidInput, match="64 KiB"):
        promote("ml/fraud:1.1.0", "prod", because="x" * 70_000, settings=local.settings)

    assert local.events() == events
    assert local.tag("prod") == done.digest
    (event,) = history("ml/fraud", stage="prod", settings=local.settings).events
    assert event.reason == "größer ✓ 模型\n\x1b"


# What a policy asks for


def test_a_refused_promotion_names_every_rule_and_moves_nothing(team: Team) -> None:
    strict = team.under(
        "stages: {staging: {}, prod: {protected: true, approvals: 2, after: staging,"
        " signers: [key], assigners: [key],"
        " gates: ['metrics.auc >= 0.9', {name: scanned, rule: 'scan == \"clean\"'}]}}"
    )
    before = strict.events()

    with pytest.raises(PolicyRefused) as caught:
        promote(f"{team.place}:1.1.0", "prod", settings=strict.settings)

    assert caught.value.exit_code == 9
    cause = str(caught.value.cause)
    for rule in (
        "after staging",
        "approvals: 0 of 2",
        "assigners",
        "metrics.auc >= 0.9",
        "scanned",
    ):
        assert rule in cause
    assert cause.count("cannot be met yet: unsigned") == 2
    assert "metrics.auc is 0.85" in cause
    checked = policy_check(f"{team.place}:1.1.0", "prod", settings=strict.settings)
    assert caught.value.rules == checked.rules
    assert [rule.name for rule in caught.value.rules if rule.holds] == [
        "not deprecated",
        "not rejected",
    ]
    assert (strict.events(), strict.tag("prod")) == (before, None)


def test_signers_and_assigners_are_never_met_by_unsigned_words(local: Team) -> None:
    for words in ("signers: [key]", "assigners: [key]", "approvals: 1, signers: [key]"):
        strict = local.under(f"stages: {{prod: {{protected: true, {words}}}}}")
        approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)

        with pytest.raises(PolicyRefused, match="cannot be met yet: unsigned"):
            promote("ml/fraud:1.0.0", "prod", settings=strict.settings)


def test_two_people_must_have_said_yes_and_one_person_is_one(team: Team) -> None:
    strict = team.under("stages: {prod: {protected: true, approvals: 2}}")
    version = f"{team.place}:1.0.0"
    for actor in (BOB, "bob <BOB@example.com>", "Bob Again <bob@example.com>"):
        approve(version, "prod", settings=strict.acting(actor).settings)
    with pytest.raises(PolicyRefused, match="1 of 2"):
        promote(version, "prod", settings=strict.settings)

    approve(version, "prod", because="fine", settings=strict.acting(EVE).settings)
    done = promote(version, "prod", settings=strict.settings)

    assert done.status == "assigned"
    assert all(rule.holds for rule in done.rules)
    assert {"approvals", "not rejected", "not deprecated"} == {rule.name for rule in done.rules}


@pytest.mark.parametrize(
    "own", [ADA, "ada <ADA@EXAMPLE.COM>", "ada@example.com", "A. Lovelace <ada@example.com>",
            "Ada", "  Ada   < ada@example.com >"],
)  # fmt: skip
def test_the_author_does_not_approve_whatever_she_calls_herself(own: str, local: Team) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1, not_author: true}}")
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(own).settings)

    with pytest.raises(PolicyRefused, match="does not count"):
        promote("ml/fraud:1.0.0", "prod", settings=strict.settings)

    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)
    assert promote("ml/fraud:1.0.0", "prod", settings=strict.settings).status == "assigned"


def test_who_registered_or_requested_a_version_does_not_approve_it(local: Team) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1, not_author: true}}")
    local.acting(BOB).push("2.0.0", authors=[ADA])
    request("ml/fraud:2.0.0", "prod", settings=strict.acting(EVE).settings)
    for actor in (BOB, EVE):
        approve("ml/fraud:2.0.0", "prod", settings=strict.acting(actor).settings)

    with pytest.raises(PolicyRefused) as caught:
        promote("ml/fraud:2.0.0", "prod", settings=strict.settings)

    assert "registered it" in str(caught.value.cause)
    assert "requested it" in str(caught.value.cause)


def test_an_approval_counts_until_it_expires(local: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1}}")
    said = approve("ml/fraud:1.0.0", "prod", expires="39d", settings=strict.acting(BOB).settings)
    (event,) = history("ml/fraud:1.0.0", stage="prod", settings=local.settings).events
    assert event.event == said.event
    assert event.expires is not None

    with monkeypatch.context() as patch:
        patch.setattr(judging, "datetime", Later)
        with pytest.raises(PolicyRefused, match="0 of 1"):
            promote("ml/fraud:1.0.0", "prod", settings=strict.settings)

    assert promote("ml/fraud:1.0.0", "prod", settings=strict.settings).status == "assigned"


@pytest.mark.parametrize("expires", ["2020-01-01", "0d", "-1d", "tomorrow", "", "9" * 30 + "d"])
def test_an_approval_that_is_over_before_it_begins_is_refused(expires: str, local: Team) -> None:
    with pytest.raises(InvalidInput):
        approve("ml/fraud:1.0.0", "prod", expires=expires, settings=local.settings)


def test_a_rejection_stands_until_who_said_it_approves(team: Team) -> None:
    strict = team.under("stages: {prod: {protected: true, approvals: 1}}")
    version = f"{team.place}:1.0.0"
    approve(version, "prod", settings=strict.acting(BOB).settings)
    reject(version, "prod", because="it drifts", settings=strict.acting(EVE).settings)

    with pytest.raises(PolicyRefused, match=r"Eve .*rejected it: it drifts"):
        promote(version, "prod", settings=strict.settings)

    approve(version, "prod", settings=strict.acting(EVE).settings)
    assert promote(version, "prod", settings=strict.settings).status == "assigned"


def test_a_version_comes_after_the_stage_before(team: Team) -> None:
    strict = team.under("stages: {staging: {}, prod: {protected: true, after: staging}}")
    with pytest.raises(PolicyRefused, match="never in staging") as caught:
        promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)
    assert "lading promote" in str(caught.value.hint)

    promote(f"{team.place}:1.0.0", "staging", settings=strict.settings)
    promote(f"{team.place}:1.1.0", "staging", settings=strict.settings)

    assert promote(f"{team.place}:1.0.0", "prod", settings=strict.settings).status == "assigned"


def test_a_stage_before_that_is_protected_itself_is_not_passed_by_a_move_that_does_not_count(
    local: Team,
) -> None:
    strict = local.under(
        "stages: {staging: {protected: true, approvals: 1},"
        " prod: {protected: true, after: staging}}"
    )
    approve("ml/fraud:1.1.0", "staging", settings=strict.acting(BOB).settings)
    promote("ml/fraud:1.1.0", "staging", settings=strict.settings)
    promote("ml/fraud:1.0.0", "staging", settings=local.acting(EVE).settings)
    promote("ml/fraud:1.1.0", "staging", settings=strict.settings)

    with pytest.raises(PolicyRefused, match="never in staging"):
        promote("ml/fraud:1.0.0", "prod", settings=strict.settings)
    assert promote("ml/fraud:1.1.0", "prod", settings=strict.settings).status == "assigned"


def test_a_gate_may_ask_for_the_stages_that_name_a_version(team: Team) -> None:
    strict = team.under("stages: {dev: {}, prod: {protected: true, gates: [\"stage != 'dev'\"]}}")
    promote(f"{team.place}:1.0.0", "dev", settings=strict.settings)

    with pytest.raises(PolicyRefused, match='stage is "dev", and must not be "dev"'):
        promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)

    assert promote(f"{team.place}:1.1.0", "prod", settings=strict.settings).status == "assigned"
    assert strict.versions("prod") == ["1.1.0"]


def test_a_move_of_another_policy_passes_no_gate_by_what_its_writer_left_out(local: Team) -> None:
    strict = local.under("stages: {dev: {}, prod: {protected: true, gates: ['stage is null']}}")
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)

    assert strict.versions("prod") == []


def test_two_protected_stages_that_others_moved_are_judged_without_end(local: Team) -> None:
    lax = local.under("stages: {staging: {}, prod: {}}")
    strict = local.under(
        "stages: {staging: {protected: true, gates: ['metrics.auc > 0.1']},"
        " prod: {protected: true, after: staging}}"
    )
    promote("ml/fraud:1.0.0", "staging", settings=lax.settings)
    promote("ml/fraud:1.0.0", "prod", settings=lax.settings)

    assert strict.versions("staging") == ["1.0.0"]
    assert strict.versions("prod") == ["1.0.0"]


@pytest.fixture
def incompatible(local: Team) -> Team:
    """2.0.0 is in prod by a policy by which 3.0.0, for other programs, may not be there."""
    for version, name in (("2.0.0", "age"), ("2.0.1", "age"), ("3.0.0", "income")):
        signature = Signature(inputs=(Column(name=name, dtype="float64"),))
        local.push(version, signature=signature)
    strict = local.under("stages: {prod: {protected: true, gates: [schema.compatible]}}")
    promote("ml/fraud:2.0.0", "prod", settings=strict.settings)
    return strict


def test_what_does_not_count_is_no_version_that_another_is_compatible_with(
    incompatible: Team,
) -> None:
    lax = incompatible.under("stages: {prod: {}}")

    promote("ml/fraud:3.0.0", "prod", settings=lax.settings)
    promote("ml/fraud:3.0.0", "prod", settings=lax.acting(BOB).settings)
    clear("ml/fraud", "prod", settings=lax.settings)
    promote("ml/fraud:3.0.0", "prod", settings=lax.settings)

    assert incompatible.versions("prod") == ["2.0.0"]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("first", ["2.0.1", "3.0.0"])
def test_who_leaves_out_what_a_stage_names_is_compatible_with_nothing(
    first: str, shared: bool, incompatible: Team
) -> None:
    lax = incompatible.under("stages: {prod: {}}")
    logbook = open_logbook(Reference.parse("ml/fraud"), lax.settings)
    book, _ = logbook.read(whole=True)
    draft = Draft(
        kind="assigned",
        repository="ml/fraud",
        digest=Digest(str(lax.tag(first))),
        version=first,
        stage="prod",
        shared=shared,
        actor=EVE,
    )

    logbook.write(replace(book, lines={}, records={}, listed=None), draft)
    promote("ml/fraud:3.0.0", "prod", settings=lax.settings)

    assert "3.0.0" not in incompatible.versions("prod")


def test_nothing_is_known_to_be_compatible_with_what_is_gone(incompatible: Team) -> None:
    named = Digest(str(incompatible.tag("2.0.0")))
    (blob,) = incompatible.settings.home.glob(f"**/{named.hex}")
    blob.unlink()

    with pytest.raises(PolicyRefused) as refused:
        promote("ml/fraud:2.0.1", "prod", settings=incompatible.settings)

    assert [rule.name for rule in refused.value.rules if not rule.holds] == ["schema.compatible"]


def test_gates_look_at_the_document_and_at_evidence(team: Team) -> None:
    strict = team.under(GATED)
    with pytest.raises(PolicyRefused, match=r"metrics\.auc is 0\.85"):
        promote(f"{team.place}:1.1.0", "prod", settings=strict.settings)
    assert promote(f"{team.place}:1.0.0", "prod", settings=strict.settings).status == "assigned"

    found = evaluate(f"{team.place}:1.1.0", {"auc": 0.93}, settings=team.settings)
    done = promote(f"{team.place}:1.1.0", "prod", settings=strict.settings)

    assert done.status == "assigned"
    newest = history(team.place, stage="prod", settings=team.settings).events[-1]
    assert newest.evidence == (found.evidence,)
    assert newest.policy is not None


def test_evidence_that_is_too_old_does_not_count(
    local: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = local.under(
        "stages: {prod: {protected: true, evidence_max_age: 30d, gates: ['metrics.auc >= 0.9']}}"
    )
    with pytest.raises(PolicyRefused):
        promote("ml/fraud:1.0.0", "prod", settings=strict.settings)  # its document says so
    evaluate("ml/fraud:1.0.0", {"auc": 0.99}, settings=local.settings)

    with monkeypatch.context() as patch:
        patch.setattr(judging, "datetime", Later)
        with pytest.raises(PolicyRefused, match="no evaluation of the last 30d"):
            promote("ml/fraud:1.0.0", "prod", settings=strict.settings)

    assert promote("ml/fraud:1.0.0", "prod", settings=strict.settings).status == "assigned"


def test_what_an_open_stage_asks_for_is_advice(local: Team) -> None:
    advised = local.under("stages: {dev: {approvals: 1, gates: ['metrics.auc >= 0.9']}}")

    done = promote("ml/fraud:1.1.0", "dev", settings=advised.settings)

    assert done.status == "assigned"
    assert [note.partition(":")[0] for note in done.notes] == [
        "dev asks for approvals", "dev asks for metrics.auc >= 0.9",
    ]  # fmt: skip
    assert [rule.holds for rule in done.rules] == [True, False, False]


def test_a_deprecated_version_does_not_come_into_a_protected_stage(local: Team) -> None:
    strict = local.under(PROTECTED)
    deprecate("ml/fraud:1.0.0", because="stale data", settings=local.settings)

    with pytest.raises(PolicyRefused, match=r"Ada .*deprecated it: stale data"):
        promote("ml/fraud:1.0.0", "prod", settings=strict.settings)

    assert promote("ml/fraud:1.0.0", "staging", settings=strict.settings).status == "assigned"


def test_a_policy_of_another_model_does_not_hold_here(local: Team) -> None:
    strict = local.under(
        'models: [{match: "risk/*", stages: {prod: {protected: true, approvals: 9}}}]'
    )

    assert promote("ml/fraud:1.0.0", "prod", settings=strict.settings).status == "assigned"


# Shared stages


def test_a_shared_stage_names_several_versions_and_its_tag_the_last(team: Team) -> None:
    shared = team.under("stages: {shadow: {exclusive: false}}")
    for version in ("1.0.0", "1.1.0"):
        promote(f"{team.place}:{version}", "shadow", settings=shared.settings)
    assert shared.versions("shadow") == ["1.0.0", "1.1.0"]
    assert team.tag("shadow") == team.tag("1.1.0")

    again = promote(f"{team.place}:1.0.0", "shadow", settings=shared.settings)

    assert again.status in ("unchanged", "assigned")
    assert set(shared.versions("shadow")) == {"1.0.0", "1.1.0"}


# What is not as it should be


def test_drift_is_said_and_mended(team: Team) -> None:
    first = promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    team.set_tag("prod", "1.1.0")
    assert team.stage("prod").drift

    done = promote(f"{team.place}:1.0.0", "prod", settings=team.settings)

    assert done.status == "unchanged"
    assert any("DRIFT" in note for note in done.notes)
    assert (team.tag("prod"), team.stage("prod").drift) == (first.digest, False)


def test_a_tag_that_somebody_set_back_by_hand_is_drift_when_the_next_is_promoted(
    local: Team,
) -> None:
    for version in ("1.0.0", "1.1.0"):
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)
    local.set_tag("prod", "1.0.0")
    local.push("1.2.0", authors=[ADA])

    done = promote("ml/fraud:1.2.0", "prod", settings=local.settings)

    (said,) = [note for note in done.notes if "DRIFT" in note]
    assert str(local.tag("1.0.0")) in said
    assert local.tag("prod") == done.digest


def test_the_tag_of_an_open_stage_that_was_deleted_comes_back(local: Team) -> None:
    first = promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    local.store.untag("prod")

    again = promote("ml/fraud:1.0.0", "prod", settings=local.settings)

    assert (again.status, local.tag("prod")) == ("unchanged", first.digest)
    assert any("DRIFT" in note for note in again.notes)


def test_a_stage_that_was_a_plain_tag_before_is_taken_over(local: Team) -> None:
    local.set_tag("prod", "1.0.0")

    done = promote("ml/fraud:1.1.0", "prod", settings=local.settings)

    assert (done.previous, local.tag("prod")) == (None, done.digest)


def test_who_has_no_policy_does_not_move_a_protected_stage(team: Team) -> None:
    strict = team.under(GATED)
    good = promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)

    rogue = team.acting(EVE).elsewhere()
    promote(f"{team.place}:1.1.0", "prod", because="mine", settings=rogue.settings)

    seen = strict.stage("prod")
    assert [member.version for member in seen.members] == ["1.0.0"]
    (refused,) = seen.refused
    assert "1.1.0 by Eve" in refused
    assert "metrics.auc is 0.85" in refused
    mended = promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)
    assert (mended.status, team.tag("prod")) == ("unchanged", good.digest)
    assert any("DRIFT" in note for note in mended.notes) or not seen.drift
    told = history(team.place, stage="prod", settings=strict.settings)
    assert [bool(event.refused) for event in told.events] == [False, True]
    assert [interval.version for interval in told.intervals] == ["1.0.0"]

    team.push("1.2.0", authors=[ADA], metrics={"auc": 0.97})
    onward = promote(f"{team.place}:1.2.0", "prod", settings=strict.settings)
    assert (onward.previous, strict.tag("prod")) == (good.digest, onward.digest)
    assert strict.versions("prod") == ["1.2.0"]


def test_what_a_stage_named_before_anybody_had_a_policy_stays(local: Team) -> None:
    promote("ml/fraud:1.1.0", "prod", settings=local.settings)
    strict = local.under("stages: {prod: {protected: true}}")

    assert strict.versions("prod") == ["1.1.0"]
    assert promote("ml/fraud:1.0.0", "prod", settings=strict.settings).previous == local.tag(
        "1.1.0"
    )


def test_a_ledger_of_another_time_is_said(local: Team) -> None:
    folder = local.settings.store / "ml/fraud"
    shutil.copytree(folder, local.folder / "older")
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    shutil.rmtree(folder)
    shutil.copytree(local.folder / "older", folder)

    told = status("ml/fraud", settings=local.settings)
    done = promote("ml/fraud:1.1.0", "prod", settings=local.settings)

    assert any("was set back" in note for note in told.notes)
    assert any("was set back" in note for note in done.notes)


def test_a_folder_that_may_not_be_written_is_named_and_nothing_is_half_there(local: Team) -> None:
    before = local.events()
    readable = local.settings.store
    for path in (readable, *readable.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    said = as_nobody(lambda: promote("ml/fraud:1.0.0", "prod", settings=local.settings))

    assert said.startswith(("AccessDenied", "LocalFailure")), said
    assert (local.events(), local.tag("prod")) == (before, None)


def test_a_stage_named_in_disguise_of_a_repository_is_refused(local: Team) -> None:
    for to in ("ml/fraud:1.0.0", "Not A Name", ""):
        with pytest.raises(InvalidInput):
            promote("ml/fraud:1.0.0", "prod", to=to, settings=local.settings)


def test_a_policy_that_is_not_there_or_wrong_stops_everything(local: Team, tmp_path: Path) -> None:
    gone = replace(local.settings, policy=tmp_path / "gone.yaml")
    with pytest.raises(NotFound):
        promote("ml/fraud:1.0.0", "prod", settings=gone)

    wrong = local.under("stages: {prod: {protectet: true}}")
    with pytest.raises(InvalidInput, match="protectet"):
        promote("ml/fraud:1.0.0", "prod", settings=wrong.settings)
    assert local.tag("prod") is None


def test_a_stage_that_drifted_is_neither_copied_nor_tagged(local: Team, tmp_path: Path) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    store = LayoutStore(local.settings.store / "ml" / "fraud" / "_oci")
    other = store.resolve("1.1.0")
    store.push(other, BytesContent(read(store, other)), "prod")

    with pytest.raises(IntegrityError, match="DRIFT"):
        copy("ml/fraud:prod", f"oci:{tmp_path / 'copy'}:candidate", settings=local.settings)
    with pytest.raises(IntegrityError, match="DRIFT"):
        tag("ml/fraud:prod", "candidate", settings=local.settings)


def test_an_edited_policy_lets_in_nothing_that_the_one_before_refused(
    local: Team, tmp_path: Path
) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1}}")
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)
    promote("ml/fraud:1.0.0", "prod", settings=strict.settings)
    # Somebody who has none.
    moved = promote("ml/fraud:1.1.0", "prod", settings=local.settings)
    assert any("under a policy before" in note for note in moved.notes)

    edited = local.under("stages: {prod: {protected: true, approvals: 1}}  # a word")

    for team in (strict, edited):
        assert team.versions("prod") == ["1.0.0"]


def test_who_approves_learns_at_once_whether_it_counts(local: Team) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1, not_author: true}}")

    own = approve("ml/fraud:1.0.0", "prod", settings=strict.acting(ADA).settings)
    other = approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)

    assert any("does not count" in note for note in own.notes)
    assert other.notes == ()
