"""``lading diff`` and ``lading lineage`` from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from operations.sealed import publish, small
from parts.command import Command

from lading.settings import Settings


@pytest.fixture
def settings(lading: Command) -> Settings:
    """Where the command line keeps its things."""
    return Settings(home=lading.folder / "data", cache=lading.folder / "cache")


@pytest.fixture
def versions(tmp_path: Path, settings: Settings) -> str:
    """ml/fraud:1.0.0, and 1.1.0 that was made from it; the digest of the first."""
    metric = {"name": "auc", "split": "test", "higher_is_better": True}
    first = publish(
        small(tmp_path / "one", "{}"),
        "ml/fraud:1.0.0",
        settings,
        metrics=[metric | {"value": 0.5}],
        params={"lr": 0.1, "depth": 3},
        description="Finds \u202efraud",
    )
    publish(
        small(tmp_path / "two", '{"a": 1}'),
        "ml/fraud:1.1.0",
        settings,
        metrics=[metric | {"value": 0.75}],
        params={"lr": 0.2, "depth": 3},
        description="Finds fraud",
        lineage={
            "parents": [{"reference": "ml/fraud:1.0.0", "digest": first, "relation": "finetuned"}]
        },
    )
    return first


def test_a_difference_is_shown_as_tables_of_what_differs(lading: Command, versions: str) -> None:
    done = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.1.0")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"A  ml/fraud:1.0.0  {versions}\n")
    assert "  better  auc@test  0.5  0.75   +0.25\n" in done.stdout
    assert "  changed  lr    0.1  0.2\n" in done.stdout
    assert "depth" not in done.stdout
    assert "\\u202e" in done.stdout
    assert "Who has A fetches 2.6 kB in 1 layer for B.\n" in done.stdout


def test_all_shows_what_is_the_same_too(lading: Command, versions: str) -> None:
    done = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.1.0", "--all")

    assert "same     depth  3    3\n" in done.stdout


def test_scripts_are_told_by_the_exit_code(lading: Command, versions: str) -> None:
    differs = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.1.0", "--exit-code", "--no-tensors")
    equal = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.0.0", "--exit-code")

    assert (differs.returncode, equal.returncode) == (1, 0)
    assert "Nothing differs.\n" in equal.stdout


def test_machines_are_told_everything(lading: Command, versions: str) -> None:
    done = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.1.0", "--json")

    value = json.loads(done.stdout)
    assert value["equal"] is False
    assert {change["name"]: change["status"] for change in value["params"]} == {
        "depth": "same",
        "lr": "changed",
    }


def test_a_page_is_written_beside_the_answer(
    lading: Command, versions: str, tmp_path: Path
) -> None:
    done = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.1.0", "--html", "out.html")

    assert done.returncode == 0, done.stderr
    assert "wrote out.html" in done.stderr
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")


def test_a_page_that_cannot_be_written_is_said(lading: Command, versions: str) -> None:
    done = lading("diff", "ml/fraud:1.0.0", "ml/fraud:1.1.0", "--html", "no/such/out.html")

    assert done.returncode == 10
    assert "cannot write no/such/out.html" in done.stderr


def test_lineage_is_drawn_up_and_down(lading: Command, versions: str) -> None:
    up = lading("lineage", "ml/fraud:1.1.0")
    down = lading("lineage", "ml/fraud:1.0.0", "--down")
    dot = lading("lineage", "ml/fraud:1.1.0", "--dot")
    mermaid = lading("lineage", "ml/fraud:1.1.0", "--mermaid")

    assert "└─ finetuned: ml/fraud:1.0.0  sha256:" in up.stdout
    assert "└─ finetuned: ml/fraud:1.1.0  sha256:" in down.stdout
    assert dot.stdout.startswith("digraph lineage {\n")
    assert mermaid.stdout.startswith("flowchart LR\n")


def test_a_version_of_which_nothing_is_said_says_so(lading: Command, versions: str) -> None:
    up = lading("lineage", "ml/fraud:1.0.0")
    down = lading("lineage", "ml/fraud:1.1.0", "--down")

    assert "Nothing is said of where it comes from." in up.stdout
    assert "No version that was looked at names it as a parent." in down.stdout


def test_two_drawings_at_once_are_refused(lading: Command, versions: str) -> None:
    done = lading("lineage", "ml/fraud:1.1.0", "--dot", "--mermaid")

    assert done.returncode == 2
