"""What tests of the ledger share."""

from __future__ import annotations

import pytest
from contract.samples import push_model

from lading.spec.descriptor import Descriptor
from lading.stores.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """A repository in memory."""
    return MemoryStore()


@pytest.fixture
def version(store: MemoryStore) -> Descriptor:
    """A version in it."""
    return push_model(store, "one", "1.0.0")


@pytest.fixture
def other(store: MemoryStore) -> Descriptor:
    """Another one."""
    return push_model(store, "two", "1.1.0")
