"""A push records that its version is there."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from operations.team import ADA, BOB, EVE, Team
from parts.double import Double

from lading.errors import LadingError
from lading.operations.history import history
from lading.operations.publishing import publication
from lading.operations.push import push
from lading.operations.status import status


def test_a_push_records_who_registered_what(team: Team) -> None:
    told = history(team.place, settings=team.settings).events

    assert [(event.kind, event.version, event.actor) for event in told] == [
        ("registered", "1.0.0", ADA), ("registered", "1.1.0", ADA),
    ]  # fmt: skip
    assert [event.digest for event in told] == [team.tag("1.0.0"), team.tag("1.1.0")]
    assert status(team.place, settings=team.settings).unregistered == ()


def test_pushing_the_same_again_records_nothing(team: Team) -> None:
    before = team.events()

    team.acting(BOB).push("1.0.0", authors=[ADA], metrics={"auc": 0.95})

    assert team.events() == before


def test_a_dry_run_and_a_refused_push_record_nothing(local: Team) -> None:
    before = local.events()
    path = local.folder / "weights.bin"

    push(path, "ml/fraud:2.0.0", dry_run=True, settings=local.settings)
    with pytest.raises(LadingError):
        local.push("1.0.0", authors=[EVE])

    assert local.events() == before


def test_a_version_that_somebody_else_pushes_meanwhile_is_no_rollback(
    double: Double, local: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long push knows the tags of an hour ago; what was recorded since is no trouble."""
    here = local.at(f"{double.host}/ml/fraud")
    others = iter(["1.1.0"])

    class Pause:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def sleep(seconds: float) -> None:
            for version in others:
                here.push(version)

    monkeypatch.setattr(publication, "time", Pause)
    path = here.folder / "large.bin"
    path.write_bytes(b"large")

    done = push(path, f"{here.place}:1.0.0", settings=here.settings)

    assert [note for note in done.notes if "set back" in note] == []
    told = history(here.place, settings=here.settings).events
    assert [(event.seq, event.version) for event in told] == [(1, "1.1.0"), (2, "1.0.0")]


def test_a_push_whose_event_is_refused_says_so_and_is_recorded_by_the_next(
    double: Double, local: Team
) -> None:
    here = local.at(f"{double.host}/ml/fraud")
    double.fail("PUT", "/manifests/evt", status=403)
    with pytest.raises(LadingError, match="its ledger does not say so") as caught:
        here.push("1.0.0")
    assert "push it again" in str(caught.value.hint)
    assert (here.events(), status(here.place, settings=here.settings).unregistered) == (
        [], ("1.0.0",),
    )  # fmt: skip
    double.heal()

    here.push("1.0.0")

    assert len(here.events()) == 1
    assert status(here.place, settings=here.settings).unregistered == ()


def test_who_acts_may_be_another_than_the_author(local: Team) -> None:
    robot = replace(local.settings, actor="ci-robot", author="Ada <ada@example.com>")
    replace(local, settings=robot).push("2.0.0")

    newest = history("ml/fraud:2.0.0", settings=local.settings).events[-1]

    assert newest.actor == "ci-robot"
