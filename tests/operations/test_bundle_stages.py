"""Stages in a bundle: those of its versions are held to its tags, others stayed where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from operations.tied import tie

from lading.operations import stores
from lading.operations.bundle import bundle
from lading.operations.copy import copy
from lading.operations.history import history
from lading.operations.ledger import ledger_verify
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.push import push
from lading.operations.status import status
from lading.operations.unbundle import unbundle
from lading.settings import Settings
from lading.spec.reference import Reference
from lading.stores.layout import LayoutStore

pytestmark = pytest.mark.parametrize("place", ["local"], indirect=True)


@pytest.fixture
def team(model: Path, place: str, settings: Settings) -> str:
    """Two versions, the first in staging, the second in prod."""
    for version, stage in (("1.0.0", "staging"), ("1.1.0", "prod")):
        (model / "config.json").write_text(version)
        push(model, f"{place}:{version}", settings=settings)
        promote(f"{place}:{version}", stage, settings=settings)
    return place


def test_a_stage_whose_version_stayed_behind_has_not_drifted(
    team: str, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "one.tar"
    bundle([f"{team}:1.1.0"], file, settings=settings)
    inside = f"oci:{file}"

    assert history(inside, settings=settings).notes == ()
    assert not status(inside, settings=settings).drift
    assert list_versions(inside, settings=settings).drifted == ()
    assert ledger_verify(inside, settings=settings).findings == ()
    assert len(history(inside, settings=settings).intervals) == 2


def test_a_stage_whose_version_stayed_behind_is_named_with_what_would_bring_it(
    team: str, tmp_path: Path, settings: Settings
) -> None:
    for version in ("1.0.0", "1.1.0"):
        bundle([f"{team}:{version}"], tmp_path / f"{version}.tar", settings=settings)

    first = unbundle(tmp_path / "1.1.0.tar", "site", stages=True, settings=settings)
    then = unbundle(tmp_path / "1.0.0.tar", "site", stages=True, settings=settings)
    again = unbundle(tmp_path / "1.1.0.tar", "site", stages=True, settings=settings)

    told = next(note for note in first.notes if "the stage staging names 1.0.0" in note)
    assert told.endswith(f"bundle {team}:1.0.0 as well, and unbundle it with --stages")
    assert then.notes == again.notes == ()
    assert not status(f"site/{team}", settings=settings).drift


def test_a_stage_whose_version_a_copy_does_not_find_is_named_with_what_would_bring_it(
    team: str, tmp_path: Path, settings: Settings
) -> None:
    folder = f"oci:{tmp_path / 'stick'}"
    bundle([f"{team}:1.1.0"], tmp_path / "one.tar", settings=settings)
    unbundle(tmp_path / "one.tar", "site", stages=True, settings=settings)

    told = copy(f"site/{team}", folder, all_versions=True, settings=settings).notes

    intervals = history(team, settings=settings).intervals
    gone = next(each.digest for each in intervals if each.stage == "staging")
    assert any(
        f"lading copy FROM@{gone} {folder}:1.0.0 brings it" in note
        and note.endswith(f"lading ledger repair {folder}")
        for note in told
    )


def test_a_stage_whose_version_is_in_the_file_has_drifted_without_its_tag(
    team: str, tmp_path: Path, settings: Settings
) -> None:
    store = stores.open_store(Reference.parse(team), settings)
    assert isinstance(store, LayoutStore)
    store.untag("prod")
    file = tmp_path / "one.tar"
    bundle([f"{team}:1.1.0"], file, settings=settings)
    inside = f"oci:{file}"

    assert any(
        "the tag prod names nothing" in note for note in history(inside, settings=settings).notes
    )
    assert status(inside, settings=settings).drift
    assert [found.stage for found in list_versions(inside, settings=settings).drifted] == ["prod"]


def test_elsewhere_a_stage_without_its_tag_has_drifted_though_its_version_is_gone(
    team: str, settings: Settings
) -> None:
    store = stores.open_store(Reference.parse(team), settings)
    assert isinstance(store, LayoutStore)
    for name in ("staging", "1.0.0"):
        store.untag(name)
    store.collect(grace=0)

    assert any(
        "the tag staging names nothing" in each for each in history(team, settings=settings).notes
    )
    assert status(team, settings=settings).drift


def test_of_a_file_it_is_said_what_can_be_done_though_nothing_in_it_changes(
    team: str, tmp_path: Path, settings: Settings
) -> None:
    store = stores.open_store(Reference.parse(team), settings)
    assert isinstance(store, LayoutStore)
    store.untag("prod")
    copy(f"{team}:1.1.0", "copied/fraud:1.1.0", settings=settings)
    copied, drifted = tmp_path / "copied.tar", tmp_path / "drifted.tar"
    bundle(["copied/fraud:1.1.0"], copied, settings=settings)
    bundle([f"{team}:1.1.0"], drifted, settings=settings)

    register = f"lading unbundle {copied} REGISTRY"
    assert status(f"oci:{copied}", settings=settings).registered_by == register
    (found,) = ledger_verify(f"oci:{copied}", settings=settings).findings
    assert found.hint == register
    (found,) = ledger_verify(f"oci:{drifted}", settings=settings).findings
    assert found.hint == (
        f"lading unbundle {drifted} REGISTRY --stages,"
        f" and then lading ledger repair REGISTRY/{team}"
    )


@pytest.mark.parametrize("stages", [False, True])
def test_an_image_that_evidence_names_and_a_tag_is_listed_once(
    team: str, tmp_path: Path, settings: Settings, *, stages: bool
) -> None:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team}:{version}", settings, target="runtime", says="the same lock")
    file = tmp_path / "both.tar"
    bundle([f"{team}:1.0.0", f"{team}:1.1.0"], file, settings=settings)

    put = unbundle(file, "site", stages=stages, settings=settings)
    copied = copy(team, "elsewhere", all_versions=True, settings=settings)

    names = [(each.reference, each.digest) for each in put.names]
    assert len(set(names)) == len(names)
    tags = [(each.tag, each.digest) for each in copied.copied]
    assert len(set(tags)) == len(tags)
    for digest in {each.digest for each in copied.copied}:
        assert (None, digest) not in tags
