"""Answering challenges: which header, from whom, for how long, and to whom never."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from parts.certificates import Authority
from parts.proxy import Proxy
from parts.server import Handler, Request, Server

from lading.errors import AccessDenied, LadingError, Unavailable, Unsupported
from lading.settings import Settings
from lading.stores.remote.authorization import Authorization
from lading.stores.remote.credentials import Credential
from lading.stores.remote.grant import Scope
from lading.stores.remote.origin import Origin
from lading.stores.remote.tokens import OrasTokens, lifetime

REGISTRY = Origin.of("http://127.0.0.1:5000")
PULL = (Scope("team/model", frozenset({"pull"})),)
PUSH = (Scope("team/model", frozenset({"pull", "push"})),)
ME = Credential("me", "hunter2:ü", source="a file")
BASIC = "Basic " + base64.b64encode("me:hunter2:ü".encode()).decode()


@dataclass
class Answer:
    body: bytes | dict[str, Any] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    breaks: bool = False

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class _Scripted(Handler):
    def answer(self) -> None:
        part = cast("TokenServer", self.part)
        answer = part.next(parse_qs(self.read_body().decode()))
        answer.before()
        if answer.breaks:
            self.hang_up()
        self.reply(answer.status, answer.raw, answer.headers)


class TokenServer(Server):
    """A token server that is told what to answer; without that it gives token-1, token-2, …"""

    handler = _Scripted

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.answers: list[Answer] = []
        self.forms: list[dict[str, list[str]]] = []
        self._answering = threading.Lock()

    @property
    def realm(self) -> str:
        return f"{self.origin}/token"

    def challenge(self, **parameters: str) -> list[str]:
        named = {"realm": self.realm, "service": "the service", **parameters}
        return ["Bearer " + ",".join(f'{name}="{value}"' for name, value in named.items())]

    def next(self, form: dict[str, list[str]]) -> Answer:
        with self._answering:
            self.forms.append(form)
            if self.answers:
                return self.answers.pop(0)
            return Answer({"token": f"token-{len(self.forms)}", "expires_in": 300})


def query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.target).query)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
def other() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path, retries=0, timeout=10)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def asking(
    settings: Settings,
    credential: Credential | None = None,
    *,
    registry: Origin = REGISTRY,
    clock: Callable[[], float] = time.monotonic,
) -> Authorization:
    return Authorization(
        registry,
        lambda _: credential,
        OrasTokens(settings),
        insecure=settings.insecure,
        clock=clock,
    )


def told(error: BaseException) -> str:
    """Everything an error says, with what caused it."""
    texts = []
    current: BaseException | None = error
    while current is not None:
        cause, hint = getattr(current, "cause", ""), getattr(current, "hint", "")
        texts.append(f"{current!r} {current} {cause} {hint}")
        current = current.__cause__
    return " ".join(texts)


# Tokens


def test_nothing_is_known_before_the_registry_challenges(settings: Settings) -> None:
    authorization = asking(settings, ME)

    assert authorization.header(PULL) is None
    assert authorization.ready(PULL) is None


def test_without_credentials_an_anonymous_token_is_fetched(
    server: TokenServer, settings: Settings
) -> None:
    header = asking(settings).challenged(server.challenge(), PULL, stale=None)

    [asked] = server.requests
    assert header == "Bearer token-1"
    assert asked.method == "GET"
    assert query(asked) == {"service": ["the service"], "scope": ["repository:team/model:pull"]}
    assert "authorization" not in asked.headers


def test_credentials_go_to_the_realm_that_the_registry_names(
    server: TokenServer, settings: Settings
) -> None:
    header = asking(settings, ME).challenged(server.challenge(), PUSH, stale=None)

    [asked] = server.requests
    assert header == "Bearer token-1"
    assert asked.headers["authorization"] == BASIC
    assert query(asked)["scope"] == ["repository:team/model:pull,push"]


def test_scopes_that_the_registry_names_are_asked_for_with_ours(
    server: TokenServer, settings: Settings
) -> None:
    scope = "repository:team/model:delete,pull registry:catalog:* repository(plugin):a:5000/b:pull"
    mount = (*PUSH, Scope("other/model", frozenset({"pull"})))

    asking(settings, ME).challenged(server.challenge(scope=scope), mount, stale=None)

    [asked] = server.requests
    assert query(asked)["scope"] == [
        "registry:catalog:*",
        "repository(plugin):a:5000/b:pull",
        "repository:other/model:pull",
        "repository:team/model:pull,push,delete",
    ]


def test_a_request_without_scopes_gets_a_token_without_scopes(
    server: TokenServer, settings: Settings
) -> None:
    asking(settings, ME).challenged(server.challenge(), (), stale=None)

    [asked] = server.requests
    assert "scope" not in query(asked)


def test_the_catalogue_has_a_scope_of_its_own() -> None:
    assert str(Scope(None, frozenset({"*"}))) == "registry:catalog:*"


def test_a_token_serves_whatever_its_scopes_cover(server: TokenServer, settings: Settings) -> None:
    authorization = asking(settings, ME)

    header = authorization.challenged(server.challenge(), PUSH, stale=None)

    assert authorization.header(PUSH) == header
    assert authorization.header(PULL) == header
    assert authorization.header(()) == header
    assert authorization.header((Scope("team/model", frozenset({"delete"})),)) is None
    assert authorization.header((Scope("team/model2", frozenset({"pull"})),)) is None
    assert authorization.header((*PULL, Scope("other", frozenset({"pull"})))) is None


def test_the_narrowest_token_is_used(server: TokenServer, settings: Settings) -> None:
    authorization = asking(settings, ME)

    pushing = authorization.challenged(server.challenge(), PUSH, stale=None)
    other = (Scope("b", frozenset({"pull"})),)
    both = authorization.challenged(server.challenge(), (*other, *PUSH), stale=None)
    alone = authorization.header(other)

    assert alone == both
    assert authorization.header(PUSH) == pushing


def test_credentials_are_looked_up_for_the_repository(
    server: TokenServer, settings: Settings
) -> None:
    names: list[str] = []

    def find(name: str) -> None:
        names.append(name)

    for origin in ("http://127.0.0.1:5000", "https://registry-1.docker.io"):
        realm = f"{origin}/token"
        authorization = Authorization(Origin.of(origin), find, Recorder())
        challenge = [f'Bearer realm="{realm}"']
        authorization.challenged(challenge, (), stale=None)
        authorization.challenged(challenge, PULL, stale=None)

    assert names == [
        "127.0.0.1:5000",
        "127.0.0.1:5000/team/model",
        "docker.io",
        "docker.io/team/model",
    ]


def test_each_path_may_have_credentials_of_its_own(server: TokenServer, settings: Settings) -> None:
    users = {"a": Credential("alice", "x"), "b": Credential("bob", "x")}
    authorization = Authorization(
        REGISTRY, lambda name: users.get(name.rpartition("/")[2]), OrasTokens(settings)
    )
    basic = ['Basic realm="x"']

    headers = {
        repository: authorization.challenged(
            basic, (Scope(repository, frozenset({"pull"})),), stale=None
        )
        for repository in users
    }

    for repository, header in headers.items():
        assert header == authorization.header((Scope(repository, frozenset({"pull"})),))
    assert headers["a"] != headers["b"]


class Recorder(OrasTokens):
    """Tokens without a server, counted."""

    def __init__(self, *lifetimes: float) -> None:
        self.lifetimes = list(lifetimes)
        self.fetched = 0

    def bearer(self, *_: object) -> Any:
        from lading.stores.remote.grant import Token

        self.fetched += 1
        return Token(f"Bearer {self.fetched}", self.lifetimes.pop(0) if self.lifetimes else 300)


HERE = ['Bearer realm="http://127.0.0.1:5000/token"']


@pytest.mark.parametrize(
    ("seconds", "good_until"), [(300.0, 270.0), (60.0, 30.0), (40.0, 20.0), (4.0, 2.0)]
)
def test_a_token_is_renewed_before_it_ends(seconds: float, good_until: float) -> None:
    clock = Clock()
    authorization = Authorization(REGISTRY, lambda _: None, Recorder(seconds), clock=clock)
    header = authorization.challenged(HERE, PULL, stale=None)

    clock.now += good_until - 0.5
    before = authorization.header(PULL)
    clock.now += 1
    after = authorization.header(PULL)

    assert (before, after) == (header, None)


def test_a_token_that_is_over_at_once_is_used_once() -> None:
    fetch = Recorder(0, 0, 0)
    authorization = Authorization(REGISTRY, lambda _: None, fetch, clock=Clock())

    first = authorization.challenged(HERE, PULL, stale=None)
    between = authorization.header(PULL)
    second = authorization.challenged(HERE, PULL, stale=None)

    assert (first, between, second) == ("Bearer 1", None, "Bearer 2")


def test_a_new_token_can_be_had_before_the_old_one_is_rejected() -> None:
    clock = Clock()
    fetch = Recorder(300)
    authorization = Authorization(REGISTRY, lambda _: None, fetch, clock=clock)
    first = authorization.challenged(HERE, PULL, stale=None)

    same = authorization.ready(PULL)
    clock.now += 600
    renewed = authorization.ready(PULL)
    wider = authorization.ready(PUSH)

    assert first == same == "Bearer 1"
    assert renewed == authorization.header(PULL) == "Bearer 2"
    assert wider == "Bearer 3"
    assert fetch.fetched == 3


def test_where_we_may_not_the_registry_is_asked_all_the_same(
    server: TokenServer, settings: Settings
) -> None:
    """Some let everybody read, and only want to know who writes."""
    server.answers = [Answer({"token": "mine"}), Answer(status=401)]
    authorization = asking(settings, ME)
    authorization.challenged(server.challenge(), PUSH, stale=None)

    assert authorization.ready((Scope("theirs", frozenset({"pull"})),)) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 60),
        ({"expires_in": 300}, 300),
        ({"expires_in": 0.5}, 0.5),
        ({"expires_in": 0}, 0),
        ({"expires_in": -5}, 0),
        ({"expires_in": "300"}, 60),
        ({"expires_in": True}, 60),
        ({"expires_in": None}, 60),
        ({"expires_in": float("nan")}, 0),
        ({"expires_in": float("inf")}, 86400),
        ({"expires_in": 10**400}, 86400),
        ({"expires_in": 300, "issued_at": "2026-11-21T09:58:00Z"}, 180),
        ({"expires_in": 300, "issued_at": "2026-11-21T10:58:00+01:00"}, 180),
        ({"expires_in": 300, "issued_at": "2026-11-21T10:05:00Z"}, 300),
        ({"expires_in": 300, "issued_at": "2020-01-01T00:00:00Z"}, 0),
        ({"expires_in": 300, "issued_at": "yesterday"}, 300),
        ({"expires_in": 300, "issued_at": "2026-11-21T09:58:00"}, 300),
    ],
)
def test_how_long_a_token_is_good(fields: dict[str, object], expected: float) -> None:
    now = formatdate(1795255200, usegmt=True)  # 2026-11-21 10:00:00

    assert lifetime(fields, now) == expected


def test_the_age_of_a_token_is_not_guessed_by_our_own_clock() -> None:
    assert lifetime({"expires_in": 300, "issued_at": "2020-01-01T00:00:00Z"}, None) == 300


# Rejected tokens


def test_a_rejected_token_is_replaced(server: TokenServer, settings: Settings) -> None:
    authorization = asking(settings, ME)
    old = authorization.challenged(server.challenge(), PULL, stale=None)

    new = authorization.challenged(server.challenge(error="invalid_token"), PULL, stale=old)

    assert (old, new) == ("Bearer token-1", "Bearer token-2")
    assert authorization.header(PULL) == new


def test_many_threads_with_one_rejected_token_fetch_one(
    server: TokenServer, settings: Settings
) -> None:
    authorization = asking(settings, ME)
    old = authorization.challenged(server.challenge(), PULL, stale=None)
    server.answers = [Answer({"token": "new"}, before=lambda: time.sleep(0.2))]
    together = threading.Barrier(16)

    def reject(_: int) -> str:
        together.wait()
        return authorization.challenged(server.challenge(), PULL, stale=old)

    with ThreadPoolExecutor(16) as threads:
        headers = set(threads.map(reject, range(16)))

    assert headers == {"Bearer new"}
    assert len(server.requests) == 2


def test_hammering_never_gives_a_rejected_header(server: TokenServer, settings: Settings) -> None:
    """Tokens are rejected at random while everybody asks; each ask must make progress."""
    authorization = asking(settings, ME)
    rejected: set[str] = set()
    lock = threading.Lock()

    def work(number: int) -> None:
        scopes = PULL if number % 2 else PUSH
        for turn in range(30):
            header = authorization.header(scopes)
            if header is None or turn % 10 == number % 10:
                if header:
                    with lock:
                        rejected.add(header)
                fresh = authorization.challenged(server.challenge(), scopes, stale=header)
                assert fresh != header

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))

    assert authorization.header(PULL) not in rejected
    assert len(server.requests) <= len(rejected) + 2


def test_a_known_header_is_not_held_up_by_a_fetch(server: TokenServer, settings: Settings) -> None:
    authorization = asking(settings, ME)
    known = authorization.challenged(server.challenge(), PULL, stale=None)
    release = threading.Event()
    server.answers = [Answer({"token": "slow"}, before=lambda: release.wait(10))]

    with ThreadPoolExecutor(1) as threads:
        fetching = threads.submit(authorization.challenged, server.challenge(), PUSH, stale=None)
        while len(server.requests) < 2:
            time.sleep(0.005)
        meanwhile = authorization.header(PULL)
        assert not fetching.done()
        release.set()

        assert fetching.result() == "Bearer slow"
    assert meanwhile == known


def test_what_is_not_allowed_is_not_asked_for_again(
    server: TokenServer, settings: Settings
) -> None:
    authorization = asking(settings, ME)
    header = authorization.challenged(server.challenge(), PUSH, stale=None)
    challenge = server.challenge(
        error="insufficient_scope", scope="repository:team/model:pull,push"
    )

    with pytest.raises(AccessDenied) as refusal:
        authorization.challenged(challenge, PUSH, stale=header)

    assert len(server.requests) == 1
    assert refusal.value.what == "127.0.0.1:5000 denies access to team/model"
    assert refusal.value.cause == "it does not allow this (as 'me' from a file)"
    assert refusal.value.hint == "lading login 127.0.0.1:5000"


def test_a_token_that_was_too_narrow_is_widened(server: TokenServer, settings: Settings) -> None:
    authorization = asking(settings, ME)
    narrow = authorization.challenged(server.challenge(), PULL, stale=None)

    wide = authorization.challenged(
        server.challenge(error="insufficient_scope"), PUSH, stale=narrow
    )

    assert wide == "Bearer token-2"
    assert query(server.requests[1])["scope"] == ["repository:team/model:pull,push"]


def test_a_token_for_a_mount_says_nothing_of_the_source_alone(
    server: TokenServer, settings: Settings
) -> None:
    """The other repository has credentials of its own, which a mount does not use."""
    users = {"team/model": ME, "other": Credential("other", "x")}
    authorization = Authorization(
        REGISTRY, lambda name: users[name.partition("/")[2]], OrasTokens(settings)
    )
    source = (Scope("other", frozenset({"pull"})),)
    mount = authorization.challenged(server.challenge(), (*PUSH, *source), stale=None)

    header = authorization.challenged(
        server.challenge(error="insufficient_scope"), source, stale=mount
    )

    assert header == "Bearer token-2"
    assert server.requests[1].headers["authorization"] == (
        "Basic " + base64.b64encode(b"other:x").decode()
    )


def test_credentials_that_changed_meanwhile_are_found_again(
    server: TokenServer, settings: Settings
) -> None:
    found = [Credential("short", "lived-1"), Credential("short", "lived-2")]
    authorization = Authorization(REGISTRY, lambda _: found.pop(0), OrasTokens(settings))
    basic = ['Basic realm="x"']

    first = authorization.challenged(basic, PULL, stale=None)
    second = authorization.challenged(basic, PULL, stale=first)

    assert base64.b64decode(first.split()[1]) == b"short:lived-1"
    assert base64.b64decode(second.split()[1]) == b"short:lived-2"


def test_helpers_are_not_asked_for_every_scope() -> None:
    calls: list[str] = []
    clock = Clock()

    def find(name: str) -> Credential:
        calls.append(name)
        return ME

    authorization = Authorization(REGISTRY, find, Recorder(), clock=clock)

    authorization.challenged(HERE, PULL, stale=None)
    authorization.challenged(HERE, PUSH, stale=None)
    clock.now += 120
    authorization.challenged(HERE, (Scope("team/model", frozenset({"delete"})),), stale=None)

    assert len(calls) == 2


# Passwords


def test_a_password_is_sent_where_the_registry_wants_it(settings: Settings) -> None:
    authorization = asking(settings, ME)

    header = authorization.challenged(['Basic realm="registry"'], PULL, stale=None)

    assert header == BASIC
    assert authorization.header(PULL) == authorization.header(PUSH) == BASIC


def test_a_wrong_password_is_tried_once(settings: Settings) -> None:
    authorization = asking(settings, ME)
    header = authorization.challenged(['Basic realm="registry"'], PULL, stale=None)

    with pytest.raises(AccessDenied) as refusal:
        authorization.challenged(['Basic realm="registry"'], PULL, stale=header)

    assert refusal.value.hint == "lading login 127.0.0.1:5000"
    assert "hunter2" not in told(refusal.value)


@pytest.mark.parametrize("credential", [None, Credential(identity_token="identity", source="x")])
def test_a_missing_password_is_said(settings: Settings, credential: Credential | None) -> None:
    with pytest.raises(AccessDenied) as refusal:
        asking(settings, credential).challenged(['Basic realm="x"'], PULL, stale=None)

    assert "it wants a user name and a password" in str(refusal.value)
    assert refusal.value.hint == "lading login 127.0.0.1:5000"


def test_orass_own_variables_are_not_used(
    server: TokenServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORAS_USER", "somebody")
    monkeypatch.setenv("ORAS_PASS", "else")
    authorization = asking(settings, ME)

    assert authorization.challenged(['Basic realm="x"'], PULL, stale=None) == BASIC
    asking(settings).challenged(server.challenge(), PULL, stale=None)
    assert "authorization" not in server.requests[0].headers


# Identity tokens and ready tokens


def test_an_identity_token_is_refreshed_by_oauth(server: TokenServer, settings: Settings) -> None:
    server.answers = [Answer({"access_token": "fresh", "expires_in": 300, "refresh_token": "x"})]
    credential = Credential("me", "hunter2", identity_token="identity", source="a file")

    header = asking(settings, credential).challenged(server.challenge(), PUSH, stale=None)

    [asked] = server.requests
    assert header == "Bearer fresh"
    assert asked.method == "POST"
    assert "authorization" not in asked.headers
    assert "identity" not in asked.target
    assert server.forms[0] == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["identity"],
        "service": ["the service"],
        "client_id": ["lading"],
        "scope": ["repository:team/model:pull,push"],
    }


def test_a_ready_token_is_used_as_it_is(server: TokenServer, settings: Settings) -> None:
    authorization = asking(settings, Credential(registry_token="ready", source="a file"))

    header = authorization.challenged(server.challenge(), PULL, stale=None)

    assert header == authorization.header(PUSH) == "Bearer ready"
    assert server.requests == []
    with pytest.raises(AccessDenied, match="it refuses them"):
        authorization.challenged(server.challenge(), PULL, stale=header)


# Token servers that refuse, lie or fail


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "credential", [ME, Credential(identity_token="hunter2:ü", source="a file")]
)
def test_refused_credentials_are_said_without_repeating_them(
    server: TokenServer, settings: Settings, status: int, credential: Credential
) -> None:
    server.answers = [Answer({"details": "wrong password: hunter2:ü"}, status)]

    with pytest.raises(AccessDenied) as refusal:
        asking(settings, credential).challenged(server.challenge(), PULL, stale=None)

    assert f"refuses the credentials ({status})" in str(refusal.value)
    assert refusal.value.hint == "lading login 127.0.0.1:5000"
    assert "hunter2" not in told(refusal.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'"token"',
        b"[" * 200_000,
        b"{}",
        b'{"token": ""}',
        b'{"token": null}',
        b'{"token": 5}',
        b'{"token": ["x"]}',
        b'{"token": "a\\r\\nX-Evil: yes"}',
        b'{"token": "a b"}',
        b'{"token": "\\u00fc"}',
    ],
)
@pytest.mark.parametrize("credential", [None, ME, Credential(identity_token="x")])
def test_an_answer_without_a_usable_token_is_refused(
    server: TokenServer, settings: Settings, body: bytes, credential: Credential | None
) -> None:
    server.answers = [Answer(body)]

    with pytest.raises(Unavailable, match="gives no token"):
        asking(settings, credential).challenged(server.challenge(), PULL, stale=None)


def test_an_answer_without_an_end_is_cut_off(server: TokenServer, settings: Settings) -> None:
    server.answers = [Answer(b" " * 8 * 1024 * 1024)]

    with pytest.raises(Unavailable, match="has no end"):
        asking(settings, ME).challenged(server.challenge(), PULL, stale=None)


def test_a_server_that_stumbles_is_asked_again(server: TokenServer, settings: Settings) -> None:
    at_once = {"Retry-After": "0"}
    server.answers = [
        Answer(status=503, headers=at_once),
        Answer(status=429, headers=at_once),
        Answer(breaks=True),
    ]

    header = asking(replace(settings, retries=3), ME).challenged(
        server.challenge(), PULL, stale=None
    )

    assert header == "Bearer token-4"


def test_a_server_that_keeps_failing_is_left(server: TokenServer, settings: Settings) -> None:
    server.answers = [Answer(status=503, headers={"Retry-After": "0"})] * 5

    with pytest.raises(Unavailable, match="status 503"):
        asking(replace(settings, retries=2), ME).challenged(server.challenge(), PULL, stale=None)

    assert len(server.requests) == 3


def test_who_says_to_wait_for_an_hour_is_not_waited_for(
    server: TokenServer, settings: Settings
) -> None:
    server.answers = [Answer(status=429, headers={"Retry-After": "3600"})]

    with pytest.raises(Unavailable, match="status 429"):
        asking(replace(settings, retries=2), ME).challenged(server.challenge(), PULL, stale=None)


def test_a_server_that_never_answers_is_left(server: TokenServer, settings: Settings) -> None:
    release = threading.Event()
    server.answers = [Answer(before=lambda: release.wait(10))]
    try:
        with pytest.raises(Unavailable, match="no answer in time"):
            asking(replace(settings, timeout=0.2), ME).challenged(
                server.challenge(), PULL, stale=None
            )
    finally:
        release.set()


def test_a_server_that_is_not_there_is_said(settings: Settings) -> None:
    nobody = ['Bearer realm="http://127.0.0.1:1/token"']

    with pytest.raises(Unavailable, match="no connection"):
        asking(settings, ME).challenged(nobody, PULL, stale=None)


# To whom credentials never go


@pytest.mark.parametrize("credential", [None, ME, Credential(identity_token="x")])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_not_followed(
    server: TokenServer,
    other: TokenServer,
    settings: Settings,
    status: int,
    credential: Credential | None,
) -> None:
    server.answers = [Answer(status=status, headers={"Location": other.realm})]

    with pytest.raises(Unavailable, match="sends us elsewhere"):
        asking(settings, credential).challenged(server.challenge(), PULL, stale=None)

    assert other.requests == []


def test_a_redirect_within_the_origin_is_followed(server: TokenServer, settings: Settings) -> None:
    server.answers = [Answer(status=302, headers={"Location": "/elsewhere?scope=theirs"})]

    header = asking(settings, ME).challenged(server.challenge(), PULL, stale=None)

    assert header == "Bearer token-2"
    assert server.requests[1].target == "/elsewhere?scope=theirs"
    assert server.requests[1].headers["authorization"] == BASIC


def test_redirects_in_circles_end(server: TokenServer, settings: Settings) -> None:
    server.answers = [Answer(status=302, headers={"Location": "/token"})] * 20

    with pytest.raises(Unavailable, match="circles"):
        asking(settings, ME).challenged(server.challenge(), PULL, stale=None)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("https://registry.example.com", None),
        ("http://registry.lan:5000", None),
        ("http://127.0.0.1:5000", "http://registry.example.com/token"),
    ],
)
def test_an_unsafe_realm_gets_nothing(
    server: TokenServer, settings: Settings, registry: str, realm: str | None
) -> None:
    settings = replace(settings, insecure=frozenset({"registry.lan:5000"}))
    authorization = asking(settings, ME, registry=Origin.of(registry))
    challenge = server.challenge(realm=realm) if realm else server.challenge()

    with pytest.raises(AccessDenied, match="is not safe"):
        authorization.challenged(challenge, PULL, stale=None)

    assert server.requests == []


@pytest.mark.parametrize("challenge", ['Basic realm="x"', 'Bearer realm="https://a.io/token"'])
def test_an_unencrypted_registry_gets_nothing(settings: Settings, challenge: str) -> None:
    authorization = asking(settings, ME, registry=Origin.of("http://registry.lan:5000"))

    with pytest.raises(AccessDenied, match="no credentials are sent") as refusal:
        authorization.challenged([challenge], PULL, stale=None)

    assert refusal.value.hint == "--insecure registry.lan:5000 allows it"


def test_an_unencrypted_registry_that_was_allowed_gets_the_password(settings: Settings) -> None:
    settings = replace(settings, insecure=frozenset({"registry.lan:5000"}))
    authorization = asking(settings, ME, registry=Origin.of("http://registry.lan:5000"))

    assert authorization.challenged(['Basic realm="x"'], PULL, stale=None) == BASIC


def test_neither_netrc_nor_the_environments_proxy_are_used(
    server: TokenServer,
    other: TokenServer,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.realm)

    asking(settings).challenged(server.challenge(), PULL, stale=None)

    [asked] = server.requests
    assert "authorization" not in asked.headers
    assert other.requests == []


def test_the_settings_proxy_is_used(server: TokenServer, settings: Settings) -> None:
    settings = replace(
        settings, http_proxy=f"user:secret@{server.host}", insecure=frozenset({"registry.lan"})
    )
    realm = "http://registry.lan/token"
    authorization = asking(settings, ME, registry=Origin.of("http://registry.lan"))

    header = authorization.challenged([f'Bearer realm="{realm}"'], PULL, stale=None)

    [asked] = server.requests
    assert header == "Bearer token-1"
    assert asked.target.startswith(realm)
    assert asked.headers["proxy-authorization"].startswith("Basic ")


def test_no_proxy_is_heeded(server: TokenServer, settings: Settings) -> None:
    settings = replace(
        settings,
        http_proxy=server.origin,
        no_proxy="example.org, .invalid",
        insecure=frozenset({"registry.invalid"}),
    )
    authorization = asking(settings, ME, registry=Origin.of("http://registry.invalid"))

    with pytest.raises(Unavailable, match="no connection"):
        authorization.challenged(['Bearer realm="http://registry.invalid/token"'], PULL, stale=None)

    assert server.requests == []


# Encryption


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def encrypted(authority: Authority) -> Iterator[TokenServer]:
    with TokenServer(authority=authority) as running:
        yield running


def test_an_unknown_authority_is_not_trusted(encrypted: TokenServer, settings: Settings) -> None:
    with pytest.raises(Unavailable, match="no trusted connection") as refusal:
        asking(settings, ME).challenged(encrypted.challenge(), PULL, stale=None)

    assert refusal.value.hint == "--ca-file FILE"
    assert encrypted.requests == []


def test_the_settings_authority_is_trusted(
    encrypted: TokenServer, settings: Settings, authority: Authority
) -> None:
    settings = replace(settings, ca_file=authority.ca_file)

    header = asking(settings, ME, registry=Origin.of("https://127.0.0.1")).challenged(
        encrypted.challenge(), PULL, stale=None
    )

    assert header == "Bearer token-1"


def test_a_client_certificate_is_shown(
    encrypted: TokenServer, settings: Settings, authority: Authority
) -> None:
    assert encrypted.tls is not None
    encrypted.tls.verify_mode = ssl.CERT_REQUIRED
    encrypted.tls.load_verify_locations(authority.ca_file)
    identity = authority.client()
    trusting = replace(settings, ca_file=authority.ca_file)
    known = replace(trusting, client_cert=identity.cert, client_key=identity.key)

    header = asking(known, ME).challenged(encrypted.challenge(), PULL, stale=None)

    assert header == "Bearer token-1"
    with pytest.raises(Unavailable):
        asking(trusting, ME).challenged(encrypted.challenge(), PULL, stale=None)


def test_tokens_come_through_the_proxy_encrypted(
    encrypted: TokenServer,
    settings: Settings,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = authority._issue("tokens", "subjectAltName=DNS:tokens.example")
    assert encrypted.tls is not None
    encrypted.tls.load_cert_chain(identity.cert, identity.key)
    known = socket.getaddrinfo

    def found(host: str, *rest: Any, **options: Any) -> Any:
        return known("127.0.0.1" if host == "tokens.example" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    place = f"tokens.example:{encrypted.port}"
    with Proxy(user_password="user:secret") as proxy:
        settings = replace(
            settings, ca_file=authority.ca_file, https_proxy=f"http://user:secret@{proxy.host}"
        )
        authorization = asking(settings, ME, registry=Origin.of("https://registry.example"))

        header = authorization.challenged(
            [f'Bearer realm="https://{place}/token"'], PULL, stale=None
        )
        tunnels = proxy.tunnels()
        trusting_nobody = asking(
            replace(settings, ca_file=None), ME, registry=Origin.of("https://registry.example")
        )
        with pytest.raises(Unavailable, match="no trusted connection"):
            trusting_nobody.challenged([f'Bearer realm="https://{place}/token"'], PULL, stale=None)

    assert header == "Bearer token-1"
    assert tunnels == [place]


# ECR

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
ECR_CHALLENGE = [f'Basic realm="https://{ECR}/",service="ecr.amazonaws.com"']


@pytest.fixture
def aws(
    server: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    # Boto keeps what it found for the next one who asks.
    monkeypatch.setattr(pytest.importorskip("boto3"), "DEFAULT_SESSION", None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", server.origin)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    def log_in() -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")

    return log_in


def test_ecr_takes_the_token_that_aws_gives(
    server: TokenServer, settings: Settings, aws: Callable[..., None]
) -> None:
    aws()
    token = base64.b64encode(b"AWS:token").decode()
    server.answers = [Answer({"authorizationData": [{"authorizationToken": token}]})]
    authorization = asking(settings, registry=Origin.of(f"https://{ECR}"))

    header = authorization.challenged(ECR_CHALLENGE, PULL, stale=None)

    assert header == authorization.header(PULL) == f"Basic {token}"
    assert "eu-central-1" in server.requests[0].headers["authorization"]


def test_stored_credentials_come_before_aws(settings: Settings) -> None:
    authorization = asking(settings, ME, registry=Origin.of(f"https://{ECR}"))

    assert authorization.challenged(ECR_CHALLENGE, PULL, stale=None) == BASIC


def test_nobody_logged_in_to_aws_is_said(settings: Settings, aws: Callable[..., None]) -> None:
    authorization = asking(settings, registry=Origin.of(f"https://{ECR}"))

    with pytest.raises(AccessDenied, match="as AWS does it") as refusal:
        authorization.challenged(ECR_CHALLENGE, PULL, stale=None)

    assert "Unable to locate credentials" in str(refusal.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer({"__type": "UnrecognizedClientException"}, status=400), AccessDenied),
        (Answer({"authorizationData": []}), Unavailable),
        (Answer({"authorizationData": [{}]}), Unavailable),
        (Answer({"authorizationData": [{"authorizationToken": "a\r\nb"}]}), Unavailable),
        (Answer(breaks=True), Unavailable),
    ],
)
def test_what_aws_refuses_is_said(
    server: TokenServer,
    settings: Settings,
    aws: Callable[..., None],
    answer: Answer,
    kind: type[LadingError],
) -> None:
    aws()
    server.answers = [answer] * 3
    authorization = asking(settings, registry=Origin.of(f"https://{ECR}"))

    with pytest.raises(kind):
        authorization.challenged(ECR_CHALLENGE, PULL, stale=None)


def test_without_boto3_the_extra_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    authorization = asking(settings, registry=Origin.of(f"https://{ECR}"))

    with pytest.raises(Unsupported) as refusal:
        authorization.challenged(ECR_CHALLENGE, PULL, stale=None)

    assert "pip install 'lading[ecr]'" in str(refusal.value.hint)


@pytest.mark.parametrize("host", [f"{ECR}.evil.example", f"x{ECR}", "public.ecr.aws"])
def test_only_ecr_is_taken_for_ecr(settings: Settings, host: str) -> None:
    authorization = asking(settings, registry=Origin.of(f"https://{host}"))

    with pytest.raises(AccessDenied, match="there are no credentials for it"):
        authorization.challenged(ECR_CHALLENGE, PULL, stale=None)


# Cost


def test_nothing_heavy_is_imported_before_a_challenge(tmp_path: Path) -> None:
    script = f"""
import sys, pathlib
from lading.settings import Settings
from lading.stores.remote.authorization import Authorization
from lading.stores.remote.grant import Scope
from lading.stores.remote.origin import Origin
settings = Settings(home=pathlib.Path({str(tmp_path)!r}), cache=pathlib.Path({str(tmp_path)!r}))
authorization = Authorization.of(Origin.of("https://a.io"), settings)
assert authorization.header((Scope("a", frozenset({{"pull"}})),)) is None
print(sorted({{"requests", "urllib3", "oras", "boto3", "pydantic"}} & set(sys.modules)))
"""
    source = Path(__file__).parents[3] / "src"

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


def test_no_secret_is_logged(
    server: TokenServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for credential in (ME, Credential(identity_token="hunter2")):
        authorization = asking(settings, credential)
        header = authorization.challenged(server.challenge(), PULL, stale=None)
        authorization.challenged(server.challenge(), PULL, stale=header)

    assert "asking http://127.0.0.1" in caplog.text
    assert "hunter2" not in caplog.text
    assert BASIC.split()[1] not in caplog.text
    assert "token-" not in caplog.text
    assert "token-" not in repr(authorization._answers)
