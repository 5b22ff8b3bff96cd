"""How a model stands: its stages, what waits for approval, what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, NotFound
from lading.ledger.write import named
from lading.operations import stores
from lading.operations.lifecycle.drifted import accountable
from lading.operations.lifecycle.logbook import Logbook, open_logbook
from lading.operations.lifecycle.own_version import other_than_named, warning
from lading.operations.lifecycle.registration import registered_by
from lading.operations.missing import demand_begun
from lading.spec.digest import Digest
from lading.spec.event import WORDS, Recorded, moment
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.transfer.pool import run

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import Member, State
    from lading.policy.rules import StageRules
    from lading.settings import Settings

# Each costs a request.
_MOST_LOOKED_AT: Final = 4


_NO_RULES: Final[Mapping[str, StageRules]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StageMember:
    """A version in a stage."""

    version: str | None
    digest: str
    since: str
    # Claimed while no key signed it.
    by: str
    event: str
    deprecated: bool
    # Who has said no to it, and has not taken it back.
    rejected_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageStatus:
    """A stage: what the ledger says it names, and whether its tag agrees."""

    stage: str
    protected: bool
    members: tuple[StageMember, ...]
    tag: str | None
    drift: bool
    fork: tuple[str, ...]
    # In a dispute: it keeps what it named before.
    kept: bool
    # Moves that do not count, and why.
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A version that somebody asked to have in a stage, and that is not there yet."""

    version: str | None
    digest: str
    stage: str
    requested_by: str
    since: str
    reason: str | None
    approved_by: tuple[str, ...]
    rejected_by: tuple[str, ...]
    # Of those who approved, whose word does not count, and why; as far as the ledger alone tells:
    # authors of the document are known to `lading policy check`.
    discounted: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusResult:
    """How a model stands."""

    reference: str
    events: int
    stages: tuple[StageStatus, ...]
    pending: tuple[Pending, ...]
    # Versions that nobody recorded: copied, pushed by another tool, or before there was a ledger.
    unregistered: tuple[str, ...]
    deprecated: tuple[str, ...]
    notes: tuple[str, ...]
    # What registers those.
    registered_by: str = ""

    @property
    def drift(self) -> bool:
        """Whether a stage's tag says something else than the ledger."""
        return any(stage.drift for stage in self.stages)


def status(model: str | Reference, *, settings: Settings | None = None) -> StatusResult:
    """Stages, pending approvals, drift, forks, and versions that nobody recorded.

    Whether versions' tags name those versions is looked at for what stages name, and for the
    highest ones; ``ledger verify`` looks at all.

    Raises:
        NotFound: there is no such model.
        InvalidInput: a version is named.
    """
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    if place.name:
        raise InvalidInput(
            f"status takes a model, not {place}", hint=f"lading history {place} tells of a version"
        )
    logbook = open_logbook(place, settings)
    book, state = logbook.read(whole=True)
    demand_begun(logbook.store, place, settings, book.names)
    for note in _misnamed(logbook, book, state):
        logbook.note(note)
    return StatusResult(
        reference=place.base,
        events=state.count,
        stages=tuple(_stages(logbook, book, state)),
        pending=tuple(pending(book, state, logbook.judge.rules)),
        unregistered=unregistered(book),
        deprecated=tuple(_versions(book, state.deprecated)),
        notes=tuple(logbook.notes),
        registered_by=registered_by(logbook.store, place),
    )


def unregistered(book: Book) -> tuple[str, ...]:
    """The versions of which no event says that they were registered."""
    known = {line.version for line in book.lines.values() if line.kind == "registered"}
    found = [version for name in book.names if (version := Version.from_tag(name))]
    return tuple(str(version) for version in sorted(found) if str(version) not in known)


def _misnamed(logbook: Logbook, book: Book, state: State) -> list[str]:
    """The versions' tags that name other versions, among those that matter most."""
    versions = [version for name in book.names if (version := Version.from_tag(name))]
    wanted = {version.tag for version in sorted(versions)[-_MOST_LOOKED_AT:]}
    members = (member for stage in state.stages.values() for member in stage.members)
    wanted |= {(member.version or "").replace("+", "_") for member in members} & book.names
    found: list[str] = []

    def look(tag: str) -> None:
        place = logbook.place.with_tag(tag)
        with suppress(NotFound):  # removed since the names were listed
            root = logbook.store.resolve(tag)
            if said := other_than_named(logbook.store, place, root):
                found.append(warning(place, said))

    run(look, sorted(wanted), jobs=logbook.settings.jobs, on_failure=lambda: None)
    return sorted(found)


