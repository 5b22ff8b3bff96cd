"""What was found, kept within bounds, and the limits that every reader here works under."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from lading.spec.facts import Finding

Severity = Literal["suspicious", "dangerous"]
Verdict = Literal["clean", "suspicious", "dangerous"]

SUSPICIOUS: Final = "suspicious"
DANGEROUS: Final = "dangerous"

# What one file may make us unpack, list and nest. A model that truly needs more is reported as
# suspicious, because nobody looked into the rest.
UNPACKED_LIMIT: Final = 512 * 1024 * 1024
ENTRIES_LIMIT: Final = 100_000
DEEPEST: Final = 4
# Deflate reaches 1032:1 on zeros; honest weights that are mostly zeros stay far below this.
RATIO_LIMIT: Final = 200
RATIO_FREE: Final = 64 * 1024 * 1024
# A file with more findings than this is bad enough; the rest would only fill the document.
_FINDINGS_LIMIT: Final = 100
_LONGEST: Final = 300


class Exhausted(Exception):
    """A limit was reached: what lies behind it was not looked at."""


@dataclass(slots=True)
class Search:
    """One file being looked into: what was found so far, and what may still be spent."""

    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    unpacked_left: int = UNPACKED_LIMIT
    entries_left: int = ENTRIES_LIMIT
    # Whether the file is of a format that is looked into; others are known by their beginning only.
    was_read: bool = False

    def add(self, path: str, what: str, severity: Severity, why: str) -> None:
        """Write a finding down; the worse of two about the same thing stays."""
        key = (_short(path), _short(what))
        known = self.findings.get(key)
        if known is not None and (known.severity == DANGEROUS or severity == SUSPICIOUS):
            return
        full = known is None and len(self.findings) >= _FINDINGS_LIMIT
        if full and not self._make_room(severity):
            return
        self.findings[key] = Finding(path=key[0], what=key[1], severity=severity, why=_short(why))

    def unpack(self, count: int) -> None:
        """Spend bytes that came out of a compressed stream.

        Raises:
            Exhausted: there were more than anybody should have to unpack.
        """
        self.unpacked_left -= count
        if self.unpacked_left < 0:
            raise Exhausted(f"it unpacks to more than {UNPACKED_LIMIT // 1024**2} MiB")

    def entry(self) -> None:
        """Spend one entry of an archive.

        Raises:
            Exhausted: there were too many.
        """
        self.entries_left -= 1
        if self.entries_left < 0:
            raise Exhausted(f"it holds more than {ENTRIES_LIMIT} entries")

    def _make_room(self, severity: Severity) -> bool:
        """Never let many harmless oddities push out the one that matters."""
        if severity != DANGEROUS:
            return False
        for key, finding in self.findings.items():
            if finding.severity == SUSPICIOUS:
                del self.findings[key]
                return True
        return False


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict that findings amount to."""
    severities = {finding.severity for finding in findings}
    if not severities:
        return "clean"
    return DANGEROUS if severities - {SUSPICIOUS} else SUSPICIOUS


def _short(text: str) -> str:
    """A text as a document may hold it: whole Unicode, not long, not empty."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return text or "(no name)"
