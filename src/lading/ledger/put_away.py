"""Reading the ledger's index, and the full parts that it names; each once, and not without end.

Whoever may write can name a part a thousand times, or parts that list nothing that is there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.book import Book, LedgerStore, event_tags
from lading.ledger.index import LedgerIndex, Segment, read_index
from lading.ledger.line import Line
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, parse
from lading.transfer import read

_log = logging.getLogger(__name__)

_TRIES: Final = 4
_PAUSE: Final = 0.05
# What all parts together may be: a line is some 500 bytes, and an event that it lists has a tag.
_ROOM: Final = 16 * 1024 * 1024
_ROOM_FOR_EACH: Final = 4096


@dataclass(slots=True)
class PutAway:
    """The full parts of a ledger, as they are read one after the other."""

    store: LedgerStore
    names: Collection[str]
    # How many bytes may still be read.
    room: int
    seen: set[Digest] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: LedgerStore, names: Collection[str]) -> PutAway:
        """Nothing read yet."""
        return cls(store, names, _ROOM + _ROOM_FOR_EACH * len(event_tags(names)))

    def lines(self, segment: Segment) -> tuple[Line, ...]:
        """What a part lists; nothing where it is gone, damaged, too much or was read before.

        Its events have their tags all the same.
        """
        if segment.digest in self.seen:
            self.troubles.append(f"the part {segment.tag} of the ledger is named more than once")
            return ()
        self.seen.add(segment.digest)
        for descriptor in self._places(segment):
            try:
                return self._read(segment, descriptor)
            except (NotFound, InvalidInput, IntegrityError) as error:
                _log.debug("%s cannot be read: %s", descriptor.digest, error)
        self.troubles.append(f"the part {segment.tag} of the ledger is gone or damaged")
        return ()

    def _places(self, segment: Segment) -> Iterator[Descriptor]:
        """Where it lies: its digest, or its tag where a copy gave it another digest."""
        for name in (segment.digest, segment.tag):
            if name == segment.digest or name in self.names:
                try:
                    found = resolved(self.store, name, self.names)
                except (NotFound, InvalidInput, IntegrityError) as error:
                    _log.debug("%s is not there: %s", name, error)
                    continue
                if found.digest == segment.digest or found.digest not in self.seen:
                    yield found

    def _read(self, segment: Segment, descriptor: Descriptor) -> tuple[Line, ...]:
        self.seen.add(descriptor.digest)
        if descriptor.size > self.room:
            raise InvalidInput("the ledger's parts are larger than anybody reads")
        self.room -= descriptor.size
        lines = parsed_index(self.store, descriptor).lines
        if len(lines) != segment.count:
            raise InvalidInput(
                f"the part {segment.tag} of the ledger is another",
                cause=f"it lists {len(lines)} events instead of {segment.count}",
            )
        return lines


def put_away(store: LedgerStore, book: Book) -> tuple[Line, ...] | None:
    """What lies behind the book's border, as the full parts list it: a request for each of them.

    None where one is gone or damaged: then only the events themselves tell.
    """
    if book.listed is None or book.border is None:
        return ()
    away = PutAway.of(store, book.names)
    lines = tuple(line for part in book.listed.segments for line in away.lines(part))
    return None if away.troubles else lines


def parsed_index(store: LedgerStore, descriptor: Descriptor) -> LedgerIndex:
    """The ledger's index, or a part of it.

    Raises:
        InvalidInput: it is none.
        NotFound, IntegrityError: it is gone, or damaged.
    """
    index = parse(read(store, descriptor), descriptor.media_type)
    if not isinstance(index, Index):
        raise InvalidInput(f"{descriptor.digest} is no index")
    return read_index(index)


def resolved(store: LedgerStore, name: str, names: Collection[str]) -> Descriptor:
    """What a name stands for, where tags may be gone for a moment.

    Raises:
        NotFound: nothing.
    """
    for attempt in range(_TRIES):
        try:
            return store.resolve(name)
        except NotFound:
            # Distribution 2.x writes a tag in place: for a moment nothing is there.
            if attempt + 1 == _TRIES or name not in names:
                raise
            time.sleep(_PAUSE * (attempt + 1))
    raise AssertionError("the last try returns or raises")
