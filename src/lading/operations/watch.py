"""Watch models: every new event once, across restarts, to whoever is to be told.

A round is one request for each repository. What is new is read and verified, told in order, and
written down in a cursor before and after: see :mod:`lading.hooks.cursor` for what a crash means.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lading.errors import IntegrityError, InvalidInput, LadingError, NotFound, Unavailable
from lading.operations import stores
from lading.operations.event import EventResult
from lading.operations.watching.watched import Wanted, Watched, place_of
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.hooks.bell import Bell
    from lading.hooks.cursor import Cursor, State
    from lading.operations.watching.sinks import Sink
    from lading.settings import Settings

_log = logging.getLogger(__name__)

INTERVAL = 10.0
# Hints may come in floods, and each costs a request.
_SHORTEST_ROUND = 1.0
_MOST_MODELS = 1000
# What may be over in the next round: the last two are what a proxy's own page looks like, and
# nobody may have pushed yet.
_PASSING = (Unavailable, NotFound, IntegrityError, InvalidInput)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is watched, and how."""

    watched: tuple[Watched, ...]
    cursor: str
    interval: float = INTERVAL
    once: bool = False
    from_start: bool = False
    keep_going: bool = False
    # Whose absence was said; it is not said again before they are back.
    away: dict[str, str] = field(default_factory=dict)


def watch(
    *models: str | Reference,
    stage: str | None = None,
    kinds: Collection[str] = (),
    interval: float = INTERVAL,
    once: bool = False,
    from_start: bool = False,
    cursor: str | None = None,
    settings: Settings | None = None,
) -> Iterator[EventResult]:
    """Every new event of some models, once, as long as somebody asks for the next.

    An event counts as told when the next one is asked for: whoever stops in the middle of one
    gets it again. The first time only what comes from then on is told, unless ``from_start``;
    ``cursor`` names the place that is remembered, by default one of these models and this
    choice. ``once`` ends after one look at everything, or at the first model that is not there.

    Raises:
        InvalidInput: a model, a kind or the cursor's name is none.
        Conflict: another watch holds the cursor.
        NotFound: with ``once``, there is no such model; what comes to it is new to the next watch.
        LadingError: with ``once``, a repository cannot be read; otherwise it is tried again.
    """
    from lading.hooks.bell import Bell

    settings = stores.settled(settings)
    plan = planned(
        models,
        settings,
        stage=stage,
        kinds=kinds,
        interval=interval,
        once=once,
        from_start=from_start,
        cursor=cursor,
        sinks=("caller",),
    )
    bell = Bell()
    with _cursor(plan, settings) as kept:
        for watched, tag, event in _rounds(plan, kept, ("caller",), bell):
            kept.set(watched.repository, tag, "caller", "about")
            yield event
            kept.set(watched.repository, tag, "caller", "done")


def planned(
    models: Sequence[str | Reference],
    settings: Settings,
    *,
    stage: str | None = None,
    kinds: Collection[str] = (),
    interval: float = INTERVAL,
    once: bool = False,
    from_start: bool = False,
    keep_going: bool = False,
    cursor: str | None = None,
    sinks: Collection[str],
    on_note: Callable[[str], object] = _log.info,
) -> Plan:
    """What a watch will do, checked before it begins; ``on_note`` is told where one begins anew.

    The policy is read when the watch begins, and holds until it ends.

    Raises:
        InvalidInput: a model, a kind, an interval or the policy is none.
        NotFound: there is no such policy.
        Unavailable: a model is in a registry, and the settings say offline.
    """
    from lading.operations.lifecycle.policy_file import load_policy

    if not models or len(models) > _MOST_MODELS:
        raise InvalidInput("which models?", hint="lading watch ml/fraud")
    if not interval > 0:
        raise InvalidInput(f"the interval cannot be {interval:g} seconds")
    wanted = Wanted.of(stage, kinds)
    load_policy(settings)  # what is wrong with it is no passing trouble of a registry
    places = {place.base: place for place in (place_of(model, settings) for model in models)}
    for place in places.values():
        if place.host:
            stores.demand_online(place.base, settings)  # nobody waits for that to pass
    return Plan(
        watched=tuple(Watched(place, wanted, settings, on_note) for place in places.values()),
        cursor=cursor if cursor is not None else _usual_cursor(places, wanted, sinks),
        interval=interval,
        once=once,
        from_start=from_start,
        keep_going=keep_going,
    )


