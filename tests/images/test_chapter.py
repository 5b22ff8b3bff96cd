"""The README's chapter on images happens as it is written."""

from __future__ import annotations

from importlib.metadata import version as metadata_version
from pathlib import Path

import pytest
from examples.stories import Story
from images import packed
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex
from parts.registry import DockerRegistry

from lading.capture.lock.locked import Package
from lading.settings import Settings

README = Path(__file__).parents[2] / "README.md"
_TITLE = "\n## Serving images\n"


@pytest.fixture
def story(
    tmp_path: Path,
    registry: DockerRegistry,
    docker_builder: DockerEngine,
    index: PackageIndex,
    repository: str,
) -> Story:
    """The model of the notebook's place, with packages that are quick to install."""
    host = f"{registry.host}/{repository.partition('/')[0]}-chapter"
    story = Story.with_docker(tmp_path, host, docker_builder)
    story.environment = {
        **story.environment,
        "LADING_EXTRA_INDEX_URL": index.url,
        "LADING_PICKLE_FROM": f"ml,{host}",
    }
    # Rows with names become a frame, and pandas would be another minute.
    story.words = {**story.words, '{"amount": 950.0, "hour": 3}': "[950.0, 3]"}
    # What never ends by itself, or needs the packages here, has tests of its own.
    story.left_out = ("pip install", "lading serve", "lading predict")
    return story


@pytest.mark.slow  # the example of a notebook goes the same way
def test_the_chapter_happens_as_it_is_written(
    story: Story, tmp_path: Path, index: PackageIndex
) -> None:
    here = Settings(home=tmp_path / "data", cache=tmp_path / "cache")
    load = {"format": "python", "class": "tariff:Payments"}
    # Rows become an array.
    locked = packed.lock(index.folder, numpy=Package("numpy", metadata_version("numpy")))
    direct = ("tariff", "numpy")
    for version in ("1.0.0", "1.1.0"):
        packed.push(
            tmp_path / version, f"ml/payments:{version}", locked, here, direct=direct, load=load
        )
    _, _, chapter = README.read_text("utf-8").partition(_TITLE)

    assert story.happens(chapter.partition("\n## ")[0]) >= 10
