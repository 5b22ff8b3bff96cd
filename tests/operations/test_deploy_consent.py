"""A model that runs code when it is loaded never becomes ready unasked: deploy says so before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from images.bases import CONFIG, BaseImage, beside
from operations.team import Team
from operations.tied import tie
from parts.recorded import record

from lading.deploy.wish import KINDS
from lading.errors import PolicyRefused
from lading.operations.deploy import deploy
from lading.operations.deploy_update import deploy_update

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

JOB = {"rows": "/data/a.csv", "predictions": "/data/b.csv", "volumes": ["data:/data"]}


@pytest.fixture
def joblib(team: Team, tmp_path: Path) -> Callable[[str], str]:
    """A version that says that it is a joblib file, with an image that serves it."""

    def made(version: str) -> str:
        folder = tmp_path / version
        folder.mkdir()
        (folder / "model.joblib").write_bytes(version.encode())
        reference = f"{team.place}:{version}"
        how = {"name": "scikit-learn", "loader": "sklearn", "load": {"format": "joblib"}}
        record(folder, reference, team.settings, None, framework=how)
        tie(reference, team.settings, target="runtime", says=version)
        return reference

    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_refused_with_the_option_that_lets_it_run(
    kind: str, team: Team, joblib: Callable[[str], str]
) -> None:
    reference = joblib("2.0.0")
    more: dict[str, Any] = {"kind": kind, "settings": team.settings}
    more |= JOB if kind == "job" else {}

    with pytest.raises(PolicyRefused) as refused:
        deploy(reference, **more)

    assert "model.joblib" in str(refused.value.cause)
    assert "--allow-pickle" in str(refused.value.hint)
    allowed = "".join(deploy(reference, allow_pickle=True, **more).files.values())
    assert "--allow-pickle" in allowed


def test_settings_that_trust_the_place_are_as_good_as_the_option(
    team: Team, joblib: Callable[[str], str]
) -> None:
    trusting = replace(team.settings, pickle_from=frozenset({team.place}))

    (text,) = deploy(joblib("2.0.0"), settings=trusting).files.values()

    assert "--allow-pickle" in text


@pytest.mark.parametrize("told", [True, False])
def test_an_image_that_holds_the_model_was_told_when_it_was_made(
    team: Team, joblib: Callable[[str], str], tmp_path: Path, *, told: bool
) -> None:
    reference = joblib("2.0.0")
    labels = {"dev.lading.target": "serve", "dev.lading.digest": str(team.tag("2.0.0"))}
    starts = ["serve", "/models", *(["--allow-pickle"] if told else [])]
    base = BaseImage(config={**CONFIG, "Labels": labels, "Cmd": starts})
    image = base.put(beside(team.place, tmp_path), team.settings)

    if told:
        assert deploy(reference, image=image, settings=team.settings).image == image
        return
    with pytest.raises(PolicyRefused) as refused:
        deploy(reference, image=image, settings=team.settings)
    assert "lading image build" in str(refused.value.hint)


def test_what_a_scan_found_to_do_harm_is_not_deployed(team: Team, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"w")
    reference = f"{team.place}:2.0.0"
    found = {"path": "weights.bin", "what": "os.system", "severity": "dangerous"}
    hazards = {"verdict": "dangerous", "findings": [found]}
    record(tmp_path / "weights.bin", reference, team.settings, None, hazards=hazards)
    tie(reference, team.settings, target="runtime")

    with pytest.raises(PolicyRefused, match="no place in a model"):
        deploy(reference, settings=team.settings)


def test_a_folder_is_not_moved_to_a_version_that_its_server_would_refuse(
    team: Team, joblib: Callable[[str], str], tmp_path: Path
) -> None:
    tie(f"{team.place}:1.0.0", team.settings, target="runtime")
    folder, consenting = tmp_path / "plain", tmp_path / "consenting"
    first, second = f"{team.place}:1.0.0", joblib("2.0.0")
    deploy(first, output=folder, settings=team.settings)
    deploy(first, output=consenting, allow_pickle=True, settings=team.settings)
    before = (folder / "digests.yaml").read_bytes()

    with pytest.raises(PolicyRefused) as refused:
        deploy_update(folder, second, settings=team.settings)

    assert "--allow-pickle" in str(refused.value.hint)
    assert (folder / "digests.yaml").read_bytes() == before
    assert deploy_update(consenting, second, settings=team.settings).version == "2.0.0"
