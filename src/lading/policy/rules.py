"""A policy, read and checked: which stages hold for a model, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.spec.digest import Digest

if TYPE_CHECKING:
    from lading.expressions import Expression

# What the policy is called where there is no file.
USUAL_NAME: Final = "the usual policy"


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition, and what it is called: its name, or its text."""

    name: str
    condition: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """What a stage needs. With nothing said, anybody may put anything there."""

    stage: str
    # Whether this is enforced; what a stage that is not protected needs is advice.
    protected: bool = False
    approvals: int = 0
    not_author: bool = False
    signers: tuple[str, ...] = ()
    assigners: tuple[str, ...] = ()
    after: str | None = None
    gates: tuple[Gate, ...] = ()
    # In seconds.
    evidence_max_age: int | None = None
    exclusive: bool = True

    @property
    def approvals_needed(self) -> int:
        """How many people must have said yes: who names keys wants to hear one of them."""
        return max(self.approvals, 1 if self.signers else 0)


@dataclass(frozen=True, slots=True)
class ModelRules:
    """The stages of the models whose repository matches."""

    match: str
    stages: tuple[StageRules, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The stages of a team's models, and what each needs."""

    stages: tuple[StageRules, ...]
    models: tuple[ModelRules, ...] = ()
    # Of the file's bytes, for the events that are written under it; None where there is no file.
    digest: Digest | None = None
    # The policies of before whose decisions still count.
    former: frozenset[Digest] = frozenset()
    # Where the file is, for people.
    where: str | None = None

    def for_model(self, repository: str) -> Mapping[str, StageRules]:
        """The stages that hold for one repository (its name without the host), in their order."""
        for model in self.models:
            if fnmatchcase(repository, model.match):
                return {rules.stage: rules for rules in model.stages}
        return {rules.stage: rules for rules in self.stages}

    def rules(self, repository: str, stage: str, *, called: str | None = None) -> StageRules:
        """What a stage needs from the versions of one repository, which people call so.

        Raises:
            InvalidInput: the model has no such stage; says which it has.
        """
        stages = self.for_model(repository)
        if stage in stages:
            return stages[stage]
        from lading.spec.nearest import near

        found = near(stage, stages)
        meant = f"did you mean {found[0]}? Otherwise: " if found else ""
        raise InvalidInput(
            f"{called or repository} has no stage {stage[:80]!r}",
            cause=f"{self.where or USUAL_NAME} has {', '.join(stages)}",
            hint=f"{meant}stages are declared in the policy: lading policy show"
            f" {called or repository}",
        )


USUAL: Final = Policy(
    tuple(StageRules(stage=stage) for stage in ("dev", "staging", "shadow", "prod"))
)
"""What holds without a file: the four usual stages, none of them protected."""
