"""Log in to a registry, and out again.

The password is tried before it is kept; it is kept where docker and podman keep theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import AccessDenied, InvalidInput
from lading.operations.stores import demand_online, settled
from lading.spec.reference import is_host
from lading.stores.remote.credentials import Credential, Credentials, normal_key
from lading.stores.remote.login_file import forget, remember

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class LoginResult:
    """Who is logged in where, and what keeps the secret: a file or a helper program."""

    host: str
    username: str
    stored_in: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogoutResult:
    """Where there was a login, which is gone; empty where there was none."""

    host: str
    removed_from: tuple[str, ...]


def login(
    host: str, username: str, password: str, *, settings: Settings | None = None
) -> LoginResult:
    """Try a password and keep it.

    With the user name ``<token>`` it is an identity token.

    Raises:
        AccessDenied: the registry refuses; nothing was kept.
        InvalidInput: that is no host, or no user name and password.
        LocalFailure: it cannot be kept.
        Unavailable: the registry does not answer, or the settings say offline.
    """
    settings = settled(settings)
    name = registry_name(host)
    if not username or not password:
        raise InvalidInput(f"logging in to {name} needs a user name and a password")
    if ":" in username:
        raise InvalidInput(
            f"{username[:100]!r} is not a user name", cause="it has a colon in it, as passwords may"
        )
    demand_online(name, settings)
    checked = _check(name, Credential.of(username, password, ""), settings)
    stored_in = remember(settings.login_file, name, username, password)
    notes = (
        None if checked else f"{name} asks for no password: it could not be tried",
        _note_on_storage(settings, stored_in),
        _note_on_others(settings, name, username, password),
    )
    return LoginResult(name, username, stored_in, tuple(filter(None, notes)))


def logout(host: str, *, settings: Settings | None = None) -> LogoutResult:
    """Forget a login in every file and with every helper that has it.

    Raises:
        InvalidInput: that is no host, or a file cannot be understood.
        LocalFailure: a file cannot be written, or a helper fails.
    """
    settings = settled(settings)
    name = registry_name(host)
    files = dict.fromkeys((*settings.credential_files, settings.login_file))
    places = [place for path in files for place in forget(path, name)]
    return LogoutResult(name, tuple(dict.fromkeys(places)))


def registry_name(text: str) -> str:
    """A registry's host as people write it, also with ``https://`` before it.

    Raises:
        InvalidInput: it is none.
    """
    host = normal_key(text.strip().rstrip("/"))
    if not is_host(host):
        raise InvalidInput(
            f"not a registry's host: {text[:200]!r}", hint="write HOST or HOST:PORT, without a path"
        )
    return host


def _check(host: str, credential: Credential, settings: Settings) -> bool:
    """Try a credential; whether the registry wanted one at all."""
    from lading.stores.remote.authorization import Authorization
    from lading.stores.remote.client import Client
    from lading.stores.remote.origin import origin_of
    from lading.stores.remote.tokens import OrasTokens

    origin = origin_of(host, settings)
    authorization = Authorization(
        origin, lambda _: credential, OrasTokens(settings), insecure=settings.insecure
    )
    client = Client(origin, authorization, settings)
    try:
        client.call("GET", f"{origin}/v2/", (), doing=f"log in to {host}").drop()
    except AccessDenied as error:
        raise AccessDenied(
            f"cannot log in to {host}",
            cause=error.cause,
            hint=_hint(error),
        ) from error
    finally:
        client.close()
    return authorization.header(()) is not None


def _hint(error: AccessDenied) -> str | None:
    if error.hint and not error.hint.startswith("lading login"):
        return error.hint
    return "check the user name and the password; some registries want a token instead"


def _note_on_storage(settings: Settings, stored_in: str) -> str | None:
    if stored_in != str(settings.login_file):
        return None
    return "the password is not encrypted there; a credential helper (credsStore) keeps it better"


def _note_on_others(settings: Settings, host: str, username: str, password: str) -> str | None:
    """Another place may be looked at first, and have another login."""
    found = Credentials.of(settings).find(host)
    expected = Credential.of(username, password, found.source if found else "")
    if found is None or found == expected:
        return None
    return f"{found.source} has another login for {host}, which is used before this one"
