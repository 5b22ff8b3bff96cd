"""What is asked of a builder, and how it says that it failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Build:
    """One image to build."""

    name: str
    target: str
    base: str
    network: str | None = None
    platform: str | None = None
    # Without what was built before.
    fresh: bool = False


class BuildFailed(Exception):
    """A builder said that it failed; what it said before tells why."""
