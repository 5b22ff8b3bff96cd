"""Finding out what a repository holds, and who needs it: everything that a plan is made of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.artifact import EVENT
from lading.ledger.book import is_ledger
from lading.ledger.index import LEDGER_TYPE
from lading.ledger.read import reread
from lading.operations.garbage.facts import (
    Facts,
    KnownManifest,
    KnownVersion,
    is_bookkeeping,
    is_list,
    subject_tag,
    when,
)
from lading.operations.garbage.parents import Parents
from lading.operations.garbage.reasons import ledger_reasons
from lading.operations.lifecycle.drifted import drifted
from lading.operations.reading.cached_source import CachedSource
from lading.operations.remove import listed
from lading.operations.status import pending
from lading.spec import mediatypes, tags
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import parse
from lading.spec.plain import read_table
from lading.spec.version import Version
from lading.stores.layout import LayoutStore
from lading.transfer import read
from lading.transfer.attach import listed as listed_referrers
from lading.transfer.pool import run

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore

_log = logging.getLogger(__name__)

# Larger configs are not ours, and are not read only to learn a date.
_SMALL: Final = 1024 * 1024
_DEEPEST: Final = 8


@dataclass(slots=True)
class Look:
    """Looks at one repository, as often as needed; what never changes is read once."""

    logbook: Logbook
    grace: timedelta
    deployed_within: timedelta
    parents: Parents
    # Every manifest that was ever seen, whether it is still there or not.
    seen: dict[Digest, tuple[Descriptor, bytes]] = field(default_factory=dict)
    _known: dict[Digest, KnownManifest] = field(default_factory=dict)
    _book: Book | None = None

    @property
    def store(self) -> AnyStore:
        """Where all this is."""
        return self.logbook.store

    def facts(self, *, leftovers: bool) -> Facts:
        """The repository as it is now; without leftovers, only who needs what: fewer requests.

        Raises:
            LadingError: it cannot be read.
        """
        now = _now()
        book, state = self._read()
        names = (name for name in book.names if not is_ledger(name))
        found = self._tags(name for name in names if leftovers or not is_bookkeeping(name))
        if leftovers:
            for stray in drifted(self.logbook, book, state, found.get):
                self.logbook.note(str(stray))
        there = self._visited(found.values())
        versions = self._versions(found, book)
        loose: set[Digest] = set()
        if leftovers:
            there |= self._visited(self._untagged(versions, book, there))
            loose |= set(self._loose(found, book, there))
            there |= self._visited(loose)
            there |= self._visited(self._referrers(found, there, book))
            there |= self._visited(self._images(there))
            loose |= {digest for digest in there if self._is_the_ledgers(digest)}
            self._date(there - self._visited(found[n] for n in found if not is_bookkeeping(n)))
        return Facts(
            now=now,
            grace=self.grace,
            versions=versions,
            tags=found,
            manifests={digest: self._known[digest] for digest in there},
            named=self._named(book, state, versions, now),
            deprecated=state.deprecated,
            loose=frozenset(loose),
            blind=self.parents.why_blind(),
        )

    def _read(self) -> tuple[Book, State]:
        """The whole ledger: the second time only what is new, with one request."""
        if self._book is None:
            self._book, state = self.logbook.read(whole=True)
            return self._book, state
        self._book = reread(self.store, self._book, shelf=self.logbook.shelf)
        return self._book, self.logbook.fold(self._book)

    # Tags and manifests

    def _tags(self, names: Iterable[str]) -> dict[str, Digest]:
        found: dict[str, Digest] = {}

        def look(name: str) -> None:
            if descriptor := listed(self.store, name):
                found[name] = descriptor.digest
                self._keep(descriptor)

        run(look, sorted(names), jobs=self.logbook.settings.jobs, on_failure=_nothing)
        return found

    def _keep(self, descriptor: Descriptor) -> None:
        """Read a manifest, once.

        Raises:
            NotFound: it is gone.
        """
        digest = descriptor.digest
        if digest not in self.seen:
            self.seen[digest] = descriptor, read(self.store, descriptor)
            self._known[digest] = KnownManifest.of(*self.seen[digest])

    def _visited(self, digests: Iterable[Digest]) -> set[Digest]:
        """These manifests and all below them, as far as they are there."""
        found: set[Digest] = set()
        ahead = [self._known[digest].descriptor for digest in digests]
        for _ in range(_DEEPEST):
            new = {d.digest: d for d in ahead if d.digest not in found}
            run(
                self._keep_if_there,
                new.values(),
                jobs=self.logbook.settings.jobs,
                on_failure=_nothing,
            )
            there = [digest for digest in new if digest in self._known]
            found.update(there)
            ahead = [c for digest in there for c in self._known[digest].children if c.is_manifest]
        return found

    def _keep_if_there(self, descriptor: Descriptor) -> None:
        try:
            self._keep(descriptor)
        except NotFound:
            _log.debug("%s is named and not there", descriptor.digest)

    def _resolved(self, digest: Digest) -> Digest | None:
        """A manifest that no tag names; None where it is gone."""
        try:
            self._keep(self.store.resolve(digest))
        except (NotFound, InvalidInput):
            return None
        return digest

    def _untagged(
        self, versions: Iterable[KnownVersion], book: Book, there: set[Digest]
    ) -> list[Digest]:
        """What the ledger or a version's document speaks of, and no tag names any more."""
        if isinstance(self.store, LayoutStore):
            return []  # what has no name in a layout goes by itself, after a while
        spoken = {line.subject for line in book.lines.values()}
        spoken |= {parent for version in versions for parent in version.parents}
        return list(filter(None, map(self._resolved, sorted(spoken - there))))

    def _loose(self, found: Mapping[str, Digest], book: Book, there: set[Digest]) -> list[Digest]:
        """What a list of evidence is about, and neither a tag nor the ledger knows."""
        known = {tags.fallback_tag(digest) for digest in there}
        recorded = {tags.fallback_tag(line.subject) for line in book.lines.values()}
        wanted = {subject_tag(name) for name in found if is_list(name)} - known - recorded
        digests = [name.replace("-", ":", 1) for name in sorted(wanted)]
        whole = [Digest(text) for text in digests if text.startswith("sha256:") and len(text) == 71]
        return list(filter(None, map(self._resolved, whole)))

    def _referrers(
        self, found: Mapping[str, Digest], there: set[Digest], book: Book
    ) -> list[Digest]:
        """Evidence that only the referrers API lists: of what is there, and of what was."""
        spoken = {line.subject for line in book.lines.values()} | {
            digest for digest in there if not self._known[digest].subject
        }
        if isinstance(self.store, LayoutStore):
            spoken = there
        wanted = [digest for digest in spoken if tags.fallback_tag(digest) not in found]
        entries: dict[Digest, Descriptor] = {}

        def look(digest: Digest) -> None:
            subject = self._known.get(digest)
            about = subject.descriptor if subject else Descriptor(mediatypes.IMAGE_INDEX, digest, 0)
            for entry in listed_referrers(self.store, about):
                entries[entry.digest] = entry

        run(look, wanted, jobs=self.logbook.settings.jobs, on_failure=_nothing)
        return list(filter(None, map(self._resolved, sorted(entries.keys() - there))))

    def _images(self, there: set[Digest]) -> list[Digest]:
        """Images that evidence names and no tag does: others were made since under their tag."""
        named = {self._known[digest].image for digest in there} - {None}
        return list(filter(None, (self._resolved(image) for image in named - there if image)))

    def _is_the_ledgers(self, digest: Digest) -> bool:
        kind = parse(self.seen[digest][1], self.seen[digest][0].media_type).artifact_type
        return kind in (EVENT, LEDGER_TYPE)

    def _date(self, manifests: Iterable[Digest]) -> None:
        """Read in their configs when manifests were made that do not say it themselves."""
        source = CachedSource(self.store, self.logbook.shelf)
        for digest in manifests:
            known = self._known[digest]
            config = known.children[0] if known.children else None
            if known.created or config is None or config.is_manifest or config.size > _SMALL:
                continue
            try:
                made = when(read_table(read(source, config, limit=_SMALL)).get("created"))
            except (NotFound, IntegrityError):
                continue
            self._known[digest] = replace(known, created=made)

    # Versions

    def _versions(self, found: Mapping[str, Digest], book: Book) -> tuple[KnownVersion, ...]:
        came: dict[Digest, datetime] = {}
        for recorded in book.ordered():
            if recorded.event.kind == "registered":
                came[recorded.event.digest] = recorded.event.at
        return tuple(
            self._version(name, version, digest, came.get(digest), found)
            for name, digest in sorted(found.items())
            if (version := Version.from_tag(name)) and not self._known[digest].tombstone
        )

    def _version(
        self,
        name: str,
        version: Version,
        digest: Digest,
        came: datetime | None,
        found: Mapping[str, Digest],
    ) -> KnownVersion:
        known = self._known[digest]
        times = [at for at in (came, known.created) if at]
        children = frozenset(child.digest for child in known.children if child.is_manifest)
        parents = self.parents.of(name, known.descriptor, found)
        return KnownVersion(
            name, version, digest, children | {digest}, max(times, default=None), parents
        )

    # Who needs what

    def _named(
        self, book: Book, state: State, versions: tuple[KnownVersion, ...], now: datetime
    ) -> dict[Digest, tuple[str, ...]]:
        named = ledger_reasons(
            book.lines.values(),
            book.records.values(),
            state,
            protected=self.logbook.protected,
            since=now - self.deployed_within,
        )

        def note(digest: Digest, reason: str) -> None:
            named[digest] = (*named.get(digest, ()), reason)

        for each in pending(book, state):
            note(Digest(each.digest), f"{each.requested_by} asked for it in {each.stage}")
        tagged = {version.tag: version.digest for version in versions}
        for label, parents in self.parents.elsewhere(tagged).items():
            for version in versions:
                if version.digests & parents:
                    note(version.digest, f"{label} was made from it")
        return named


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> None:
    """Nothing here runs so long that it would have to be stopped."""
