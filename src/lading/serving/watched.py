"""Around every request: the digest on its answer, and what is counted and told of it."""

from __future__ import annotations

import re
import time
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lading.serving.asker import Asker
from lading.serving.exchange import header_of
from lading.serving.journal import Journal
from lading.serving.metrics import Metrics
from lading.serving.model import Model
from lading.serving.slot import Slot

_KEY: Final = "lading"
_DIGEST: Final = b"x-model-digest"
_REQUEST_ID: Final = b"x-request-id"
_ID: Final = re.compile(rb"[\w.:/+=-]{1,128}", re.ASCII)
# Asked every few seconds by machines; what they were told is counted, and on no line.
_QUIET: Final = frozenset({"live", "ready", "metrics"})


class Seen:
    """What is known of one request so far."""

    __slots__ = ("asker", "endpoint", "rows", "status")

    def __init__(self) -> None:
        self.endpoint = "other"
        self.status = 0
        self.rows: int | None = None
        # Who answers it, from when it was chosen on: another may take the place meanwhile.
        self.asker: Asker | None = None


def of_scope(scope: Scope) -> Seen:
    """What is known of a request, to be added to."""
    seen: Seen = scope[_KEY]
    return seen


def of_request(request: Request) -> Seen:
    """The same, for a request of the framework's."""
    return of_scope(request.scope)


class Watched:
    """An application, and around it what every answer has in common."""

    def __init__(
        self, app: ASGIApp, slot: Slot, metrics: Metrics, journal: Journal, expected: str
    ) -> None:
        self._app = app
        self._slot = slot
        self._metrics = metrics
        self._journal = journal
        self._expected = expected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = time.perf_counter()
        seen = scope[_KEY] = Seen()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                model = self._model(seen)
                digest = model.digest if model else self._expected
                message["headers"].append((_DIGEST, digest.encode("latin-1", "replace")))
                await send(message)
                return
            await send(message)
            if not message.get("more_body"):
                self._tell(scope, seen, time.perf_counter() - started)

        await self._app(scope, receive, sending)

    def _model(self, seen: Seen) -> Model | None:
        asker = seen.asker or self._slot.loaded
        return asker.model if asker else None

    def _tell(self, scope: Scope, seen: Seen, seconds: float) -> None:
        model = self._model(seen)
        if model is not None:
            self._metrics.answered(model, seen.endpoint, seen.status, seconds)
        if seen.endpoint in _QUIET:
            return
        self._journal.request(
            model,
            expected=self._expected,
            method=scope["method"],
            path=scope["path"],
            endpoint=seen.endpoint,
            status=seen.status,
            seconds=seconds,
            rows=seen.rows,
            request_id=_request_id(scope),
        )


def _request_id(scope: Scope) -> str | None:
    """The name that a proxy gave the request, if it is one."""
    value = header_of(scope, _REQUEST_ID)
    return value.decode("ascii") if value is not None and _ID.fullmatch(value) else None
