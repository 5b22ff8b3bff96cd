"""Who is asked, in which order, and what a failure means for the next question."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from lading.errors import IntegrityError, InvalidInput, LadingError, NotFound, Unavailable
from lading.spec.digest import Digest
from lading.stores.mirrored.believed import Testimony
from lading.stores.mirrored.health import HEALTH, Kind
from lading.stores.mirrored.witness import Witness
from lading.stores.remote.connection import BrokenConnection

if TYPE_CHECKING:
    from lading.stores.remote.registry import RemoteStore

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
# Who failed, and how.
Failure: TypeAlias = tuple[Witness, LadingError]


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's turn to be asked: quickly while others are left, else with patience."""

    witness: Witness
    patient: bool = False

    @property
    def store(self) -> RemoteStore:
        """What is asked."""
        return self.witness.patient if self.patient else self.witness.store

    def again(self) -> Turn:
        """Another turn, after everybody else's."""
        return replace(self, patient=True)


class Asking:
    """The registry and its mirrors, asked one after another."""

    def __init__(
        self, registry: Witness, mirrors: Sequence[Witness], *, mirrors_first: bool
    ) -> None:
        self.registry = registry
        self.mirrors = tuple(mirrors)
        self.testimony = Testimony()
        self._mirrors_first = mirrors_first

    @property
    def everybody(self) -> tuple[Witness, ...]:
        """Who may be asked for content."""
        return (self.registry, *self.mirrors)

    def turns(
        self, kind: Kind, digest: Digest | None = None, *, near: bool = True
    ) -> Iterator[Turn]:
        """Who is asked: whoever failed a moment ago last, whoever had it wrong not at all."""
        wrong = self.testimony.wrong(digest) if digest else ()
        near = near and kind == "content" and self._mirrors_first
        order = (*self.mirrors, self.registry) if near else self.everybody
        turns = [Turn(each, HEALTH.rests(each.origin, kind)) for each in order if each not in wrong]
        return iter(sorted(turns, key=lambda turn: turn.patient))

    def content(
        self, digest: Digest, ask: Callable[[RemoteStore], Answer], *, near: bool = True
    ) -> Answer:
        """Verified content of a digest, from whoever has it.

        Raises:
            IntegrityError: somebody has something else under this digest, and nobody has it.
            LadingError: nobody has it.
        """
        queue = list(self.turns("content", digest, near=near))
        failed: list[Failure] = []
        while queue:
            turn = queue.pop(0)
            try:
                return ask(turn.store)
            except LadingError as error:
                failed.append((turn.witness, error))
                self.failed(turn, "content", error, digest)
                if later := self.later(turn, error):
                    queue.append(later)
        raise self.worst(digest, failed)

    def failed(self, turn: Turn, kind: Kind, error: LadingError, digest: Digest | None) -> None:
        """Remember a failure, and say so where it is news."""
        witness = turn.witness
        if isinstance(error, Unavailable):
            if self.rests(turn, kind, error):
                _log.warning("%s is not asked for now: %s", witness, error)
        elif isinstance(error, IntegrityError | InvalidInput) and digest is not None:
            self.is_wrong(digest, witness, error)
        elif isinstance(error, NotFound):
            _log.debug("%s", error)
        else:
            _log.warning("%s refuses: %s", witness, error)

    def rests(self, turn: Turn, kind: Kind, error: Unavailable) -> bool:
        """Ask whoever did not answer last for now; whether that is news."""
        # Who cannot be reached at all need not be asked for anything else.
        unreachable = isinstance(error.__cause__, BrokenConnection)
        kinds: tuple[Kind, ...] = ("names", "content") if unreachable else (kind,)
        return HEALTH.failed(turn.witness.origin, *kinds)

    def is_wrong(self, digest: Digest, witness: Witness, error: LadingError | None = None) -> None:
        """Somebody has something else under a digest: never asked for it again, and named."""
        self.testimony.was_wrong(digest, witness)
        why = f": {error}" if error else ""
        _log.warning("%s gives wrong content for %s%s", witness, digest.short, why)

    def later(self, turn: Turn, error: LadingError) -> Turn | None:
        """Another turn for the registry itself, as patient as who has no mirror."""
        again = turn.witness.is_registry and not turn.patient and isinstance(error, Unavailable)
        return turn.again() if again else None

    def worst(self, digest: Digest, failed: Sequence[Failure]) -> LadingError:
        """What to say where nobody had it: what the registry said, where it said anything."""
        own = [error for witness, error in failed if witness.is_registry]
        wrong = self.testimony.wrong(digest)
        if wrong and not (own and isinstance(own[-1], NotFound)):
            named = ", ".join(map(str, wrong))
            return IntegrityError(
                f"content of {digest} is damaged",
                cause=f"{named} had something else, and nobody else has it",
            )
        return with_mirrors(own[-1] if own else failed[0][1], failed)

    def doubt(self, digest: Digest) -> bool:
        """A stream was wrong: whether to ask again."""
        again, giver = self.testimony.doubt(digest, self.everybody)
        if giver is not None:
            self.is_wrong(digest, giver)
        return again


def with_mirrors(found: LadingError, failed: Sequence[Failure]) -> LadingError:
    """What one said, with what the mirrors that were asked as well said beside it."""
    told = [_told(witness, error) for witness, error in failed if error is not found]
    lacking = [w for w, error in failed if not w.is_registry and isinstance(error, NotFound)]
    shows = f"lading list {lacking[0]} shows what that mirror has" if lacking else None
    hints = [found.hint, shows] if isinstance(found, Unavailable) else [found.hint]
    return type(found)(
        found.what,
        cause="; ".join(dict.fromkeys(filter(None, [found.cause, *told])))[:1000],
        hint="; ".join(filter(None, hints)) or None,
    )


def _told(witness: Witness, error: LadingError) -> str | None:
    """What a mirror said; what the registry said before it was waited for is said already."""
    if witness.is_registry:
        return None
    if isinstance(error, NotFound):
        return f"the mirror {witness} was asked, and does not have it"
    return f"the mirror {witness}: {error}"
