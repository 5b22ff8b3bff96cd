"""The stores that keep the contract: one entry each.

A row opens a *place*, which is closed after the last test; a place gives a store for each
repository name, so that tests do not see each other's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from parts.double import Double
from parts.process import free_port
from parts.registry import DockerRegistry

from lading.errors import IntegrityError, Unsupported
from lading.ports import Absorber, Content, Deleter, Lister, Mounter, RangeReader, Referrers, Store
from lading.settings import Settings
from lading.spec.descriptor import Descriptor
from lading.spec.mirror import mirrors_of, parse_mirrors
from lading.stores.bundle import NewArchive, NewBundleStore, new_archive
from lading.stores.layout import LayoutStore
from lading.stores.memory import MemoryStore
from lading.stores.mirrored import MirroredStore
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


class _Taking(NewBundleStore):
    """A bundle's repository, with the one verb that nobody needs of it."""

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        raise Unsupported("a place in a bundle is set aside under its digest")


@contextmanager
def bundle(folder: Path) -> Iterator[Place]:
    """A file for each repository: what another one brought into the same is not read again."""
    archives: dict[str, NewArchive] = {}
    with ExitStack() as files:

        def opened(repository: str) -> _Taking:
            if repository not in archives:
                path = folder / f"{repository.rpartition('/')[2]}.tar"
                # Files that something wrong was brought for get no name.
                files.enter_context(suppress(IntegrityError))
                archives[repository] = files.enter_context(new_archive(path))
            return _Taking(archives[repository], repository)

        yield opened


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


@contextmanager
def mirrored(folder: Path) -> Iterator[Place]:
    """A registry whose mirrors have nothing, or are not there at all, and are asked first."""
    with DockerRegistry(folder / "registry") as registry, Double() as mirror:
        gone = f"127.0.0.1:{free_port()}"
        mirrors = parse_mirrors({registry.host: [gone, f"{mirror.host}/copies"]})
        settings = Settings(
            home=folder / "home",
            cache=folder / "cache",
            retries=1,
            timeout=20,
            mirrors=mirrors,
            mirrors_first=True,
        )
        with ExitStack() as connections:

            def opened(repository: str) -> MirroredStore:
                named = mirrors_of(registry.host, repository, settings.mirrors)
                store = MirroredStore(registry.host, repository, settings, named)
                connections.callback(store.close)
                return store

            yield opened


PLACES: Mapping[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "memory": memory,
    "layout": layout,
    "bundle": bundle,
    "distribution 2.8": distribution,
    "strict OCI 1.1": double,
    "mirrored": mirrored,
}
