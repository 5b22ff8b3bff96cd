"""Look after a ledger: verify, repair, show, export, adopt."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.audit import audit
from lading.ledger.book import removed
from lading.ledger.envelope import unwrap
from lading.ledger.line import mark
from lading.ledger.repair import repair
from lading.ledger.write import named
from lading.operations import stores
from lading.operations.history import HistoryEvent, told, versions_of
from lading.operations.lifecycle.drifted import drifted, stayed_behind
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.lifecycle.registration import register, registered_by
from lading.operations.lifecycle.subject import subject
from lading.operations.missing import demand_begun
from lading.operations.status import unregistered
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.stores.bundle import BundleStore
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ledger.audit import Finding
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class LedgerFinding:
    """Something about a ledger that is not as it should be."""

    kind: str
    severity: str
    what: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class LedgerVerifyResult:
    """What an audit found; ``sound`` where nothing is worse than a note."""

    reference: str
    events: int
    head: str | None
    seq: int
    sound: bool
    findings: tuple[LedgerFinding, ...]


@dataclass(frozen=True, slots=True)
class LedgerRepairResult:
    """What a repair did, and what it could not mend."""

    reference: str
    actions: tuple[str, ...]
    left: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerShowResult:
    """The events of a ledger, oldest first."""

    reference: str
    seq: int
    heads: tuple[str, ...]
    events: tuple[HistoryEvent, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """An event with the bytes that prove it: their digest is the event's."""

    digest: str
    tag: str
    manifest: str
    statement: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LedgerExportResult:
    """A whole ledger, for an archive or another program."""

    reference: str
    events: tuple[ExportedEvent, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerAdoptResult:
    """The versions that were registered now."""

    reference: str
    adopted: tuple[str, ...]
    notes: tuple[str, ...]


def ledger_verify(
    model: str | Reference, *, settings: Settings | None = None
) -> LedgerVerifyResult:
    """Read every event, check everything, believe no list; works on a copied layout, offline.

    Moves of protected stages are judged again by the policy at hand.

    Raises:
        NotFound: there is no such model.
    """
    logbook = _opened(model, settings)
    book, state = _whole(logbook)
    last = logbook.last
    findings = [
        LedgerFinding(found.kind, found.severity, found.what, _hint(found, logbook))
        for found in audit(
            logbook.store,
            book,
            state,
            last,
            elsewhere=_elsewhere(logbook.store, book),
            jobs=logbook.settings.jobs,
        )
    ]
    findings += _unexplained(logbook, book)
    findings += _refused(logbook, book)
    return LedgerVerifyResult(
        reference=logbook.place.base,
        events=state.count,
        head=state.parents[0] if state.parents else None,
        seq=state.seq,
        sound=all(finding.severity == "note" for finding in findings),
        findings=tuple(findings),
    )


def ledger_repair(
    model: str | Reference, *, settings: Settings | None = None
) -> LedgerRepairResult:
    """Show what is recorded: events get their tags back, the index is made anew, stages follow.

    A version's tag that something else moved names again what was registered, if that is here. It
    removes no event and invents none; run twice, it changes nothing.

    Raises:
        NotFound: there is no such model.
        LadingError: the registry refuses.
    """
    logbook = _opened(model, settings)
    book, state = _whole(logbook)
    # A stage is not emptied over a policy: who decides on that promotes or clears.
    leave = {name for name in logbook.protected if _is_all_refused(book, state, name)}
    for name in sorted(leave & book.names):
        logbook.note(f"the tag {name} is left as it is: no move of it counts by this policy")
    done = repair(logbook.store, book, logbook.fold, leave=leave, shelf=logbook.shelf)
    return LedgerRepairResult(logbook.place.base, done.actions, done.left, tuple(logbook.notes))


def ledger_show(model: str | Reference, *, settings: Settings | None = None) -> LedgerShowResult:
    """Every event as it is recorded.

    Raises:
        NotFound: there is no such model.
    """
    logbook = _opened(model, settings)
    book, state = _whole(logbook)
    for found in drifted(logbook, book, state):
        logbook.note(str(found))
    versions = versions_of(book)
    return LedgerShowResult(
        reference=logbook.place.base,
        seq=state.seq,
        heads=tuple(state.parents),
        events=tuple(told(recorded, versions) for recorded in book.ordered()),
        notes=tuple(logbook.notes),
    )


def ledger_export(
    model: str | Reference, *, settings: Settings | None = None
) -> LedgerExportResult:
    """The whole ledger with the very bytes of its events.

    Raises:
        NotFound: there is no such model.
    """
    logbook = _opened(model, settings)
    book, _ = _whole(logbook)
    return LedgerExportResult(
        logbook.place.base, tuple(_exported(logbook, book)), tuple(logbook.notes)
    )


def ledger_adopt(model: str | Reference, *, settings: Settings | None = None) -> LedgerAdoptResult:
    """Register the versions that are there and that nobody recorded; what is none is a note.

    Raises:
        NotFound: there is no such model.
    """
    logbook = _opened(model, settings)
    book, _ = _whole(logbook)
    adopted = []
    for version in unregistered(book):
        place = logbook.place.with_tag(Version.parse(version).tag)
        try:
            what = subject(logbook.store, place, logbook.settings)
        except (NotFound, InvalidInput, IntegrityError) as error:
            logbook.note(f"{place} is not registered: {error}")
            continue
        if register(logbook, what, because="adopted"):
            adopted.append(version)
    return LedgerAdoptResult(logbook.place.base, tuple(adopted), tuple(logbook.notes))


def _hint(found: Finding, logbook: Logbook) -> str | None:
    """What to do about a finding; what would change a bundle is done where that is put."""
    place, store, hint = logbook.place, logbook.store, found.hint or ""
    if found.kind == "unregistered":
        return registered_by(store, place)
    if isinstance(store, BundleStore) and "MODEL" in hint and "lading history" not in hint:
        there = hint.replace("MODEL", f"REGISTRY/{store.repository}")
        return f"lading unbundle {store.archive} REGISTRY --stages, and then {there}"
    return hint.replace("MODEL", place.base) or None


def _is_all_refused(book: Book, state: State, stage: str) -> bool:
    moves = [line for line in book.lines.values() if line.moves and line.stage == stage]
    return bool(moves) and all(line.digest in state.refused for line in moves)


def _opened(model: str | Reference, settings: Settings | None) -> Logbook:
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    if place.name:
        raise InvalidInput(f"a ledger is of a model, not of {place}", hint=f"write {place.base}")
    return open_logbook(place, settings)


def _whole(logbook: Logbook) -> tuple[Book, State]:
    book, state = logbook.read(whole=True)
    demand_begun(logbook.store, logbook.place, logbook.settings, book.names)
    return book, state


def _elsewhere(store: AnyStore, book: Book) -> frozenset[Digest]:
    """The versions that a bundle was made without."""
    subjects = {line.subject for line in book.lines.values()}
    return frozenset(digest for digest in subjects if stayed_behind(store, digest))


def _unexplained(logbook: Logbook, book: Book) -> Iterator[LedgerFinding]:
    """The tags of protected stages that no event ever moved."""
    moved = {line.stage for line in book.lines.values() if line.moves}
    for name in sorted((logbook.protected & book.names) - moved):
        what = f"DRIFT: {name} names {named(logbook.store, name)}, and no event ever moved it"
        hint = f"lading promote {logbook.place.base}:VERSION {name}, or remove the tag"
        yield LedgerFinding("drift", "error", what, hint)


def _refused(logbook: Logbook, book: Book) -> Iterator[LedgerFinding]:
    """The moves of protected stages that do not count, or that this policy cannot have let in."""
    gone = removed(book)
    for recorded in book.ordered():
        event = recorded.event
        if not event.moves or event.stage not in logbook.protected:
            continue
        told_of = (
            f"event {event.seq} {event.kind} {event.version or event.digest} for {event.stage}"
        )
        if not logbook.judge.counts(book, recorded.digest):
            why = "; ".join(logbook.judge.failed(book, recorded.digest))
            yield LedgerFinding("policy", "note", f"{told_of}: it does not count: {why}", None)
            continue
        by = gone.get(((event.version or "").replace("+", "_"), event.digest))
        if by and named(logbook.store, event.digest) is None:
            what = f"{told_of}: it cannot be judged any more: {by} removed the version"
            yield LedgerFinding("policy", "note", what, None)
            continue
        claims = event.policy is not None and event.policy == logbook.judge.policy
        why = "; ".join(logbook.judge.failed(book, recorded.digest, then=True)) if claims else ""
        if why:
            what = f"{told_of}: it claims this policy, by which it was refused then: {why}"
            yield LedgerFinding("policy", "error", what, None)


def _exported(logbook: Logbook, book: Book) -> Iterator[ExportedEvent]:
    from lading.spec.encoding import decode_object
    from lading.spec.manifest import Manifest, parse

    for recorded in book.ordered():
        line = book.lines[mark(recorded.digest)]
        root = logbook.store.resolve(recorded.digest)
        raw = read(logbook.store, root)
        manifest = parse(raw, root.media_type)
        assert isinstance(manifest, Manifest)
        layer = manifest.layers[0]
        statement = unwrap(layer.media_type, layer.data or read(logbook.store, layer))
        yield ExportedEvent(
            recorded.digest,
            line.tag,
            base64.b64encode(raw).decode(),
            decode_object(statement, "the statement"),
        )
