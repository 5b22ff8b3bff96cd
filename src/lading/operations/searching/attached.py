"""The evaluations that hang on versions: asked for every time, since they come without a sign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from lading.errors import LadingError, Unsupported
from lading.operations.reading.gathered import gather, kept
from lading.operations.searching.hosts import Hosts
from lading.spec.evidence import EVALUATION, Evidence, is_ahead

if TYPE_CHECKING:
    from lading.operations.searching.rows import Row
    from lading.settings import Settings
    from lading.spec.reference import Reference

_AHEAD: Final = "evaluations from the future, and nobody knows what they say: look at the clocks"
_OFFLINE: Final = "evaluations that were attached are not known offline"

_Made = TypeVar("_Made")

# What is made of a version's evaluations, the newest first.
Work = Callable[["Row", tuple[Evidence, ...]], _Made]


def attached(
    rows: Iterable[Row], work: Work[_Made], settings: Settings, notes: list[str]
) -> dict[Row, _Made]:
    """What some work makes of the evaluations of versions: a request for each version.

    An evaluation itself never changes and is in the cache after the first time. What cannot be had
    is a note, and its version is left out. The work is done in several threads.
    """
    rows = tuple(rows)
    asked = [row for row in rows if not (row.looked.place.host and settings.offline)]
    # A search may ask twice: to decide, and to show.
    if len(asked) < len(rows) and _OFFLINE not in notes:
        notes.append(_OFFLINE)
    if not asked:
        return {}
    reading = _Reading(settings, work)
    with ThreadPoolExecutor(settings.jobs, thread_name_prefix="lading") as pool:
        try:
            outcomes = dict(zip(asked, pool.map(reading.made_of, asked), strict=True))
        finally:
            pool.shutdown(cancel_futures=True)
            reading.close()
    notes += _failures(outcomes)
    notes += [f"{row.reference} has {_AHEAD}" for row in asked if row in reading.ahead]
    return {row: made for row, made in outcomes.items() if not isinstance(made, LadingError)}


class _Reading(Generic[_Made]):
    """One look at what hangs on versions of several repositories."""

    def __init__(self, settings: Settings, work: Work[_Made]) -> None:
        self._settings = settings
        self._work = work
        self._hosts = Hosts(settings)
        # The versions with evaluations that nobody can believe.
        self.ahead: set[Row] = set()
        self._now = datetime.now(UTC)

    def close(self) -> None:
        """Let go of the registries."""
        self._hosts.close()

    def made_of(self, row: Row) -> _Made | LadingError:
        """What is made of a version's evaluations, or why they cannot be had."""
        place = row.looked.place
        try:
            store = self._hosts.open(place)
            with self._hosts.patience(place):
                keep = kept(place, self._settings)
                found = gather(store, row.version.root, keep=keep, jobs=1)
        except LadingError as error:
            return error
        if found.unread:
            return Unsupported(f"there is so much that {found.unread} pieces were not read")
        evaluations = tuple(e for e in found.evidence if e.type == EVALUATION)
        if any(is_ahead(each.created, self._now) for each in evaluations):
            self.ahead.add(row)
        return self._work(row, evaluations)


def _failures(outcomes: dict[Row, _Made | LadingError]) -> Iterator[str]:
    """A note for each repository, and the first reason."""
    failed: dict[Reference, list[tuple[Row, LadingError]]] = {}
    for row, outcome in outcomes.items():
        if isinstance(outcome, LadingError):
            failed.setdefault(row.looked.place, []).append((row, outcome))
    for (row, error), *others in failed.values():
        more = f" and {len(others)} more" if others else ""
        yield f"evaluations of {row.reference}{more} were not looked at: {error}"
