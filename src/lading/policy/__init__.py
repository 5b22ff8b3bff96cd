"""Stages, what each needs, and whether a version has it: decisions, without fetching anything.

The policy is a file that the team keeps outside the registry (:mod:`lading.spec.policy` is its
form). A stage's rules and everything known of a case go into :func:`decide`; what comes out says
rule by rule what holds and why. Reading documents, evidence and events is the caller's work, and so
is enforcing: what a stage that is not protected needs is advice.
"""

from __future__ import annotations

from lading.policy.case import Case, Decision, Rule
from lading.policy.decide import decide
from lading.policy.facts import Facts
from lading.policy.rules import USUAL, Gate, Policy, StageRules

__all__ = [
    "USUAL",
    "Case",
    "Decision",
    "Facts",
    "Gate",
    "Policy",
    "Rule",
    "StageRules",
    "decide",
]
