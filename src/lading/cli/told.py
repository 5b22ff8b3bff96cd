"""What is said of an event that was recorded about a version."""

from __future__ import annotations

from lading.cli.console import Console
from lading.operations.lifecycle.telling import Told


def answer(console: Console, result: Told) -> None:
    """Give the answer of a verb that records an event and moves nothing."""
    for note in result.notes:
        console.warn(note)
    stage = f" for {result.stage}" if result.stage else ""
    by = f"by {result.actor} (unsigned)"
    console.answer(
        result,
        [f"{result.kind} {result.reference}@{result.digest}{stage} {by}, event {result.seq}"],
    )
