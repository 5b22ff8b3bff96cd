"""Who gave which content, who had it wrong, and who is asked next. No input, no output.

A stream is verified by whoever reads it to its end; what was wrong is then told here. One place
that gave all of it was wrong. Where several gave parts, nobody knows which, so from then on each
has to give all of it alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from lading.spec.digest import Digest
from lading.stores.mirrored.witness import Witness


@dataclass(slots=True)
class _Case:
    """What is known of one piece of content."""

    wrong: list[Witness] = field(default_factory=list)
    alone: bool = False
    # Who gave the last stream, and whether from its first byte on.
    givers: list[Witness] = field(default_factory=list)
    from_start: bool = False
    broke: bool = False


class Testimony:
    """What is known of all content that was asked for; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cases: dict[Digest, _Case] = {}

    def begin(self, digest: Digest, *, from_start: bool) -> None:
        """A stream begins."""
        with self._lock:
            case = self._cases.setdefault(digest, _Case())
            case.givers, case.from_start = [], from_start

    def gave(self, digest: Digest, witness: Witness) -> None:
        """Some of the stream came from there."""
        with self._lock:
            case = self._cases.setdefault(digest, _Case())
            if witness not in case.givers:
                case.givers.append(witness)

    def was_wrong(self, digest: Digest, witness: Witness) -> None:
        """It has something else under this digest."""
        with self._lock:
            case = self._cases.setdefault(digest, _Case())
            if witness not in case.wrong:
                case.wrong.append(witness)

    def broke_off(self, digest: Digest) -> None:
        """Who had to give all of it gave only some: it is not asked for this again."""
        with self._lock:
            case = self._cases.setdefault(digest, _Case())
            case.wrong += [witness for witness in case.givers if witness not in case.wrong]
            case.givers, case.broke = [], True

    def wrong(self, digest: Digest) -> tuple[Witness, ...]:
        """Who has something else under this digest."""
        with self._lock:
            case = self._cases.get(digest)
            return tuple(case.wrong) if case else ()

    def must_be_alone(self, digest: Digest) -> bool:
        """Whether one place has to give all of it."""
        with self._lock:
            case = self._cases.get(digest)
            return case is not None and case.alone

    def doubt(self, digest: Digest, everybody: Sequence[Witness]) -> tuple[bool, Witness | None]:
        """The last stream was wrong: whether to ask again, and who is known to have been wrong."""
        with self._lock:
            case = self._cases.get(digest)
            if case is None or not (case.givers or case.broke):
                return False, None
            givers, case.givers = case.givers, []
            broke, case.broke = case.broke, False
            # Behind the beginning stand bytes of an earlier run, which others may have given.
            sure = len(givers) == 1 and (case.from_start or case.alone)
            if sure:
                case.wrong += givers
            left = any(witness not in case.wrong for witness in everybody)
            again = left and (sure or broke or not case.alone)
            case.alone = case.alone or not sure
            return again, givers[0] if sure else None
