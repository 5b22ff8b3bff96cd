"""What is wrong with a ledger, and with the tags that should follow it; nothing is written here."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.book import Book, LedgerStore, given, removed
from lading.ledger.compressed import is_compressed_copy
from lading.ledger.fold import Stage, State
from lading.ledger.line import Line
from lading.ledger.listing import border_holds
from lading.ledger.read import JOBS
from lading.ledger.remembered import Remembered
from lading.spec.digest import Digest
from lading.spec.manifest import parse
from lading.spec.own_version import other_version
from lading.spec.version import Version
from lading.transfer import read
from lading.transfer.pool import run

Severity = Literal["error", "note"]

_PAUSE: Final = 0.1
# Whoever knows what the model is called writes it for MODEL.
_REPAIR: Final = "lading ledger repair MODEL"
_ADOPT: Final = "lading ledger adopt MODEL"
_WHO: Final = "lading history MODEL tells who registered it"
# What reading has found already, and what there is to do about it.
_READ: Final[dict[str, tuple[Severity, str | None]]] = {
    "hint": ("error", _REPAIR),
    "index": ("error", _REPAIR),
    "segment": ("note", _REPAIR),
    "lost": ("error", "copy it back from another registry or a layout that has it"),
    "many": ("error", "look who wrote the events after them"),
    "strange": ("error", "look who put it there"),
    "seq": ("error", "look who wrote it: it does not count"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    kind: str
    # A note is about what Lading mends by itself, or what need not be wrong.
    severity: Severity
    what: str
    hint: str | None = None


def audit(
    store: LedgerStore,
    book: Book,
    state: State,
    remembered: Remembered | None = None,
    *,
    elsewhere: Collection[Digest] = (),
    jobs: int = JOBS,
) -> tuple[Finding, ...]:
    """What is wrong; the book must be whole, and costs a request for each event and version more.

    ``elsewhere`` are versions that need not be here, and whose stages need no tags.

    Raises:
        LadingError: the store cannot be read.
    """
    assert book.whole, "an audit believes no list"
    looked = _look(store, _names_to_look_at(book, state), jobs)
    found = [*_read(book), *_rolled_back(book, remembered), *_events(book, state, looked)]
    found += [*_listed(book, state, looked), *_stages(store, book, state, looked, elsewhere)]
    found += _versions(store, book, state, looked, elsewhere)
    return tuple(dict.fromkeys(found))


def strayed(book: Book, looked: dict[str, Digest | None]) -> tuple[Line, ...]:
    """The events whose own tag is gone, or names something else."""
    return tuple(line for line in book.lines.values() if looked.get(line.tag) != line.digest)


def look_at_own_tags(store: LedgerStore, book: Book, jobs: int = JOBS) -> dict[str, Digest | None]:
    """What the tags of events and of full parts name."""
    return _look(store, _own_tags(book), jobs)


@dataclass(frozen=True, slots=True)
class Displaced:
    """A version's tag that names what nobody registered under it, and what was registered."""

    tag: str
    there: Digest
    known: tuple[Digest, ...]


def displaced(store: LedgerStore, book: Book) -> tuple[Displaced, ...]:
    """The registered versions whose tags something else moved; a request for each version."""
    registered = given(book.lines.values())
    looked = _look(store, book.names & registered.keys(), JOBS)
    found = (Displaced(tag, there, registered[tag]) for tag, there in looked.items() if there)
    return tuple(
        each
        for each in sorted(found, key=lambda each: each.tag)
        if each.there not in each.known and not _is_copy(store, book, each)
    )


def returnable(store: LedgerStore, book: Book, moved: Displaced) -> Digest | None:
    """What can be put back under a version's tag: the one content that was registered, if it is
    still here; None where that is not so, where it says that it is another version, or where
    somebody removed it in order.
    """
    was = moved.known[0]
    if len(moved.known) > 1 or (moved.tag, was) in removed(book):
        return None
    gone = _named(store, was) is None
    return None if gone or _other_version(store, moved.tag, was) else was


# --- what is looked at ----------------------------------------------------------------------------


def _own_tags(book: Book) -> set[str]:
    segments = book.listed.segments if book.listed else ()
    wanted = {line.tag for line in book.lines.values()} | {segment.tag for segment in segments}
    return wanted & book.names


def _names_to_look_at(book: Book, state: State) -> set[str]:
    return _own_tags(book) | (book.names & state.stages.keys()) | _version_tags(book)


def _version_tags(book: Book) -> set[str]:
    return {name for name in book.names if Version.from_tag(name)}


