"""Challenges: what a registry asks for in ``WWW-Authenticate``, and whether it may have it.

Pure: text in, values or refusals out. Nothing is fetched and no secret is known here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lading.errors import AccessDenied, InvalidInput, LadingError, Unavailable, Unsupported
from lading.stores.remote.origin import Origin

# RFC 9110, 11.3: a list of schemes, each with a token68 or parameters, all parted by commas.
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105  a grammar's token
_ITEM = re.compile(
    rf"""
    [ \t]*+
    (?: (?P<scheme>{_TOKEN}) (?: [ \t]++ | (?=,|\Z) ) )?
    (?:
        (?P<name>{_TOKEN}) [ \t]*+ = [ \t]*+
        (?: "(?P<quoted>(?:[^"\\]|\\.)*+)" | (?P<plain>[^\s",=][^\s",]*+) )
      | (?P<token68>[A-Za-z0-9\-._~+/]++=*+)
    )?
    [ \t]*+ (?:,|\Z)
    """,
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")
# More is no challenge but an attempt to keep us busy.
_LONGEST = 16 * 1024
_MOST_SCOPES = 64


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme and its parameters; schemes and names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes it names; none that could not be written into a request."""
        names = self.parameters.get("scope", "").split(" ")
        return tuple(name for name in names if is_plain(name))[:_MOST_SCOPES]

    @property
    def service(self) -> str:
        """The service that the token is for."""
        service = self.parameters.get("service", "")
        return service if is_plain(service.replace(" ", "")) else ""

    @property
    def wants_other_scope(self) -> bool:
        """Whether the token was good but not for this."""
        return self.parameters.get("error") == "insufficient_scope"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where tokens are had, and for which service."""

    realm: str
    service: str

    @property
    def origin(self) -> Origin:
        """Who is asked there."""
        return Origin.of(self.realm)


def parse(lines: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in some ``WWW-Authenticate`` lines, in their order.

    Raises:
        Unavailable: that is not how a challenge is written.
    """
    return tuple(challenge for line in lines for challenge in _parse_line(line))


def choose(challenges: Iterable[Challenge], registry: Origin) -> Challenge:
    """The challenge to answer: a token's before a password's.

    Raises:
        Unsupported: the registry asks for something else.
        Unavailable: it asks for nothing at all.
    """
    by_scheme: dict[str, Challenge] = {}
    for challenge in challenges:
        by_scheme.setdefault(challenge.scheme, challenge)
    for scheme in ("bearer", "basic"):
        if scheme in by_scheme:
            return by_scheme[scheme]
    if not by_scheme:
        raise Unavailable(
            f"{registry.registry} denies access without saying what it wants",
            cause="401 without a WWW-Authenticate header",
            hint="a proxy in between may have taken it out",
        )
    raise Unsupported(
        f"{registry.registry} wants credentials of a kind that Lading does not have",
        cause=f"it asks for {', '.join(sorted(by_scheme))[:100]}",
        hint="Basic and Bearer are known",
    )


def check_registry(registry: Origin, insecure: Collection[str]) -> None:
    """No credentials to a registry in the clear, but on loopback or where that was allowed.

    Raises:
        AccessDenied: nothing may be sent.
    """
    if registry.scheme == "https" or registry.is_loopback or registry.is_among(insecure):
        return
    raise AccessDenied(
        f"no credentials are sent to {registry.netloc}",
        cause="it is spoken to without encryption",
        hint=f"--insecure {registry.netloc} allows it",
    )


def endpoint(challenge: Challenge, registry: Origin, insecure: Collection[str]) -> Endpoint:
    """The token endpoint that a registry names, checked.

    A registry that is spoken to by https names an https realm, wherever that is. One that is
    spoken to by http names an https realm, itself, another port of this machine where it is on
    this machine, or a host that was allowed http just as well.

    Raises:
        AccessDenied: credentials must not go there.
    """
    realm = challenge.parameters.get("realm", "")
    if not is_plain(realm) or re.search(r'["<>\\^`{|}#]', realm):
        raise _refused_realm(registry, realm, "it is not a URL")
    try:
        origin = Origin.of(realm)
    except InvalidInput as error:
        raise _refused_realm(registry, realm, "it is not an http or https URL") from error
    if origin.scheme == "http" and not _may_be_plain(origin, registry, insecure):
        raise _refused_realm(registry, realm, "passwords and tokens would travel in the clear")
    return Endpoint(realm, challenge.service)


def _may_be_plain(origin: Origin, registry: Origin, insecure: Collection[str]) -> bool:
    if registry.scheme == "https":
        return False
    # A registry elsewhere must not send our password to whatever listens on this machine.
    nearby = origin.is_loopback and registry.is_loopback
    return nearby or origin == registry or origin.is_among(insecure)


def _refused_realm(registry: Origin, realm: str, reason: str) -> LadingError:
    at = realm.rpartition("@")[2]
    return AccessDenied(
        f"{registry.registry} names a place for tokens that is not safe",
        cause=f"realm {at[:100]!r}: {reason}",
        hint="nothing was sent there; the registry's configuration must be mended",
    )


def _parse_line(line: str) -> Iterator[Challenge]:
    if len(line) > _LONGEST:
        raise _unreadable(line)
    scheme: str | None = None
    parameters: dict[str, str] = {}
    position = 0
    while position < len(line):
        item = _ITEM.match(line, position)
        if item is None or item.end() == position:
            raise _unreadable(line)
        position = item.end()
        if item["scheme"] is not None:
            if scheme is not None:
                yield Challenge(scheme, parameters)
            scheme, parameters = item["scheme"].lower(), {}
        elif scheme is None and (item["name"] or item["token68"]):
            raise _unreadable(line)
        if item["name"] is not None:
            parameters.setdefault(item["name"].lower(), _value(item))
    if scheme is not None:
        yield Challenge(scheme, parameters)


def _value(item: re.Match[str]) -> str:
    quoted = item["quoted"]
    return str(item["plain"]) if quoted is None else _ESCAPED.sub(r"\1", quoted)


def _unreadable(line: str) -> Unavailable:
    return Unavailable(
        "the registry asks for credentials in a way that cannot be read",
        cause=f"WWW-Authenticate: {line[:100]!r}",
    )


def is_plain(text: str) -> bool:
    """Whether text is some ASCII without spaces and control characters."""
    return text != "" and text.isascii() and text.isprintable() and " " not in text
