"""A version's number is given once: never twice with different content."""

from __future__ import annotations

from typing import Any

import pytest
from operations.older import claim, give_again
from operations.team import ADA, BOB, EVE, NOTHING, Team
from parts.double import Double
from parts.registry import DockerRegistry

from lading import transfer
from lading.errors import Conflict, InvalidInput
from lading.operations.copy import copy
from lading.operations.history import history
from lading.operations.ledger import ledger_adopt, ledger_verify
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.publishing import publication
from lading.operations.push import PushResult, push
from lading.operations.remove import remove
from lading.operations.rollback import rollback
from lading.operations.status import status
from lading.spec.content import BytesContent
from lading.spec.event import now
from lading.transfer import read

OTHER = {"auc": 0.5}
SAME = {"authors": [ADA], "metrics": {"auc": 0.85}}


def bumped(team: Team, part: Any, **more: Any) -> PushResult:
    path = team.folder / "weights.bin"
    return push(path, team.place, bump=part, capture=NOTHING, settings=team.settings, **more)


def removed(team: Team, version: str) -> None:
    remove(f"{team.place}:{version}", settings=team.settings)


def findings(team: Team) -> set[str]:
    return {found.kind for found in ledger_verify(team.place, settings=team.settings).findings}


# Push


def test_a_removed_number_is_not_given_to_other_content(team: Team) -> None:
    removed(team.acting(BOB), "1.1.0")
    before = team.events()

    with pytest.raises(Conflict, match=r"1\.1\.0 was registered before") as caught:
        team.push("1.1.0", metrics=OTHER)

    assert caught.value.exit_code == 7
    assert f"{BOB} removed it on {now()[:10]}" in str(caught.value.cause)
    assert "--bump" in str(caught.value.hint)
    assert (team.tag("1.1.0"), team.events()) == (None, before)
    assert team.push("1.1.1", metrics=OTHER) == team.tag("1.1.1")


def test_it_is_refused_before_a_byte_is_sent(double: Double, local: Team) -> None:
    here = local.at(f"{double.host}/ml/fraud")
    for version in ("1.0.0", "1.1.0"):
        here.push(version)
    removed(here, "1.1.0")
    double.forget_requests()

    with pytest.raises(Conflict, match="registered before"):
        here.push("1.1.0", metrics=OTHER)

    assert {request.method for request in double.asked()} <= {"GET", "HEAD"}


def test_a_dry_run_says_so(local: Team) -> None:
    local.store.untag("1.1.0")
    (local.folder / "weights.bin").write_bytes(b"other weights")

    with pytest.raises(Conflict, match="registered before") as caught:
        push(
            local.folder / "weights.bin",
            "ml/fraud:1.1.0",
            dry_run=True,
            capture=NOTHING,
            settings=local.settings,
        )

    assert "it differs in" in str(caught.value.cause)
    assert "weights.bin" in str(caught.value.cause)


def test_the_very_same_content_comes_back(team: Team) -> None:
    digest, before = team.tag("1.1.0"), team.events()
    team.store.untag("1.1.0")

    foreseen = push(
        team.folder / "weights.bin",
        f"{team.place}:1.1.0",
        dry_run=True,
        capture=NOTHING,
        settings=team.settings,
        authors=[ADA],
        metrics={"auc": 0.85},
    )
    again = team.push("1.1.0", **SAME)

    assert (foreseen.digest, foreseen.status) == (digest, "planned")
    assert (again, team.tag("1.1.0"), team.tag("latest")) == (digest, digest, digest)
    assert team.events() == before
    assert ledger_verify(team.place, settings=team.settings).sound
    assert team.push("1.1.0", **SAME) == digest


def test_what_came_back_is_told(local: Team) -> None:
    local.store.untag("1.1.0")

    done = push(
        local.folder / "weights.bin",
        "ml/fraud:1.1.0",
        capture=NOTHING,
        settings=local.settings,
        authors=[ADA],
        metrics={"auc": 0.85},
    )

    assert (done.status, done.sent) == ("created", 0)
    assert "1.1.0 is there again: it was registered with this content before" in done.notes


def test_where_nothing_is_left_to_compare_with_the_number_stays_given(
    registry: DockerRegistry, local: Team, repository: str
) -> None:
    """Equal folders pushed at two moments are two contents."""
    here = local.at(f"{registry.host}/{repository}")
    here.push("1.0.0")
    removed(here, "1.0.0")

    with pytest.raises(Conflict, match="registered before") as caught:
        here.push("1.0.0")

    assert "nothing is left" in str(caught.value.cause)


