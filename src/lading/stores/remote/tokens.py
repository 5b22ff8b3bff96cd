"""Tokens: oras-py's auth backends behind one typed door.

The backends only fetch. What they are sent to was checked before
(:mod:`lading.stores.remote.challenge`), the credentials were found before, and what they fetch
is kept by :mod:`lading.stores.remote.authorization`. They and requests are imported when a
registry challenges, not earlier.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lading.errors import AccessDenied, LadingError, Unavailable, Unsupported
from lading.stores.remote.challenge import Endpoint, is_plain
from lading.stores.remote.credentials import Credential
from lading.stores.remote.grant import Token

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.stores.remote.session import TokenAnswer, TokenSession

_CLIENT = "lading"
# What the token specification says where a server says nothing.
_DEFAULT_SECONDS = 60.0
_LONGEST_SECONDS = 24 * 3600.0
# ECR's tokens are good for twelve hours; oras-py does not say from when on.
_ECR_SECONDS = 11 * 3600.0
_ECR_HOST = re.compile(r"\d{12}\.dkr\.ecr\.[^.]+\.amazonaws\.com", re.ASCII)


class OrasTokens:
    """Fetches tokens by oras-py; one short-lived session for each, so threads share nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def basic(self, credential: Credential) -> Token:
        """A user name and a password, as a header."""
        from oras.auth.basic import BasicAuth

        backend = BasicAuth()
        # Always, since the backend has taken ORAS_USER and ORAS_PASS from the environment.
        backend.set_basic_auth(credential.username, credential.password)
        return Token(str(backend.get_auth_header()["Authorization"]), float("inf"))

    def bearer(
        self, place: Endpoint, scopes: tuple[str, ...], credential: Credential | None
    ) -> Token:
        """A token for some scopes; an anonymous one without a credential.

        Raises:
            AccessDenied: the token server refuses the credential.
            Unavailable: it does not answer as it should.
        """
        with self._session() as session:
            if credential and credential.identity_token:
                text = _by_identity(session, place, scopes, credential.identity_token)
            else:
                text = _by_oras(session, place, scopes, credential)
            return _token(text, session.answer, place)

    def knows_host(self, host: str) -> bool:
        """Whether this is a registry of ECR."""
        return _ECR_HOST.fullmatch(host) is not None

    def cloud(self, host: str) -> Token:
        """A token of ECR's, from whatever credentials AWS's own library finds.

        Raises:
            AccessDenied: it finds none, or they are refused.
            Unavailable: AWS does not answer.
            Unsupported: boto3 is not installed.
        """
        from oras.auth import get_auth_backend

        with self._session() as session:
            backend = get_auth_backend("ecr", session=session)
            # Not the registry's own words: the backend takes the region out of the realm.
            challenge = f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
            asked = SimpleNamespace(headers={"Www-Authenticate": challenge})
            try:
                headers, _ = backend.authenticate_request(asked, {})
            except ImportError as error:
                raise Unsupported(
                    f"cannot log in to {host} as AWS does it",
                    cause="boto3 is not installed",
                    hint="pip install 'lading[ecr]', or lading login " + host,
                ) from error
            except _aws_errors() as error:
                raise _aws_refusal(host, error) from error
        header = str(headers.get("Authorization", ""))
        if not is_plain(header.removeprefix("Basic ")):
            raise Unavailable(f"cannot log in to {host}", cause="AWS gave no token")
        return Token(header, _ECR_SECONDS)

    def _session(self) -> TokenSession:
        from lading.stores.remote.session import TokenSession

        return TokenSession(self._settings)


def _by_oras(
    session: TokenSession, place: Endpoint, scopes: tuple[str, ...], credential: Credential | None
) -> object:
    from oras.auth import get_auth_backend
    from oras.auth.utils import authHeader

    backend = get_auth_backend("token", session=session, tls_verify=True)
    asked = authHeader({"realm": place.realm, "service": place.service})
    # A list becomes a parameter for each scope, which is what token servers expect.
    asked.scope = list(scopes)
    if credential is None:
        return backend.request_anonymous_token(asked)
    backend.set_basic_auth(credential.username, credential.password)
    return backend.request_token(asked)


def _by_identity(
    session: TokenSession, place: Endpoint, scopes: tuple[str, ...], identity_token: str
) -> object:
    """OAuth2's refresh of a token; oras-py has nothing for it."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": identity_token,
        "service": place.service,
        "client_id": _CLIENT,
        "scope": " ".join(scopes),
    }
    answer = session.post(place.realm, data=form).json()
    return answer.get("access_token") or answer.get("token")


def _token(text: object, answer: TokenAnswer, place: Endpoint) -> Token:
    # A line break in a token would be a header of the server's choosing.
    if not isinstance(text, str) or not is_plain(text):
        raise Unavailable(f"{place.origin} gives no token", cause="its answer has none in it")
    return Token(f"Bearer {text}", lifetime(answer.fields, answer.date))


def lifetime(fields: Mapping[str, object], date: str | None) -> float:
    """For how many seconds from now on a token is good.

    A server may hand out a token that it issued before. How old that is follows from the
    server's own clock alone, since ours may be wrong.
    """
    stated = fields.get("expires_in")
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return _DEFAULT_SECONDS
    # NaN, which Python's JSON reads, is not above 0; bounded before it becomes a float.
    seconds = float(min(stated, _LONGEST_SECONDS)) if stated > 0 else 0.0
    return max(0.0, seconds - _age(fields.get("issued_at"), date))


def _age(issued_at: object, date: str | None) -> float:
    try:
        issued = datetime.fromisoformat(str(issued_at))
        now = email.utils.parsedate_to_datetime(str(date))
        return max(0.0, (now - issued).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _aws_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises, as far as it is there; only looked at once something was raised."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (LookupError,)
    return (LookupError, BotoCoreError, ClientError)


def _aws_refusal(host: str, error: Exception) -> LadingError:
    from botocore.exceptions import HTTPClientError

    what = f"cannot log in to {host} as AWS does it"
    if isinstance(error, LookupError):
        return Unavailable(what, cause="AWS gave no token")
    if isinstance(error, HTTPClientError):
        return Unavailable(what, cause=str(error)[:300], hint="try again later")
    return AccessDenied(
        what,
        cause=str(error)[:300],
        hint=f"aws configure (or the role of this machine), or lading login {host}",
    )
