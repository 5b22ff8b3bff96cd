"""What is said of a version that came into a stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lading.cli.console import Console
from lading.cli.output import short
from lading.cli.table import Prose
from lading.errors import Rule
from lading.operations.lifecycle.assignment import Assigned
from lading.spec.reference import Reference


def answer(console: Console, result: Assigned) -> None:
    """Give the answer of promote and rollback."""
    for note in result.notes:
        console.warn(short(note))
    if result.status == "planned":
        console.say(*rule_lines(result.rules), "nothing was done: --dry-run")
    elif result.status == "unchanged":
        console.say(f"{result.stage} was {result.version} already")
    elif result.previous:
        before = " ".join(filter(None, (result.previous_version, f"({result.previous})")))
        console.say(f"{result.stage} was {before} before")
    console.answer(result, [f"{result.stage} {_now(result)}"])


def _now(result: Assigned) -> str:
    """What the stage names: somebody else may have moved it at the same moment."""
    asked = f"{result.reference}@{result.digest}"
    if result.status == "planned":
        return f"would be {asked}"
    if result.current == result.digest:
        return f"is {asked}"
    if result.current is None:
        return "names nothing"
    return f"is {Reference.parse(result.reference).base}@{result.current}"


def outputs(result: Assigned) -> dict[str, str]:
    """What pipelines are told of it: nothing of a rehearsal; no event where nothing was moved.

    Whoever lost to somebody who moved the stage at the same moment has no kind to go on with.
    """
    if result.status == "planned":
        return {}
    return {
        "kind": "assigned" if result.current == result.digest else "",
        "version": result.version,
        "stage": result.stage,
        "digest": result.digest,
        "reference": f"{Reference.parse(result.reference).base}@{result.digest}",
        "event": result.event or "",
    }


def rule_lines(rules: Iterable[Rule]) -> Iterator[Prose]:
    """Each rule, whether it holds, and why."""
    for rule in rules:
        yield Prose(f"{'holds ' if rule.holds else 'MISSING'}  {rule.name}: {rule.why}", hang=9)
        if rule.hint and not rule.holds:
            yield Prose(f"         hint: {rule.hint}", hang=15)
