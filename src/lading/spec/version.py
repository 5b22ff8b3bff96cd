"""Strict semantic versions and their form as tags."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

from lading.errors import InvalidInput

Bump = Literal["patch", "minor", "major"]

# A tag has no more characters.
_LONGEST = 128
_NUMBER = r"(?:0|[1-9]\d*)"
_IDENTIFIER = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A semantic version, ordered as semver.org says; build metadata breaks ties last."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse ``1.2.0``, ``1.2.0-rc.1`` or ``1.2.0+cu121``.

        Raises:
            InvalidInput: it is not a strict semantic version; says how to mend ``v1.2`` and such.
        """
        match = _SEMVER.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise InvalidInput(f"not a semantic version: {text[:_LONGEST]!r}", hint=_hint(text))
        prerelease = tuple(match[4].split(".")) if match[4] else ()
        build = tuple(match[5].split(".")) if match[5] else ()
        return cls(int(match[1]), int(match[2]), int(match[3]), prerelease, build)

    @classmethod
    def from_tag(cls, tag: str) -> Version | None:
        """The version that a tag names, or None where the tag is no version."""
        match = _SEMVER.fullmatch(tag.replace("_", "+", 1)) if len(tag) <= _LONGEST else None
        return cls.parse(match[0]) if match and "+" not in tag else None

    @property
    def tag(self) -> str:
        """The version as a tag: ``+`` is not allowed there and is written ``_``."""
        return str(self).replace("+", "_")

    @property
    def is_release(self) -> bool:
        """Whether there is no pre-release part."""
        return not self.prerelease

    def bumped(self, part: Bump) -> Version:
        """The next version; a pre-release is finished by the bump that it prepared."""
        finishes = bool(self.prerelease)
        if part == "patch":
            return Version(self.major, self.minor, self.patch + (not finishes))
        if part == "minor":
            done = finishes and self.patch == 0
            return Version(self.major, self.minor + (not done), 0)
        done = finishes and self.minor == 0 and self.patch == 0
        return Version(self.major + (not done), 0, 0)

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += "-" + ".".join(self.prerelease) if self.prerelease else ""
        return text + ("+" + ".".join(self.build) if self.build else "")

    def _key(self) -> tuple[object, ...]:
        # A release is above its pre-releases; numbers are below words; fewer fields are below more.
        fields = tuple((0, int(f), "") if f.isdigit() else (1, 0, f) for f in self.prerelease)
        return (self.major, self.minor, self.patch, not self.prerelease, fields, self.build)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key() == other._key()

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash(self._key())


FIRST = Version(0, 1, 0)


def _hint(text: str) -> str:
    if text[:1] in "vV" and _SEMVER.fullmatch(text[1:]):
        return f"write it without the v: {text[1:]}"
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return f"three numbers are needed: {text + '.0' * (2 - text.count('.'))}"
    return "a version is MAJOR.MINOR.PATCH, for example 1.2.0 or 1.2.0-rc.1"


def next_version(tags: list[str], part: Bump, *, given: Collection[str] = ()) -> Version:
    """The version after the highest among some tags; 0.1.0 where there is none.

    Those that were ``given`` before are passed over, as tags, although they are not there any more.

    Raises:
        InvalidInput: it is too long for a tag: somebody used a number that leaves none above it.
    """
    versions = [version for tag in tags if (version := Version.from_tag(tag))]
    highest = max(versions, default=None)
    following = highest.bumped(part) if highest else FIRST
    while following.tag in given:
        following = following.bumped(part)
    if len(following.tag) > _LONGEST:
        raise InvalidInput(
            f"there is no {part} version above the highest",
            cause=f"{highest} is as long as a version can be",
            hint="write the version, as NAME:MAJOR.MINOR.PATCH; lading remove takes that one away",
        )
    return following


def highest_release(tags: list[str]) -> Version | None:
    """The version that ``latest`` stands for, or None."""
    versions = (Version.from_tag(tag) for tag in tags)
    return max((v for v in versions if v and v.is_release), default=None)
