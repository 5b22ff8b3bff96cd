"""One place that is asked: the registry itself, or a mirror. Opened when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lading.stores.remote.registry import RemoteStore

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.mirror import Mirror
    from lading.spec.reference import Reference

# Where somebody else can be asked, nobody is waited for as long as the only one is.
_TRIES: Final = 1
_SECONDS: Final = 10.0


class Witness:
    """A repository somewhere; two are the same if they are one object."""

    def __init__(
        self,
        name: str,
        open_store: Callable[[], RemoteStore],
        open_patient: Callable[[], RemoteStore] | None = None,
    ) -> None:
        # What warnings call it.
        self.name = name
        self.is_registry = open_patient is not None
        self._open = open_store
        self._open_patient = open_patient
        self._lock = threading.Lock()
        self._store: RemoteStore | None = None
        self._patient: RemoteStore | None = None

    @property
    def store(self) -> RemoteStore:
        """The repository there, for who has somebody else to ask."""
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    @property
    def patient(self) -> RemoteStore:
        """The repository there, for who has nobody else; of a mirror it is the same."""
        if self._open_patient is None:
            return self.store
        with self._lock:
            if self._patient is None:
                self._patient = self._open_patient()
            return self._patient

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return str(self.store.origin)

    def forget(self) -> None:
        """What was read there may have been deleted since."""
        self.close()
        with self._lock:
            self._store = self._patient = None

    def close(self) -> None:
        """Close what is idle."""
        for store in (self._store, self._patient):
            if store is not None:
                store.close()

    def __str__(self) -> str:
        return self.name


def hasty(settings: Settings) -> Settings:
    """The same settings, for who has somebody else to ask."""
    return replace(
        settings,
        retries=min(settings.retries, _TRIES),
        timeout=min(settings.timeout, _SECONDS),
    )


def mirror_witness(mirror: Mirror, there: Reference, settings: Settings) -> Witness:
    """A mirror, with its own credentials and its own certificates.

    A password from the environment is meant for the registry that a command names, and a client's
    certificate says who we are: a mirror gets neither, but what was kept or named for it.
    """
    own = replace(
        hasty(settings),
        mirrors=(),
        username=None,
        password=None,
        identity_token=None,
        ca_file=mirror.ca_file or settings.ca_file,
        client_cert=mirror.client_cert,
        client_key=mirror.client_key,
    )
    return Witness(there.base, lambda: RemoteStore(str(there.host), there.repository, own))
