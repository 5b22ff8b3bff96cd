"""The examples that end in a container happen as they are written, with real engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.stories import EXAMPLES, Story
from parts.docker_engine import DockerEngine
from parts.registry import DockerRegistry


@pytest.fixture
def story(
    tmp_path: Path, registry: DockerRegistry, repository: str, docker_builder: DockerEngine
) -> Story:
    """A folder with nothing in it, a registry, and an engine with a base image."""
    host = f"{registry.host}/{repository.partition('/')[0]}-story"
    return Story.with_docker(tmp_path, host, docker_builder)


@pytest.mark.parametrize("name", ["notebook_to_container.md", "onnx_without_a_daemon.md"])
def test_an_example_ends_in_a_container_that_answers(name: str, story: Story) -> None:
    assert story.happens((EXAMPLES / name).read_text("utf-8")) >= 10
