"""Promotions at once, promotions that die, and registries that refuse in the middle."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from operations.team import ADA, BOB, EVE, Team
from parts.command import Command
from parts.double import Double
from parts.registry import DockerRegistry
from peers.victims import kill, run, start

from lading.errors import AccessDenied, Conflict, LadingError, Unavailable
from lading.ledger.book import Book
from lading.operations.history import history
from lading.operations.lifecycle.logbook import Logbook
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.request import approve
from lading.operations.status import status
from lading.spec.event import Draft, Recorded

PROTECTED = "stages: {prod: {protected: true, approvals: 1}}"


@pytest.fixture
def before_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something once between the moment that somebody read the ledger and that they write."""
    write = Logbook.write

    def install(action: Callable[[], object]) -> None:
        waiting = [action]

        def late(self: Logbook, book: Book, draft: Draft) -> Recorded:
            if waiting:
                waiting.pop()()
            return write(self, book, draft)

        monkeypatch.setattr(Logbook, "write", late)

    return install


def approved(team: Team) -> Team:
    """Two versions that may both be in the protected stage, which names a third."""
    strict = team.under(PROTECTED)
    team.push("1.2.0", authors=[ADA])
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        approve(f"{team.place}:{version}", "prod", settings=strict.acting(BOB).settings)
    promote(f"{team.place}:1.2.0", "prod", settings=strict.settings)
    return strict


def test_two_who_move_a_protected_stage_unseen_by_each_other_leave_it_where_it_was(
    team: Team, before_writing: Callable[[Callable[[], object]], None]
) -> None:
    strict = approved(team)
    other = strict.acting(EVE).elsewhere()
    before_writing(lambda: promote(f"{team.place}:1.1.0", "prod", settings=other.settings))

    with pytest.raises(Conflict) as caught:
        promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)

    assert caught.value.exit_code == 7
    stage = strict.stage("prod")
    assert (len(stage.fork), stage.kept, stage.drift) == (2, True, False)
    assert [member.version for member in stage.members] == ["1.2.0"]
    assert team.tag("prod") == team.tag("1.2.0")

    done = promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)
    assert (done.status, strict.stage("prod").fork) == ("assigned", ())
    assert (strict.versions("prod"), team.tag("prod")) == (["1.0.0"], done.digest)


def test_two_who_move_an_open_stage_at_once_are_told(
    team: Team, before_writing: Callable[[Callable[[], object]], None]
) -> None:
    other = team.acting(EVE).elsewhere()
    before_writing(lambda: promote(f"{team.place}:1.1.0", "dev", settings=other.settings))

    done = promote(f"{team.place}:1.0.0", "dev", settings=team.settings)

    assert done.current in (team.tag("1.0.0"), team.tag("1.1.0"))
    assert team.tag("dev") == done.current
    assert any("at the same moment" in note for note in done.notes)
    stage = team.stage("dev")
    assert (len(stage.fork), stage.kept) == (2, False)


def test_two_who_want_the_same_do_not_dispute(
    team: Team, before_writing: Callable[[Callable[[], object]], None]
) -> None:
    strict = approved(team)
    other = strict.acting(EVE).elsewhere()
    before_writing(lambda: promote(f"{team.place}:1.0.0", "prod", settings=other.settings))

    done = promote(f"{team.place}:1.0.0", "prod", settings=strict.settings)

    assert (done.status, strict.stage("prod").fork) == ("assigned", ())
    assert strict.versions("prod") == ["1.0.0"]


def test_processes_that_promote_a_protected_stage_at_once_leave_what_somebody_allowed(
    registry: DockerRegistry, local: Team, repository: str
) -> None:
    team = local.at(f"{registry.host}/{repository}")
    for version in ("1.0.0", "1.1.0"):
        team.push(version, authors=[ADA])
    strict = approved(team)
    runs = []
    for number, version in enumerate(("1.0.0", "1.1.0")):
        folder = team.folder / f"process-{number}"
        folder.mkdir()
        runs.append((Command(folder), version))

    def work(each: tuple[Command, str]) -> subprocess.CompletedProcess[str]:
        command, version = each
        words = ("promote", f"{team.place}:{version}", "prod", "--json")
        return command(*words, LADING_POLICY=str(strict.settings.policy), LADING_ACTOR=ADA)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(work, runs))

    assert {each.returncode for each in done} <= {0, 7}, [each.stderr for each in done]
    stage = strict.stage("prod")
    assert not stage.drift
    if stage.fork:
        assert 7 in {each.returncode for each in done}
        assert strict.versions("prod") == ["1.2.0"]
    else:
        assert strict.versions("prod") in (["1.0.0"], ["1.1.0"])
    assert len(team.events()) == 3 + 3 + 1 + 2


