"""Authorization: the header for each request to one registry.

Decides which challenge is answered how, and keeps what came of it. Tokens are fetched by a
:class:`TokenFetcher`, credentials are found by whoever knows where they are kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lading.errors import AccessDenied
from lading.stores.remote.challenge import (
    Challenge,
    Endpoint,
    check_registry,
    choose,
    endpoint,
    parse,
)
from lading.stores.remote.credentials import Credential, Credentials
from lading.stores.remote.grant import Grants, Scope, Token, grants_in, grants_of, scopes_of
from lading.stores.remote.origin import Origin

if TYPE_CHECKING:
    from lading.settings import Settings

_log = logging.getLogger(__name__)

# A token is renewed so long before it ends, or at half its life where that is shorter.
_MARGIN = 30.0
# Helpers are slow; some hand out short-lived secrets. So what they said holds for a while.
_FOUND_SECONDS = 60.0


class TokenFetcher(Protocol):
    """What makes tokens out of credentials."""

    def basic(self, credential: Credential) -> Token:
        """A user name and a password, as a header."""
        ...

    def bearer(
        self, place: Endpoint, scopes: tuple[str, ...], credential: Credential | None
    ) -> Token:
        """A token for some scopes; an anonymous one without a credential.

        Raises:
            AccessDenied: the token server refuses the credential.
            Unavailable: it does not answer as it should.
        """
        ...

    def knows_host(self, host: str) -> bool:
        """Whether this is a cloud's registry whose tokens come from the cloud's own login."""
        ...

    def cloud(self, host: str) -> Token:
        """A token from the cloud's own login.

        Raises:
            AccessDenied: nobody is logged in there, or may not.
            Unsupported: what is needed for it is not installed.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    """A header that worked or may work, for what, and until when."""

    header: str = field(repr=False)
    name: str
    place: Endpoint | None
    # None: for everything that has this name (passwords and ready-made tokens).
    grants: Grants | None
    credential: Credential | None
    until: float

    def fits(self, name: str, grants: Grants) -> bool:
        return self.name == name if self.grants is None else self.grants >= grants


