"""Promotion into another repository and another registry: with all that speaks for a version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from operations.team import ADA, BOB, EVE, Team
from parts.double import Double
from parts.registry import DockerRegistry

from lading.errors import Conflict, InvalidInput, LadingError, NotFound, PolicyRefused, Unsupported
from lading.ledger import write
from lading.operations.carrying import history as carried
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.history import history
from lading.operations.inspect import inspect
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.request import approve, reject
from lading.operations.rollback import rollback
from lading.spec.digest import Digest

RULES = (
    "stages: {staging: {}, prod: {protected: true, approvals: 1, not_author: true,"
    " after: staging, gates: ['evaluation.auc >= 0.9']}}"
)


@pytest.fixture(params=["another repository", "another registry", "a layout", "the double"])
def target(request: pytest.FixtureRequest, place: str, tmp_path: Path, repository: str) -> str:
    """Where a version is promoted to."""
    if request.param == "a layout":
        return f"oci:{tmp_path / 'target'}"
    if request.param == "another registry":
        other: DockerRegistry = request.getfixturevalue("other_registry")
        return f"{other.host}/{repository}"
    if request.param == "the double":
        double: Double = request.getfixturevalue("double")
        return f"{double.host}/prod/fraud"
    base = place if place.startswith("oci:") else place.rpartition("/")[0]
    return f"{base}-prod" if place.startswith("oci:") else f"{base}/prod-{repository}"


def test_a_version_goes_with_its_evidence_and_its_approvals(team: Team, target: str) -> None:
    strict = team.under(RULES)
    version = f"{team.place}:1.0.0"
    with pytest.raises(PolicyRefused) as caught:
        promote(version, "prod", to=target, settings=strict.settings)
    for rule in ("after staging", "approvals", "evaluation.auc"):
        assert rule in str(caught.value.cause)
    evaluate(version, {"auc": 0.97}, settings=strict.settings)
    promote(version, "staging", settings=strict.settings)
    approve(version, "prod", because="good", settings=strict.acting(BOB).settings)

    done = promote(version, "prod", to=target, because="release", settings=strict.settings)

    there = strict.at(target)
    assert (done.digest, done.status) == (team.tag("1.0.0"), "assigned")
    assert done.reference == f"{target}:1.0.0"
    assert (there.tag("prod"), there.tag("1.0.0")) == (done.digest, done.digest)
    assert team.tag("prod") is None
    assert inspect(f"{target}:prod", settings=there.settings).digest == done.digest
    told = history(target, settings=there.settings)
    assert [event.kind for event in told.events] == ["registered", "assigned"]
    fresh = there.elsewhere() if not target.startswith("ml/") else there
    assert fresh.versions("prod") == ["1.0.0"]
    types = {piece.type for piece in evidence(f"{target}:1.0.0", settings=there.settings).evidence}
    assert "evaluation" in types


def test_a_stage_before_counts_elsewhere_under_this_policy_or_a_former_one(
    local: Team, tmp_path: Path
) -> None:
    stages = "stages: {staging: {protected: true}, prod: {protected: true, after: staging}}"
    before = local.under(f"{stages}\nmodels: []")
    promote("ml/fraud:1.0.0", "staging", settings=before.settings)
    assert before.settings.policy is not None
    former = Digest.of(before.settings.policy.read_bytes())
    strict, follower = local.under(stages), local.under(f"former: ['{former}']\n{stages}")
    to = f"oci:{tmp_path / 'target'}"

    with pytest.raises(PolicyRefused, match="after staging"):
        promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings)
    done = promote("ml/fraud:1.0.0", "prod", to=to, settings=follower.settings)

    assert done.status == "assigned"


def test_a_second_run_changes_nothing(team: Team, other_registry: DockerRegistry) -> None:
    to = f"{other_registry.host}/{team.folder.name.lower().replace('_', '-').strip('-')}-2"
    approve(f"{team.place}:1.0.0", "prod", settings=team.acting(BOB).settings)
    first = promote(f"{team.place}:1.0.0", "prod", to=to, settings=team.settings)
    there = team.at(to)
    before = (sorted(there.store.names()), there.events())

    again = promote(f"{team.place}:1.0.0", "prod", to=to, settings=team.settings)

    assert (first.status, again.status, again.event) == ("assigned", "unchanged", None)
    assert (sorted(there.store.names()), there.events()) == before


def test_other_content_under_that_version_is_a_conflict(local: Team, tmp_path: Path) -> None:
    there = local.at(f"oci:{tmp_path / 'target'}")
    there.push("1.0.0", authors=[EVE], description="other")
    before = there.tag("1.0.0")

    with pytest.raises(Conflict):
        promote("ml/fraud:1.0.0", "prod", to=there.place, settings=local.settings)

    assert (there.tag("1.0.0"), there.tag("prod")) == (before, None)


def test_a_rejection_where_it_came_from_is_one_here(local: Team, tmp_path: Path) -> None:
    strict = local.under("stages: {prod: {protected: true}}")
    reject("ml/fraud:1.0.0", "prod", because="biased", settings=strict.acting(EVE).settings)

    with pytest.raises(PolicyRefused, match="biased"):
        promote("ml/fraud:1.0.0", "prod", to=f"oci:{tmp_path / 'target'}", settings=strict.settings)


def test_what_was_said_later_where_it_came_from_counts_on_the_next_run(
    local: Team, tmp_path: Path
) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1}}")
    to = f"oci:{tmp_path / 'target'}"
    with pytest.raises(PolicyRefused):
        promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings)
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)

    assert promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings).status == "assigned"


def test_a_refused_promotion_copies_nothing(local: Team, tmp_path: Path) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1}}")
    to = tmp_path / "target"

    with pytest.raises(PolicyRefused, match="approvals: 0 of 1") as caught:
        promote("ml/fraud:1.0.0", "prod", to=f"oci:{to}", settings=strict.settings)

    assert "lading approve ml/fraud:1.0.0" in str(caught.value.hint)
    assert not to.exists()


def test_a_dry_run_copies_nothing(local: Team, tmp_path: Path) -> None:
    to = tmp_path / "target"

    with pytest.raises(InvalidInput, match="--dry-run") as caught:
        promote("ml/fraud:1.0.0", "prod", to=f"oci:{to}", dry_run=True, settings=local.settings)

    assert caught.value.hint == "lading policy check ml/fraud:1.0.0 --stage prod"
    assert not to.exists()


def test_a_wrong_stage_is_refused_before_anything_is_copied(local: Team, tmp_path: Path) -> None:
    to = tmp_path / "target"

    for reference in ("ml/fraud:1.0.0", "ml/fraud:9.9.9"):
        with pytest.raises(LadingError):
            promote(reference, "prodd", to=f"oci:{to}", settings=local.settings)
    with pytest.raises(NotFound):
        promote("ml/fraud:9.9.9", "prod", to=f"oci:{to}", settings=local.settings)

    assert not (to / "index.json").exists() or not json.loads((to / "index.json").read_text()).get(
        "manifests"
    )


def test_a_carried_approval_of_another_version_does_not_count(local: Team, tmp_path: Path) -> None:
    strict = local.under("stages: {prod: {protected: true, approvals: 1}}")
    to = f"oci:{tmp_path / 'target'}"
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)
    promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings)

    with pytest.raises(PolicyRefused, match="0 of 1"):
        promote("ml/fraud:1.1.0", "prod", to=to, settings=strict.settings)


def test_actors_who_carry_are_told(local: Team, tmp_path: Path) -> None:
    to = f"oci:{tmp_path / 'target'}"

    promote("ml/fraud:1.0.0", "prod", to=to, settings=local.acting(EVE).settings)

    told = history(to, settings=local.settings).events
    assert [(event.kind, event.actor) for event in told] == [("registered", EVE), ("assigned", EVE)]
    assert told[0].reason == "from ml/fraud"
    assert ADA in {event.actor for event in history("ml/fraud", settings=local.settings).events}


def test_who_approved_may_carry_and_who_pushed_may_not_approve_by_carrying(
    local: Team, tmp_path: Path
) -> None:
    """Whoever takes a version elsewhere registers it there, and did not make it."""
    strict = local.under("stages: {prod: {protected: true, approvals: 1, not_author: true}}")
    to = f"oci:{tmp_path / 'target'}"
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(ADA).settings)
    with pytest.raises(PolicyRefused, match=r"registered it|is an author"):
        promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.acting(BOB).settings)

    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)
    done = promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.acting(BOB).settings)

    assert done.status == "assigned"
    assert strict.at(to).versions("prod") == ["1.0.0"]


@pytest.mark.parametrize("there", [True, False], ids=["there", "here"])
def test_of_a_yes_and_a_no_in_two_ledgers_the_later_counts(
    there: bool, local: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger that a version comes from has the higher numbers; they say nothing here."""
    strict = local.under("stages: {staging: {}, prod: {protected: true, approvals: 1}}")
    to = f"oci:{tmp_path / 'target'}"
    for text in ("one", "two", "three", "four"):
        note("ml/fraud:1.0.0", text, settings=local.settings)
    promote("ml/fraud:1.0.0", "staging", to=to, settings=strict.settings)
    first, second = (to, "ml/fraud") if there else ("ml/fraud", to)
    bob = strict.acting(BOB).settings

    monkeypatch.setattr(write, "now", lambda: "2026-05-01T00:00:00Z")
    approve(f"{first}:1.0.0", "prod", settings=bob)
    monkeypatch.setattr(write, "now", lambda: "2026-05-02T00:00:00Z")
    reject(f"{second}:1.0.0", "prod", because="biased", settings=bob)
    with pytest.raises(PolicyRefused, match="biased"):
        promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings)

    monkeypatch.setattr(write, "now", lambda: "2026-05-03T00:00:00Z")
    approve(f"{first}:1.0.0", "prod", settings=bob)
    assert promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings).status == "assigned"


