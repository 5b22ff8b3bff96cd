"""Stages, what each needs, and whether a version has it: decisions, without fetching anything.

The policy is a file that the team keeps outside the registry (:mod:`lading.spec.policy` is its
form). A stage's rules and everything known of a case go into :func:`lading.policy.decide.decide`;
what comes out says rule by rule what holds and why. Reading documents, evidence and events is the
caller's work, and so is enforcing: what a stage that is not protected needs is advice.

Nothing is imported here: :mod:`lading.policy.rules` alone is all that most commands need.
"""
