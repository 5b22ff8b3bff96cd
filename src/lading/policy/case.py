"""What is decided about, and what is decided: values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from lading.errors import PolicyRefused, Rule
from lading.spec.digest import Digest
from lading.spec.event import Recorded
from lading.spec.evidence import Evidence
from lading.spec.reference import Reference

NOT_REJECTED: Final = "not rejected"
NOT_DEPRECATED: Final = "not deprecated"
_LONGEST: Final = 300

# Whether programs written for one document's signature can go on with another's; None: not known.
Compatible = Callable[[Mapping[str, Any], Mapping[str, Any]], bool | None]


def not_known(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool | None:
    """What nobody can tell."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything known of a version that somebody wants in a stage."""

    digest: Digest
    version: str | None = None
    # The document as plain values.
    document: Mapping[str, Any]
    # That of the version which the stage names now; None where it names none.
    incumbent: Mapping[str, Any] | None = None
    # What was said of it in the repositories it came from, and then here; parents before children.
    carried: tuple[Recorded, ...] = ()
    events: tuple[Recorded, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    # Of the stages that a rule asks for, those in which this version is or was.
    stages: frozenset[str] = frozenset()
    # Those that name it now; None where only whoever wrote a move could say, which is no proof.
    named_by: frozenset[str] | None = frozenset()
    now: datetime
    # Who acts, as claimed.
    actor: str | None = None
    # Whose key will sign what is written; nobody's, while there are no keys.
    signer: str | None = None
    compatible: Compatible = field(default=not_known, repr=False)

    @property
    def told(self) -> tuple[Recorded, ...]:
        """All that was said of it anywhere."""
        return (*self.carried, *self.events)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules of a stage say of a case."""

    stage: str
    protected: bool
    rules: tuple[Rule, ...]

    @property
    def holds(self) -> bool:
        """Whether every rule does."""
        return all(rule.holds for rule in self.rules)

    @property
    def opposed(self) -> bool:
        """Whether somebody speaks against it: having been in the stage before does not help."""
        return any(rule.name in (NOT_REJECTED, NOT_DEPRECATED) for rule in self.failed)

    @property
    def failed(self) -> tuple[Rule, ...]:
        """The rules that do not hold."""
        return tuple(rule for rule in self.rules if not rule.holds)

    def of(self, reference: Reference) -> Decision:
        """The same with hints that can be run as they are: rules do not know the reference."""

        def filled(hint: str) -> str:
            hint = hint.replace(" MODEL", f" {reference.base}")
            return hint.replace(" REF", f" {reference}")

        rules = (replace(rule, hint=rule.hint and filled(rule.hint)) for rule in self.rules)
        return replace(self, rules=tuple(rules))

    def refusal(self, what: str) -> PolicyRefused:
        """The error that names every rule which does not hold, and carries all of them."""
        failed = self.failed
        return PolicyRefused(
            f"{what} may not be {self.stage}",
            cause="; ".join(f"{rule.name}: {rule.why}" for rule in failed),
            hint=next((rule.hint for rule in failed if rule.hint), None),
            rules=self.rules,
        )


def cut(text: str, longest: int = _LONGEST) -> str:
    """A text from elsewhere, short enough for a sentence."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else f"{line[:longest]}…"
