"""Events: what happened to a version, as an in-toto statement.

Statements are parsed here and trusted inside. How they are wrapped, stored and folded is
:mod:`lading.ledger`'s business.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from lading.errors import InvalidInput
from lading.spec.descriptor import optional_text, text_field
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object, encode
from lading.spec.tags import settable

Kind = Literal[
    "registered",
    "assigned",
    "cleared",
    "requested",
    "approved",
    "rejected",
    "deprecated",
    "deployed",
    "measured",
    "noted",
]
KINDS: Final = frozenset(get_args(Kind))
# What moves a stage; what speaks for or against a version in one.
MOVES: Final = frozenset({"assigned", "cleared"})
WORDS: Final = frozenset({"requested", "approved", "rejected"})
# What `lading remove` notes.
REMOVED: Final = "removed"

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://lading.dev/event/v1"
# A statement is read whole before anything is known of it.
STATEMENT_LIMIT: Final = 64 * 1024
# Who writes after more heads than this leaves the rest to the next.
MOST_PARENTS: Final = 64

_STAGE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
# Eight digits in a tag.
SEQ_LIMIT: Final = 10**8
YEARS: Final = range(1970, 3000)
_NO_METRICS: Final[Mapping[str, float]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an event says, before it is known what it comes after."""

    kind: Kind
    # The version: its repository as the writer knew it, its index, and the model manifest in it,
    # which survives a copy that was compressed on the way.
    repository: str
    digest: Digest
    model: Digest | None = None
    version: str | None = None
    actor: str
    reason: str | None = None
    stage: str | None = None
    # What the stage named before.
    previous: Digest | None = None
    # The stage may name several versions at once; this one joins or leaves.
    shared: bool = False
    # The writer's policy protects the stage.
    protected: bool = False
    policy: Digest | None = None
    evidence: tuple[Digest, ...] = ()
    expires: str | None = None
    # Where it was deployed: cluster/namespace/name.
    where: str | None = None
    # What production measured, and when: from and to.
    metrics: Mapping[str, float] = field(default_factory=lambda: _NO_METRICS)
    window: tuple[str, str] | None = None

    def after(self, parents: tuple[Digest, ...], *, seq: int, time: str, nonce: str) -> Event:
        """The event: what is said, after all that its writer knew."""
        said = {each.name: getattr(self, each.name) for each in fields(Draft)}
        return Event(**said, seq=seq, parents=parents, time=time, nonce=nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Draft):
    """Something that happened to a version; frozen when it is written, like all content."""

    # Where it stands: after these events, which the writer knew.
    seq: int
    parents: tuple[Digest, ...] = ()
    time: str
    nonce: str

    @property
    def moves(self) -> bool:
        """Whether it moves a stage."""
        return self.kind in MOVES

    @property
    def at(self) -> datetime:
        """When it was written, as the writer's clock said."""
        return moment(self.time)

    def encode(self) -> bytes:
        """The bytes of the statement.

        Raises:
            InvalidInput: it is larger than anybody reads, or says what nobody could: a moment that
                is none, a metric that is no finite number, text that is no UTF-8.
        """
        _demand_moments(self)
        _metrics(dict(self.metrics))
        subject = {"name": self.repository, "digest": {self.digest.algorithm: self.digest.hex}}
        statement = {
            "_type": STATEMENT,
            "subject": [subject],
            "predicateType": PREDICATE,
            "predicate": _predicate(self),
        }
        try:
            raw = encode(statement)
        except UnicodeEncodeError as error:
            # An argument in a terminal's other encoding comes as halves of pairs.
            raise InvalidInput(
                f"the event {self.kind} says what is no UTF-8",
                cause=f"{str(error.object)[error.start : error.end]!r}"[:60],
                hint="write it in UTF-8",
            ) from error
        if len(raw) > STATEMENT_LIMIT:
            raise InvalidInput(
                f"the event {self.kind} is larger than 64 KiB",
                cause=f"{len(raw)} bytes",
                hint="write a shorter reason, or attach the text: lading attach REF FILE",
            )
        return raw

    @classmethod
    def parse(cls, raw: bytes) -> Event:
        """The event in a statement's bytes.

        Raises:
            InvalidInput: it is none: another statement, a field is missing or wrong.
        """
        if len(raw) > STATEMENT_LIMIT:
            raise InvalidInput("the statement is larger than 64 KiB", cause=f"{len(raw)} bytes")
        value = decode_object(raw, "the statement")
        if value.get("_type") != STATEMENT or value.get("predicateType") != PREDICATE:
            raise InvalidInput(
                "not an event of Lading", cause=f"it is {str(value.get('predicateType'))[:100]}"
            )
        name, digest = _subject(value.get("subject"))
        predicate = value.get("predicate")
        if not isinstance(predicate, dict):
            raise InvalidInput("the statement has no predicate")
        return _event(name, digest, predicate)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it lies in a repository."""

    # Of its manifest: what its tag and other events name.
    digest: Digest
    event: Event
    # Whose key signed it; None while it is only claimed who wrote it.
    signer: str | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Parents come before children, and everybody sorts alike."""
        return self.event.seq, self.digest