def test_a_note_is_not_taken_for_a_removal(local: Team) -> None:
    note("ml/fraud:1.1.0", "to be removed", settings=local.settings)
    local.store.untag("1.1.0")

    with pytest.raises(Conflict) as caught:
        local.push("1.1.0", metrics=OTHER)

    assert f"{ADA} registered it on {now()[:10]}; nobody recorded" in str(caught.value.cause)


@pytest.mark.parametrize(
    ("gone", "part", "following"),
    [
        (["1.1.0"], "minor", "1.2.0"),
        (["1.1.1"], "patch", "1.1.2"),
        (["1.1.1", "1.1.2", "1.2.0"], "patch", "1.1.3"),
        (["2.0.0"], "patch", "1.1.1"),
        (["0.1.0", "1.0.0", "1.1.0"], "minor", "0.2.0"),
    ],
)
def test_a_bump_passes_over_removed_numbers(
    gone: list[str], part: str, following: str, local: Team
) -> None:
    for version in gone:
        if local.tag(version) is None:
            local.push(version)
    for version in gone:
        removed(local, version)

    foreseen = bumped(local, part, dry_run=True)
    done = bumped(local, part)

    assert (foreseen.version, done.version) == (following, following)
    assert "moved" not in findings(local)


def test_numbers_that_were_put_away_are_remembered(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 3)
    removed(team, "1.1.0")
    for version in ("1.2.0", "1.3.0"):
        team.push(version)
    assert "ledger-0001" in team.store.names()
    elsewhere = team.elsewhere()

    with pytest.raises(Conflict, match="registered before"):
        elsewhere.push("1.1.0", metrics=OTHER)
    removed(team, "1.3.0")
    removed(team, "1.2.0")

    assert bumped(elsewhere, "minor").version == "1.4.0"


def test_a_part_of_the_ledger_that_is_gone_hides_no_number(
    double: Double, local: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 3)
    here = local.at(f"{double.host}/ml/fraud")
    for version in ("1.0.0", "1.1.0"):
        here.push(version)
    removed(here, "1.1.0")
    here.push("1.2.0")
    store = here.store
    part = store.resolve("ledger-0001")
    store.untag("ledger-0001")
    double.repository("ml/fraud").manifests.pop(part.digest)

    with pytest.raises(Conflict, match="registered before"):
        here.elsewhere().push("1.1.0", metrics=OTHER)


