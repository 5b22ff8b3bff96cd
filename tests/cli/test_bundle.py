"""``lading bundle`` and ``lading unbundle`` as their users call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from parts.command import Command
from parts.double import Double


@pytest.fixture
def file(lading: Command, model: Path, tmp_path: Path) -> Path:
    """A bundle of a version in production."""
    for line in (("push", model, "ml/tiny:1.0.0"), ("promote", "ml/tiny:1.0.0", "prod")):
        assert lading(*line).returncode == 0
    file = tmp_path / "tiny.tar"
    done = lading("bundle", "ml/tiny:prod", "-o", file)
    assert done.returncode == 0, done.stderr
    assert f"wrote {file}: 3 names, 2 events" in done.stderr
    assert "ml/tiny:prod@sha256:" in done.stdout
    return file


def test_what_is_in_a_file_is_listed_and_nothing_is_written(lading: Command, file: Path) -> None:
    before = sorted(file.parent.iterdir())

    done = lading("unbundle", file, "--list")

    assert [line.rpartition(" (")[2] for line in done.stdout.splitlines()] == [
        "version)", "name 1.0.0)", "name 1.0.0)",
    ]  # fmt: skip
    assert sorted(file.parent.iterdir()) == before
    said = json.loads(lading("unbundle", file, "--list", "--json").stdout)
    assert said["events"] == 2
    assert said["things"][0]["kind"] == "version"


def test_a_file_is_put_back_and_twice_changes_nothing(lading: Command, file: Path) -> None:
    first = lading("unbundle", file, "site")
    again = lading("unbundle", file, "site")

    assert "put 1 name into site" in first.stderr
    assert "the stage prod was left as it is" in first.stderr
    assert "nothing new: 1 name unchanged" in again.stderr
    assert first.stdout == again.stdout
    assert first.stdout.startswith("site/ml/tiny:1.0.0@sha256:")


def test_history_is_read_without_unpacking(lading: Command, file: Path) -> None:
    for inside in (f"oci:{file}", f"oci:{file}/ml/tiny"):
        assert lading("history", inside).stdout == lading("history", "ml/tiny").stdout


def test_what_is_no_bundle_says_what_is(lading: Command, file: Path) -> None:
    (file.parent / "other.tar").write_bytes(b"")

    done = lading("unbundle", file.parent / "other.tar", "site")

    assert done.returncode in (2, 6)
    assert "cause:" in done.stderr


def test_a_file_that_is_there_is_not_replaced(lading: Command, file: Path) -> None:
    done = lading("bundle", "ml/tiny:prod", "-o", file)

    assert done.returncode == 7
    assert "hint:  choose another name, or remove it" in done.stderr


def test_what_puts_nothing_anywhere_takes_no_registry(lading: Command, file: Path) -> None:
    for flags in (("--list",), ("--documents", "there")):
        done = lading("unbundle", file, "site", "--stages", *flags)
        assert done.returncode == 2
        both = f"lading unbundle {file} {' '.join(flags)}, and then lading unbundle {file} site"
        assert f"hint:  {both} --stages" in done.stderr


def test_documents_alone_bring_the_model_that_they_name(
    lading: Command, model: Path, double: Double, tmp_path: Path
) -> None:
    pushed = lading("push", model, f"{double.host}/ml/tiny:1.0.0").stdout.strip()
    digest = pushed.partition("@")[2]
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "pod.yaml").write_text(f"image: {double.host}/ml/tiny@{digest}\n")

    nothing = lading("bundle", "-o", tmp_path / "tiny.tar")
    done = lading("bundle", "--deploy", tmp_path / "prod", "-o", tmp_path / "tiny.tar")

    assert nothing.returncode == 2
    assert "hint:  name a version: lading bundle REF" in nothing.stderr
    assert f"ml/tiny:1.0.0@{digest}" in done.stdout
    assert "1 event," in lading("unbundle", tmp_path / "tiny.tar", "--list").stderr
