"""Where versions run: what was recorded, what was seen, and how the two differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lading.deploy.running import Running
from lading.spec.digest import Digest

# Recorded: an event says so. Seen: a spec in the cluster names the digest. Claimed: an annotation.
HowKnown = Literal["recorded", "seen", "both", "claimed"]

UNRECORDED: Final = "nobody recorded it"


@dataclass(frozen=True, slots=True)
class Deployed:
    """What was last recorded of a place: CLUSTER/NAMESPACE/NAME, or what somebody called it."""

    place: str
    digest: Digest
    time: str
    actor: str


def called(context: str) -> str:
    """A context as records can call it: clouds put paths before the cluster's name."""
    return context.rpartition("/")[2] or context


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at: a cluster, as records call it, and one namespace or all."""

    cluster: str
    namespace: str | None = None

    def covers(self, place: str) -> bool:
        """Whether something at this place would have been seen."""
        cluster, _, within = place.partition("/")
        namespace = within.partition("/")[0]
        return cluster == self.cluster and self.namespace in (None, namespace)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One version at one place."""

    place: str
    digest: Digest | None
    known: HowKnown
    since: str | None
    recorded: Deployed | None = None
    seen: Running | None = None
    # How records and cluster differ; None where they agree, or only one of them was asked.
    difference: str | None = None


def joined(
    recorded: Sequence[Deployed], seen: Sequence[Running], looked: Looked | None
) -> tuple[Whereabouts, ...]:
    """Every version at every place, by place; ``looked`` is None where no cluster was asked."""
    at = _by_place(seen, looked)
    rows = [row for each in recorded for row in _of_recorded(each, at.get(each.place, ()), looked)]
    known = {each.place for each in recorded}
    for place, found in at.items():
        if place not in known:
            rows += [_of_seen(place, each, UNRECORDED) for each in found]
    return tuple(sorted(rows, key=lambda row: (row.place, row.recorded is None, str(row.digest))))


def latest(events: Iterable[Deployed]) -> tuple[Deployed, ...]:
    """What was recorded last of each place, of events in their order."""
    return tuple({event.place: event for event in events}.values())


def _by_place(seen: Sequence[Running], looked: Looked | None) -> dict[str, list[Running]]:
    places: dict[str, list[Running]] = {}
    for each in seen:
        cluster = looked.cluster if looked else "?"
        places.setdefault(f"{cluster}/{each.place}", []).append(each)
    return places


def _of_recorded(
    event: Deployed, found: Sequence[Running], looked: Looked | None
) -> Iterator[Whereabouts]:
    same = next((each for each in found if each.digest == event.digest), None)
    others = [each for each in found if each is not same]
    yield Whereabouts(
        place=event.place,
        digest=event.digest,
        known="both" if same and not same.is_claimed else "recorded",
        since=event.time,
        recorded=event,
        seen=same,
        difference=_difference(event, same, others, looked),
    )
    for each in others:
        yield _of_seen(event.place, each, f"recorded there is {event.digest.short}")


def _difference(
    event: Deployed, same: Running | None, others: Sequence[Running], looked: Looked | None
) -> str | None:
    if looked is None or not looked.covers(event.place):
        return None
    if same is None:
        what = ", ".join(_called(each) for each in others)
        return f"not seen there: {what} runs" if others else "not seen there"
    if same.is_claimed:
        return "an annotation says so, and no spec names it"
    return _contradiction(same)


def _of_seen(place: str, seen: Running, difference: str) -> Whereabouts:
    remarks = [difference, _contradiction(seen)]
    if seen.digest is None:
        remarks.insert(0, f"named by {seen.named}: no digest says which version runs")
    elif seen.named:
        remarks.insert(0, f"{seen.named} is no version that the ledger knows")
    return Whereabouts(
        place=place,
        digest=seen.digest,
        known="claimed" if seen.is_claimed else "seen",
        since=seen.since,
        seen=seen,
        difference="; ".join(filter(None, remarks)),
    )


def _contradiction(seen: Running) -> str | None:
    return f"an annotation says {seen.claims.short}" if seen.claims else None


def _called(seen: Running) -> str:
    return seen.digest.short if seen.digest else str(seen.named)
