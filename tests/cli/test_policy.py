"""``lading policy`` as its users start it."""

from __future__ import annotations

import json
from pathlib import Path

from parts.command import Command


def test_a_policy_is_begun_and_shown(lading: Command) -> None:
    begun = lading("policy", "init")
    shown = lading("policy", "show", "ml/fraud")

    assert (begun.returncode, begun.stdout) == (0, "lading-policy.yaml\n")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[:5] == [
        "STAGE    RULES ARE  VERSIONS  AFTER    APPROVALS",
        "dev",
        "staging",
        "shadow              several",
        "prod     enforced             staging  1, not its makers",
    ]
    assert "  scanned: scan != 'dangerous'" in shown.stdout.splitlines()
    assert shown.stderr == "lading-policy.yaml\n"


def test_without_a_policy_it_says_so(lading: Command) -> None:
    shown = lading("policy", "show")

    assert shown.stdout.split() == ["STAGE", "dev", "staging", "shadow", "prod"]
    assert shown.stderr == "no policy here: these are the usual stages\n"


def test_a_file_is_named_by_flag_or_environment(lading: Command, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("stages: {live: {approvals: 1}}")
    (tmp_path / "b.yaml").write_text("stages: {canary: {}}")

    flagged = lading("policy", "show", "--policy", "a.yaml", "--json", LADING_POLICY="b.yaml")
    told = lading("policy", "show", LADING_POLICY="b.yaml")

    assert [stage["stage"] for stage in json.loads(flagged.stdout)["stages"]] == ["live"]
    assert told.stdout == "STAGE\ncanary\n"
    assert "advice" in lading("policy", "show", "--policy", "a.yaml").stdout


def test_what_is_wrong_is_told_with_its_place_and_exit_code_2(
    lading: Command, tmp_path: Path
) -> None:
    (tmp_path / "lading-policy.yaml").write_text("stages: {prod: {gates: ['auc > \u202e']}}")

    shown = lading("policy", "show")

    assert shown.returncode == 2
    assert "lading-policy.yaml: stages.prod.gates.0 is wrong" in shown.stderr
    assert "\u202e" not in shown.stderr


def test_a_policy_is_checked_by_itself_without_a_registry(lading: Command, tmp_path: Path) -> None:
    line = ("policy", "show", "--policy", "lading-policy.yaml", "--json")
    nowhere = {"LADING_REGISTRY": "registry.invalid", "LADING_OFFLINE": "1"}
    missing = lading(*line, **nowhere)
    lading("policy", "init")
    right = lading(*line, **nowhere)
    (tmp_path / "lading-policy.yaml").write_text(
        "stages: {prod: {}}\nmodels: [{match: x, stages: {prod: {gates: [schema.compatable]}}}]"
    )
    wrong = lading(*line, **nowhere)

    assert (missing.returncode, right.returncode, wrong.returncode) == (3, 0, 2)
    assert json.loads(right.stdout)["policy"] == "lading-policy.yaml"
    error = json.loads(wrong.stderr)["error"]
    assert error["what"] == "lading-policy.yaml: models.0.stages.prod.gates.0 is wrong"
    assert error["hint"] == "did you mean schema.compatible?"


def test_nothing_is_overwritten(lading: Command) -> None:
    lading("policy", "init")

    again = lading("policy", "init")

    assert again.returncode == 7
    assert "there is a lading-policy.yaml already" in again.stderr
