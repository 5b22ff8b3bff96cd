"""What versions say they were made from, as far as that is in one repository."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, LadingError
from lading.operations import stores
from lading.operations.lifecycle.documents import document_of
from lading.operations.reading.cached_source import CachedSource
from lading.spec import tags
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.plain import Fields, table, tables, text
from lading.spec.reference import Reference
from lading.spec.version import highest_release

if TYPE_CHECKING:
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Parents:
    """Reads documents, each once."""

    logbook: Logbook
    also: tuple[Reference, ...] = ()
    _unknown: dict[str, None] = field(default_factory=dict)
    _unread: dict[str, str] = field(default_factory=dict)
    _elsewhere: dict[str, Fields] = field(default_factory=dict)
    _documents: dict[Digest, Fields] = field(default_factory=dict)

    def of(self, name: str, version: Descriptor, found: Mapping[str, Digest]) -> frozenset[Digest]:
        """What a version of this repository was made from; ``found`` are the tags there."""
        try:
            document = self._document(self.logbook.store, version)
        except LadingError as error:
            self._unread[name] = f"what {name} was made from cannot be read: {error}"
            return frozenset()
        self._unread.pop(name, None)
        return frozenset(self._parents(document, found))

    def elsewhere(self, found: Mapping[str, Digest]) -> Mapping[str, frozenset[Digest]]:
        """What versions of other repositories were made from, by their names; looked at once."""
        for place in self.also:
            try:
                self._elsewhere.update(dict(self._documents_of(place)))
            except LadingError as error:
                why = f"what versions of {place.base} were made from is not known: {error}"
                self._unknown[why] = None
        self.also = ()
        return {
            label: frozenset(self._parents(document, found))
            for label, document in self._elsewhere.items()
        }

    def why_blind(self) -> tuple[str, ...]:
        """Why it is not known what some versions were made from."""
        return (*self._unknown, *self._unread.values())

    def _documents_of(self, place: Reference) -> Iterator[tuple[str, Fields]]:
        store = stores.open_store(place, self.logbook.settings)
        for name in sorted(store.names()):
            if not (tags.is_own(name) or tags.image_of(name) or name == tags.LATEST):
                yield f"{place.base}:{name}", self._document(store, store.resolve(name))

    def _document(self, store: AnyStore, version: Descriptor) -> Fields:
        """What a version says of itself; nothing where it is no model."""
        if version.digest not in self._documents:
            source = CachedSource(store, self.logbook.shelf)
            try:
                document = document_of(source, version, self.logbook.shelf)
            except InvalidInput:
                document = {}
            self._documents[version.digest] = document
        return self._documents[version.digest]

    def _parents(self, document: Fields, found: Mapping[str, Digest]) -> Iterable[Digest]:
        for parent in tables(table(document.get("lineage")).get("parents")):
            try:
                if digest := text(parent.get("digest")):
                    yield Digest(digest)
                if digest_here := self._here(text(parent.get("reference")) or "", found):
                    yield digest_here
            except InvalidInput as error:
                _log.debug("a parent is nothing that could be here: %s", error)

    def _here(self, reference: str, found: Mapping[str, Digest]) -> Digest | None:
        """What a reference means, if it leads into this repository."""
        place, parsed = self.logbook.place, Reference.parse(reference)
        if parsed.layout is not None or parsed.repository not in self._own_names():
            return None
        if parsed.host not in (None, place.host):
            return None
        if parsed.digest:
            return parsed.digest
        name = parsed.tag or tags.LATEST
        if name == tags.LATEST and name not in found:
            highest = highest_release(list(found))
            name = highest.tag if highest else name
        return found.get(name)

    def _own_names(self) -> set[str]:
        """What this repository is called, with and without the prefix of the default registry."""
        place, default = self.logbook.place, self.logbook.settings.registry or ""
        host, _, prefix = default.rstrip("/").partition("/")
        own = {place.repository}
        if prefix and host == place.host:
            own.add(place.repository.removeprefix(f"{prefix}/"))
        return own
