"""Which status of gRPC says what went wrong, and the number that HTTP says it with."""

from __future__ import annotations

from typing import Final

from grpc import StatusCode

from lading.errors import InvalidInput, LadingError, NotFound, Unavailable
from lading.serving.failures import Overdue, TooLarge, TooSlow
from lading.serving.protocol.outputs import ModelFailed

# The nearest class counts. What may be asked again as it is is unavailable; what never will be
# answered, because it is too large, is what exhausts.
_STATUSES: Final[dict[type[LadingError], StatusCode]] = {
    TooLarge: StatusCode.RESOURCE_EXHAUSTED,
    TooSlow: StatusCode.DEADLINE_EXCEEDED,
    Overdue: StatusCode.DEADLINE_EXCEEDED,
    ModelFailed: StatusCode.INTERNAL,
    NotFound: StatusCode.NOT_FOUND,
    InvalidInput: StatusCode.INVALID_ARGUMENT,
    Unavailable: StatusCode.UNAVAILABLE,
    LadingError: StatusCode.INTERNAL,
}


def code_of(error: LadingError) -> StatusCode:
    """The status that an error is answered with."""
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
