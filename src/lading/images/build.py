"""What is asked of a builder, and how it says that it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lading.errors import InvalidInput


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


def platform_of(inspected: Mapping[str, Any]) -> str:
    """For which platform an image is, by an engine's word of it."""
    return f"{inspected.get('Os', 'linux')}/{inspected.get('Architecture', '')}"


def fits(found: str, wanted: str | None) -> bool:
    """Whether an image is for the platform that is wanted, whatever its variant."""
    return wanted is None or found.split("/")[:2] == wanted.split("/")[:2]


def wrong_platform(build: Build, there: str) -> InvalidInput:
    """The refusal of a base that is for another platform."""
    return InvalidInput(
        f"{build.base} is for {there}, not for {build.platform}",
        hint="--base names an image of that platform",
    )
