"""What somebody who names no version is told: of a folder, and of documents that were pushed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import Team
from operations.tied import tie

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.operations.bundle import bundle
from lading.operations.deploy import deploy
from lading.operations.deploy_update import deploy_update
from lading.operations.promote import promote
from lading.operations.push import push

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)


@pytest.fixture
def fraud(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A version in prod, in a folder as well: the folder below which somebody stands."""
    tie(f"{team.place}:1.0.0", team.settings, target="runtime")
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    monkeypatch.chdir(tmp_path)
    deploy(team.place, stage="prod", output="papers/prod", settings=team.settings)
    return team


def hint(act: Callable[[], object]) -> str:
    with pytest.raises(InvalidInput, match="is a folder, and no version") as caught:
        act()
    return caught.value.hint or ""


@pytest.mark.parametrize("name", ["papers/prod", "./papers/prod"])
def test_a_folder_of_documents_is_told_which_verb_takes_it(fraud: Team, name: str) -> None:
    deployed = hint(lambda: deploy(name, settings=fraud.settings))
    updated = hint(lambda: deploy_update("papers/prod", name, settings=fraud.settings))
    bundled = hint(lambda: bundle([name], "fraud.tar", settings=fraud.settings))

    assert f"lading deploy update {name} has" in deployed
    assert f"lading deploy --check {name} " in deployed
    assert updated == f"lading deploy update papers/prod {fraud.place}:VERSION"
    assert f"lading bundle {fraud.place}@{fraud.tag('1.0.0')} --deploy {name}" in bundled
    assert not Path("fraud.tar").exists()


def test_a_folder_that_follows_nothing_is_given_a_version(fraud: Team) -> None:
    deploy(f"{fraud.place}:1.0.0", output="own", settings=fraud.settings)

    said = hint(lambda: deploy("own", settings=fraud.settings))

    assert f"lading deploy update own {fraud.place}:VERSION has" in said


def test_any_other_folder_may_become_a_version(fraud: Team) -> None:
    Path("my model").mkdir()

    deployed = hint(lambda: deploy("my model", settings=fraud.settings))
    bundled = hint(lambda: bundle(["my model"], "fraud.tar", settings=fraud.settings))

    assert "lading push 'my model' HOST/NAME:VERSION" in deployed
    assert "lading push 'my model' NAME:VERSION" in bundled
    assert "--deploy 'my model'" in bundled


def test_a_model_that_is_called_as_a_folder_is_meant(fraud: Team) -> None:
    Path("own").mkdir()
    Path("own", "config.json").write_text("{}")
    push("own", "own:1.0.0", settings=fraud.settings)
    elsewhere = replace(fraud.settings, registry=fraud.place.partition("/")[0])

    done = bundle(["own:1.0.0", "own"], "own.tar", settings=fraud.settings)

    assert "own:1.0.0" in [each.reference for each in done.names]
    with pytest.raises(Unsupported, match="on this machine"):
        deploy("own", settings=fraud.settings)
    with pytest.raises(NotFound, match="there is no"):
        deploy("own", settings=elsewhere)


def test_a_version_alone_is_one_of_what_the_folder_runs(fraud: Team) -> None:
    name = fraud.place.partition("/")[2]

    for short in ("1.1.0", f"{name}:1.1.0"):
        with pytest.raises(InvalidInput, match="is no version on a registry") as caught:
            deploy_update("papers/prod", short, settings=fraud.settings)

        assert caught.value.hint == f"lading deploy update papers/prod {fraud.place}:1.1.0"


@pytest.mark.parametrize("tag", ["prod", "blue", "1.0.0"])
def test_pushed_documents_are_no_model(fraud: Team, tag: str) -> None:
    place = f"{fraud.place}-papers"
    deploy(fraud.place, stage="prod", push=f"{place}:{tag}", settings=fraud.settings)

    with pytest.raises(InvalidInput, match="is documents, and no model") as caught:
        deploy(f"{place}:{tag}", settings=fraud.settings)

    assert f"oci://{place}" in (caught.value.hint or "")
    model = f"{fraud.place}@{fraud.tag('1.0.0')}"
    assert f"lading deploy {model} -o DIR" in (caught.value.hint or "")
    assert model in (caught.value.cause or "")


def test_pushed_documents_of_a_protected_stage_are_no_model_either(fraud: Team) -> None:
    place = f"{fraud.place}-papers"
    deploy(fraud.place, stage="prod", push=f"{place}:prod", settings=fraud.settings)
    strict = fraud.under("stages: {prod: {protected: true}}")

    with pytest.raises(InvalidInput, match="is documents, and no model"):
        deploy(place, stage="prod", settings=strict.settings)
