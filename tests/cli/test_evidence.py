"""``lading evaluate``, ``attach`` and ``evidence`` as their users call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from parts.command import Command

from lading.operations.push import push


@pytest.fixture
def version(lading: Command, model: Path) -> str:
    push(model, "ml/tiny:1.0.0", settings=lading.settings)
    return "ml/tiny:1.0.0"


def answer(lading: Command, *arguments: str | Path) -> dict[str, Any]:
    done = lading(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_an_evaluation_is_shown_where_one_looks(lading: Command, version: str) -> None:
    metrics = ("--metric", "auc=0.912", "--metric", "f1@val=0.8")
    on = ("--dataset", "s3://data/x", "--split", "test", "--because", "monthly")

    done = lading("evaluate", version, *metrics, *on, LADING_ACTOR="Ada")

    assert done.returncode == 0
    assert done.stdout.startswith("auc@test=0.912 f1@val=0.8 on s3://data/x: evidence sha256:")
    lines = lading("inspect", version).stdout.splitlines()
    row = next(line for line in lines if "auc@test" in line)
    assert row.split()[0] == "evaluation"
    assert row.split()[3] == "Ada"
    assert "BY (UNSIGNED)" in lines[lines.index(row) - 1]
    assert "auc@test=0.912 f1@val=0.8 on s3://data/x" in row
    listed = answer(lading, "evidence", version)["evidence"]
    assert listed == answer(lading, "inspect", version)["evidence"]
    assert listed[0]["content"]["notes"] == "monthly"


def test_what_is_said_twice_is_told_of(lading: Command, version: str) -> None:
    first = answer(lading, "evaluate", version, "--metric", "auc=0.9")

    again = lading("evaluate", version, "--metric", "auc=0.9")

    assert "not recorded twice" in again.stderr
    assert first["evidence"] in again.stdout


def test_a_report_goes_there_and_back(lading: Command, version: str, tmp_path: Path) -> None:
    (tmp_path / "fair.md").write_text("# fair\n")
    digest = answer(lading, "attach", version, "fair.md", "--type", "report")["evidence"]
    (tmp_path / "out").mkdir()

    fetched = lading("evidence", version, digest[7:19], "-o", "out")
    again = lading("evidence", version, digest[7:19], "-o", "out")

    assert fetched.stdout == "out/fair.md\n"
    assert (tmp_path / "out" / "fair.md").read_text() == "# fair\n"
    assert again.returncode == 7
    assert lading("evidence", version, digest, "-o", "out", "--force").returncode == 0


def test_nothing_hangs_on_a_new_version(lading: Command, version: str) -> None:
    done = lading("evidence", version)

    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing hangs on" in done.stderr
    assert "Evidence" not in lading("inspect", version).stdout


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("evaluate ml/tiny:1.0.0", 2),
        ("evaluate ml/tiny:1.0.0 --metric auc", 2),
        ("evaluate ml/tiny:9.0.0 --metric auc=1", 3),
        ("attach ml/tiny:1.0.0 nowhere --type report", 2),
        ("attach ml/tiny:1.0.0 model/config.json", 2),
        ("attach ml/tiny:1.0.0 model/config.json --type Report", 2),
        ("attach ml/tiny:1.0.0 model/config.json --type scan", 2),
        ("attach ml/tiny:1.0.0 model/config.json --type report --annotation x", 2),
        ("attach ml/tiny:1.0.0 model/config.json --type report --media-type text", 2),
        ("attach ml/tiny:1.0.0 model/config.json --type evaluation --media-type a/b", 2),
        ("evidence ml/tiny:1.0.0 abcdef", 2),
        ("evidence ml/tiny:1.0.0 -o x", 2),
        ("evidence ml/tiny:1.0.0 abcdef -o x", 3),
    ],
)
def test_what_is_called_wrong_exits_with_its_code(
    lading: Command, version: str, line: str, code: int
) -> None:
    done = lading(*line.split())

    assert done.returncode == code
    assert done.stderr


def test_a_forged_actor_cannot_touch_the_terminal(lading: Command, version: str) -> None:
    done = lading("evaluate", version, "--metric", "a\x1b[2Jb=1", LADING_ACTOR="x\x1b[2J\u202ey")

    assert done.returncode == 0
    shown = lading("evidence", version).stdout + done.stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "a\\x1b[2Jb=1" in shown
