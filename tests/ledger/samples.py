"""Events to write, and a ledger to write them to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from lading.ledger.artifact import EMPTY, EMPTY_CONFIG, SealedEvent, seal
from lading.ledger.book import Book, LedgerStore
from lading.ledger.fold import State
from lading.ledger.read import read_book
from lading.ledger.write import Settled, record, settle
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import KINDS, MOST_PARENTS, Draft, Event, Recorded

SUBJECT = Digest.of(b"a version")
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
DIGESTS = st.integers(0, 10**6).map(lambda number: Digest.of(f"{number}".encode()))
TIMES = st.sampled_from(("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5+05:30"))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event that may be written."""
    return Event(
        kind=draw(st.sampled_from(sorted(KINDS))),
        repository=draw(TEXT),
        digest=draw(DIGESTS),
        model=draw(st.none() | DIGESTS),
        version=draw(st.none() | TEXT),
        seq=draw(st.integers(1, 10**8 - 1)),
        parents=tuple(draw(st.lists(DIGESTS, max_size=MOST_PARENTS, unique=True))),
        actor=draw(TEXT),
        time=draw(TIMES),
        nonce=draw(TEXT),
        reason=draw(st.none() | TEXT),
        stage=draw(st.sampled_from(("dev", "prod", "a.b-c"))),
        previous=draw(st.none() | DIGESTS),
        shared=draw(st.booleans()),
        protected=draw(st.booleans()),
        policy=draw(st.none() | DIGESTS),
        evidence=tuple(draw(st.lists(DIGESTS, max_size=3))),
        expires=draw(st.none() | TIMES),
        where=draw(st.none() | TEXT),
        metrics=draw(
            st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False), max_size=3)
        ),
        window=draw(st.none() | st.tuples(TEXT, TEXT)),
    )


def event(seq: int = 1, parents: Sequence[Digest] = (), **fields: Any) -> Event:
    """A plain event."""
    said: dict[str, Any] = {
        "kind": "noted",
        "repository": "ml/fraud",
        "digest": SUBJECT,
        "actor": "ada",
        "time": "2026-03-01T12:00:00Z",
        "nonce": "0" * 32,
    }
    return Event(seq=seq, parents=tuple(parents), **(said | fields))


def put_event(store: LedgerStore, written: Event, tag: str | None = None) -> SealedEvent:
    """Put an event there as anybody could who may write, under its own tag or another."""
    sealed = seal(written)
    store.push(EMPTY_CONFIG, BytesContent(EMPTY))
    store.push(sealed.layer, BytesContent(sealed.content))
    store.push(sealed.descriptor, BytesContent(sealed.manifest.raw), tag or sealed.tag)
    return sealed


def open_fold(book: Book) -> State:
    """What somebody without a policy makes of a ledger."""
    return book.state()


def draft(kind: str, subject: Digest, stage: str | None = None, **fields: Any) -> Draft:
    """Something that shall be written."""
    said: dict[str, Any] = {"repository": "ml/fraud", "actor": "ada"} | fields
    return Draft(kind=kind, digest=subject, stage=stage, **said)  # type: ignore[arg-type]


def write(store: LedgerStore, wanted: Draft) -> tuple[Recorded, Settled]:
    """Read, record and settle, as every verb does."""
    book = read_book(store)
    recorded = record(store, book, wanted, fold=open_fold)
    return recorded, settle(store, book, fold=open_fold, wrote=[recorded])


def assign(store: LedgerStore, subject: Digest, stage: str = "prod", **fields: Any) -> Recorded:
    """Put a version into a stage."""
    return write(store, draft("assigned", subject, stage, **fields))[0]
