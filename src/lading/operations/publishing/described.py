"""A plan with everything that is said about it: given by a person now, found out when it is needed.

What is given is checked before a store is opened. What is found out costs a fraction of a second
and is asked for only where a new version comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.operations.publishing.captured import Capture, captured, survey
from lading.packing.plan import Plan
from lading.spec.merge import laid_over
from lading.spec.plain import plain
from lading.spec.statement import Statement

if TYPE_CHECKING:
    from lading.formats.survey import Survey
    from lading.operations.publishing.declared import Declared
    from lading.settings import Settings
    from lading.spec.version import Version


@dataclass(frozen=True, slots=True)
class Described:
    """A plan, what is said of it, and how to find out the rest."""

    plan: Plan
    path: Path
    statement: Statement
    capture: Capture
    settings: Settings
    facts: Survey | None = None
    notes: tuple[str, ...] = ()
    # The parents that the call names, to be looked up.
    parents: tuple[str, ...] = ()

    def named(self, name: str, version: Version) -> Described:
        """The same under its name and version."""
        identity = replace(self.statement.identity, name=name, version=str(version))
        return replace(self, statement=replace(self.statement, identity=identity))

    def surveyed(self) -> Described:
        """The same with what the headers say."""
        if self.facts is not None or not self.capture.wants("facts"):
            return self
        return replace(self, facts=survey(self.plan.tree))

    @property
    def stated(self) -> Mapping[str, Any] | None:
        """The signature that somebody states: who pushes, or the headers of the model's files."""
        return _first(self.statement.given.get("signature"), self._of_headers)

    @property
    def signature(self) -> Mapping[str, Any] | None:
        """The signature that a version of this would have, as far as it is known."""
        told = (self.capture.fields, self.statement.captured)
        return _first(self.stated, *(fields.get("signature") for fields in told))

    @property
    def _of_headers(self) -> Mapping[str, Any] | None:
        return plain(self.facts.signature) if self.facts and self.facts.signature else None

    def completed(self) -> Described:
        """The same with everything that can be found out, and the files that this gives.

        Raises:
            NotFound: a parent that the call names is not where it should be.
        """
        # First, since the rest may take a while.
        parents, unreached = _known_parents(self.parents, self.settings)
        seen = self.surveyed()
        found = captured(seen.plan.tree, self.path, self.capture, self.settings, facts=seen.facts)
        # What an example tells counts where neither headers nor the caller say more.
        fields = laid_over(found.fields, self.statement.captured)
        if seen.signature:
            # A header knows the names and types that an example can only hint at.
            fields["signature"] = seen.signature
        if parents:
            fields = laid_over({"lineage": {"parents": parents}}, fields)
        found.notes += unreached
        fields = _of_one_framework(fields, self.statement.given)
        found.notes += _warnings(fields)
        plan = self.plan
        if found.files and not plan.has("record"):
            plan = plan.with_written(found.files)
        return replace(
            seen,
            plan=plan,
            statement=replace(self.statement, captured=fields),
            notes=(*self.notes, *found.notes),
        )


def described(
    plan: Plan, path: Path, told: Declared, capture: Capture, settings: Settings
) -> Described:
    """A plan and what a person declared of it, the input example among it.

    Raises:
        InvalidInput: the example does not fit the signature.
    """
    cargo = Described(plan, path, told.statement, capture, settings, parents=told.parents)
    if told.input_example is None:
        return cargo
    from lading.operations.publishing.example import checked

    # What the headers say of the input is what an example must fit.
    cargo = cargo.surveyed()
    example = checked(told.input_example, cargo.stated)
    given = {**cargo.statement.given, "input_example": example.input_example}
    captured = {"signature": example.signature} if example.signature else {}
    return replace(
        cargo,
        plan=plan.with_written(example.files),
        statement=replace(cargo.statement, given=given, captured=captured),
    )


def _first(*signatures: object) -> Mapping[str, Any] | None:
    return next((each for each in signatures if isinstance(each, Mapping) and each), None)


def _known_parents(
    references: tuple[str, ...], settings: Settings
) -> tuple[list[dict[str, Any]], list[str]]:
    """The digests and licences of the parents that the call names, and notes on the others.

    Not of those that a model card or a file in the folder names: whoever made the folder would say
    which host is asked, and with whose password.
    """
    notes: list[str] = []
    if not references:
        return [], notes
    from lading.operations.publishing.parents import found_out

    return found_out(references, settings, notes), notes


def _of_one_framework(fields: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without what was found out about another framework than the one that is said."""
    said, found = given.get("framework"), fields.get("framework")
    if not isinstance(said, Mapping) or not isinstance(found, Mapping):
        return fields
    if said.get("name") == found.get("name"):
        return fields
    return {name: value for name, value in fields.items() if name != "framework"}


def _warnings(fields: Mapping[str, Any]) -> list[str]:
    """What whoever pushes ought to know about what was found."""
    hazards = fields.get("hazards") or {}
    lock = (fields.get("environment") or {}).get("lock")
    notes = []
    if hazards.get("verdict") in ("suspicious", "dangerous"):
        first = (hazards.get("findings") or [{}])[0]
        notes.append(
            f"the scan of this model is {hazards['verdict']}: {first.get('what')} in"
            f" {first.get('path')} (lading scan shows all)"
        )
    if lock and not lock.get("hashed"):
        notes.append(
            "the lock has exact versions but no hashes, as pip keeps none;"
            " --resolve-hashes asks the package index for them"
        )
    return notes
