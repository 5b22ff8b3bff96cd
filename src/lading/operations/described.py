"""A plan with everything that is said about it: given by a person now, found out when it is needed.

What is given is checked before a store is opened. What is found out costs a fraction of a second
and is asked for only where a new version comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.operations.captured import Capture, captured, survey
from lading.packing.plan import Plan
from lading.spec.merge import laid_over
from lading.spec.plain import plain
from lading.spec.statement import Statement

if TYPE_CHECKING:
    from lading.formats.survey import Survey
    from lading.operations.declared import Declared
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
    def signature(self) -> Mapping[str, Any] | None:
        """The signature that a version of this would have, as far as it is known."""
        told = (self.statement.given, self.capture.fields, self.statement.captured)
        from_headers = plain(self.facts.signature) if self.facts else None
        for found in (*(fields.get("signature") for fields in told), from_headers):
            if isinstance(found, Mapping) and found:
                return found
        return None

    def completed(self) -> Described:
        """The same with everything that can be found out, and the files that this gives."""
        seen = self.surveyed()
        found = captured(seen.plan.tree, self.path, self.capture, self.settings, facts=seen.facts)
        # The example tells more than headers do, and the model's own class more than the example.
        fields = laid_over(self.statement.captured, found.fields)
        fields = laid_over(self.capture.fields, fields)
        fields = _with_parents(fields, self.statement.given, self.settings, found.notes)
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
    statement, notes = told.statement, ()
    if told.input_example is not None:
        from lading.operations.example import with_example

        plan, statement = with_example(plan, statement, told.input_example)
    return Described(plan, path, statement, capture, settings, notes=notes)


def _with_parents(
    fields: dict[str, Any], given: Mapping[str, Any], settings: Settings, notes: list[str]
) -> dict[str, Any]:
    """The fields with the digests of parents that are named without one."""
    # Not those that a model card names: they are other hubs' names, and nobody asked for them.
    entries = _parents(given)
    if not entries:
        return fields
    from lading.operations.parents import found_out

    known = found_out(entries, settings, notes)
    return laid_over({"lineage": {"parents": known}}, fields) if known else fields


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


def _parents(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    lineage = fields.get("lineage")
    parents = lineage.get("parents") if isinstance(lineage, Mapping) else None
    return list(parents) if isinstance(parents, (list, tuple)) else []
