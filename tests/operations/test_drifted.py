"""What list, inspect and whole readings say of deprecated versions, and of tags that strayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, EVE, Team
from parts.registry import DockerRegistry

from lading.operations import stores
from lading.operations.clear import clear
from lading.operations.deprecate import deprecate
from lading.operations.gc import gc
from lading.operations.history import history
from lading.operations.inspect import inspect
from lading.operations.ledger import ledger_show
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.reference import Reference
from lading.transfer import read


def test_list_and_inspect_say_what_is_deprecated(team: Team) -> None:
    before = inspect(f"{team.place}:1.0.0", settings=team.settings)
    deprecate(f"{team.place}:1.0.0", because="stale", settings=team.settings)

    listed = list_versions(team.place, settings=team.settings)
    looked = inspect(f"{team.place}:1.0.0", settings=team.elsewhere().settings)
    other = inspect(f"{team.place}:1.1.0", settings=team.settings)

    assert [(v.version, v.deprecated) for v in listed.versions] == [
        ("1.1.0", False),
        ("1.0.0", True),
    ]
    assert (before.deprecated, looked.deprecated, other.deprecated) == (False, True, False)
    assert any(f"deprecated by {ADA} (unsigned)" in note for note in looked.notes)
    assert not [note for note in (*before.notes, *other.notes) if "deprecated" in note]


@pytest.mark.parametrize("policy", ["stages: {prod: {}}", "stages: {prod: {protected: true}}"])
@pytest.mark.parametrize("stray", ["1.1.0", None])
def test_every_reading_of_a_model_says_drift(policy: str, stray: str | None, team: Team) -> None:
    team = team.under(policy)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    promote(f"{team.place}:1.0.0", "dev", settings=replace(team.settings, policy=None))
    clean = list_versions(team.place, settings=team.settings)
    if stray:
        team.set_tag("prod", stray)
    else:
        team.store.untag("prod")
    place, settings = team.place, team.settings

    listed = list_versions(place, settings=settings)
    (drift,) = listed.drifted
    told = [
        history(place, settings=settings).notes,
        history(place, stage="prod", settings=settings).notes,
        ledger_show(place, settings=settings).notes,
        gc(place, settings=settings).notes,
    ]

    assert (clean.drifted, clean.notes, listed.notes) == ((), (), ())
    assert (drift.stage, drift.tag, drift.ledger, drift.version) == (
        "prod",
        team.tag("prod"),
        team.tag("1.0.0"),
        "1.0.0",
    )
    named = team.tag(stray) if stray else None
    short = named.partition(":")[2][:12] if named else "nothing"
    assert told == [(f"DRIFT: the tag prod names {short}, the ledger 1.0.0",)] * 4
    assert not history(place, stage="dev", settings=settings).notes


def test_a_tag_that_came_back_after_a_clear_is_drift_in_the_listing(local: Team) -> None:
    promote("ml/fraud:1.0.0", "prod", settings=local.settings)
    clear("ml/fraud", "prod", settings=local.settings)
    assert not list_versions("ml/fraud", settings=local.settings).drifted
    local.set_tag("prod", "1.0.0")

    (drift,) = list_versions("ml/fraud", settings=local.settings).drifted

    assert (drift.ledger, drift.version) == (None, None)
    assert str(drift).endswith("the ledger nothing")


def test_a_tag_that_no_event_moved_is_no_drift_in_the_listing(local: Team) -> None:
    local.set_tag("prod", "1.0.0")

    assert not list_versions("ml/fraud", settings=local.settings).drifted


def test_a_ledger_that_cannot_be_read_keeps_nobody_from_looking(local: Team) -> None:
    version = local.store.resolve("1.0.0")
    local.store.push(version, BytesContent(read(local.store, version)), "ledger")

    listed = list_versions("ml/fraud", settings=local.acting(EVE).settings)
    looked = inspect("ml/fraud:1.0.0", settings=local.settings)

    assert [version.version for version in listed.versions] == ["1.1.0", "1.0.0"]
    assert "what the ledger says is not known" in listed.notes[0]
    assert any("what the ledger says is not known" in note for note in looked.notes)


def test_looking_asks_for_the_index_once_and_pulling_the_latest_never(
    registry: DockerRegistry, settings: Settings, tmp_path: Path, repository: str
) -> None:
    team = Team(f"{registry.host}/{repository}", replace(settings, actor=ADA), tmp_path)
    team.push("1.0.0")
    deprecate(f"{team.place}:1.0.0", because="stale", settings=team.settings)

    def asked(action: object) -> int:
        registry.forget_requests()
        assert callable(action)
        action()
        return sum(r.path.endswith("/manifests/ledger") for r in registry.requests())

    fresh = team.elsewhere().settings
    out = tmp_path / "out"
    assert asked(lambda: list_versions(team.place, settings=fresh)) == 1
    assert asked(lambda: inspect(f"{team.place}:1.0.0", settings=fresh)) == 1
    assert asked(lambda: pull(f"{team.place}:latest", out / "a", settings=fresh)) == 0
    assert asked(lambda: pull(team.place, out / "b", settings=fresh)) == 0


def test_a_model_without_a_ledger_is_looked_at_as_before(
    registry: DockerRegistry, settings: Settings, model: Path, repository: str
) -> None:
    place = f"{registry.host}/{repository}"
    push(model, f"{place}:1.0.0", settings=settings)
    store = stores.open_store(Reference.parse(place), settings)
    for name in [n for n in store.names() if n == "ledger" or n.startswith("evt.")]:
        store.untag(name)

    listed = list_versions(place, settings=settings)
    looked = inspect(f"{place}:1.0.0", settings=settings)

    assert (listed.drifted, listed.notes, looked.deprecated) == ((), (), False)
    assert not [note for note in looked.notes if "ledger" in note]
