"""Everything that can go wrong, as the caller sees it.

One class for each thing the caller can do about it; the exit code follows the class.
Errors are raised once, where the cause is known, and printed once, at the door.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: whether it holds, why, and what to do where it does not."""

    name: str
    holds: bool
    why: str
    hint: str | None = None


class LadingError(Exception):
    """What could not be done, why, and what to do next."""

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, cause: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}: {self.cause}" if self.cause else self.what


class InvalidInput(LadingError):
    """Something that was written or given is wrong: mend it."""

    exit_code = 2


class NotFound(LadingError):
    """There is nothing of that name: check the name."""

    exit_code = 3


class AccessDenied(LadingError):
    """The registry or the machine refuses: log in, or ask for rights."""

    exit_code = 4


class Unavailable(LadingError):
    """The other side does not answer as it should: try later."""

    exit_code = 5


class IntegrityError(LadingError):
    """The bytes are not what their digest says: do not use them."""

    exit_code = 6


class Conflict(LadingError):
    """Something else is there already: choose another version, or see who was faster."""

    exit_code = 7


class Unsupported(LadingError):
    """The other side cannot do this: use another registry or runtime."""

    exit_code = 8


class PolicyRefused(LadingError):
    """A named rule is not satisfied."""

    exit_code = 9

    def __init__(
        self,
        what: str,
        *,
        cause: str | None = None,
        hint: str | None = None,
        rules: Iterable[Rule] = (),
    ) -> None:
        super().__init__(what, cause=cause, hint=hint)
        # Where a policy refused: every rule that it asked, those that hold included.
        self.rules = tuple(rules)


class LocalFailure(LadingError):
    """This machine's disk, rights or memory are in the way: mend them."""

    exit_code = 10


EXIT_BUG = 70
EXIT_INTERRUPTED = 130
