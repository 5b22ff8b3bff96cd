"""Show the policy that holds here, or write a first one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import Conflict, LocalFailure
from lading.operations import stores
from lading.operations.lifecycle.policy_file import POLICY_FILE, load_policy
from lading.policy.rules import StageRules
from lading.spec.duration import duration

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class ShownGate:
    """A condition of a stage, and its name."""

    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class ShownStage:
    """What a stage needs; advice, where it is not protected."""

    stage: str
    protected: bool
    exclusive: bool
    after: str | None
    approvals: int
    not_author: bool
    signers: tuple[str, ...]
    assigners: tuple[str, ...]
    evidence_max_age: str | None
    gates: tuple[ShownGate, ...]


@dataclass(frozen=True, slots=True)
class PolicyShowResult:
    """The stages that hold, in their order; ``models`` are those for which others may hold."""

    policy: str | None
    digest: str | None
    model: str | None
    stages: tuple[ShownStage, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyInitResult:
    """The file that was written."""

    path: str


def policy_show(model: str | None = None, *, settings: Settings | None = None) -> PolicyShowResult:
    """The stages that hold for a model; without one, for those that no other rules are for.

    Raises:
        InvalidInput: the policy is none, or the model's name is none.
        NotFound: the settings name a file that is not there.
        LocalFailure: the file cannot be read.
    """
    settings = stores.settled(settings)
    policy = load_policy(settings)
    stages = policy.stages
    if model is not None:
        repository = stores.locate(model, settings).repository
        stages = tuple(policy.for_model(repository).values())
    return PolicyShowResult(
        policy.where,
        policy.digest,
        model,
        tuple(map(_shown, stages)),
        tuple(each.match for each in policy.models),
    )


def policy_init(path: str | Path = POLICY_FILE) -> PolicyInitResult:
    """A commented policy with the usual stages, for a team to change and keep in git.

    Raises:
        Conflict: there is a file of that name already; it is left as it is.
        LocalFailure: it cannot be written.
    """
    target = Path(path)
    try:
        with target.open("x", encoding="utf-8") as opened:
            opened.write(FIRST)
    except FileExistsError as error:
        raise Conflict(
            f"there is a {target} already",
            hint="change it, or give another name: lading policy init FILE",
        ) from error
    except OSError as error:
        raise LocalFailure(f"cannot write {target}", cause=error.strerror) from error
    return PolicyInitResult(str(target))


def _shown(rules: StageRules) -> ShownStage:
    age = rules.evidence_max_age
    return ShownStage(
        stage=rules.stage,
        protected=rules.protected,
        exclusive=rules.exclusive,
        after=rules.after,
        approvals=rules.approvals_needed,
        not_author=rules.not_author,
        signers=rules.signers,
        assigners=rules.assigners,
        evidence_max_age=duration(age) if age else None,
        gates=tuple(ShownGate(gate.name, str(gate.condition)) for gate in rules.gates),
    )


FIRST: Final = """\
# The stages of this team's models, in their order, and what each needs. Keep this file in git:
# every event of a stage records its digest. lading reads it from the current folder, or from where
# LADING_POLICY or --policy names it. To use a line that begins with "# ", take that away.
stages:
  dev: {}
  staging: {}
  # Several versions at once, beside the one in prod.
  shadow: {exclusive: false}
  prod:
    # What it needs is enforced. Without this line it is advice.
    protected: true
    # A version must have been in that stage.
    after: staging
    # How many people must have said yes (lading approve). A rejection that stands refuses.
    approvals: 1
    # Authors do not count, nor who registered or requested the version.
    not_author: true
    # Conditions; what is not known does not hold. A gate may have a name.
    gates:
      - schema.compatible
      - {name: scanned, rule: 'scan != "dangerous"'}
      # - metrics.auc >= 0.9
      # - metrics["auc@test"] >= 0.9 and tags.team in ("risk", "fraud")
      # - {name: reproducible, rule: lock and age_days < 90}
    # Older evidence does not count; metrics then count from evidence only (lading evaluate).
    # evidence_max_age: 30d
    # The keys whose approvals count, and those that may move the stage. While nothing is signed
    # a stage that names a key refuses everything.
    # signers: [alice]
    # assigners: [release]
# Other rules for some models, field by field over those above. The first that matches counts.
# models:
#   - match: "risk/*"
#     stages: {prod: {approvals: 2}}
"""
