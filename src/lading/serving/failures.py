"""What goes wrong while serving, and which status of HTTP says so."""

from __future__ import annotations

from typing import Final

from lading.errors import InvalidInput, LadingError, NotFound, Unavailable
from lading.serving.protocol.outputs import ModelFailed


class Busy(Unavailable):
    """Too many wait already: come again."""


class Crowded(Busy):
    """Too many bytes of requests are held: nobody reads the rest of this one."""


class NotReady(Unavailable):
    """The model is not loaded yet, or the server is ending."""


class Overdue(Unavailable):
    """The model did not answer in time."""


class TooLarge(InvalidInput):
    """The request is larger than the server takes."""


class TooSlow(InvalidInput):
    """The request did not come in time."""


class UnknownEncoding(InvalidInput):
    """The body is compressed, or otherwise not as it is meant."""


# The nearest class counts.
STATUSES: Final[dict[type[LadingError], int]] = {
    TooLarge: 413,
    TooSlow: 408,
    UnknownEncoding: 415,
    Overdue: 504,
    ModelFailed: 500,
    NotFound: 404,
    InvalidInput: 400,
    Unavailable: 503,
    LadingError: 500,
}


def status_of(error: LadingError) -> int:
    """The status that an error is answered with."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
