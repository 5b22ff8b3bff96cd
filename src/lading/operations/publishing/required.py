"""What ``--strict`` demands that a version's document says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput, PolicyRefused


@dataclass(frozen=True, slots=True)
class Rule:
    """A field that may be required, and how it is given."""

    holds: Callable[[Mapping[str, Any]], object]
    given_by: str


def _below(*names: str) -> Callable[[Mapping[str, Any]], object]:
    def look(document: Mapping[str, Any]) -> object:
        value: Any = document
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return look


RULES: Final[Mapping[str, Rule]] = {
    "author": Rule(_below("authors"), "--author NAME, LADING_AUTHOR, or git config user.name"),
    "card": Rule(_below("card"), "card: in lading.yaml, or a README.md with a model card"),
    "code": Rule(_below("lineage", "code", "commit"), "push from a git repository with a commit"),
    "datasets": Rule(_below("lineage", "datasets"), "--dataset URI"),
    "description": Rule(_below("description"), "--description TEXT"),
    "example": Rule(_below("input_example"), "--input-example FILE"),
    "license": Rule(_below("licenses"), "--license SPDX"),
    "lock": Rule(
        _below("environment", "lock"),
        "uv.lock, pylock.toml or hashed requirements beside the model, or --python PROGRAM",
    ),
    "metrics": Rule(_below("metrics"), "--metric NAME=NUMBER"),
    "params": Rule(_below("params"), "--param NAME=VALUE"),
    "parents": Rule(_below("lineage", "parents"), "--parent REF"),
    "schema": Rule(_below("signature"), "--schema FILE, or --input-example FILE"),
}
DEFAULT: Final = ("metrics", "schema", "lock", "code")


def demand(document: Mapping[str, Any], required: Iterable[str]) -> None:
    """Let a document pass that says everything that is required.

    Raises:
        InvalidInput: the list names something that is no rule.
        PolicyRefused: something is missing; each is named with what gives it.
    """
    names = frozenset(required)
    if names and _below("hazards", "verdict")(document) == "dangerous":
        raise PolicyRefused(
            "--strict refuses a model that would run code when it is loaded",
            cause="the scan found it dangerous",
            hint="lading scan PATH says where and why",
        )
    if unknown := names - RULES.keys():
        raise InvalidInput(
            f"nothing called {min(unknown)!r} can be required",
            hint="known are: " + ", ".join(RULES),
        )
    missing = [name for name in RULES if name in names and not RULES[name].holds(document)]
    if missing:
        raise PolicyRefused(
            "--strict refuses a version that does not say " + ", ".join(missing),
            cause="; ".join(f"{name}: {RULES[name].given_by}" for name in missing),
            hint="give what is missing, or push without --strict; the setting required lists them",
        )
