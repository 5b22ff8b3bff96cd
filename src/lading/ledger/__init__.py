"""The ledger: mutable state in a registry that has no transactions.

Every event is a small artifact under a tag that nobody else will write; the tag ``ledger`` lists
them and is only a cache. What is true follows from the events alone: :mod:`lading.ledger.fold`.
How bytes travel, and what a policy asks for, is decided elsewhere.
"""
