"""``lading image``, as its users start it; what needs a builder is in ``tests/images``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from parts.command import Command


@pytest.fixture
def pushed(lading: Command, model: Path) -> str:
    """A version that says which packages it needs."""
    (model / "predict.py").write_text("import packaging\n")
    done = lading("push", model, "ml/tiny:1.0.0")
    assert done.returncode == 0, done.stderr
    return "ml/tiny:1.0.0"


def test_the_dockerfile_is_printed_and_nothing_else(lading: Command, pushed: str) -> None:
    done = lading(
        "image", "dockerfile", pushed, "--target", "serve", "--base", "own/python:{python}"
    )

    assert done.returncode == 0, done.stderr
    assert "ARG BASE=own/python:3." in done.stdout
    assert 'CMD ["serve", "/models"' in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("RUN [")
    assert "tags move" in done.stderr


def test_consent_is_in_the_image_only_where_it_was_given(lading: Command, pushed: str) -> None:
    without = lading("image", "dockerfile", pushed).stdout
    allowed = lading("image", "dockerfile", pushed, "--allow-pickle").stdout

    assert "--allow-pickle" not in without
    assert allowed.count("--allow-pickle") == 2


def test_a_builder_that_is_not_there_is_said_to_machines(
    lading: Command, pushed: str, tmp_path: Path
) -> None:
    done = lading("image", "build", pushed, "--json", DOCKER_HOST=f"unix://{tmp_path}/none.sock")

    assert done.returncode == 5
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["type"] == "Unavailable"
    assert "no such socket" in error["cause"]
    assert "image assemble" in error["hint"]


def test_a_version_that_says_nothing_of_its_packages_has_no_image(
    lading: Command, model: Path
) -> None:
    lading("push", model, "ml/bare:1.0.0", "--without", "environment")

    done = lading("image", "dockerfile", "ml/bare:1.0.0")

    assert done.returncode == 3
    assert "does not say which packages it needs" in done.stderr


def test_a_target_that_there_is_not_is_refused(lading: Command, pushed: str) -> None:
    done = lading("image", "build", pushed, "--target", "production")

    assert done.returncode == 2
    assert "base, train, runtime, serve or all" in done.stderr