def _stages(logbook: Logbook, book: Book, state: State) -> Iterator[StageStatus]:
    declared = logbook.stages
    others = [name for name in state.stages if name not in declared]
    answers = accountable(logbook, book, state)
    for name in (*declared, *others):
        stage = state.stage(name)
        tag = named(logbook.store, name) if name in book.names else None
        yield StageStatus(
            stage=name,
            protected=name in logbook.protected,
            members=tuple(_member(member, state, book, name) for member in stage.members),
            tag=tag,
            drift=tag != stage.value and name in answers,
            fork=tuple(stage.fork),
            kept=stage.kept,
            refused=tuple(_refused(logbook, book, state, name)),
        )


def _refused(logbook: Logbook, book: Book, state: State, stage: str) -> Iterator[str]:
    """The moves of a stage that the policy does not let count."""
    for line in sorted(book.lines.values(), key=lambda line: line.order):
        if line.digest in state.refused and line.stage == stage:
            why = "; ".join(logbook.judge.failed(book, line.digest))
            yield f"{line.version or line.subject} by {line.actor}: {why}"


def _member(member: Member, state: State, book: Book, stage: str) -> StageMember:
    return StageMember(
        version=member.version,
        digest=member.digest,
        since=member.time,
        by=member.actor,
        event=member.event,
        deprecated=member.digest in state.deprecated,
        rejected_by=_rejected_by(book, member.digest, stage),
    )


def _rejected_by(book: Book, digest: Digest, stage: str) -> tuple[str, ...]:
    said: dict[str, str] = {}
    for recorded in book.ordered():
        event = recorded.event
        if (event.digest, event.stage) == (digest, stage) and event.kind in WORDS:
            said[event.actor] = event.kind
    return tuple(sorted(who for who, word in said.items() if word == "rejected"))


def pending(
    book: Book, state: State, rules: Mapping[str, StageRules] = _NO_RULES
) -> Iterator[Pending]:
    """Requests after which the version did not come into the stage; the latest of each.

    Whose word counts is asked of the stages whose ``rules`` are given.
    """
    now = datetime.now(UTC)
    asked: dict[tuple[Digest, str], Recorded] = {}
    words: dict[tuple[Digest, str], dict[str, str]] = {}
    for recorded in book.ordered():
        event = recorded.event
        if event.stage is None:
            continue
        key = (event.digest, event.stage)
        if event.kind == "requested":
            asked[key] = recorded
        elif event.kind == "assigned" and recorded.digest not in state.refused:
            asked.pop(key, None)
        elif event.kind in ("approved", "rejected"):
            said = words.setdefault(key, {})
            said[event.actor] = event.kind
            if event.expires and moment(event.expires) <= now:
                del said[event.actor]
    for key, recorded in asked.items():
        if key[0] in state.deprecated:
            continue
        said = words.get(key, {})
        event = recorded.event
        yield Pending(
            version=event.version,
            digest=event.digest,
            stage=key[1],
            requested_by=event.actor,
            since=event.time,
            reason=event.reason,
            approved_by=tuple(sorted(who for who, what in said.items() if what == "approved")),
            rejected_by=tuple(sorted(who for who, what in said.items() if what == "rejected")),
            discounted=_discounted(book, rules[key[1]], key[0]) if key[1] in rules else {},
        )


def _discounted(book: Book, rules: StageRules, digest: Digest) -> dict[str, str]:
    """Whose yes does not count, by what the ledger says: nothing else is asked for."""
    from lading.policy.approvals import discounted
    from lading.policy.case import Case

    return discounted(
        rules,
        Case(digest=digest, document={}, events=tuple(book.ordered()), now=datetime.now(UTC)),
    )


def _versions(book: Book, digests: frozenset[Digest]) -> list[str]:
    named_ = {line.subject: line.version for line in book.lines.values() if line.version}
    return sorted(str(named_.get(digest) or digest) for digest in digests)
