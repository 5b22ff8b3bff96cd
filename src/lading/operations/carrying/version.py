"""Take a version into another repository: its bytes, its evidence, and what was said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.operations.carrying.history import carry_events, name_of
from lading.operations.copy import copy
from lading.operations.lifecycle.judging import Judge
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.lifecycle.registration import register
from lading.operations.lifecycle.subject import Subject, subject
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.transfer import OnProgress

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.operations.lifecycle.logbook import Logbook


def demand_beforehand(place: Reference, to: Logbook, stage: str) -> None:
    """Refuse, before anything is copied, what a protected stage would not take.

    Judged by what hangs on the version and was said of it where it is, as that would come along.

    Raises:
        PolicyRefused: a rule does not hold; every one is named.
        NotFound: there is no such version.
    """
    if stage not in to.protected:
        return
    origin = open_logbook(place, to.settings)
    what = subject(origin.store, place, to.settings)
    book, state = to.read(whole=True)
    if state.stage(stage).value == what.digest:
        return  # it is there; what was said of it since may follow
    said, _ = origin.read(whole=True)
    asked = to.judge
    judge = Judge(origin.store, to.shelf, asked.rules, asked.policy, asked.former)
    decision = judge.decide(
        book,
        state,
        stage,
        what.digest,
        version=what.version,
        known=book.ordered(),
        actor=to.actor,
        carried=[each for each in said.ordered() if each.event.digest == what.digest],
        there=to.judge,
    )
    returns = not decision.opposed and to.judge.returns(book, what.digest, stage)
    if not decision.holds and not returns:
        raise decision.of(what.place).refusal(f"{what.place} in {to.place.base}")


def carry(place: Reference, to: Logbook, *, on_progress: OnProgress | None = None) -> Subject:
    """The version in its new repository, registered there; its digest is the same.

    Raises:
        Conflict: that repository has other content under this version.
        NotFound: there is no such version.
        Unsupported: its history is too long to go along.
    """
    origin = open_logbook(place, to.settings)
    what = subject(origin.store, place, to.settings)
    own = to.place.with_tag(Version.parse(what.version).tag)
    copy(
        origin.place.with_digest(what.digest),
        own,
        referrers=True,
        settings=to.settings,
        on_progress=on_progress,
    )
    book, _ = origin.read(whole=True)
    return settle_in(origin, book, to, own)


def settle_in(origin: Logbook, book: Book, to: Logbook, own: Reference) -> Subject:
    """What was said of a version where it was, told where its copy is, which is registered there.

    Raises:
        Conflict: its number was registered there with other content.
        Unsupported: its history is too long to go along.
    """
    there = subject(to.store, own, to.settings)
    carry_events(origin, book, there, to)
    register(to, there, because=f"from {name_of(origin.place)}")
    return there
