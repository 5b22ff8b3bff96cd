"""What is asked of a registry, and the token that it gives: values, and their texts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

# (resource, action), so that sets of them can be joined and compared.
Grants = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request needs: actions on a repository, or on the registry's catalogue."""

    repository: str | None
    actions: frozenset[str]

    @property
    def resource(self) -> str:
        """What the actions are done to, as the token specification writes it."""
        return "registry:catalog" if self.repository is None else f"repository:{self.repository}"

    def __str__(self) -> str:
        return f"{self.resource}:{','.join(_in_order(self.actions))}"


@dataclass(frozen=True, slots=True)
class Token:
    """A header's value, and for how many seconds from the asking on it is good."""

    header: str = field(repr=False)
    lifetime: float


def grants_of(scopes: Iterable[Scope]) -> Grants:
    """Scopes as pairs."""
    return frozenset((scope.resource, action) for scope in scopes for action in scope.actions)


def grants_in(texts: Iterable[str]) -> Grants:
    """What scopes say as a registry wrote them; what is no scope says nothing."""
    return frozenset(
        (resource, action)
        for resource, colon, actions in (text.rpartition(":") for text in texts)
        if colon and resource
        for action in actions.split(",")
        if action
    )


def scopes_of(grants: Grants) -> Iterator[str]:
    """Grants as the scopes that ask for them, in an order that is always the same."""
    for resource in sorted({resource for resource, _ in grants}):
        actions = {action for of, action in grants if of == resource}
        yield f"{resource}:{','.join(_in_order(actions))}"


def _in_order(actions: Collection[str]) -> list[str]:
    # Some token servers compare texts: pull before push, as docker writes it.
    known = {"pull": 0, "push": 1, "delete": 2}
    return sorted(actions, key=lambda action: (known.get(action, 3), action))
