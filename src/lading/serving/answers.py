"""Responses, and how errors look in them."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from lading.errors import LadingError
from lading.serving.failures import Crowded, TooLarge, TooSlow, UnknownEncoding, status_of
from lading.serving.protocol.given import WrongInput
from lading.serving.protocol.response import dumps
from lading.signatures.validate import Problem

JSON: Final = "application/json"
# Answered before the body was read to its end: what still comes is not a request.
_UNREAD: Final = (Crowded, TooLarge, TooSlow, UnknownEncoding)


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(dumps(value), status, media_type=JSON)


def error_response(error: LadingError) -> Response:
    """An error as the protocol has it: the text under ``error``, and what else is known."""
    status = status_of(error)
    told: dict[str, Any] = {"error": str(error)}
    if error.hint:
        told["hint"] = error.hint
    if isinstance(error, WrongInput):
        told["problems"] = [_problem(each) for each in error.problems]
    response = json_response(told, status)
    if isinstance(error, _UNREAD):
        response.headers["connection"] = "close"
    if status == 503:
        response.headers["retry-after"] = "1"
    return response


def _problem(problem: Problem) -> dict[str, Any]:
    row = {} if problem.row is None else {"row": problem.row}
    return {
        "field": problem.where,
        "expected": problem.expected,
        "got": problem.got,
        **row,
    }