def _look(store: LedgerStore, names: Iterable[str], jobs: int) -> dict[str, Digest | None]:
    looked: dict[str, Digest | None] = {}

    def look(name: str) -> None:
        looked[name] = _named(store, name)
        if looked[name] is None:
            # Distribution 2.x writes a tag in place: for a moment nothing is there.
            time.sleep(_PAUSE)
            looked[name] = _named(store, name)

    run(look, sorted(names), jobs=jobs, on_failure=lambda: None)
    return looked


def _named(store: LedgerStore, name: str) -> Digest | None:
    try:
        return store.resolve(name).digest
    except (NotFound, InvalidInput, IntegrityError):
        return None  # gone, or nothing that a tag of ours would name


# --- events ---------------------------------------------------------------------------------------


def _read(book: Book) -> Iterator[Finding]:
    for trouble in book.troubles:
        severity, hint = _READ.get(trouble.kind, ("error", None))
        yield Finding(trouble.kind, severity, trouble.what, hint)


def _rolled_back(book: Book, remembered: Remembered | None) -> Iterator[Finding]:
    if remembered and (behind := remembered.rolled_back(book)):
        yield Finding(
            "rolled back",
            "error",
            f"the registry was set back: {behind}",
            "copy what is missing back from another registry or a layout that has it",
        )


def _events(book: Book, state: State, looked: dict[str, Digest | None]) -> Iterator[Finding]:
    for line in strayed(book, looked):
        if line.tag in book.names:
            what = f"the tag {line.tag} names {looked.get(line.tag) or 'nothing'}, not its event"
            yield Finding("strange", "error", what, _REPAIR)
        else:
            yield Finding("untagged", "note", f"the event {line.tag} has lost its tag", _REPAIR)
    for parent in sorted(state.missing):
        after = next(line for line in book.lines.values() if parent in line.parents)
        yield Finding(
            "gap",
            "error",
            f"the event {parent}… is gone: {after.tag} was written after it",
            "copy it back from another registry or a layout that has it",
        )
    for stage in state.forks:
        yield _fork(stage)


def _fork(stage: Stage) -> Finding:
    shown = stage.value or "nothing"
    now = f"it keeps naming {shown}" if stage.kept else f"it names {shown}, the highest of them"
    return Finding(
        "fork",
        "error",
        f"{stage.name} is in dispute: {len(stage.fork)} moves did not know of each other; {now}",
        f"lading promote REF {stage.name}: the next move knows them all",
    )


# --- the index ------------------------------------------------------------------------------------


def _listed(book: Book, state: State, looked: dict[str, Digest | None]) -> Iterator[Finding]:
    if book.is_empty:
        return
    if book.listed is None:
        if not any(trouble.kind == "index" for trouble in book.troubles):
            yield Finding("index", "note", "the ledger's index is not there", _REPAIR)
        return
    for line in book.unlisted:
        what = f"the event {line.tag} happened and is not shown yet"
        yield Finding("unlisted", "note", what, _REPAIR)
    if dict(book.listed.stages) != dict(state.stages) and not book.unlisted:
        what = "the ledger's index says of stages what its events do not"
        yield Finding("checkpoint", "error", what, _REPAIR)
    if book.listed.border and not border_holds(book, book.listed.border, state):
        what = "the ledger's index is wrong about what was put away"
        yield Finding("border", "error", what, _REPAIR)
    for segment in book.listed.segments:
        if looked.get(segment.tag) != segment.digest:
            what = f"the tag {segment.tag} does not name the part of the ledger that it should"
            yield Finding("segment", "note", what, _REPAIR)


# --- stages ---------------------------------------------------------------------------------------


def _stages(
    store: LedgerStore,
    book: Book,
    state: State,
    looked: dict[str, Digest | None],
    elsewhere: Collection[Digest],
) -> Iterator[Finding]:
    for name, stage in state.stages.items():
        there = looked.get(name)
        if there == stage.value or (there is None and stage.value in elsewhere):
            continue
        if there and stage.value and is_compressed_copy(store, there, _model(book, stage.value)):
            yield _recompressed(name, there, stage.value)
            continue
        what = f"{name} names {there or 'nothing'}, and the ledger says {stage.value or 'nothing'}"
        yield Finding("drift", "error", f"DRIFT: {what}", _REPAIR)


def _recompressed(name: str, there: Digest, was: Digest) -> Finding:
    return Finding(
        "recompressed",
        "note",
        f"{name} names {there}: {was}, compressed on the way",
        "copy with lading copy, or skopeo copy --all --preserve-digests",
    )