class Authorization:
    """Headers for one registry; safe to use from many threads.

    A header that was rejected is replaced once: the first thread to report it fetches, the
    others get what it fetched. Callers ask at most once for each request, so that a registry
    that rejects everything is not asked forever.
    """

    def __init__(
        self,
        origin: Origin,
        find: Callable[[str], Credential | None],
        fetch: TokenFetcher,
        *,
        insecure: Collection[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = origin
        self._find = find
        self._fetch = fetch
        self._insecure = insecure
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: tuple[_Answer, ...] = ()
        self._challenge: Challenge | None = None
        # Held while the network is asked; the memory above never waits for it.
        self._asking = threading.Lock()
        self._found: dict[str, tuple[float, Credential | None]] = {}

    @classmethod
    def of(cls, origin: Origin, settings: Settings) -> Authorization:
        """Headers from the credentials and for the hosts that the settings name."""
        from lading.stores.remote.tokens import OrasTokens

        find = Credentials.of(settings).find
        return cls(origin, find, OrasTokens(settings), insecure=settings.insecure)

    def header(self, scopes: tuple[Scope, ...]) -> str | None:
        """The header that is known for these scopes; asks nobody."""
        answer = self._known(self._name(scopes), grants_of(scopes), None)
        return answer.header if answer else None

    def ready(self, scopes: tuple[Scope, ...]) -> str | None:
        """The header for these scopes, with a new token where the last one ran out.

        None where this registry has not challenged yet, and where it may let nobody in as well
        as us. Worth asking before a large body, which would otherwise be sent twice.

        Raises:
            Unavailable: the token server does not answer as it should.
        """
        header = self.header(scopes)
        challenge = self._challenge
        if header is not None or challenge is None:
            return header
        try:
            return self._answered(challenge, scopes, None)
        except AccessDenied:
            return None

    def challenged(
        self, www_authenticate: list[str], scopes: tuple[Scope, ...], *, stale: str | None
    ) -> str:
        """A fresh header after a 401; ``stale`` is the one that was sent.

        Raises:
            AccessDenied: there are no credentials, they are refused, or the registry wants
                them sent where they must not go.
            Unavailable: the challenge or the token server's answer cannot be used.
            Unsupported: the registry wants something else than Basic or Bearer.
        """
        check_registry(self._origin, self._insecure)
        challenge = choose(parse(www_authenticate), self._origin)
        return self._answered(challenge, scopes, stale)

    def _answered(self, challenge: Challenge, scopes: tuple[Scope, ...], stale: str | None) -> str:
        name = self._name(scopes)
        with self._asking:
            if challenge.scheme == "basic":
                answer = self._basic(name, stale)
            else:
                answer = self._bearer(challenge, name, grants_of(scopes), stale)
        return answer.header

    def _basic(self, name: str, stale: str | None) -> _Answer:
        known = self._known(name, frozenset(), None, per_name=True)
        if known and known.header != stale:
            return known
        credential = self._credential(name, again=stale is not None)
        if credential is None and self._fetch.knows_host(self._origin.host):
            token = self._fetch.cloud(self._origin.host)
        elif credential is None or not credential.has_password:
            raise self._denied(name, credential, "it wants a user name and a password")
        else:
            token = self._fetch.basic(credential)
        if token.header == stale:
            raise self._denied(name, credential, "it refuses them")
        self._challenge = Challenge("basic")
        return self._keep(_Answer(token.header, name, None, None, credential, self._until(token)))

    def _bearer(
        self, challenge: Challenge, name: str, needed: Grants, stale: str | None
    ) -> _Answer:
        place = endpoint(challenge, self._origin, self._insecure)
        wanted = needed | grants_in(challenge.scopes)
        rejected = self._drop(stale) if stale else None
        known = self._known(name, wanted, place)
        if known:
            return known
        credential = self._credential(name, again=rejected is not None)
        if rejected and challenge.wants_other_scope and _is_no_better(rejected, wanted, credential):
            raise self._denied(name, credential, "it does not allow this")
        answer = self._fetched(place, name, wanted, credential)
        if answer.header == stale:
            raise self._denied(name, credential, "it refuses them")
        self._challenge = Challenge("bearer", {"realm": place.realm, "service": place.service})
        return self._keep(answer)

    def _fetched(
        self, place: Endpoint, name: str, wanted: Grants, credential: Credential | None
    ) -> _Answer:
        if credential and credential.registry_token:
            header = f"Bearer {credential.registry_token}"
            return _Answer(header, name, place, None, credential, float("inf"))
        scopes = tuple(scopes_of(wanted))
        _log.debug("asking %s for a token for %s", place.origin, ", ".join(scopes) or "nothing")
        try:
            token = self._fetch.bearer(place, scopes, credential)
        except AccessDenied as error:
            raise self._denied(name, credential, error.cause or error.what) from error
        return _Answer(token.header, name, place, wanted, credential, self._until(token))

    def _name(self, scopes: tuple[Scope, ...]) -> str:
        """What credentials are looked up for: the first repository, else the registry."""
        for scope in scopes:
            if scope.repository is not None:
                return f"{self._origin.registry}/{scope.repository}"
        return self._origin.registry

    def _known(
        self, name: str, grants: Grants, place: Endpoint | None, *, per_name: bool = False
    ) -> _Answer | None:
        """The narrowest answer that is still good."""
        now = self._clock()
        with self._lock:
            answers = self._answers
        fitting = [
            answer
            for answer in answers
            if now < answer.until
            and answer.fits(name, grants)
            and place in (None, answer.place)
            and not (per_name and answer.grants is not None)
        ]
        return min(fitting, key=lambda answer: len(answer.grants or ()), default=None)

    def _keep(self, answer: _Answer) -> _Answer:
        now = self._clock()
        with self._lock:
            others = (
                other
                for other in self._answers
                if now < other.until and (other.name, other.grants) != (answer.name, answer.grants)
            )
            self._answers = (*others, answer)
        return answer

    def _drop(self, header: str) -> _Answer | None:
        """Forget a header that was rejected, and say what it was."""
        with self._lock:
            dropped = [answer for answer in self._answers if answer.header == header]
            self._answers = tuple(a for a in self._answers if a.header != header)
        return dropped[0] if dropped else None

    def _credential(self, name: str, *, again: bool) -> Credential | None:
        """Who we are there; asked anew where what was found has been rejected."""
        now = self._clock()
        moment, found = self._found.get(name, (float("-inf"), None))
        if again or now - moment > _FOUND_SECONDS:
            found = self._find(name)
            self._found[name] = (now, found)
        return found

    def _until(self, token: Token) -> float:
        return self._clock() + token.lifetime - min(_MARGIN, token.lifetime / 2)

    def _denied(self, name: str, credential: Credential | None, cause: str) -> AccessDenied:
        host = self._origin.registry
        who = "there are no credentials for it"
        if credential:
            who = f"as {credential.username!r}" if credential.username else "with a token"
            who += f" from {credential.source}" if credential.source else ""
        return AccessDenied(
            f"{host} denies access" + (f" to {name.partition('/')[2]}" if "/" in name else ""),
            cause=f"{cause} ({who})",
            hint=f"lading login {host}",
        )


def _is_no_better(rejected: _Answer, wanted: Grants, credential: Credential | None) -> bool:
    """Whether asking again would only fetch the token again that was just rejected."""
    covered = rejected.grants is None or rejected.grants >= wanted
    return covered and rejected.credential == credential