def follow(plan: Plan, sinks: Sequence[Sink], bell: Bell, settings: Settings) -> None:
    """Tell everybody of every new event, until the bell is stopped (or once).

    Raises:
        Conflict: another watch holds the cursor.
        LadingError: somebody could not be told, and the plan is not to keep going; or, once, a
            repository cannot be read.
    """
    from lading.hooks.bell import Ended

    with _cursor(plan, settings) as cursor:
        teller = _Teller(sinks, cursor, bell, plan.keep_going)
        try:
            for watched, tag, event in _rounds(plan, cursor, teller.names, bell):
                teller.tell(watched.repository, tag, event)
                if bell.stopped:
                    return
        except Ended:
            _log.info("ended while an event was still to be told; it comes first the next time")


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells all sinks of one event after another, written down before and after."""

    sinks: Sequence[Sink]
    cursor: Cursor
    bell: Bell
    keep_going: bool

    @property
    def names(self) -> list[str]:
        """What the cursor calls them."""
        return [sink.name for sink in self.sinks]

    def tell(self, repository: str, tag: str, event: EventResult) -> None:
        """Tell everybody who was not told yet, or of whom nobody knows."""
        for sink in self.sinks:
            if self.cursor.state(repository, tag, sink.name) in (None, "about"):
                self.cursor.set(repository, tag, sink.name, "about")
                self.cursor.set(repository, tag, sink.name, self._told(sink, event))

    def _told(self, sink: Sink, event: EventResult) -> State:
        try:
            sink.tell(event, self.bell)
        except LadingError as error:
            if not self.keep_going:
                raise
            _log.warning(
                "%s was not told of event %d of %s: %s; going on",
                *(sink.name, event.seq, event.repository, error),
            )
            return "failed"
        return "done"


def _rounds(
    plan: Plan, cursor: Cursor, sinks: Collection[str], bell: Bell
) -> Iterator[tuple[Watched, str, EventResult]]:
    """What is new in each repository, round after round."""
    due, rung = time.monotonic(), frozenset[str]()
    while not bell.stopped:
        began = time.monotonic()
        everything = began >= due
        due = began + plan.interval if everything else due
        for watched in plan.watched:
            if everything or watched.repository in rung:
                yield from _looked(plan, watched, cursor, sinks)
        if plan.once:
            return
        rung = _rung(bell, began, due)


def _rung(bell: Bell, began: float, due: float) -> frozenset[str]:
    """The repositories that were rung for, before all of them are looked at again."""
    rung = bell.wait(max(0.0, due - time.monotonic()))
    while rung and not bell.stopped:
        early = began + _SHORTEST_ROUND - time.monotonic()
        if early <= 0:
            break
        rung |= bell.wait(early)
    return rung


def _looked(
    plan: Plan, watched: Watched, cursor: Cursor, sinks: Collection[str]
) -> Iterator[tuple[Watched, str, EventResult]]:
    """What is new in one repository; nothing where it is away, which is said once."""
    name = watched.repository
    try:
        for tag, event in watched.new(cursor, sinks, from_start=plan.from_start):
            yield watched, tag, event
        if plan.once and watched.is_empty:
            raise NotFound(
                f"there is no {name}",
                cause="nothing was pushed to it yet",
                hint="check the name; what comes is told by the next watch that looks",
            )
    except _PASSING as error:
        if plan.once or (isinstance(error, InvalidInput) and not watched.was_read):
            raise
        if plan.away.get(name) != error.what:
            _log.warning("%s cannot be read: %s; trying on%s", name, error, _hint(error))
        plan.away[name] = error.what
    else:
        if plan.away.pop(name, None):
            _log.warning("%s can be read again", name)


def _hint(error: LadingError) -> str:
    """What to say of a model that is not there: it may come, or be misspelt."""
    return f" ({error.hint})" if isinstance(error, NotFound) and error.hint else ""


def _cursor(plan: Plan, settings: Settings) -> Cursor:
    from lading.hooks.cursor import Cursor

    return Cursor(settings.home / "watch", plan.cursor)


def _usual_cursor(places: Collection[str], wanted: Wanted, sinks: Collection[str]) -> str:
    """The cursor of whoever names none: the same for the same models, choice and kinds of sinks.

    Not of a command or a URL: who mends those wants to go on where it was.
    """
    parts = [*sorted(places), "", wanted.stage or "", *sorted(wanted.kinds), "", *sorted(sinks)]
    return "watch-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
