"""The whole way, with a real docker-registry that asks for passwords or checks signed tokens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from parts.certificates import Authority
from parts.registry import DockerRegistry
from parts.tokens import EVERYTHING, TokenServer

from lading.errors import AccessDenied
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.stores.remote.registry import RemoteStore

USERS = {"ada": "pass:word ü"}
READERS = frozenset({"pull"})

Stores = Callable[..., RemoteStore]


def write_login(file: Path, host: str, username: str, password: str) -> None:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {host: {"auth": pair}}}))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        cache=tmp_path / "cache",
        retries=1,
        timeout=20,
        credential_files=(tmp_path / "config.json",),
    )


@pytest.fixture
def opened(settings: Settings) -> Iterator[Stores]:
    """Opens stores, and closes their connections in the end."""
    stores: list[RemoteStore] = []

    def open_store(
        host: str, name: str | None = None, settings: Settings = settings
    ) -> RemoteStore:
        stores.append(RemoteStore(host, name or f"team/{uuid4().hex[:12]}", settings))
        return stores[-1]

    yield open_store
    for store in stores:
        store.client.close()


def blob(text: str) -> tuple[Descriptor, BytesContent]:
    raw = text.encode()
    return Descriptor.of(raw, "application/octet-stream"), BytesContent(raw)


def read(store: RemoteStore, descriptor: Descriptor) -> bytes:
    buffer = bytearray(descriptor.size)
    with store.fetch(descriptor) as reader:
        count = reader.readinto(memoryview(buffer))
    return bytes(buffer[:count])


# Passwords


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("htpasswd"), users=USERS) as registry:
        yield registry


def test_a_registry_gets_the_password_that_docker_keeps(
    opened: Stores, locked: DockerRegistry, settings: Settings
) -> None:
    write_login(settings.credential_files[0], locked.host, "ada", USERS["ada"])
    store = opened(locked.host)
    locked.forget_requests()

    descriptor, content = blob("hello")
    store.push(descriptor, content)

    assert read(store, descriptor) == b"hello"
    assert [access.status for access in locked.requests()].count(401) == 1


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_registry_that_refuses_is_asked_at_most_twice(
    opened: Stores, locked: DockerRegistry, settings: Settings, password: str | None
) -> None:
    if password:
        write_login(settings.credential_files[0], locked.host, "ada", password)
    store = opened(locked.host)
    locked.forget_requests()

    with pytest.raises(AccessDenied) as refusal:
        store.push(*blob("hello"))

    assert refusal.value.hint == f"lading login {locked.host}"
    assert len(locked.requests()) == (2 if password else 1)


# Tokens


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens"), users=USERS) as server:
        yield server


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, tokens: TokenServer
) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("registry"), tokens=tokens) as registry:
        yield registry


@pytest.fixture
def registry(
    running: DockerRegistry, tokens: TokenServer, settings: Settings
) -> Iterator[DockerRegistry]:
    write_login(settings.credential_files[0], running.host, "ada", USERS["ada"])
    kept = (tokens.grant, tokens.lifetime, tokens.claimed, tokens.get_allowed)
    tokens.forget_requests()
    running.forget_requests()
    yield running
    tokens.grant, tokens.lifetime, tokens.claimed, tokens.get_allowed = kept


def test_a_token_is_fetched_once_for_each_scope(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    store = opened(registry.host)
    name = store.repository

    for number in range(5):
        descriptor, content = blob(f"content {number}")
        assert not store.exists(descriptor)
        store.push(descriptor, content)
        assert read(store, descriptor) == content.raw

    scopes = [request.scopes for request in tokens.token_requests]
    assert scopes == [(f"repository:{name}:pull",), (f"repository:{name}:pull,push",)]
    assert {request.user for request in tokens.token_requests} == {"ada"}


def test_many_threads_share_their_tokens(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    store = opened(registry.host)

    def push(number: int) -> None:
        descriptor, content = blob(f"content {number}")
        store.push(descriptor, content)
        assert read(store, descriptor) == content.raw

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(push, range(24)))

    assert len(tokens.token_requests) <= 2


def test_a_token_that_ends_early_is_replaced_in_mid_transfer(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    """The server says five minutes; the registry believes the token for one or two seconds."""
    tokens.lifetime, tokens.claimed = 1, 300
    store = opened(registry.host)
    store.push(*blob("before"))
    before = len(tokens.token_requests)
    tokens.lifetime = 300
    registry.forget_requests()

    time.sleep(2.1)
    descriptor, content = blob("after")
    store.push(descriptor, content)

    assert len(tokens.token_requests) == before + 1
    assert [access.status for access in registry.requests()].count(401) == 1
    assert store.exists(descriptor)


def test_who_may_only_read_reads_and_is_told_so_on_writing(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    descriptor, content = blob("public")
    store = opened(registry.host)
    store.push(descriptor, content)
    tokens.grant = lambda user, _: EVERYTHING if user else READERS
    nobody = opened(registry.host, store.repository, replace(settings, credential_files=()))

    raw = read(nobody, descriptor)
    with pytest.raises(AccessDenied) as refusal:
        nobody.push(*blob("more"))

    assert raw == b"public"
    assert "there are no credentials for it" in str(refusal.value)
    assert refusal.value.hint == f"lading login {registry.host}"


def test_a_wrong_password_is_refused_by_the_token_server(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    write_login(settings.credential_files[0], registry.host, "ada", "hunter2")
    store = opened(registry.host)

    with pytest.raises(AccessDenied) as refusal:
        store.push(*blob("x"))

    assert f"refuses the credentials (401) (as 'ada' from {settings.credential_files[0]})" in str(
        refusal.value
    )
    assert "hunter2" not in str(refusal.value)
    assert len(tokens.token_requests) == 1


def test_an_identity_token_gets_tokens(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    tokens.get_allowed = False
    identity = {"identitytoken": tokens.identity_token("ada")}
    settings.credential_files[0].write_text(json.dumps({"auths": {registry.host: identity}}))
    store = opened(registry.host)

    descriptor, content = blob("by identity")
    store.push(descriptor, content)

    assert store.exists(descriptor)
    assert {request.grant for request in tokens.token_requests} == {"refresh_token"}


def test_a_mount_asks_for_the_source_as_well(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    source = opened(registry.host)
    target = opened(registry.host)
    descriptor, content = blob("mounted")
    source.push(descriptor, content)
    registry.forget_requests()

    mounted = target.mount(descriptor, source)

    assert mounted
    assert target.exists(descriptor)
    assert (f"repository:{source.repository}:pull",) in [
        tuple(scope for scope in request.scopes if source.repository in scope)
        for request in tokens.token_requests[-2:]
    ]


def test_a_source_that_may_not_be_read_is_not_mounted(
    opened: Stores, registry: DockerRegistry, tokens: TokenServer, settings: Settings
) -> None:
    source = opened(registry.host)
    target = opened(registry.host)
    descriptor, content = blob("secret")
    source.push(descriptor, content)
    tokens.grant = lambda _, name: EVERYTHING if name == target.repository else frozenset()

    mounted = target.mount(descriptor, source)
    target.push(*blob("uploaded instead"))

    assert not mounted


def test_everything_works_through_tls(opened: Stores, tmp_path: Path, settings: Settings) -> None:
    authority = Authority(tmp_path / "authority")
    settings = replace(settings, ca_file=authority.ca_file)
    with (
        TokenServer(tmp_path / "tokens", users=USERS, authority=authority) as tokens,
        DockerRegistry(tmp_path / "registry", authority=authority, tokens=tokens) as registry,
    ):
        write_login(settings.credential_files[0], registry.host, "ada", USERS["ada"])
        store = opened(registry.host, settings=settings)
        descriptor, content = blob("encrypted")
        store.push(descriptor, content)

        raw = read(store, descriptor)

    assert raw == b"encrypted"


def test_an_encrypted_registry_with_a_plain_token_server_gets_nothing(
    opened: Stores, tmp_path: Path, tokens: TokenServer, settings: Settings
) -> None:
    authority = Authority(tmp_path / "authority")
    settings = replace(settings, ca_file=authority.ca_file)
    tokens.forget_requests()
    with DockerRegistry(tmp_path / "registry", authority=authority, tokens=tokens) as registry:
        write_login(settings.credential_files[0], registry.host, "ada", USERS["ada"])
        store = opened(registry.host, settings=settings)

        with pytest.raises(AccessDenied, match="is not safe"):
            store.push(*blob("x"))

    assert tokens.requests == []
