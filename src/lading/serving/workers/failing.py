"""An error on its way from a worker to the parent, which raises it as its own."""

from __future__ import annotations

from typing import Any

from lading.errors import LadingError, LocalFailure


def failure(error: BaseException) -> dict[str, Any]:
    """An error as a worker reports it; one that nobody foresaw without its words."""
    if not isinstance(error, LadingError):
        return {"kind": type(error).__name__, "what": None}
    return {
        "kind": type(error).__name__,
        "what": error.what,
        "cause": error.cause,
        "hint": error.hint,
    }


def restored(told: dict[str, Any]) -> LadingError | None:
    """The error that was reported; None for one that nobody foresaw."""
    if told["what"] is None:
        return None
    kind = _kinds().get(told["kind"], LocalFailure)
    error = kind.__new__(kind)
    LadingError.__init__(error, told["what"], cause=told["cause"], hint=told["hint"])
    return error


def _kinds() -> dict[str, type[LadingError]]:
    """Every class of error that is known here, by name."""
    found: dict[str, type[LadingError]] = {}
    left: list[type[LadingError]] = [LadingError]
    while left:
        kind = left.pop()
        found[kind.__name__] = kind
        left += kind.__subclasses__()
    return found