def now() -> str:
    """This moment as documents and events write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant() -> str:
    """This moment to the microsecond, for what is told apart by when it was made."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The moment in RFC 3339 text.

    Raises:
        InvalidInput: it is none, says no time zone, or is in no year from 1970 to 2999: whoever
            reckons with it must not come to the calendar's end.
    """
    try:
        value = datetime.fromisoformat(text)
        at = value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"not a moment: {text[:60]!r}", hint="2026-03-01T12:00:00Z") from error
    if value.tzinfo is None:
        raise InvalidInput(f"not a moment: {text[:60]!r}", cause="it has no time zone")
    if at.year not in YEARS:
        raise InvalidInput(
            f"not a moment: {text[:60]!r}", cause=f"its year is not {YEARS[0]} to {YEARS[-1]}"
        )
    return at


def stage_name(text: str) -> str:
    """A name that a stage may have.

    Raises:
        InvalidInput: it may not.
    """
    if _STAGE.fullmatch(text) is None:
        raise InvalidInput(
            f"not a stage: {text[:80]!r}", hint="small letters, digits, . _ - and at most 64"
        )
    try:
        # Its name is a tag that moves: never a version's, nor one of Lading's own.
        return settable(text)
    except InvalidInput as error:
        raise InvalidInput(f"not a stage: {text!r}", cause=str(error), hint=error.hint) from error


def _predicate(event: Event) -> dict[str, Any]:
    """The fields that say something, in the order in which people read them."""
    value: dict[str, Any] = {"kind": event.kind}
    for name in ("model", "version"):
        if (said := getattr(event, name)) is not None:
            value[name] = str(said)
    value |= {
        "seq": event.seq,
        "parents": [str(parent) for parent in event.parents],
        "actor": event.actor,
        "time": event.time,
        "nonce": event.nonce,
    }
    for name in ("reason", "stage", "previous", "policy", "expires", "where"):
        if (said := getattr(event, name)) is not None:
            value[name] = str(said)
    for name in ("shared", "protected"):
        if getattr(event, name):
            value[name] = True
    if event.evidence:
        value["evidence"] = [str(digest) for digest in event.evidence]
    if event.metrics:
        value["metrics"] = dict(sorted(event.metrics.items()))
    if event.window:
        value["window"] = list(event.window)
    return value


def _subject(value: object) -> tuple[str, Digest]:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise InvalidInput("the statement has not one subject")
    digests = value[0].get("digest")
    if not isinstance(digests, dict) or len(digests) != 1:
        raise InvalidInput("the statement's subject has not one digest")
    ((algorithm, hexadecimal),) = digests.items()
    return text_field(value[0], "name"), Digest(f"{algorithm}:{hexadecimal}")


def _event(repository: str, digest: Digest, value: Mapping[str, object]) -> Event:
    kind = text_field(value, "kind")
    if kind not in KINDS:
        raise InvalidInput(f"unknown kind of event: {kind[:40]!r}", hint="a newer Lading wrote it")
    stage = optional_text(value, "stage")
    if kind in MOVES | WORDS and stage is None:
        raise InvalidInput(f"the event {kind} names no stage")
    event = Event(
        kind=kind,  # type: ignore[arg-type]  # it is one of KINDS
        repository=repository,
        digest=digest,
        model=_digest(value, "model"),
        version=optional_text(value, "version"),
        seq=_seq(value.get("seq")),
        parents=_digests(value, "parents"),
        actor=text_field(value, "actor"),
        time=text_field(value, "time"),
        nonce=text_field(value, "nonce"),
        reason=optional_text(value, "reason"),
        stage=stage_name(stage) if stage else None,
        previous=_digest(value, "previous"),
        shared=value.get("shared") is True,
        protected=value.get("protected") is True,
        policy=_digest(value, "policy"),
        evidence=_digests(value, "evidence"),
        expires=optional_text(value, "expires"),
        where=optional_text(value, "where"),
        metrics=_metrics(value.get("metrics")),
        window=_window(value.get("window")),
    )
    # Refused here, so that nobody further in has to expect times that are none.
    _demand_moments(event)
    if len(event.parents) > MOST_PARENTS:
        raise InvalidInput("the event has too many parents", cause=f"{len(event.parents)}")
    return event


def _demand_moments(event: Event) -> None:
    moment(event.time)
    if event.expires:
        moment(event.expires)


def _seq(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < SEQ_LIMIT:
        raise InvalidInput("the event has no valid seq", cause=f"got {value!r}"[:100])
    return value


def _digest(value: Mapping[str, object], name: str) -> Digest | None:
    text = optional_text(value, name)
    return Digest(text) if text else None


def _digests(value: Mapping[str, object], name: str) -> tuple[Digest, ...]:
    items = value.get(name)
    if items is None:
        return ()
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise InvalidInput(f"field {name} is not a list of digests")
    return tuple(Digest(item) for item in items)


def _metrics(value: object) -> Mapping[str, float]:
    if value is None:
        return _NO_METRICS
    if not isinstance(value, dict):
        raise InvalidInput("field metrics is not an object")
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise InvalidInput(f"the metric {name[:60]!r} is not a number")
        if not _is_finite(number):
            raise InvalidInput(f"the metric {name[:60]!r} is not finite")
    return {name: float(number) for name, number in value.items()}


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False  # a whole number with hundreds of digits


def _window(value: object) -> tuple[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, str) for v in value):
        raise InvalidInput("field window is not a pair of dates")
    return value[0], value[1]