def test_a_number_that_is_given_and_removed_while_a_push_runs_is_not_registered_again(
    double: Double, local: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = local.at(f"{double.host}/ml/fraud")
    here.push("1.0.0")
    path = here.folder / "large.bin"
    path.write_bytes(b"large")
    others = iter(["1.1.0"])

    def slow(*args: Any, **more: Any) -> Any:
        for version in others:
            here.push(version)
            removed(here, version)
        return transfer.copy(*args, **more)

    monkeypatch.setattr(publication, "copy", slow)

    with pytest.raises(Conflict, match="its ledger does not say so") as caught:
        push(path, f"{here.place}:1.1.0", capture=NOTHING, settings=here.settings)

    assert "was registered with other content" in str(caught.value.cause)
    assert f"lading remove {here.place}:1.1.0" in str(caught.value.hint)
    told = history(here.place, settings=here.settings).events
    assert [event.kind for event in told] == ["registered", "registered", "noted"]


def test_who_registers_what_is_not_there_is_named_and_asked_of_so_often_only(
    double: Double, local: Team
) -> None:
    here = local.at(f"{double.host}/ml/fraud")
    here.push("1.0.0")
    for number in range(20):
        claim(here.acting(EVE).place, "1.1.0", number, here.acting(EVE).settings)
    double.forget_requests()

    with pytest.raises(Conflict, match="registered before") as caught:
        here.push("1.1.0")

    assert f"{EVE} registered it on {now()[:10]}" in str(caught.value.cause)
    assert len([asked for asked in double.asked() if "/manifests/sha256:0" in asked.path]) == 8
    assert bumped(here, "minor").version == "1.2.0"


def test_a_bump_beyond_every_number_is_refused_before_a_byte_is_sent(
    double: Double, local: Team
) -> None:
    here = local.at(f"{double.host}/ml/fraud")
    here.push("9" * 124 + ".0.0")
    double.forget_requests()

    with pytest.raises(InvalidInput, match="no major version above the highest"):
        bumped(here, "major")

    assert {request.method for request in double.asked()} <= {"GET", "HEAD"}


# Whatever else gives a version its tag


def test_a_copy_gives_a_removed_number_to_its_own_content_only(team: Team) -> None:
    backup = team.at(f"oci:{team.folder / 'backup'}")
    other = team.at(f"oci:{team.folder / 'other'}")
    copy(f"{team.place}:1.1.0", f"{backup.place}:1.1.0", settings=team.settings)
    other.push("1.1.0", metrics=OTHER)
    removed(team, "1.1.0")

    with pytest.raises(Conflict, match="registered before") as caught:
        copy(f"{other.place}:1.1.0", f"{team.place}:1.1.0", settings=team.settings)
    assert team.tag("1.1.0") is None
    copy(f"{backup.place}:1.1.0", f"{team.place}:1.1.0", settings=team.settings)

    assert f"{ADA} removed it" in str(caught.value.cause)
    assert str(other.tag("1.1.0")) in str(caught.value.cause)
    assert team.tag("1.1.0") == backup.tag("1.1.0")
    assert "moved" not in findings(team)


def test_a_promotion_from_elsewhere_gives_no_removed_number(team: Team) -> None:
    other = team.at(f"oci:{team.folder / 'other'}")
    other.push("1.1.0", metrics=OTHER)
    removed(team, "1.1.0")
    before = team.events()

    with pytest.raises(Conflict, match="registered before"):
        promote(f"{other.place}:1.1.0", "prod", to=team.place, settings=team.settings)

    assert (team.tag("1.1.0"), team.tag("prod"), team.events()) == (None, None, before)


def test_a_whole_copy_gives_no_removed_number_and_copies_nothing(team: Team) -> None:
    other = team.at(f"oci:{team.folder / 'other'}")
    other.push("0.9.0")
    other.push("1.1.0", metrics=OTHER)
    removed(team, "1.1.0")
    before = set(team.store.names())

    with pytest.raises(Conflict, match=r"1\.1\.0 was registered before"):
        copy(other.place, team.place, all_versions=True, settings=team.settings)

    assert set(team.store.names()) == before


def test_a_whole_copy_tells_what_both_ledgers_gave_to_content_of_their_own(local: Team) -> None:
    other = local.at(f"oci:{local.folder / 'other'}")
    other.push("0.9.0")
    other.push("1.1.0", metrics=OTHER)
    removed(other, "1.1.0")

    done = copy(other.place, "ml/fraud", all_versions=True, settings=local.settings)

    assert [note for note in done.notes if note.startswith("1.1.0 was registered in both places")]


def test_what_another_tool_put_under_a_removed_number_is_adopted_by_nobody(local: Team) -> None:
    other = local.at(f"oci:{local.folder / 'other'}")
    other.push("1.1.0", metrics=OTHER)
    removed(local, "1.1.0")
    copy(f"{other.place}:1.1.0", "ml/fraud:strange", settings=local.settings)
    root = local.store.resolve("strange")
    local.store.push(root, BytesContent(read(local.store, root)), "1.1.0")
    before = local.events()

    assert ledger_adopt("ml/fraud", settings=local.settings).adopted == ()
    with pytest.raises(Conflict, match="its ledger does not say so"):
        local.push("1.1.0", metrics=OTHER)

    assert local.events() == before
    assert "moved" in findings(local)


# What was given twice all the same


@pytest.fixture
def twice(local: Team) -> Team:
    """1.1.0 was in prod, was removed, and is other content now: an older Lading let that be."""
    for version in ("1.1.0", "1.0.0"):
        promote(f"ml/fraud:{version}", "prod", settings=local.settings)
    removed(local, "1.1.0")
    local.at("ml/other").push("1.1.0", metrics=OTHER)
    give_again("ml/other:1.1.0", "ml/fraud:1.1.0", local.settings)
    return local


def test_who_reads_survives_a_number_that_was_given_twice(twice: Team) -> None:
    told = history("ml/fraud", settings=twice.settings).events

    assert len({event.digest for event in told if event.version == "1.1.0"}) == 2
    assert status("ml/fraud", settings=twice.settings).unregistered == ()
    assert "moved" in findings(twice)
    with pytest.raises(InvalidInput, match="never named"):
        rollback("ml/fraud", "prod", to="1.1.0", settings=twice.settings)


def test_either_content_of_such_a_number_may_come_back(twice: Team) -> None:
    digest = twice.tag("1.1.0")
    twice.store.untag("1.1.0")

    copy("ml/other:1.1.0", "ml/fraud:1.1.0", settings=twice.settings)

    assert twice.tag("1.1.0") == digest
    assert twice.at("ml/fraud").push("1.1.0", metrics=OTHER) == digest
