"""``lading schema`` as its users start it."""

from __future__ import annotations

import json

import pytest
from parts.command import Command
from parts.stated import push_stated

from lading.settings import Settings
from lading.spec.signature import Column, Signature


@pytest.fixture
def versions(lading: Command) -> Command:
    settings = Settings(home=lading.folder / "data", cache=lading.folder / "cache")
    age = Column(name="age\u202e\x7f", dtype="float32")
    push_stated("ml/fraud:1.0.0", settings, signature=Signature(inputs=(age,)))
    push_stated("ml/fraud:1.1.0", settings, signature=Signature(outputs=(age,)))
    return lading


def test_the_schema_is_json_on_stdout_and_what_is_lost_on_stderr(versions: Command) -> None:
    done = versions("schema", "ml/fraud:1.0.0", "--format", "json-schema")

    schema = json.loads(done.stdout)

    assert done.returncode == 0
    assert schema["inputs"]["$defs"]["record"]["required"] == ["age\u202e\x7f"]
    assert "\\u202e\\u007f" in done.stdout
    assert "warning: age\\u202e\\x7f: JSON Schema has one type of number" in done.stderr


def test_machines_are_told_the_losses_with_the_answer(versions: Command) -> None:
    done = versions("schema", "ml/fraud:1.0.0", "--format", "v2", "--json")

    answer = json.loads(done.stdout)

    assert answer["schema"]["inputs"][0]["datatype"] == "FP32"
    assert answer["losses"] == []
    assert done.stderr == ""


def test_a_break_is_exit_code_1_and_says_where_and_why(versions: Command) -> None:
    same = versions("schema", "ml/fraud:1.0.0", "--against", "ml/fraud:1.0.0")
    broken = versions("schema", "ml/fraud:1.1.0", "--against", "ml/fraud:1.0.0")

    assert (same.returncode, same.stdout) == (
        0,
        "same: ml/fraud:1.0.0 against ml/fraud:1.0.0 (patch)\n",
    )
    assert broken.returncode == 1
    assert "breaking: ml/fraud:1.1.0 against ml/fraud:1.0.0 (major)" in broken.stdout
    assert "values of this name are refused" in broken.stdout


def test_an_unknown_format_is_refused_with_those_that_are(versions: Command) -> None:
    done = versions("schema", "ml/fraud:1.0.0", "--format", "xml")

    assert done.returncode == 2
    assert "json-schema" in done.stderr
