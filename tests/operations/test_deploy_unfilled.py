"""A stage that names nothing, and what is said to do about it: what is said is then done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, Team
from operations.tied import tie
from parts.double import Double

from lading.errors import NotFound, Unavailable
from lading.operations.bundle import bundle
from lading.operations.clear import clear
from lading.operations.copy import copy
from lading.operations.deploy import deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.deploy_update import deploy_update
from lading.operations.promote import promote
from lading.operations.unbundle import unbundle
from lading.settings import Settings
from lading.spec.mirror import parse_mirrors
from lading.stores.mirrored.health import HEALTH


@pytest.fixture(autouse=True)
def well() -> Iterator[None]:
    """No registry failed a moment ago."""
    HEALTH.forget()
    yield
    HEALTH.forget()


@pytest.fixture
def fraud(double: Double, settings: Settings, tmp_path: Path) -> Team:
    """1.0.0 with an image, in staging."""
    team = Team(f"{double.host}/ml/fraud", replace(settings, actor=ADA), tmp_path)
    team.push("1.0.0")
    tie(f"{team.place}:1.0.0", team.settings, target="runtime")
    promote(f"{team.place}:1.0.0", "staging", settings=team.settings)
    return team


@pytest.fixture
def folder(fraud: Team, tmp_path: Path) -> Path:
    deploy(fraud.place, stage="staging", output=tmp_path / "fraud", settings=fraud.settings)
    return tmp_path / "fraud"


@pytest.fixture
def file(fraud: Team, tmp_path: Path) -> Path:
    bundle([f"{fraud.place}:1.0.0"], tmp_path / "fraud.tar", settings=fraud.settings)
    return tmp_path / "fraud.tar"


@pytest.fixture
def site() -> Iterator[Double]:
    with Double() as site:
        yield site


def behind(team: Team, site: Double) -> Team:
    """The same one on another machine, where a mirror stands for the registry."""
    host = team.place.partition("/")[0]
    mirrors = parse_mirrors({host: [f"{site.host}/mirror"]})
    there = team.elsewhere()
    return replace(there, settings=replace(there.settings, mirrors=mirrors))


def cut_off(double: Double) -> None:
    double.fail("GET", "/", status=503, times=10_000)
    double.fail("HEAD", "/", status=503, times=10_000)


def test_a_stage_that_was_cleared_is_filled_by_a_promotion(fraud: Team, folder: Path) -> None:
    clear(fraud.place, "staging", settings=fraud.settings)

    checked = deploy_check(folder, settings=fraud.settings)
    with pytest.raises(NotFound) as refused:
        deploy_update(folder, settings=fraud.settings)

    advice = f"lading promote {fraud.place}:VERSION staging"
    assert (checked.status, checked.now, checked.next) == ("moved", None, advice)
    assert refused.value.hint == advice
    promote(f"{fraud.place}:1.0.0", "staging", settings=fraud.settings)
    assert deploy_update(folder, settings=fraud.settings).status == "updated"
    assert deploy_check(folder, settings=fraud.settings).next is None


def test_a_stage_that_a_mirror_has_not_is_brought_by_the_bundle(
    fraud: Team, folder: Path, file: Path, double: Double, site: Double
) -> None:
    there = f"{site.host}/mirror"
    unbundle(file, there, settings=fraud.settings)
    away = behind(fraud, site)
    cut_off(double)

    checked = deploy_check(folder, settings=away.settings)
    with pytest.raises(Unavailable) as refused:
        deploy_update(folder, settings=away.settings)

    advice = (
        f"lading unbundle FILE {there} --stages brings it;"
        f" or lading promote {there}/ml/fraud:VERSION staging,"
        f" and then {there}/ml/fraud --stage staging in its place"
    )
    assert (checked.status, checked.now, checked.next) == ("moved", None, advice)
    assert any(f"{there}/ml/fraud has nothing in staging" in note for note in checked.notes)
    assert refused.value.hint == advice
    unbundle(file, there, stages=True, settings=fraud.settings)
    assert deploy_check(folder, settings=away.settings).status == "current"
    assert deploy_update(folder, settings=away.settings).status == "unchanged"


def test_that_a_registry_does_not_answer_a_check_says_once(  # noqa: PLR0917  fixtures
    fraud: Team, folder: Path, file: Path, double: Double, site: Double,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    unbundle(file, f"{site.host}/mirror", stages=True, settings=fraud.settings)
    away = behind(fraud, site)
    double.stop()
    caplog.clear()

    checked = deploy_check(folder, settings=away.settings)

    assert (checked.status, checked.notes) == ("current", ())
    said = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert sum("does not answer" in each for each in said) == 1, said
    assert said[-1] == (
        f"until {double.host} answers, names in {fraud.place} are what the mirror"
        f" {site.host}/mirror/ml/fraud says, which may be behind"
    )


def test_a_stage_that_a_mirror_has_not_is_filled_by_a_promotion_there(
    fraud: Team, folder: Path, file: Path, double: Double, site: Double
) -> None:
    unbundle(file, f"{site.host}/mirror", settings=fraud.settings)
    away = behind(fraud, site)
    cut_off(double)

    there = f"{site.host}/mirror/ml/fraud"
    tie(f"{there}:1.0.0", fraud.settings, target="runtime")
    promote(f"{there}:1.0.0", "staging", settings=fraud.settings)
    with pytest.raises(Unavailable, match="is not known"):
        deploy_update(folder, settings=away.settings)
    deploy_update(folder, there, stage="staging", settings=away.settings)

    assert deploy_check(folder, settings=away.settings).status == "current"


def test_a_mirror_that_calls_the_repository_otherwise_is_named_as_it_is(
    fraud: Team, folder: Path, double: Double, site: Double
) -> None:
    copy(f"{fraud.place}:1.0.0", f"{site.host}/copied:1.0.0", settings=fraud.settings)
    tie(f"{site.host}/copied:1.0.0", fraud.settings, target="runtime")
    mirrors = parse_mirrors({fraud.place: [f"{site.host}/copied"]})
    cut_off(double)

    told = deploy_check(folder, settings=replace(fraud.settings, mirrors=mirrors))

    assert told.next == (
        "lading unbundle FILE REGISTRY --stages brings it;"
        f" or lading promote {site.host}/copied:VERSION staging,"
        f" and then {site.host}/copied --stage staging in its place"
    )
