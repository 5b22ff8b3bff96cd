"""The session that token requests go through: requests, with every default that leaks closed.

No environment, no ``.netrc``, no cookies, no redirect to anybody else, no answer without a
bound, no waiting without an end. Imported only when a token is fetched.
"""

from __future__ import annotations

import io
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter

from lading import __version__
from lading.errors import AccessDenied, InvalidInput, LadingError, Unavailable
from lading.stores.remote.connection import bypasses, tls_context
from lading.stores.remote.origin import Origin
from lading.stores.remote.retry import LONGEST_WAIT, PASSING, backoff, retry_after

if TYPE_CHECKING:
    from lading.settings import Settings

_log = logging.getLogger(__name__)

# A token with its claims is a few kilobytes.
_LARGEST = 1024 * 1024
_MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token server said besides the token."""

    fields: Mapping[str, object] = field(default_factory=dict, repr=False)
    date: str | None = None


class TokenSession(requests.Session):
    """Answers are JSON objects with status 200; everything else is raised in Lading's words.

    So the backends, which read an answer without looking at it, never see another.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["User-Agent"] = f"lading/{__version__}"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", _Verified(tls_context(settings)))
        self.answer = TokenAnswer()
        self._settings = settings

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]  # the backends use no more
        """One token request, with retries where the failure may pass.

        Raises:
            AccessDenied: the credentials are refused.
            Unavailable: there is no answer that can be used.
        """
        failures = 0
        while True:
            try:
                response = self._followed(method, url, options)
            except requests.RequestException as error:
                if failures >= self._settings.retries or not _may_pass(error):
                    raise _unreachable(url, error) from error
                wait = backoff(failures)
            else:
                asked = retry_after(response.headers.get("Retry-After"))
                if (
                    response.status_code not in PASSING
                    or failures >= self._settings.retries
                    or (asked or 0) > LONGEST_WAIT
                ):
                    return self._checked(response)
                wait = backoff(failures) if asked is None else asked
            _log.debug("no token from %s yet; again in %.1f s", Origin.of(url), wait)
            failures += 1
            time.sleep(wait)

    def _followed(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        """Send, and follow redirects that stay with the same server."""
        origin = Origin.of(url)
        sent = {**options, "verify": True, "allow_redirects": False, "stream": True}
        sent |= {"timeout": self._settings.timeout, "proxies": self._proxies(origin)}
        for _ in range(_MOST_REDIRECTS + 1):
            with super().request(method, url, **sent) as response:
                location = response.headers.get("Location")
                if not response.is_redirect or location is None:
                    return _whole(response, origin)
            url = urljoin(url, location)
            if method != "GET" or _origin(url) != origin:
                raise Unavailable(
                    f"{origin} sends us elsewhere for a token",
                    cause=f"redirect to {_origin(url) or 'no URL'}",
                    hint="nothing was sent there; the registry's configuration must be mended",
                )
            sent.pop("params", None)
        raise Unavailable(f"{origin} redirects in circles")

    def _checked(self, response: requests.Response) -> requests.Response:
        """The answer, if the backends can read it."""
        server = Origin.of(response.url)
        status = response.status_code
        if status in (400, 401, 403):
            # Its text is not shown: it may repeat what was sent.
            raise AccessDenied(
                f"{server} gives no token", cause=f"{server} refuses the credentials ({status})"
            )
        if status != 200:
            raise Unavailable(f"{server} gives no token", cause=f"it answers with status {status}")
        try:
            fields = json.loads(response.content)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise Unavailable(f"{server} gives no token", cause="its answer is no JSON object")
        self.answer = TokenAnswer(fields, response.headers.get("Date"))
        return response

    def _proxies(self, origin: Origin) -> dict[str, str]:
        settings = self._settings
        url = settings.https_proxy if origin.scheme == "https" else settings.http_proxy
        if not url or origin.is_loopback or bypasses(origin, settings.no_proxy):
            return {}
        return {origin.scheme: url if "://" in url else f"http://{url}"}


class _Verified(HTTPAdapter):
    """Trusts what the transport trusts, and shows the same client certificate."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def cert_verify(self, *_: Any) -> None:
        """Nothing to add: requests would put its own list of authorities beside ours."""


def _whole(response: requests.Response, origin: Origin) -> requests.Response:
    """The answer with its body read, as long as that is short."""
    body = bytearray()
    for piece in response.iter_content(64 * 1024):
        body += piece
        if len(body) > _LARGEST:
            raise Unavailable(f"{origin} gives no token", cause="its answer has no end")
    whole = requests.Response()
    whole.status_code, whole.headers, whole.url = (
        response.status_code,
        response.headers,
        response.url,
    )
    whole.raw = io.BytesIO(body)
    return whole


def _origin(url: str) -> Origin | None:
    try:
        return Origin.of(url)
    except InvalidInput:
        return None


def _may_pass(error: requests.RequestException) -> bool:
    passing = requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError
    return isinstance(error, passing) and not isinstance(error, requests.exceptions.SSLError)


def _unreachable(url: str, error: requests.RequestException) -> LadingError:
    server = Origin.of(url)
    hint = "try again later"
    if isinstance(error, requests.exceptions.SSLError):
        cause, hint = f"no trusted connection: {error}"[:300], "--ca-file FILE"
    elif isinstance(error, requests.exceptions.ProxyError):
        cause = "the proxy does not let us through"
    elif isinstance(error, requests.Timeout):
        cause = "no answer in time"
    else:
        cause = f"no connection ({type(error).__name__})"
    return Unavailable(f"{server} gives no token", cause=cause, hint=hint)