def test_a_no_from_where_it_came_keeps_a_version_from_coming_back(
    local: Team, tmp_path: Path
) -> None:
    strict = local.under("stages: {prod: {protected: true}}")
    to = f"oci:{tmp_path / 'target'}"
    promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings)
    reject("ml/fraud:1.0.0", "prod", because="biased", settings=strict.acting(EVE).settings)
    again = promote("ml/fraud:1.0.0", "prod", to=to, settings=strict.settings)
    promote("ml/fraud:1.1.0", "prod", to=to, settings=strict.settings)

    with pytest.raises(PolicyRefused, match="biased"):
        rollback(to, "prod", settings=strict.settings)

    assert again.status == "unchanged"
    assert strict.at(to).versions("prod") == ["1.1.0"]


def test_remarks_do_not_push_a_rejection_out_of_what_comes_along(
    local: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried, "_MOST", 4)
    strict = local.under("stages: {staging: {}, prod: {protected: true}}")
    reject("ml/fraud:1.0.0", "prod", because="biased", settings=strict.acting(EVE).settings)
    for number in range(6):
        note("ml/fraud:1.0.0", f"remark {number}", settings=strict.settings)
    to = f"oci:{tmp_path / 'target'}"

    done = promote("ml/fraud:1.0.0", "staging", to=to, settings=strict.settings)

    # The registration and the rejection come along, and the two newest remarks.
    assert "4 older events about 1.0.0 stay in ml/fraud" in done.notes
    with pytest.raises(PolicyRefused, match="biased"):
        promote(f"{to}:1.0.0", "prod", settings=strict.settings)


def test_a_history_too_long_to_go_along_is_refused_not_cut(
    local: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried, "MOST_DECIDING", 2)
    for _ in range(2):
        approve("ml/fraud:1.0.0", "prod", settings=local.acting(BOB).settings)

    with pytest.raises(Unsupported, match="too long to go along"):
        promote("ml/fraud:1.0.0", "prod", to=f"oci:{tmp_path / 'target'}", settings=local.settings)


def test_no_folder_of_this_machine_is_told_to_others_for_ever(local: Team, tmp_path: Path) -> None:
    here, to = f"oci:{tmp_path / 'secret-client' / 'fraud'}", f"oci:{tmp_path / 'target'}"
    local.at(here).push("1.0.0")

    promote(f"{here}:1.0.0", "prod", to=to, settings=local.settings)

    (came,) = evidence(f"{to}:1.0.0", settings=local.settings).evidence
    told = history(to, settings=local.settings).events
    assert told[0].reason == "from fraud"
    assert came.title == "history from fraud"
    blobs = (tmp_path / "target" / "blobs" / "sha256").iterdir()
    assert not any(b"secret-client" in blob.read_bytes() for blob in blobs)
