"""What a scan means for whoever is about to load a model. Pure: nothing is read here."""

from __future__ import annotations

from lading.errors import PolicyRefused
from lading.spec.facts import Finding, Hazards

_NAMED = 3


def consult(hazards: Hazards | None) -> str | None:
    """The warning to give before loading, or None where a scan found nothing.

    A verdict that this Lading does not know counts as dangerous.

    Raises:
        PolicyRefused: the scan found something dangerous.
    """
    if hazards is None:
        return "nobody has scanned this model for code that runs when it is loaded"
    if hazards.verdict == "clean":
        return None
    found = _named(hazards.findings)
    if hazards.verdict == "suspicious":
        return f"the scan of this model is suspicious: {found}"
    raise PolicyRefused(
        "loading this model would run code that has no place in a model",
        cause=found,
        hint="lading scan shows all findings; ask whoever made it for safetensors, ONNX or skops",
    )


def _named(findings: tuple[Finding, ...]) -> str:
    """The first findings, the worst before the others."""
    ranked = sorted(findings, key=lambda finding: finding.severity == "suspicious")
    names = [f"{finding.what} in {finding.path}" for finding in ranked[:_NAMED]]
    more = len(ranked) - _NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "") or "no findings recorded"
