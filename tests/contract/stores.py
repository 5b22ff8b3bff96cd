"""The stores that keep the contract: one entry each.

A row opens a *place*, which is closed after the last test; a place gives a store for each
repository name, so that tests do not see each other's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from parts.double import Double
from parts.registry import DockerRegistry

from lading.ports import Absorber, Deleter, Lister, Mounter, RangeReader, Referrers, Store
from lading.settings import Settings
from lading.stores.layout import LayoutStore
from lading.stores.memory import MemoryStore
from lading.stores.remote.registry import RemoteStore


class WholeStore(Store, Lister, Deleter, Referrers, Absorber, Mounter, RangeReader, Protocol):
    """What each of Lading's own stores can do."""


Place = Callable[[str], WholeStore]


@contextmanager
def memory(_folder: Path) -> Iterator[Place]:
    repositories: dict[str, MemoryStore] = {}
    yield lambda repository: repositories.setdefault(repository, MemoryStore())


@contextmanager
def layout(folder: Path) -> Iterator[Place]:
    yield lambda repository: LayoutStore(folder / repository)


@contextmanager
def distribution(folder: Path) -> Iterator[Place]:
    with DockerRegistry(folder / "registry") as registry, remote(registry.host, folder) as place:
        yield place


@contextmanager
def double(folder: Path) -> Iterator[Place]:
    with Double() as registry, remote(registry.host, folder) as place:
        yield place


@contextmanager
def remote(host: str, folder: Path) -> Iterator[Place]:
    settings = Settings(home=folder / "home", cache=folder / "cache", retries=1, timeout=20)
    with ExitStack() as connections:

        def opened(repository: str) -> RemoteStore:
            store = RemoteStore(host, repository, settings)
            connections.callback(store.client.close)
            return store

        yield opened


PLACES: Mapping[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "memory": memory,
    "layout": layout,
    "distribution 2.8": distribution,
    "strict OCI 1.1": double,
}
