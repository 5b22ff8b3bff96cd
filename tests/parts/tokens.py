"""A token server, as registries send their clients to.

It is a double: no Debian package brings one. docker-registry checks its tokens for real: they
are JSON web tokens, signed RS256 by openssl with a certificate that the registry trusts.
"""

from __future__ import annotations

import base64
import json
import math
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import parts
from parts.certificates import Authority
from parts.process import run
from parts.server import Handler, Server

# distribution accepts a token until a minute after its expiry.
_REGISTRY_LEEWAY = 60

Grant = Callable[[str | None, str], frozenset[str]]
EVERYTHING = frozenset({"pull", "push", "delete", "*"})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What somebody asked the token server for, and what became of it."""

    method: str
    user: str | None
    scopes: tuple[str, ...]
    service: str
    grant: str
    offline: bool
    status: int


@dataclass(frozen=True, slots=True)
class _Issued:
    access: Mapping[str, frozenset[str]]
    expires: float


def _everything_to_users(user: str | None, repository: str) -> frozenset[str]:
    return EVERYTHING if user else frozenset()


class _TokenHandler(Handler):
    def answer(self) -> None:
        part = cast("TokenServer", self.part)
        if urlsplit(self.path).path != "/token":
            self.reply(404)
        elif self.command == "POST":
            self._post(part)
        else:
            self._get(part)

    def _get(self, part: TokenServer) -> None:
        query = parse_qs(urlsplit(self.path).query)
        user, password = _basic(self.request_log.headers.get("authorization"))
        offline = query.get("offline_token", [""])[-1] == "true"
        scopes = tuple(scope for text in query.get("scope", []) for scope in text.split())
        service = query.get("service", [""])[-1]
        right = user is None or part.users.get(user) == password
        status = 200 if right and part.get_allowed else 401 if part.get_allowed else 405
        part.note(TokenRequest("GET", user, scopes, service, "basic", offline, status))
        self._finish(part, status, user, scopes, identity=offline and user is not None)

    def _post(self, part: TokenServer) -> None:
        form = {
            name: values[-1]
            for name, values in parse_qs(self.read_body().decode(), keep_blank_values=True).items()
        }
        grant = form.get("grant_type", "")
        user = part.user_of(grant, form)
        scopes = tuple(form.get("scope", "").split())
        offline = form.get("access_type") == "offline"
        status = (200 if user else 401) if part.post_allowed else 405
        service = form.get("service", "")
        part.note(TokenRequest("POST", user, scopes, service, grant, offline, status))
        identity = offline or grant == "refresh_token"
        self._finish(part, status, user, scopes, identity=identity)

    def _finish(
        self,
        part: TokenServer,
        status: int,
        user: str | None,
        scopes: tuple[str, ...],
        *,
        identity: bool,
    ) -> None:
        if status != 200:
            body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "no token"}]})
            self.reply(status, body.encode(), {"Content-Type": "application/json"})
            return
        answer = part.issue(user, scopes)
        if identity and user:
            answer["refresh_token"] = part.identity_token(user)
        self.reply(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})


class TokenServer(Server):
    """Issues bearer tokens at ``realm``, and says of each whether it still counts.

    ``grant`` decides what a user (None for nobody) may do in a repository; by default a user
    may do everything and nobody nothing. A token counts for ``lifetime`` seconds, to
    docker-registry, too; ``claimed`` is the ``expires_in`` that is answered (None leaves it out).
    ``post_allowed`` and ``get_allowed`` choose the ways it can be asked. Everything may be changed
    while it runs.
    """

    handler = _TokenHandler
    service = "registry.tests"
    issuer = "tests"

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        grant: Grant = _everything_to_users,
        lifetime: float = 300,
        claimed: int | None = 300,
        authority: Authority | None = None,
    ) -> None:
        super().__init__(authority=authority)
        parts.require("openssl")
        folder.mkdir(parents=True, exist_ok=True)
        self.users = dict({"ada": "secret"} if users is None else users)
        self.grant = grant
        self.lifetime = lifetime
        self.claimed = claimed
        self.post_allowed = True
        self.get_allowed = True
        self.token_requests: list[TokenRequest] = []
        self._issued: dict[str, _Issued] = {}
        self._identities: dict[str, str] = {}
        self._key = folder / "token.key"
        self._cert = folder / "token.pem"
        if not self._cert.exists():
            run(
                *("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2"),
                *("-subj", "/CN=tokens", "-keyout", self._key, "-out", self._cert),
            )

    @property
    def realm(self) -> str:
        """Where tokens are asked for."""
        return f"{self.origin}/token"

    @property
    def challenge(self) -> str:
        """What a registry's WWW-Authenticate says, without a scope."""
        return f'Bearer realm="{self.realm}",service="{self.service}"'

    def registry_configuration(self) -> dict[str, str]:
        """docker-registry's ``auth.token``."""
        return {
            "realm": self.realm,
            "service": self.service,
            "issuer": self.issuer,
            "rootcertbundle": str(self._cert),
        }

    def note(self, request: TokenRequest) -> None:
        """Remember a request."""
        self.token_requests.append(request)

    def forget_requests(self) -> None:
        """Count requests from here on."""
        super().forget_requests()
        self.token_requests.clear()

    def identity_token(self, user: str) -> str:
        """An identity (refresh) token of a user, as ``docker login`` stores it."""
        token = "identity-" + secrets.token_hex(12)
        self._identities[token] = user
        return token

    def user_of(self, grant: str, form: Mapping[str, str]) -> str | None:
        """Who is asking by POST."""
        if grant == "refresh_token":
            return self._identities.get(form.get("refresh_token", ""))
        user = form.get("username", "")
        return (
            user if grant == "password" and self.users.get(user) == form.get("password") else None
        )

    def issue(self, user: str | None, scopes: tuple[str, ...]) -> dict[str, Any]:
        """A token for what of these scopes the user may do."""
        now = time.time()
        access = [self._access(user, scope) for scope in scopes]
        granted = {str(entry["name"]): frozenset(entry["actions"]) for entry in access}
        token = self._sign(
            {
                "iss": self.issuer,
                "sub": user or "",
                "aud": self.service,
                "iat": int(now),
                "nbf": int(now) - 2 * _REGISTRY_LEEWAY,
                # Whole seconds: never less than the lifetime, and less than a second more.
                "exp": math.ceil(now + self.lifetime) - _REGISTRY_LEEWAY,
                "jti": secrets.token_hex(8),
                "access": [entry for entry in access if entry["actions"]],
            }
        )
        self._issued[token] = _Issued(granted, now + self.lifetime)
        answer: dict[str, Any] = {"token": token, "access_token": token}
        return answer | ({} if self.claimed is None else {"expires_in": self.claimed})

    def revoke(self) -> None:
        """Let no token count any more, for doubles (docker-registry trusts the expiry alone)."""
        self._issued.clear()

    def accepts(self, token: str, repository: str, action: str) -> bool:
        """Whether a token counts now, for a double that asks."""
        issued = self._issued.get(token)
        if issued is None or time.time() >= issued.expires:
            return False
        actions = issued.access.get(repository, frozenset())
        return not repository or action in actions or "*" in actions

    def _access(self, user: str | None, scope: str) -> dict[str, Any]:
        kind, name, actions = (scope.split(":", 1)[0], *scope.split(":", 1)[1].rsplit(":", 1))
        allowed = self.grant(user, name)
        wanted = [action for action in actions.split(",") if action in allowed]
        return {"type": kind, "name": name, "actions": wanted}

    def _sign(self, claims: Mapping[str, Any]) -> str:
        der = "".join(self._cert.read_text().splitlines()[1:-1])
        header = {"alg": "RS256", "typ": "JWT", "x5c": [der]}
        signing = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self._key)],
            input=signing.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{signing}.{_base64(signature)}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _basic(header: str | None) -> tuple[str | None, str | None]:
    if not header or not header.lower().startswith("basic "):
        return None, None
    user, _, password = base64.b64decode(header[6:]).decode().partition(":")
    return user, password
