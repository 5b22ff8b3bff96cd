"""``lading deploy update``, ``--check`` and ``--apply`` as people type them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from operations.tied import tie
from parts.command import Command
from parts.registry import DockerRegistry
from parts.sid import kubectl

from lading.operations.deploying.written import find
from lading.operations.promote import promote
from lading.operations.push import push


@pytest.fixture
def place(lading: Command, model: Path, registry: DockerRegistry, repository: str) -> str:
    """Two versions with images; the first is in prod, and in a folder."""
    name = f"{registry.host}/{repository}"
    settings = replace(lading.settings, actor="tests")
    for version in ("1.0.0", "1.1.0"):
        (model / "config.json").write_text(version)
        push(model, f"{name}:{version}", settings=settings)
        tie(f"{name}:{version}", settings, target="runtime", says=version)
    promote(f"{name}:1.0.0", "prod", settings=settings)
    done = lading("deploy", name, "--stage", "prod", "-o", "fraud")
    assert done.returncode == 0, done.stderr
    return name


def test_an_update_says_what_it_did_and_shows_it_beforehand(lading: Command, place: str) -> None:
    assert lading("promote", f"{place}:1.1.0", "prod").returncode == 0

    dry = lading("deploy", "update", "fraud", "--dry-run")
    done = lading("deploy", "update", "fraud", "--stage", "prod")
    again = lading("deploy", "update", "fraud", "--json")

    assert dry.stdout.startswith("--- fraud/digests.yaml\n+++ fraud/digests.yaml\n")
    assert '+    dev.lading/version: "1.1.0"\n' in dry.stdout
    assert (done.returncode, done.stdout) == (0, "fraud/digests.yaml\n")
    assert "updated: 1.0.0 → 1.1.0 (prod)" in done.stderr
    result = json.loads(again.stdout)
    assert (result["status"], result["version"], result["files"]) == ("unchanged", "1.1.0", [])


def test_kustomize_makes_of_an_updated_folder_what_a_check_looks_at(
    lading: Command, place: str
) -> None:
    assert lading("deploy", "update", "fraud", f"{place}:1.1.0").returncode == 0
    folder = lading.folder / "fraud"

    done = subprocess.run(
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=True
    )

    found = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    assert found == {each["kind"]: each for each in find(folder).documents()}
    assert str(find(folder).running.digest) in done.stdout


def test_a_check_ends_with_1_where_the_stage_moved_on(lading: Command, place: str) -> None:
    before = lading("deploy", "--check", "fraud")
    assert lading("promote", f"{place}:1.1.0", "prod").returncode == 0
    after = lading("deploy", "--check", "fraud")
    told = lading("deploy", "fraud", "--check", "--json")

    assert (before.returncode, after.returncode, told.returncode) == (0, 1, 1)
    assert "prod says so still" in before.stdout
    assert "prod names 1.1.0 now: lading deploy update fraud --stage prod" in after.stdout
    result = json.loads(told.stdout)
    assert result["status"] == "moved"
    assert result["next"] == "lading deploy update fraud --stage prod"
    assert lading("clear", place, "prod").returncode == 0
    emptied = lading("deploy", "--check", "fraud")
    assert emptied.returncode == 1
    assert f"prod names nothing: lading promote {place}:VERSION prod" in emptied.stdout


def test_a_check_says_which_rules_hold_and_whether_a_policy_was_asked(
    lading: Command, place: str
) -> None:
    policy = lading.folder / "strict.yaml"
    policy.write_text("stages: {prod: {protected: true}}")

    free = lading("deploy", "--check", "fraud")
    asked = lading("deploy", "--check", "fraud", "--policy", policy)

    assert "no policy here protects prod, so this is advice:\nholds   not rejected" in free.stdout
    assert "allowed in prod:\nholds   not deprecated" in asked.stdout


def test_a_check_refuses_what_it_would_pass_over(lading: Command, place: str) -> None:
    for words in (("-n", "ml"), ("--replicas", "1"), ("-o", "x"), ("--apply",)):
        done = lading("deploy", "--check", "fraud", *words)
        assert done.returncode == 2
        assert "means nothing to --check" in done.stderr
    unasked = lading("deploy", "update", "fraud", "--yes")
    assert unasked.returncode == 2
    assert "--apply" in unasked.stderr


def test_a_check_of_what_is_no_folder_of_ours_is_an_error_of_its_own(
    lading: Command, place: str, model: Path
) -> None:
    other, missing = lading("deploy", "--check", model), lading("deploy", "--check", "nowhere")

    assert (other.returncode, missing.returncode) == (7, 3)
    assert "not written by lading deploy" in other.stderr


def test_a_reference_where_a_folder_belongs_is_told_apart_from_a_missing_folder(
    lading: Command, place: str
) -> None:
    for words in (("update",), ("--check",)):
        named, missing = (lading("deploy", *words, each) for each in (place, "nowhere"))
        assert (named.returncode, missing.returncode) == (3, 3)
        assert f"there is no folder {place}" in named.stderr
        assert "name of a model" in named.stderr
        assert f"lading deploy {place} -o DIR writes one" in named.stderr
        assert "there is no folder nowhere" in missing.stderr
        assert "name of a model" not in missing.stderr
    given = lading("deploy", "update", f"{place}:1.1.0", "--dry-run")
    assert f"lading deploy update DIR {place}:1.1.0" in given.stderr


def test_a_misspelt_update_is_no_reference(lading: Command, place: str) -> None:
    meant = [
        lading("deploy", "udpate", *words)
        for words in (("fraud",), ("--stage", "prod", "fraud"), ("--dry-run", "fraud"))
    ]
    elsewhere = lading("deploy", place, "fraud")

    assert [done.returncode for done in (*meant, elsewhere)] == [2, 2, 2, 2]
    for done in meant:
        assert "No such command 'udpate'. Did you mean 'update'?" in done.stderr
    assert "Did you mean" not in elsewhere.stderr


def test_a_model_that_is_called_nearly_as_a_command_is_one(lading: Command, place: str) -> None:
    done = lading("deploy", "updates", "--stage", "prod", LADING_REGISTRY="127.0.0.1:1")

    assert "127.0.0.1:1/updates" in done.stderr
    assert "No such command" not in done.stderr


def test_what_has_no_cluster_is_not_first_asked_for_a_yes(lading: Command, place: str) -> None:
    words = ("deploy", f"{place}:1.0.0", "--as", "compose")
    assert lading(*words, "-o", "one").returncode == 0

    written = lading(*words, "--apply")
    updated = lading("deploy", "update", "one", "--apply")

    assert (written.returncode, updated.returncode) == (2, 2)
    assert "--apply means nothing to --as compose" in written.stderr
    assert "one is for one machine, without a cluster" in updated.stderr
    assert "--yes" not in written.stderr + updated.stderr


def test_nothing_is_applied_where_nobody_can_be_asked(lading: Command, place: str) -> None:
    before = (lading.folder / "fraud" / "digests.yaml").read_bytes()
    assert lading("promote", f"{place}:1.1.0", "prod").returncode == 0

    first = lading("deploy", "update", "fraud", "--apply")
    second = lading("deploy", f"{place}:1.0.0", "--apply")

    assert (first.returncode, second.returncode) == (2, 2)
    assert "not a terminal" in first.stderr
    assert "--yes" in second.stderr
    assert (lading.folder / "fraud" / "digests.yaml").read_bytes() == before


def test_with_yes_the_difference_is_shown_all_the_same(
    lading: Command, place: str, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    kubectl = programs / "kubectl"
    kubectl.write_text(
        '#!/bin/sh\necho "$@" >> "$(dirname "$0")/asked"\n'
        '[ "$1" = apply ] || { echo "+ new"; exit 1; }\n'
    )
    kubectl.chmod(0o755)
    path = f"{programs}:{lading.environment['PATH']}"

    done = lading("deploy", "update", "fraud", "--apply", "--yes", "--context", "eu-1", PATH=path)

    assert done.returncode == 0, done.stderr
    assert "+ new" in done.stderr
    assert done.stdout == "applied\n"
    asked = (programs / "asked").read_text().splitlines()
    assert [line for line in asked if not line.startswith("config ")] == [
        "diff -k fraud --context=eu-1",
        "apply -k fraud --context=eu-1",
    ]
