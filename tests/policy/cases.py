"""Versions that somebody wants in a stage, made of a few words."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from lading.errors import Rule
from lading.policy.case import Case, Decision
from lading.policy.decide import decide
from lading.policy.file import parse_policy
from lading.policy.rules import StageRules
from lading.spec.digest import Digest
from lading.spec.event import Event, Kind, Recorded
from lading.spec.evidence import Evidence

DIGEST = Digest("sha256:" + "a" * 64)
OTHER = Digest("sha256:" + "b" * 64)
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ADA = "Ada Lovelace <ada@example.com>"
BOB = "Bob <bob@example.com>"
EVE = "Eve <eve@example.com>"

_seqs = itertools.count(1)


def ago(**stretch: float) -> str:
    """A moment before now."""
    return (NOW - timedelta(**stretch)).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(kind: Kind, actor: str, **said: Any) -> Recorded:
    """An event; the next one, about the version and prod where nothing else is said."""
    signer = said.pop("signer", None)
    seq = said.pop("seq", None) or next(_seqs)
    name = said.pop("name", seq)
    fields = {"digest": DIGEST, "stage": "prod", "time": ago(days=1), "nonce": "n"} | said
    return Recorded(
        Digest(f"sha256:{name:064x}"),
        Event(kind=kind, repository="ml/fraud", actor=actor, seq=seq, **fields),
        signer,
    )


def approved(actor: str, **said: Any) -> Recorded:
    """A yes."""
    return event("approved", actor, **said)


def rejected(actor: str, **said: Any) -> Recorded:
    """A no."""
    return event("rejected", actor, **said)


def evaluation(created: str | None, *metrics: dict[str, Any], digest: str = "c") -> Evidence:
    """What an evaluation says."""
    return _evidence("evaluation", created, digest, {"metrics": list(metrics)})


def scan(created: str | None, verdict: str) -> Evidence:
    """What a scan says."""
    return _evidence("scan", created, "d", {"verdict": verdict})


def _evidence(kind: str, created: str | None, digest: str, content: dict[str, Any]) -> Evidence:
    return Evidence(Digest(f"sha256:{digest * 64}"), kind, created, ADA, None, 1, content)


def rules(**said: Any) -> StageRules:
    """The rules of prod, as a policy file says them."""
    import json

    policy = parse_policy(json.dumps({"stages": {"staging": {}, "prod": said}}).encode(), "it")
    return policy.rules("ml/fraud", "prod")


def decision(said: StageRules, document: dict[str, Any] | None = None, **case: Any) -> Decision:
    """What the rules of prod say of a version."""
    return decide(said, Case(digest=DIGEST, document=document or {}, now=NOW, **case))


def rule(name: str, said: StageRules, document: dict[str, Any] | None = None, **case: Any) -> Rule:
    """What one rule says."""
    (found,) = (each for each in decision(said, document, **case).rules if each.name == name)
    return found


def gate(text: str, document: dict[str, Any] | None = None, **case: Any) -> Rule:
    """What a gate says."""
    age = case.pop("evidence_max_age", None)
    stage = rules(gates=[{"name": "it", "rule": text}], evidence_max_age=age)
    return rule("it", stage, document, **case)
