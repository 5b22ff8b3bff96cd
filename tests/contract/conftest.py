"""The contract runs over every place in the table of stores.py."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from contract.stores import PLACES, Place, WholeStore


@pytest.fixture(scope="session", params=sorted(PLACES))
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with PLACES[request.param](tmp_path_factory.mktemp("contract")) as opened:
        yield opened


@pytest.fixture
def repository() -> str:
    return f"contract/{uuid4().hex}"


@pytest.fixture
def store(place: Place, repository: str) -> WholeStore:
    return place(repository)


@pytest.fixture
def again(place: Place, repository: str) -> WholeStore:
    """The same repository, opened by somebody else."""
    return place(repository)


@pytest.fixture
def sibling(place: Place) -> WholeStore:
    """Another repository in the same place."""
    return place(f"contract/{uuid4().hex}")
