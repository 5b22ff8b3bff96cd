"""Serve the hooks of registries: their notifications wake the same machine that ``watch`` is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from lading.operations import stores
from lading.operations.event import EventResult
from lading.operations.watch import Plan, follow, planned
from lading.operations.watching.sinks import Listener
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.hooks.bell import Bell
    from lading.hooks.notifications import Hint
    from lading.operations.watching.sinks import Sink
    from lading.settings import Settings

_log = logging.getLogger(__name__)

LISTEN = "127.0.0.1:8080"
# Registries lose notifications when they are restarted; this finds what they lost.
INTERVAL = 300.0


def hook_serve(
    *models: str | Reference,
    on_event: Callable[[EventResult], object],
    listen: str = LISTEN,
    secret: str | None = None,
    stage: str | None = None,
    kinds: Collection[str] = (),
    interval: float = INTERVAL,
    from_start: bool = False,
    cursor: str | None = None,
    on_ready: Callable[[int], object] = lambda port: None,
    settings: Settings | None = None,
) -> None:
    """Call ``on_event`` for every new event of some models, when a registry says so; for ever.

    The events and their order are those of :func:`lading.watch`, each once: what ``on_event``
    raises ends it, and the next time that event comes again. ``secret`` is what registries send as
    Authorization; ``on_ready`` is called with the port. Every ``interval`` it looks untold.

    Raises:
        InvalidInput: others could reach the address, and there is no secret; or a model, a kind or
            the cursor's name is none.
        Conflict: another watch holds the cursor.
        LocalFailure: the address is taken.
    """
    from lading.hooks.bell import Bell

    settings = stores.settled(settings)
    sink = Listener(on_event, name="caller")
    plan = planned(
        models,
        settings,
        stage=stage,
        kinds=kinds,
        interval=interval,
        from_start=from_start,
        cursor=cursor,
        sinks=(sink.name,),
    )
    serve(plan, (sink,), Bell(), settings=settings, listen=listen, secret=secret, on_ready=on_ready)


def serve(
    plan: Plan,
    sinks: Sequence[Sink],
    bell: Bell,
    *,
    settings: Settings,
    listen: str = LISTEN,
    secret: str | None = None,
    on_ready: Callable[[int], object] = lambda port: None,
) -> None:
    """Tell of new events as ``follow`` does, and look where a registry says that there are some.

    Nothing that a notification says is believed: it only makes the next look come sooner.
    ``on_ready`` is called with the port that is listened at.

    Raises:
        InvalidInput: others could reach the address, and there is no secret.
        LocalFailure: the address is taken.
        LadingError: as ``follow``.
    """
    from lading.hooks.listen import Listener as Door
    from lading.hooks.listen import Place

    ring = _ringer(plan, bell)
    with Door(Place.parse(listen), ring, secret=secret) as door:
        on_ready(door.port)
        follow(plan, sinks, bell, settings)


def _ringer(plan: Plan, bell: Bell) -> Callable[[Hint], None]:
    """Ring for the repositories that a hint may mean."""
    watched: dict[str, list[str]] = {}
    for each in plan.watched:
        # A registry knows its repositories by their names alone, not by its own.
        watched.setdefault(each.place.repository, []).append(each.repository)

    def ring(hint: Hint) -> None:
        for repository in watched.get(hint.repository, ()) if hint.matters else ():
            _log.debug("%s: a hint", repository)
            bell.ring(repository)

    return ring
