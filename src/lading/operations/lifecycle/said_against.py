"""What was said against a version, as far as the ledger's list says it: for whoever should know.

Nobody's word is checked here. What must not be passed over is asked of the policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.ledger.index import LedgerIndex
    from lading.ledger.line import Line
    from lading.spec.digest import Digest


def deprecated(index: LedgerIndex, digest: Digest, base: str) -> Iterator[str]:
    """That a version is deprecated, and by whom."""
    if digest in index.deprecated:
        said = [line for line in index.lines if (line.kind, line.subject) == ("deprecated", digest)]
        by = f" by {said[-1].actor} (unsigned)" if said else ""
        yield f"deprecated{by}: lading history {base}@{digest} says why"


def rejections(
    index: LedgerIndex, digest: Digest, base: str, *, stage: str | None = None
) -> Iterator[str]:
    """Who said last that a version must not be in a stage, and moves that a policy refused.

    Of one ``stage``, where that is given.
    """
    words: dict[tuple[str, str | None], Line] = {}
    lines = (line for line in index.lines if stage is None or line.stage == stage)
    for line in sorted(lines, key=lambda line: line.order):
        if line.subject == digest and line.kind in ("approved", "rejected"):
            words[line.actor, line.stage] = line
        elif line.subject == digest and line.moves and line.refused:
            yield (
                f"{line.actor} put it into {line.stage}, which the policy did not let count:"
                f" lading status {base} says why"
            )
    for line in words.values():
        if line.kind == "rejected":
            yield (
                f"rejected for {line.stage} by {line.actor} (unsigned):"
                f" lading history {base}@{digest} says why"
            )