@pytest.mark.parametrize("number", range(3))
def test_a_promotion_survives_being_killed_at_every_manifest(
    number: int, local: Team, double: Double
) -> None:
    """Before the event, before the index, before the stage's tag."""
    team = local.at(f"{double.host}/ml/n{number}")
    digest = team.push("1.0.0", authors=[ADA])
    command = Command(team.folder)
    line = ("promote", f"{team.place}:1.0.0", "prod")
    victim = start(command, *line)
    double.before("PUT", f"/n{number}/manifests/", partial(kill, victim), skip=number)
    victim.wait(20)
    assert victim.returncode == -9

    run(command, *line)

    # What is handled after its sender was killed still happens, so the event is there by then.
    told = history(team.place, stage="prod", settings=team.settings).events
    assert [event.digest for event in told] == [digest]
    assert (team.tag("prod"), team.stage("prod").drift) == (digest, False)
    assert team.versions("prod") == ["1.0.0"]


@pytest.mark.parametrize("path", ["/manifests/evt", "/blobs/uploads"])
def test_where_writing_is_refused_nothing_is_half_there(
    path: str, local: Team, double: Double
) -> None:
    team = local.at(f"{double.host}/ml/fraud")
    team.push("1.0.0", authors=[ADA])
    before = sorted(team.store.names())
    for method in ("PUT", "POST"):
        double.fail(method, path, times=9, status=403)

    with pytest.raises(AccessDenied):
        promote(f"{team.place}:1.0.0", "prod", settings=team.settings)

    double.heal()
    assert sorted(team.store.names()) == before
    assert history(team.place, stage="prod", settings=team.settings).events == ()


@pytest.mark.parametrize("path", ["/manifests/ledger", "/manifests/prod"])
def test_what_was_recorded_and_not_shown_is_said_and_shown_by_the_next(
    path: str, local: Team, double: Double
) -> None:
    team = local.at(f"{double.host}/ml/fraud")
    digest = team.push("1.0.0", authors=[ADA])
    double.fail("PUT", path, times=9, status=403)

    with pytest.raises(LadingError) as caught:
        promote(f"{team.place}:1.0.0", "prod", settings=team.settings)

    assert "recorded" in f"{caught.value} {caught.value.hint}"
    assert "lading ledger repair" in str(caught.value.hint)
    double.heal()
    assert team.versions("prod") == ["1.0.0"]
    again = promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    assert (again.status, team.tag("prod")) == ("unchanged", digest)
    assert len(team.events()) == 2


def test_offline_nothing_is_asked_and_nothing_moves(local: Team, double: Double) -> None:
    team = local.at(f"{double.host}/ml/fraud")
    team.push("1.0.0", authors=[ADA])
    offline = replace(team.settings, offline=True)
    double.forget_requests()

    for action in (
        lambda: promote(f"{team.place}:1.0.0", "prod", settings=offline),
        lambda: status(team.place, settings=offline),
        lambda: history(team.place, settings=offline),
    ):
        with pytest.raises(LadingError) as caught:
            action()
        assert "offline" in f"{caught.value} {caught.value.hint}"

    assert double.asked() == []
    # On this machine's own store it is no matter.
    done = promote("ml/fraud:1.0.0", "prod", settings=replace(local.settings, offline=True))
    assert done.status == "assigned"


def test_a_registry_that_does_not_answer_is_said(local: Team, double: Double) -> None:
    team = local.at(f"{double.host}/ml/fraud")
    team.push("1.0.0", authors=[ADA])
    double.fail("GET", "/tags/list", times=9, status=503)

    with pytest.raises(Unavailable):
        promote(f"{team.place}:1.0.0", "prod", settings=replace(team.settings, retries=0))


def test_a_stage_that_drifted_is_not_pulled_and_a_promoted_one_is(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    local.set_tag("prod", "1.1.0")
    with pytest.raises(LadingError, match="DRIFT"):
        pull("ml/fraud:prod", settings=local.settings)

    promote("ml/fraud:1.1.0", "prod", settings=local.settings)

    assert pull("ml/fraud:prod", settings=local.settings).digest == local.tag("1.1.0")


def test_an_index_that_lies_moves_no_protected_stage(local: Team, tmp_path: Path) -> None:
    """The index is a cache: who protects something reads the events themselves."""
    place = f"oci:{tmp_path / 'layout'}"
    team = local.at(place)
    for version in ("1.0.0", "1.1.0"):
        team.push(version, authors=[ADA])
    strict = team.under(PROTECTED)
    approve(f"{place}:1.0.0", "prod", settings=strict.acting(BOB).settings)
    promote(f"{place}:1.0.0", "prod", settings=strict.settings)
    index = tmp_path / "layout" / "index.json"
    value = json.loads(index.read_text())
    named = "org.opencontainers.image.ref.name"
    value["manifests"] = [
        entry for entry in value["manifests"] if entry.get("annotations", {}).get(named) != "ledger"
    ]
    index.write_text(json.dumps(value))

    assert strict.versions("prod") == ["1.0.0"]
    assert promote(f"{place}:1.0.0", "prod", settings=strict.settings).status == "unchanged"
    assert team.tag("ledger") is not None