def _model(book: Book, version: Digest) -> Digest | None:
    """The model manifest of a version, which survives a copy that was compressed on the way.

    None where events contradict each other: anybody who may write could name another model.
    """
    events = (recorded.event for recorded in book.records.values())
    said = {event.model for event in events if event.digest == version and event.model}
    return said.pop() if len(said) == 1 else None


# --- versions -------------------------------------------------------------------------------------


def _versions(
    store: LedgerStore,
    book: Book,
    state: State,
    looked: dict[str, Digest | None],
    elsewhere: Collection[Digest],
) -> Iterator[Finding]:
    registered, by = given(book.lines.values()), removed(book)
    unregistered: list[str] = []
    for tag in sorted(_version_tags(book)):
        there, known = looked.get(tag), registered.get(tag, ())
        if there is None or there in known:
            continue
        if not known and (said := _other_version(store, tag, there)):
            what = f"{tag} names {there}, which is version {said}; nobody registered {tag}"
            yield Finding("moved", "error", what, f"lading remove MODEL:{tag}")
        elif not known:
            unregistered.append(tag)
        elif _is_copy(store, book, moved := Displaced(tag, there, known)):
            yield _recompressed(tag, there, known[0])
        else:
            what = f"{tag} names {there} and was registered as {known[0]}: versions never move"
            yield Finding("moved", "error", what, _way_back(store, book, moved))
    yield from _unregistered(book, unregistered)
    for tag, known in sorted(registered.items()):
        if len(known) > 1:
            what = f"{tag} was registered as {len(known)} different versions"
            yield Finding("moved", "error", what, _WHO)
        for digest in known:
            if looked.get(tag) is None and digest not in elsewhere:
                yield from _gone(store, book, state, tag, digest, by=by.get((tag, digest)))


def _unregistered(book: Book, tags: list[str]) -> Iterator[Finding]:
    """The versions that nobody registered; where there are no events at all, how many."""
    if tags and book.is_empty:
        what = "1 version is" if len(tags) == 1 else f"{len(tags)} versions are"
        yield Finding("unregistered", "note", f"{what} not registered", _ADOPT)
        return
    for tag in tags:
        what = f"nobody registered {tag}: it was copied, pushed by another tool, or before"
        yield Finding("unregistered", "note", what, _ADOPT)


def _other_version(store: LedgerStore, tag: str, there: Digest) -> Version | None:
    """The version that content under another one's tag says it is."""
    try:
        root = store.resolve(there)
        return other_version(tag, parse(read(store, root), root.media_type).annotations)
    except (NotFound, InvalidInput, IntegrityError):
        return None  # what else is wrong with it whoever adopts it is told


def _is_copy(store: LedgerStore, book: Book, moved: Displaced) -> bool:
    """Whether it is the version all the same, compressed on the way."""
    return any(
        is_compressed_copy(store, moved.there, _model(book, digest)) for digest in moved.known
    )


def _way_back(store: LedgerStore, book: Book, moved: Displaced) -> str:
    """What to do about a version's tag that something else moved."""
    was = moved.known[0]
    if returnable(store, book, moved):
        return _REPAIR
    if len(moved.known) > 1:
        return _WHO
    if (moved.tag, was) in removed(book):
        return f"it was removed: lading remove MODEL:{moved.tag} takes the tag away"
    if _named(store, was) is None:
        return f"lading copy FROM@{was} MODEL, then {_REPAIR}"
    return _WHO


def _gone(
    store: LedgerStore, book: Book, state: State, tag: str, digest: Digest, *, by: str | None
) -> Iterator[Finding]:
    """That a version is gone; nothing where it was removed ``by`` somebody and nobody misses it."""
    there = _named(store, digest) is not None
    what = f"{tag} ({digest}) has lost its tag" if there else f"{tag} ({digest}) is gone"
    shown = any(member.digest == digest for s in state.stages.values() for member in s.members)
    guarded = any(
        line.subject == digest and line.kind == "assigned" and line.protected
        for line in book.lines.values()
    )
    if by and not shown:
        if guarded:
            what = f"{by} removed {tag} ({digest}), although a protected stage named it"
            yield Finding("gone", "note", what)
        return
    if shown or guarded:
        what += f", although a {'stage names' if shown else 'protected stage named'} it"
    hint = f"lading copy {'MODEL' if there else 'FROM'}@{digest} MODEL:{tag}"
    yield Finding("gone", "error" if shown or guarded else "note", what, hint)
