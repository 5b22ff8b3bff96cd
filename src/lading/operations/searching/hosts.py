"""The registries that a search asks: connections shared, and nobody who is silent asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from lading.errors import Unavailable
from lading.operations import stores

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.reference import Reference
    from lading.stores.remote.registry import RemoteStore


class Hosts:
    """Repositories of several registries, opened from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        # One for each host: its connections and tokens serve all of its repositories.
        self._by_host: dict[str, RemoteStore] = {}
        self._opened: dict[Reference, AnyStore] = {}
        self._silent: dict[str, Unavailable] = {}

    def close(self) -> None:
        """Let go of the registries."""
        for store in self._by_host.values():
            store.close()

    def open(self, place: Reference) -> AnyStore:
        """A repository; the same one when it is asked for again, which knows what it learned.

        Raises:
            LadingError: it cannot be opened.
        """
        with self._lock:
            if place not in self._opened:
                self._opened[place] = self._open(place)
            return self._opened[place]

    def _open(self, place: Reference) -> AnyStore:
        beside = self._by_host.get(place.host or "")
        store = stores.open_store(place, self._settings, beside=beside)
        if place.host:
            self._by_host.setdefault(place.host, store)  # type: ignore[arg-type]  # hosts are remote
        return store

    @contextmanager
    def patience(self, place: Reference) -> Iterator[None]:
        """Ask a repository something, unless its registry did not answer before.

        Raises:
            Unavailable: it did not; or does not now, and is not waited for again.
        """
        host = place.host or ""
        if silent := self._silent.get(host):
            raise silent
        try:
            yield
        except Unavailable as error:
            self._silent[host] = error
            raise
