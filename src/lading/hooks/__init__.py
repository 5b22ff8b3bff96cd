"""Webhooks: what goes out to receivers, what comes in from registries, and what was told to whom.

A small door of its own, on the standard library's HTTP. What an event is, and which are emitted,
is not decided here.
"""
