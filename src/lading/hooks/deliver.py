"""Deliveries: one event to one receiver, signed, repeated until it is taken or refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lading.errors import AccessDenied, InvalidInput, LadingError, Unavailable
from lading.hooks.address import Address
from lading.hooks.post import Answer, Line, NoAnswer, post
from lading.hooks.signing import signed_headers
from lading.spec.encoding import encode
from lading.stores.remote.retry import LONGEST_WAIT, PASSING, backoff, retry_after

_log = logging.getLogger(__name__)

_REDIRECTS = frozenset({307, 308})
_MOST_REDIRECTS = 3
_DENIED = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A receiver, and how it is told."""

    address: Address
    secret: bytes = field(repr=False)
    line: Line = field(default_factory=Line)
    tries: int = 6

    def deliver(
        self,
        event: dict[str, object],
        *,
        delivery: str,
        kind: str,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Post an event as JSON, with the delivery's id in it; again where a failure may pass.

        Raises:
            AccessDenied: the receiver does not accept whoever sends.
            InvalidInput: it refuses for good, or redirects to another place.
            Unavailable: it still fails after the last try.
        """
        body = encode({**event, "delivery": delivery})
        for failures in range(self.tries):
            try:
                answer = self._follow(body, delivery, kind)
            except NoAnswer as error:
                cause, asked = str(error), None
            else:
                if 200 <= answer.status < 300:
                    return
                if answer.status not in PASSING and answer.status < 500:
                    raise self._refusal(answer)
                cause, asked = f"it answers {answer.status}", retry_after(answer.retry_after)
            if failures + 1 < self.tries:
                wait = backoff(failures) if asked is None else min(asked, LONGEST_WAIT)
                _log.debug("delivery %s to %s: %s; again in %.1f s", delivery, self, cause, wait)
                pause(wait)
        raise Unavailable(
            f"the webhook at {self} does not take the event",
            cause=f"{cause}, {self.tries} times",
            hint="it is delivered again, with the same id, when this runs again",
        )

    def _follow(self, body: bytes, delivery: str, kind: str) -> Answer:
        """Post, and follow redirects that change neither the method nor the origin."""
        address = self.address
        for _ in range(_MOST_REDIRECTS + 1):
            # Signed anew each time: a receiver refuses what was signed long ago.
            headers = signed_headers(self.secret, body, delivery=delivery, kind=kind)
            answer = post(address, {**headers, **_described()}, body, self.line)
            if answer.status not in _REDIRECTS or answer.location is None:
                return answer
            address = address.redirected(answer.location)
        raise InvalidInput(
            f"the webhook at {self} redirects in circles", hint="give the receiver's final URL"
        )

    def _refusal(self, answer: Answer) -> LadingError:
        kind = AccessDenied if answer.status in _DENIED else InvalidInput
        said = f": {answer.text.strip()}" if answer.text.strip() else ""
        return kind(
            f"the webhook at {self} refuses the event",
            cause=f"it answers {answer.status}{said}",
            hint="check the URL and the secret on both sides",
        )

    def __str__(self) -> str:
        return str(self.address)


def _described() -> dict[str, str]:
    from lading import __version__

    return {"Content-Type": "application/json", "User-Agent": f"lading/{__version__}"}
