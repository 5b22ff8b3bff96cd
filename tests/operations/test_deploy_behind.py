"""A mirror that is behind: no folder of documents goes back to what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, Team
from operations.tied import tie
from parts.double import Double

from lading.errors import Unavailable
from lading.operations.bundle import bundle
from lading.operations.deploy import deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.deploy_update import deploy_update
from lading.operations.promote import promote
from lading.operations.rollback import rollback
from lading.operations.unbundle import unbundle
from lading.settings import Settings
from lading.spec.mirror import parse_mirrors
from lading.stores.mirrored.health import HEALTH

NUMBERS = ("1.0.0", "1.1.0")


@pytest.fixture(autouse=True)
def well() -> Iterator[None]:
    """No registry failed a moment ago."""
    HEALTH.forget()
    yield
    HEALTH.forget()


@pytest.fixture
def fraud(double: Double, settings: Settings, tmp_path: Path) -> Team:
    """Two versions with an image each; the second is in staging."""
    team = Team(f"{double.host}/ml/fraud", replace(settings, actor=ADA), tmp_path)
    for number in NUMBERS:
        team.push(number)
        tie(f"{team.place}:{number}", team.settings, target="runtime", says=number)
        promote(f"{team.place}:{number}", "staging", settings=team.settings)
    return team


@pytest.fixture
def mirror() -> Iterator[Double]:
    with Double() as mirror:
        yield mirror


@pytest.fixture
def away(fraud: Team, mirror: Double, double: Double, tmp_path: Path) -> Settings:
    """Those of a machine that asks the mirror, which was filled while 1.1.0 was in staging."""
    bundle(
        [f"{fraud.place}:1.0.0", f"{fraud.place}:1.1.0"],
        tmp_path / "f.tar",
        settings=fraud.settings,
    )
    unbundle(tmp_path / "f.tar", mirror.host, stages=True, settings=fraud.settings)
    return replace(fraud.elsewhere().settings, mirrors=parse_mirrors({double.host: [mirror.host]}))


def rolled_back(fraud: Team, folder: Path) -> Path:
    """A folder that went back to 1.0.0 with its stage, which the mirror has not heard of."""
    rollback(fraud.place, "staging", settings=fraud.settings)
    deploy(fraud.place, stage="staging", output=folder, settings=fraud.settings)
    return folder


def stopped(double: Double) -> None:
    for method in ("GET", "HEAD"):
        double.fail(method, "/", status=503, times=10_000)


def test_a_folder_does_not_go_back_to_what_a_mirror_has(
    fraud: Team, away: Settings, double: Double, mirror: Double, tmp_path: Path
) -> None:
    folder = rolled_back(fraud, tmp_path / "fraud")
    before = (folder / "digests.yaml").read_text()
    stopped(double)

    for asked in (
        lambda: deploy_update(folder, settings=away),
        lambda: deploy(fraud.place, stage="staging", output=folder, settings=away),
    ):
        with pytest.raises(Unavailable, match="is not known") as refused:
            asked()
        assert "has not heard" in (refused.value.cause or "")
        assert f"{mirror.host}/ml/fraud --stage staging" in (refused.value.hint or "")
    with pytest.raises(Unavailable, match="no more is known") as unknown:
        deploy_check(folder, settings=away)

    assert "has not heard" in (unknown.value.cause or "")
    assert (folder / "digests.yaml").read_text() == before


def test_the_mirror_s_own_word_is_taken_where_it_is_asked_for(
    fraud: Team, away: Settings, double: Double, mirror: Double, tmp_path: Path
) -> None:
    folder = rolled_back(fraud, tmp_path / "fraud")
    stopped(double)

    done = deploy_update(folder, f"{mirror.host}/ml/fraud", stage="staging", settings=away)

    assert (done.status, done.version) == ("updated", "1.1.0")


def test_a_mirror_that_heard_of_the_folder_s_event_is_believed(
    fraud: Team, away: Settings, double: Double, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    deploy(fraud.place, stage="staging", output=folder, settings=fraud.settings)
    stopped(double)

    assert deploy_update(folder, settings=away).status == "unchanged"
    assert deploy_check(folder, settings=away).status == "current"
