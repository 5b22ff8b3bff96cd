"""The minor version of something that documents are written for. Pure."""

from __future__ import annotations

import re

from lading.errors import InvalidInput


def minor_of(text: str, what: str, option: str, known: tuple[int, int, int], usual: int) -> int:
    """The minor version in a text; ``known`` is the major version, the oldest and the newest.

    Raises:
        InvalidInput: it is no version, or one that nothing is written for.
    """
    major, oldest, newest = known
    match = re.fullmatch(
        rf"v?{major}\.(\d{{1,3}})(?:\.\d{{1,4}})?(?:[-+].{{0,60}})?", text, re.ASCII
    )
    minor = int(match[1]) if match else None
    if minor is None:
        raise InvalidInput(f"not a version of {what}: {text[:40]!r}", hint=f"{major}.{usual}")
    if not oldest <= minor <= newest:
        raise InvalidInput(
            f"nothing is known of {what} {major}.{minor}",
            cause=f"documents are written for {major}.{oldest} to {major}.{newest}",
            hint=f"{option} {major}.{min(max(minor, oldest), newest)}, if it is close",
        )
    return minor
