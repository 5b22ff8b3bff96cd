"""The policy that holds here: found, shown, begun; and what makes two schemas compatible."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lading.errors import Conflict, InvalidInput, LocalFailure, NotFound
from lading.operations.lifecycle.compatibility import schema_compatible
from lading.operations.lifecycle.policy_file import load_policy
from lading.operations.policy import (
    FIRST,
    ShownGate,
    policy_init,
    policy_show,
)
from lading.policy.file import parse_policy
from lading.policy.rules import USUAL
from lading.settings import Settings

PROD = "stages: {dev: {}, prod: {protected: true, signers: [key], gates: [{name: g, rule: lock}]}}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_without_a_file_the_usual_stages_hold(here: Path, settings: Settings) -> None:
    assert load_policy(settings) is USUAL


def test_the_file_in_the_current_folder_holds(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").write_text(PROD)

    policy = load_policy(settings)

    assert policy.where == "lading-policy.yaml"
    assert [rules.stage for rules in policy.stages] == ["dev", "prod"]


def test_the_file_that_is_named_wins(here: Path, settings: Settings, tmp_path: Path) -> None:
    (here / "lading-policy.yaml").write_text(PROD)
    named = tmp_path / "other.yaml"
    named.write_text("stages: {live: {}}")

    policy = load_policy(replace(settings, policy=named))

    assert [rules.stage for rules in policy.stages] == ["live"]


def test_a_named_file_that_is_missing_is_not_taken_for_none(here: Path, settings: Settings) -> None:
    with pytest.raises(NotFound, match=r"there is no policy gone\.yaml"):
        load_policy(replace(settings, policy=Path("gone.yaml")))


def test_a_link_to_nothing_is_not_taken_for_none(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").symlink_to("gone.yaml")

    with pytest.raises(NotFound):
        load_policy(settings)


def test_a_file_that_cannot_be_read_is_not_taken_for_none(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").mkdir()

    with pytest.raises(LocalFailure, match="cannot read the policy"):
        load_policy(settings)


def test_a_file_that_is_too_large_is_refused(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").write_bytes(b"#" * (1024 * 1024 + 1))

    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        load_policy(settings)


def test_a_broken_gate_is_refused_when_the_file_is_read(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").write_text("stages: {prod: {gates: ['metrics.auc >']}}")

    with pytest.raises(InvalidInput, match=r"lading-policy.yaml: stages.prod.gates.0 is wrong"):
        load_policy(settings)


def test_the_stages_of_a_model_are_shown(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").write_text(
        f"{PROD}\nmodels: [{{match: 'risk/*', stages: {{prod: {{approvals: 2}}}}}}]"
    )

    every = policy_show(settings=settings)
    risk = policy_show("registry.example.com/risk/cards", settings=settings)

    prod, risky = every.stages[-1], risk.stages[-1]
    assert (prod.stage, prod.protected, prod.approvals) == ("prod", True, 1)
    assert prod.gates == (ShownGate("g", "lock"),)
    assert (risky.approvals, risky.protected) == (2, True)
    assert (every.models, risk.model) == (("risk/*",), "registry.example.com/risk/cards")


def test_a_models_name_is_completed_by_the_default_registry(here: Path, settings: Settings) -> None:
    (here / "lading-policy.yaml").write_text("models: [{match: risk/*, stages: {live: {}}}]")
    with_default = replace(settings, registry="registry.example.com/risk")

    shown = policy_show("cards", settings=with_default)

    assert shown.stages[-1].stage == "live"


def test_the_first_policy_is_one_and_protects_prod(here: Path, settings: Settings) -> None:
    result = policy_init()

    policy = load_policy(settings)

    assert result.path == policy.where
    assert [rules.stage for rules in policy.stages] == [r.stage for r in USUAL.stages]
    assert [rules.stage for rules in policy.stages if rules.protected] == ["prod"]


def test_every_comment_of_the_first_policy_is_right_when_it_is_used() -> None:
    used = re.sub(r"^( *)# (?=(- |  |[a-z_]+:(\s|$)))", r"\1", FIRST, flags=re.MULTILINE)

    prod = parse_policy(used.encode(), "it").rules("risk/cards", "prod")

    assert used.count("# ") < FIRST.count("# ") - 7
    assert (prod.approvals, prod.signers, prod.assigners) == (2, ("alice",), ("release",))
    assert prod.evidence_max_age == 30 * 86400
    assert len(prod.gates) == 5


def test_a_file_that_is_there_is_left_as_it_is(here: Path) -> None:
    (here / "lading-policy.yaml").write_text(PROD)

    with pytest.raises(Conflict, match=r"there is a lading-policy\.yaml already"):
        policy_init()

    assert (here / "lading-policy.yaml").read_text() == PROD


def test_a_folder_that_is_not_there_is_this_machines_failure(here: Path) -> None:
    with pytest.raises(LocalFailure, match="cannot write"):
        policy_init(here / "gone" / "policy.yaml")


def _takes(*names: str) -> dict[str, Any]:
    inputs = [{"kind": "column", "name": name, "dtype": "int64"} for name in names]
    return {"signature": {"inputs": inputs}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (_takes("a"), _takes("a"), True),
        (_takes("a", "b"), _takes("a"), False),
        ({}, _takes("a"), True),
        (_takes("a"), {}, False),
        ({}, {}, True),
        (_takes("a"), {"signature": {"inputs": [{"kind": "no such"}]}}, None),
        ({"signature": {"inputs": 5}}, _takes("a"), None),
    ],
)
def test_schemas_are_compatible_where_programs_can_go_on(
    old: dict[str, Any], new: dict[str, Any], expected: bool | None
) -> None:
    assert schema_compatible(old, new) is expected


def test_a_policy_is_found_from_a_folder_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    (tmp_path / "lading-policy.yaml").write_text("stages: {everywhere: {}}")
    team = tmp_path / "team"
    inner = team / "models" / "fraud"
    inner.mkdir(parents=True)
    (team / "lading-policy.yaml").write_text("stages: {live: {protected: true}}")
    monkeypatch.chdir(inner)
    assert load_policy(settings) == USUAL

    (team / ".git").mkdir()

    assert list(load_policy(settings).for_model("x")) == ["live"]
    (team / "lading-policy.yaml").unlink()
    # What lies above the repository is a stranger's.
    assert load_policy(settings) == USUAL


def test_a_policy_under_a_name_that_is_not_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    (tmp_path / "lading-policy.yml").write_text("stages: {prod: {protected: true}}")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidInput, match="is not read"):
        load_policy(settings)
