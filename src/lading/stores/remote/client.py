"""Requests to one registry: authorized, retried, redirected, and refused in Lading's words.

The one place where HTTP's answers become Lading's errors.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from lading.errors import (
    AccessDenied,
    Conflict,
    IntegrityError,
    InvalidInput,
    LadingError,
    NotFound,
    Unavailable,
    Unsupported,
)
from lading.stores.remote.authorization import Authorization
from lading.stores.remote.connection import Body, BrokenConnection, ConnectionPool, Response
from lading.stores.remote.grant import Scope
from lading.stores.remote.origin import Origin
from lading.stores.remote.retry import LONGEST_WAIT, PASSING, backoff, retry_after
from lading.stores.remote.silence import PATIENCE

if TYPE_CHECKING:
    from lading.settings import Settings

_log = logging.getLogger(__name__)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5

_REFUSALS: tuple[tuple[frozenset[int], type[LadingError], str], ...] = (
    (frozenset({401, 403}), AccessDenied, "lading login {host}"),
    (frozenset({404}), NotFound, "check the name; lading list shows what is there"),
    (frozenset({409, 412}), Conflict, "the registry keeps this from being changed"),
    (frozenset({413}), Unsupported, "the registry, or a proxy before it, limits sizes"),
    (frozenset({405, 415, 501}), Unsupported, "lading doctor {host}/SCRATCH says what works"),
    (frozenset({400, 422}), InvalidInput, "lading doctor {host}/SCRATCH says what works"),
)


class Client:
    """Speaks to one registry; safe to use from many threads."""

    def __init__(self, origin: Origin, authorization: Authorization, settings: Settings) -> None:
        self.origin = origin
        self.settings = settings
        self._authorization = authorization
        self._pool = ConnectionPool(settings)
        self._answered = False

    def call(
        self,
        method: str,
        url: str,
        scopes: tuple[Scope, ...],
        *,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Body] | None = None,
        accept: Collection[int] = (200,),
        doing: str,
        repeat: bool = True,
    ) -> Response:
        """The answer to a request, its status one of those accepted.

        Waits and asks again where the failure may pass. A body is made afresh for every try;
        ``repeat=False`` is for bodies that only their owner can bring into step again.

        Raises:
            LadingError: refused for good, or still failing after the last try.
            BrokenConnection: only with ``repeat=False``.
        """
        failures = 0
        began = time.monotonic()
        while True:
            try:
                response = self._authorized(method, url, scopes, headers, body)
            except AccessDenied as denied:
                raise AccessDenied(
                    f"cannot {doing}", cause=str(denied), hint=denied.hint
                ) from denied
            except BrokenConnection as broken:
                if not repeat and broken.connected:
                    raise
                if broken.reused and failures == 0:
                    failures += 1  # an idle connection had been closed: no reason to wait
                    continue
                if failures >= self._tries(broken):
                    raise self._unreachable(broken, method, url, doing) from broken
                wait = backoff(failures)
                why = f"does not answer: {broken}"
                _log.debug("%s %s broke: %s; again in %.1f s", method, url, broken, wait)
            else:
                self._answered = True
                if response.status in accept:
                    return response
                wait_asked = retry_after(response.headers.get("Retry-After"))
                if (
                    response.status not in PASSING
                    or failures >= self.settings.retries
                    or (wait_asked or 0) > LONGEST_WAIT
                    or not repeat
                ):
                    if not repeat and response.status in PASSING:
                        time.sleep(min(wait_asked or 0.0, LONGEST_WAIT))
                    raise refusal(response, method, url, doing, self.origin)
                response.drop()
                wait = backoff(failures) if wait_asked is None else wait_asked
                why = f"is not ready ({response.status})"
                _log.debug("%s %s: %s; again in %.1f s", method, url, response.status, wait)
            failures += 1
            if time.monotonic() - began + wait > PATIENCE:
                self._say_again(why, failures, wait)
            time.sleep(wait)

    def _say_again(self, why: str, failures: int, wait: float) -> None:
        """Tell who has been waiting for a while that something goes on."""
        which = f"try {failures + 1} of {self.settings.retries + 1}"
        _log.warning("%s %s; %s in %.0f s", self.origin.netloc, why, which, wait)

    def resolve_location(self, base: str, location: str) -> str:
        """An absolute URL from a Location header, checked.

        A registry behind a proxy that ends TLS often names itself with http: that is mended.

        Raises:
            Unavailable: it leads out of TLS to another host.
        """
        url = urljoin(base, location)
        target = Origin.of(url)
        if self.origin.scheme == "https" and target.scheme == "http":
            if target.host != self.origin.host:
                raise Unavailable(
                    f"{self.origin.host} sends us to a place without encryption",
                    cause=f"{target}",
                    hint="nothing was sent there; the registry's configuration must be mended",
                )
            parts = urlsplit(url)
            url = parts._replace(scheme="https", netloc=self.origin.netloc).geturl()
        return url

    def close(self) -> None:
        """Close what is idle."""
        self._pool.close()

    def _authorized(
        self,
        method: str,
        url: str,
        scopes: tuple[Scope, ...],
        headers: Mapping[str, str] | None,
        body: Callable[[], Body] | None,
    ) -> Response:
        """Send; on a 401 answer its challenge once."""
        header = self._authorization.ready(scopes) if self._is_own(url) else None
        response = self._followed(method, url, headers, body, header)
        if response.status != 401 or not self._is_own(url):
            return response
        challenges = response.header_values("WWW-Authenticate")
        response.drop()
        header = self._authorization.challenged(challenges, scopes, stale=header)
        return self._followed(method, url, headers, body, header)

    def _followed(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: Callable[[], Body] | None,
        authorization: str | None,
    ) -> Response:
        """Send, and follow redirects of what only reads."""
        for _ in range(_MAX_REDIRECTS + 1):
            lines = {"User-Agent": _user_agent(), **(headers or {})}
            # Credentials are for the registry's own origin, never for where it redirects to.
            if authorization and self._is_own(url):
                lines["Authorization"] = authorization
            response = self._pool.send(method, url, lines, body() if body else None)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or method not in {"GET", "HEAD"} or not location:
                return response
            response.drop()
            url = self.resolve_location(url, location)
        raise Unavailable(f"{self.origin.host} redirects in circles", cause=url)

    def _is_own(self, url: str) -> bool:
        return Origin.of(url) == self.origin

    def _tries(self, broken: BrokenConnection) -> int:
        # A host that never answered is more likely misspelt than busy.
        return self.settings.retries if broken.connected or self._answered else 0

    def _unreachable(
        self, broken: BrokenConnection, method: str, url: str, doing: str
    ) -> LadingError:
        cause = broken.__cause__
        if isinstance(cause, ConnectionRefusedError):
            hint = f"is a registry listening at {self.origin.netloc}?"
        elif type(cause).__name__ == "gaierror":
            hint = "check the host's name and the network"
        elif type(cause).__name__.startswith("SSL"):
            hint = "--ca-file FILE for a registry with its own authority"
            if self.origin.is_loopback or "WRONG_VERSION" in str(cause):
                hint += f", or --insecure {self.origin.netloc} for one without TLS"
        else:
            hint = "try again" + _what_is_kept(method, url)
        return Unavailable(
            f"cannot {doing}", cause=f"{self.origin.netloc} does not answer: {broken}", hint=hint
        )


def refusal(response: Response, method: str, url: str, doing: str, origin: Origin) -> LadingError:
    """The error for an answer that was not wanted."""
    status = response.status
    message = _message(response)
    what = f"cannot {doing}"
    cause = f"{message} ({method} {urlsplit(url).path}, {status})"
    if status == 400 and "HTTPS server" in message:
        hint = "it speaks TLS: name its authority with --ca-file FILE"
        return Unavailable(what, cause=cause, hint=hint)
    if "BLOB_UNKNOWN" in message:
        return NotFound(what, cause=cause, hint="push what it names first")
    if "DIGEST_INVALID" in message or "SIZE_INVALID" in message:
        return IntegrityError(what, cause=cause)
    for statuses, kind, hint in _REFUSALS:
        if status in statuses:
            return kind(what, cause=cause, hint=hint.format(host=origin.registry))
    return Unavailable(what, cause=cause, hint="try again later" + _what_is_kept(method, url))


def _what_is_kept(method: str, url: str) -> str:
    """What whoever moves content need not fear; who only lists or asks has moved nothing."""
    moves = method not in {"GET", "HEAD"} or "/blobs/" in url
    return "; what was transferred is kept" if moves else ""


def _message(response: Response) -> str:
    """What the registry says, in the specification's form or any other."""
    try:
        raw = response.read(64 * 1024)
    except BrokenConnection:
        return "no reason given"
    try:
        errors = json.loads(raw)["errors"]
        texts = [f"{e.get('message') or ''} [{e.get('code')}]".strip() for e in errors]
        return "; ".join(texts)[:500] or "no reason given"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        text = raw.decode("utf-8", "replace").strip()
        plain = text and not text.startswith("<") and len(text) < 300
        return text if plain else "no reason given"


def _user_agent() -> str:
    from lading import __version__

    return f"lading/{__version__}"
