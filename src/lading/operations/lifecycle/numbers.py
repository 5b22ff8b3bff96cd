"""A version's number is given once: what the ledger registered under it keeps it, removed or not.

Where the tag is there, the tag itself says what the number stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lading.errors import Conflict, IntegrityError, InvalidInput, NotFound
from lading.ledger.book import given, is_ledger
from lading.ledger.checked import read_event
from lading.ledger.put_away import put_away
from lading.spec.event import REMOVED
from lading.spec.version import next_version

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.line import Line
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.lifecycle.subject import Subject
    from lading.spec.digest import Digest
    from lading.spec.event import Recorded
    from lading.spec.version import Bump, Version

# Anybody may write events; so many of the newest are asked what they say.
_MOST_READ: Final = 8


@dataclass(slots=True)
class Numbers:
    """The numbers that a repository has given away, and what its ledger says of them.

    The ledger is read when it is first needed: one request where the tags are known, as ``names``,
    and one for each full part of it.
    """

    logbook: Logbook
    names: frozenset[str] | None = None
    book: Book | None = None
    _lines: tuple[Line, ...] = ()
    _given: dict[str, tuple[Digest, ...]] | None = None

    def following(self, bump: Bump) -> Version:
        """The next number that nobody ever had."""
        return next_version(list(self._read().names), bump, given=self._numbers())

    def former(self, version: Version) -> tuple[Digest, ...]:
        """What was registered under a number that no tag has now; nothing where it is free."""
        return self._numbers().get(version.tag, ())

    def demand(self, version: Version, digest: Digest) -> None:
        """Refuse to give a number that no tag has now to other content than it stood for.

        Raises:
            Conflict: it stood for something else.
        """
        former = self.former(version)
        if former and digest not in former:
            raise self.refusal(version, f"it was {former[-1]}, yours is {digest}")

    def refusal(self, version: Version, why: str) -> Conflict:
        """What is said to whoever wants a number that stood for something else."""
        place = self.logbook.place
        former = self.former(version)
        return Conflict(
            f"{place.with_tag(version.tag)} was registered before, and its number is not given"
            " again to other content",
            cause=f"{self._removal(version, former)}; {why}",
            hint="choose a higher version, or let lading push --bump patch choose it; what was"
            f" removed may come back: lading copy FROM@{former[-1]} {place.with_tag(version.tag)}",
        )

    def now(self, *, changed: bool) -> Book:
        """The ledger at the end of something that took its time, unless it ``changed`` nothing.

        A push may take an hour: what the tags were before it is nothing to go by.
        """
        if not changed and self.book is None:
            return self.logbook.read(names=self.names)[0]
        names = frozenset(self.logbook.store.names())
        before = self.book
        # Nothing was recorded meanwhile: what was read is still so.
        if before and _of_ledger(names) == _of_ledger(before.names):
            return replace(before, names=names)
        return self.logbook.read(names=names)[0]

    def _read(self) -> Book:
        if self.book is None:
            self.book, _ = self.logbook.read(names=self.names)
        return self.book

    def _numbers(self) -> dict[str, tuple[Digest, ...]]:
        if self._given is None:
            self._lines = all_lines(self.logbook, self._read())
            self._given = given(self._lines)
        return self._given

    def _removal(self, version: Version, former: tuple[Digest, ...]) -> str:
        """Who removed it, as far as the ledger tells."""
        noted = [
            line
            for line in self._lines
            if line.kind == "noted" and line.subject in former and line.version == str(version)
        ]
        noted.sort(key=lambda line: line.order, reverse=True)
        for recorded in _events(self.logbook, self._read(), noted[:_MOST_READ]):
            if recorded.event.reason == REMOVED:
                return f"{recorded.event.actor} removed it on {recorded.event.time[:10]}"
        return f"{self._registrar(version, former)}; nobody recorded who removed its tag"

    def _registrar(self, version: Version, former: tuple[Digest, ...]) -> str:
        """Who registered it: that may be somebody who never pushed anything."""
        first, *_ = (
            line
            for line in sorted(self._lines, key=lambda line: line.order)
            if line.subject == former[-1] and version.tag in given((line,))
        )
        return f"{first.actor} registered it on {first.time[:10]}"


def all_lines(logbook: Logbook, book: Book) -> tuple[Line, ...]:
    """Every event as it is listed, what was put away included.

    Raises:
        LadingError: the registry refuses.
    """
    away = put_away(logbook.store, book)
    if away is None:
        book, away = logbook.read(whole=True, names=book.names)[0], ()
    return (*away, *book.lines.values())


def is_recorded_otherwise(
    logbook: Logbook, book: Book, lines: Iterable[Line], what: Subject
) -> bool:
    """Whether a version's number was registered with the same model in another index.

    That is a copy that was compressed on the way; the number stands for one content all the same.

    Raises:
        Conflict: the number stands for other content.
    """
    others = [
        line
        for line in lines
        if line.kind == "registered"
        and line.version == what.version
        and line.subject != what.digest
    ]
    if not others:
        return False
    others.sort(key=lambda line: line.order, reverse=True)
    read = _events(logbook, book, others[:_MOST_READ])
    if what.model and any(recorded.event.model == what.model for recorded in read):
        return True
    raise Conflict(
        f"{what.place} was registered with other content",
        cause=f"registered: {others[0].subject}, by {others[0].actor}; this is {what.digest}",
        hint=f"a number is given once: lading remove {what.place}, and push under a higher one",
    )


def _events(logbook: Logbook, book: Book, lines: list[Line]) -> Iterator[Recorded]:
    """The events themselves; without those that are gone or damaged, of which others tell."""
    for line in lines:
        if known := book.records.get(line.mark):
            yield known
            continue
        with suppress(NotFound, InvalidInput, IntegrityError):
            yield read_event(logbook.store, line.digest)


def _of_ledger(names: frozenset[str]) -> frozenset[str]:
    return frozenset(filter(is_ledger, names))
