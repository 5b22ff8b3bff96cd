"""A version's tag that another tool gave to another version: refused in use, else said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operations.team import ADA, Team
from parts.registry import DockerRegistry

from lading.errors import IntegrityError, InvalidInput
from lading.operations.attach import attach
from lading.operations.copy import copy
from lading.operations.event import event_show
from lading.operations.evidence import evidence
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.load import load
from lading.operations.open import open as open_version
from lading.operations.pull import pull
from lading.operations.status import status
from lading.settings import Settings

WRONG = r"the tag 1\.0\.0 names version 1\.1\.0"

USES: dict[str, Callable[[Team], Any]] = {
    "pull": lambda t: pull(f"{t.place}:1.0.0", settings=t.settings),
    "pull into": lambda t: pull(f"{t.place}:1.0.0", t.folder / "out", settings=t.settings),
    "open": lambda t: open_version(f"{t.place}:1.0.0", settings=t.settings),
    "load": lambda t: load(f"{t.place}:1.0.0", settings=t.settings),
    "copy": lambda t: copy(f"{t.place}:1.0.0", "ml/copied:1.0.0", settings=t.settings),
    "copy --all": lambda t: copy(t.place, "ml/copied", all_versions=True, settings=t.settings),
    "attach": lambda t: attach(
        f"{t.place}:1.0.0", t.folder / "weights.bin", type="text/plain", settings=t.settings
    ),
}


@pytest.mark.parametrize("use", USES)
def test_a_version_whose_tag_names_another_is_not_used(use: str, team: Team) -> None:
    pull(f"{team.place}:1.1.0", settings=team.settings)  # so that a snapshot is there
    team.set_tag("1.0.0", "1.1.0")

    with pytest.raises(IntegrityError, match=WRONG) as caught:
        USES[use](team)

    assert f"lading ledger repair {team.place}" in str(caught.value.hint)
    assert not (team.folder / "out").exists()


@pytest.mark.parametrize("look", [inspect, evidence, event_show])
def test_who_only_looks_at_it_is_warned(
    look: Callable[..., Any], team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lading"):
        look(f"{team.place}:1.0.0", settings=team.settings)
        before = caplog.text
        team.set_tag("1.0.0", "1.1.0")

        look(f"{team.place}:1.0.0", settings=team.settings)

    assert (before, "the tag 1.0.0 names version 1.1.0" in caplog.text) == ("", True)


@pytest.mark.parametrize("look", [list_versions, status])
def test_a_whole_model_says_it_in_its_notes(look: Callable[..., Any], team: Team) -> None:
    before = look(team.place, settings=team.settings).notes
    team.set_tag("1.0.0", "1.1.0")

    (note,) = look(team.place, settings=team.settings).notes

    assert before == ()
    assert note.startswith("the tag 1.0.0 names version 1.1.0")


def test_who_believes_tags_or_goes_by_digest_or_latest_is_not_asked(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    team.set_tag("1.0.0", "1.1.0")
    digest = team.tag("1.1.0")
    believing = replace(team.settings, unchecked=True)

    pulled = [
        pull(f"{team.place}:1.0.0", settings=believing).digest,
        pull(f"{team.place}:1.0.0@{digest}", settings=team.settings).digest,
        pull(f"{team.place}:latest", settings=team.settings).digest,
        pull(f"{team.place}:1.1.0", settings=team.settings).digest,
    ]
    inspect(f"{team.place}@{digest}", settings=team.settings)

    assert pulled == [digest] * 4
    assert not caplog.records
    assert copy(f"{team.place}:1.0.0", "ml/copied:1.0.0", settings=believing).copied


def test_a_version_with_build_metadata_is_itself(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    team.push("1.2.0_cu121")

    assert pull(f"{team.place}:1.2.0_cu121", settings=team.settings).files
    assert copy(f"{team.place}:1.2.0_cu121", "ml/copied", settings=team.settings).copied
    assert list_versions(team.place, settings=team.settings).notes == ()
    assert status(team.place, settings=team.settings).notes == ()
    assert not caplog.records


def test_no_copy_gives_a_version_the_number_of_another(local: Team) -> None:
    with pytest.raises(InvalidInput, match=r"is version 1\.0\.0, and cannot be called 2\.0\.0"):
        copy("ml/fraud:1.0.0", "ml/copied:2.0.0", settings=local.settings)

    assert not (local.settings.store / "ml" / "copied").exists()
    assert copy("ml/fraud:1.0.0", "ml/copied:mine", settings=local.settings).copied


def test_asking_costs_no_request(
    registry: DockerRegistry, settings: Settings, tmp_path: Path, repository: str
) -> None:
    team = Team(f"{registry.host}/{repository}", replace(settings, actor=ADA), tmp_path)
    team.push("1.0.0")

    def asked(unchecked: bool, *actions: Callable[[Settings], Any]) -> list[str]:
        fresh = replace(team.elsewhere().settings, unchecked=unchecked)
        registry.forget_requests()
        for action in actions:
            action(fresh)
        return sorted(f"{r.method} {r.path}" for r in registry.requests())

    there = f"{team.place}:1.0.0"
    for actions in (
        [lambda s: pull(there, settings=s)] * 2,
        [lambda s: open_version(there, settings=s).document],
        [lambda s: copy(there, f"oci:{s.cache}/layout:1.0.0", settings=s)],
    ):
        assert asked(False, *actions) == asked(True, *actions)
