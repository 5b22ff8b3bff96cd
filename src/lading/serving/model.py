"""What is served, as whoever starts a server hands it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lading.signatures.layouts import Layout
from lading.spec.signature import Signature


@dataclass(frozen=True, slots=True)
class Example:
    """An input that the model takes, in its JSON form, and what it answered when it was saved."""

    value: Any
    layout: Layout | None = None
    # In the form of ``signatures.answers``; None where nobody kept it.
    answer: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that is loaded, and what is known of it."""

    # As it is called in addresses and on metrics.
    name: str
    version: str
    # Of the version; "unknown" for a folder that nobody vouches for.
    digest: str
    reference: str
    predict: Callable[[Any], Any]
    signature: Signature | None = None
    example: Example | None = None
    framework: str = "unknown"
    description: str | None = None
    # Other names that addresses may have.
    aliases: tuple[str, ...] = ()
    # How many threads may ask it at once.
    threads: int = 1
    # Whether its framework answers each row by itself, so that requests may be asked together.
    by_row: bool = False

    def is_called(self, name: str, version: str | None = None) -> bool:
        """Whether an address means this one."""
        known = name == self.name or name in self.aliases
        return known and (version is None or version in (self.version, self.digest))
