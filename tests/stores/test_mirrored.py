"""A registry with mirrors: the registry's word, anybody's bytes, and a liar never wins."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from contract.samples import fetch, push_bytes, push_evidence, push_model
from parts.certificates import Authority, Identity
from parts.double import INDEX, Double
from parts.registry import DockerRegistry

from lading.errors import IntegrityError, InvalidInput, LadingError, NotFound, Unavailable
from lading.ports import Doubtable, Reader
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.mirror import mirrors_of, parse_mirrors
from lading.stores.mirrored import MirroredStore, stream
from lading.stores.mirrored.health import HEALTH, Health
from lading.stores.remote.registry import RemoteStore
from lading.transfer import copy, read
from lading.transfer.believe import believed

NAME = "ml/fraud"
BIG = os.urandom(3 * 1024 * 1024)


@pytest.fixture(autouse=True)
def well() -> Iterator[None]:
    """Nobody failed a moment ago."""
    HEALTH.forget()
    yield
    HEALTH.forget()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=1, timeout=5)


@pytest.fixture
def near() -> Iterator[Double]:
    with Double() as double:
        yield double


@pytest.fixture
def far() -> Iterator[Double]:
    with Double() as double:
        yield double


def open_mirrored(host: str, mirrors: list[str], settings: Settings) -> MirroredStore:
    settings = replace(settings, mirrors=parse_mirrors({host: mirrors}))
    return MirroredStore(host, NAME, settings, mirrors_of(host, NAME, settings.mirrors))


@contextmanager
def remote(host: str, settings: Settings) -> Iterator[RemoteStore]:
    store = RemoteStore(host, NAME, settings)
    try:
        yield store
    finally:
        store.close()


def everywhere(settings: Settings, *doubles: Double, raw: bytes = BIG) -> Descriptor:
    for double in doubles:
        double.put_blob(NAME, raw)
    return Descriptor.of(raw, "application/octet-stream")


def whole(store: MirroredStore, descriptor: Descriptor) -> bytes:
    return read(store, descriptor, limit=2 * len(BIG))


# Who is asked


def test_while_the_registry_answers_no_mirror_is_asked(
    double: Double, near: Double, settings: Settings
) -> None:
    blob = everywhere(settings, double, near)
    store = open_mirrored(double.host, [near.host], settings)
    with remote(double.host, settings) as plain:
        root = push_model(plain, "a model", "1.0.0")
    double.forget_requests()

    assert store.resolve("1.0.0") == root
    assert whole(store, blob) == BIG
    store.close()

    assert len(double.asked()) == 2
    assert near.asked() == []


def test_what_the_registry_lost_a_mirror_gives(
    double: Double, near: Double, settings: Settings
) -> None:
    blob = everywhere(settings, near)
    store = open_mirrored(double.host, [near.host], settings)

    assert whole(store, blob) == BIG
    assert store.read_blob(blob.digest, 2 * len(BIG)) == BIG
    store.close()


def test_mirrors_are_asked_first_for_blobs_and_for_nothing_else_where_that_is_set(
    double: Double, near: Double, settings: Settings
) -> None:
    blob = everywhere(settings, double, near)
    with remote(double.host, settings) as plain:
        root = push_model(plain, "a model", "1.0.0")
    double.forget_requests()
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    found = store.resolve("1.0.0")
    raw = whole(store, blob)
    store.close()

    assert (found, raw) == (root, BIG)
    assert [request.path for request in near.asked()] == [f"/v2/{NAME}/blobs/{blob.digest}"]
    assert [request.path for request in double.asked()] == [f"/v2/{NAME}/manifests/1.0.0"]


def test_a_prefix_is_another_one_on_the_mirror(
    double: Double, near: Double, settings: Settings
) -> None:
    near.put_blob(f"copies/{NAME}", BIG)
    blob = Descriptor.of(BIG, "application/octet-stream")
    store = open_mirrored(double.host, [f"{near.host}/copies"], settings)

    assert whole(store, blob) == BIG
    store.close()


def test_parts_of_content_come_from_the_registry_alone(
    double: Double, near: Double, settings: Settings
) -> None:
    blob = everywhere(settings, double, near)
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    with store.fetch_range(blob, 1000, 10) as reader:
        buffer = memoryview(bytearray(10))
        count = reader.readinto(buffer)
    store.close()

    assert bytes(buffer[:count]) == BIG[1000:1010]
    assert near.asked() == []


def test_who_is_down_is_not_asked_for_every_blob(
    double: Double, near: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = [everywhere(settings, double, near, raw=os.urandom(1000)) for _ in range(20)]
    double.fail("GET", "/blobs/", status=503, times=1000)
    store = open_mirrored(double.host, [near.host], replace(settings, retries=0))

    for blob in blobs:
        assert len(whole(store, blob)) == 1000
    store.close()

    assert len(double.asked("GET", "/blobs/")) == 1
    assert caplog.text.count(f"{double.host}/{NAME} is not asked for now") == 1


def test_who_was_down_is_asked_again_after_a_while() -> None:
    now = [0.0]
    health = Health(clock=lambda: now[0])

    assert health.failed("https://registry", "content")
    assert health.rests("https://registry", "content")
    assert not health.rests("https://registry", "names")
    assert not health.failed("https://registry", "content")
    now[0] = 100.0
    assert not health.rests("https://registry", "content")


def test_one_outage_is_told_once_and_the_next_one_anew() -> None:
    now = [0.0]
    health = Health(clock=lambda: now[0])

    told = [health.is_news("the registry is down") for now[0] in (0.0, 15.0, 30.0, 60.0)]

    assert told == [True, False, False, True]


def test_a_registry_that_has_the_hiccups_is_waited_for_where_no_mirror_has_it(
    double: Double, near: Double, settings: Settings
) -> None:
    blob = everywhere(settings, double)
    double.fail("GET", "/blobs/", status=503, times=4)
    store = open_mirrored(double.host, [near.host], replace(settings, retries=5))

    assert whole(store, blob) == BIG
    store.close()


# Names


def test_the_registry_says_what_a_tag_means_though_a_mirror_says_otherwise(
    double: Double, near: Double, settings: Settings
) -> None:
    with remote(double.host, settings) as plain, remote(near.host, settings) as behind:
        root = push_model(plain, "a model", "1.0.0")
        push_model(behind, "an older one", "1.0.0")
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    assert store.resolve("1.0.0") == root
    store.close()


def test_what_a_tag_means_a_mirror_says_while_the_registry_is_down_and_that_is_said(
    double: Double, near: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with remote(near.host, settings) as mirror:
        root = push_model(mirror, "a model", "prod")
    double.stop()
    store = open_mirrored(double.host, [near.host], settings)

    assert store.resolve("prod") == root
    assert list(store.names()) == ["prod"]
    assert list(store.referrers(root)) == []
    assert store.spokesman == f"{near.host}/{NAME}"
    store.close()

    (warning,) = (each.getMessage() for each in caplog.records if each.levelname == "WARNING")
    assert f"what the mirror {near.host}/{NAME} says, which may be behind" in warning
    assert f"{double.host} does not answer" in warning


def test_a_missing_tag_is_missing_whatever_a_mirror_has(
    double: Double, near: Double, settings: Settings
) -> None:
    with remote(near.host, settings) as mirror:
        push_model(mirror, "a model", "1.0.0")
    store = open_mirrored(double.host, [near.host], settings)

    with pytest.raises(NotFound):
        store.resolve("1.0.0")
    store.close()


def test_a_tag_that_no_mirror_has_is_not_missing_while_the_registry_is_down(
    double: Double, near: Double, settings: Settings
) -> None:
    double.stop()
    store = open_mirrored(double.host, [near.host], settings)

    with pytest.raises(Unavailable, match=f"{double.host} does not answer") as caught:
        store.resolve("1.0.0")
    store.close()

    assert f"the mirror {near.host}/{NAME} was asked, and does not have it" in str(caught.value)
    assert str(caught.value).count("does not answer") == 1
    assert f"lading list {near.host}/{NAME}" in str(caught.value.hint)


def test_mirrors_that_contradict_each_other_about_a_version_are_not_believed(
    double: Double, near: Double, far: Double, settings: Settings
) -> None:
    with remote(near.host, settings) as one, remote(far.host, settings) as other:
        push_model(one, "a model", "1.0.0")
        push_model(other, "something else", "1.0.0")
    double.stop()
    store = open_mirrored(double.host, [near.host, far.host], settings)

    with pytest.raises(IntegrityError, match="contradict") as caught:
        store.resolve("1.0.0")
    store.close()

    assert near.host in str(caught.value)
    assert far.host in str(caught.value)
    assert "digest" in str(caught.value.hint)


def test_of_a_tag_that_moves_the_first_mirror_is_heeded_and_the_other_named(
    double: Double,
    near: Double,
    far: Double,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with remote(near.host, settings) as one, remote(far.host, settings) as other:
        root = push_model(one, "a model", "prod")
        push_model(other, "an older one", "prod")
    double.stop()
    store = open_mirrored(double.host, [near.host, far.host], settings)

    assert store.resolve("prod") == root
    store.close()

    assert f"{far.host}/{NAME} says otherwise" in caplog.text


def test_a_mirror_that_gives_other_bytes_than_it_says_for_a_tag_is_not_heeded(
    double: Double,
    near: Double,
    far: Double,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with remote(near.host, settings) as one, remote(far.host, settings) as other:
        push_model(one, "a model", "1.0.0")
        root = push_model(other, "a model", "1.0.0")
    near.fail("GET", "/manifests/", corrupt=True, times=100)
    double.stop()
    store = open_mirrored(double.host, [near.host, far.host], settings)

    assert store.resolve("1.0.0") == root
    store.close()

    assert f"{near.host}/{NAME} is not believed" in caplog.text


def test_what_refers_to_a_version_a_mirror_says_while_the_registry_is_down(
    double: Double, near: Double, settings: Settings
) -> None:
    with remote(near.host, settings) as mirror:
        root = push_model(mirror, "a model", "1.0.0")
        evidence = push_evidence(mirror, root, "good")
    double.stop()
    store = open_mirrored(double.host, [near.host], settings)

    assert [each.digest for each in store.referrers(root)] == [evidence.digest]
    assert [each.digest for each in store.listed_referrers(root)] == [evidence.digest]
    store.close()


# Liars


Lie = Callable[[Double], object]
LIES: dict[str, Lie] = {
    "another byte": lambda at: at.fail("GET", "/blobs/", corrupt=True, times=99),
    "cut off": lambda at: (
        at.fail("GET", "/blobs/", truncate=70_000),
        at.fail("GET", "/blobs/", status=500, times=99),
    ),
    "hangs up": lambda at: (
        at.fail("GET", "/blobs/", after_bytes=70_000),
        at.fail("GET", "/blobs/", lose_answer=True, times=99),
    ),
    "500": lambda at: at.fail("GET", "/blobs/", status=500, times=99),
    "refuses": lambda at: at.fail("GET", "/blobs/", status=403, times=99),
    "a page": lambda at: at.fail("GET", "/blobs/", status=200, body=b"<html>", times=99),
    "nothing": lambda at: at.fail("GET", "/blobs/", status=200, body=b"", times=99),
    "redirects in circles": lambda at: at.fail(
        "GET", "/blobs/", status=307, headers={"Location": "/v2/x/blobs/again"}, times=99
    ),
    "redirects to nobody": lambda at: at.fail(
        "GET", "/blobs/", status=307, headers={"Location": "http://127.0.0.1:9/x"}, times=99
    ),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("mirrors_first", [True, False])
def test_a_liar_never_wins(
    double: Double,
    near: Double,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    *,
    lie: Lie,
    mirrors_first: bool,
) -> None:
    blob = everywhere(settings, double, near)
    liar = near if mirrors_first else double
    lie(liar)
    told = replace(settings, mirrors_first=mirrors_first)
    store = open_mirrored(double.host, [near.host], told)

    assert whole(store, blob) == BIG
    store.close()

    assert f"{liar.host}/{NAME}" in caplog.text


def test_a_liar_is_named_and_not_asked_for_the_same_again(
    double: Double, near: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    blob = everywhere(settings, double, near)
    near.fail("GET", "/blobs/", corrupt=True, times=99)
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    assert whole(store, blob) == BIG
    assert whole(store, blob) == BIG
    store.close()

    assert f"{near.host}/{NAME} gives wrong content for {blob.digest.short}" in caplog.text
    assert len(near.asked("GET", "/blobs/")) == 1


def test_only_where_nobody_has_it_right_it_is_damaged(
    double: Double, near: Double, far: Double, settings: Settings
) -> None:
    blob = everywhere(settings, double, near, far)
    for each in (double, near, far):
        each.fail("GET", "/blobs/", corrupt=True, times=99)
    store = open_mirrored(double.host, [near.host, far.host], settings)

    with pytest.raises(IntegrityError):
        whole(store, blob)
    with pytest.raises(IntegrityError, match=far.host):
        whole(store, blob)
    store.close()


def test_a_manifest_by_digest_is_verified_wherever_it_comes_from(
    double: Double, near: Double, far: Double, settings: Settings
) -> None:
    with remote(far.host, settings) as other:
        root = push_model(other, "a model", "1.0.0")
    raw = far.repository(NAME).manifests[root.digest].raw
    near.put_manifest(NAME, raw, INDEX, "1.0.0")
    near.fail("GET", "/manifests/", corrupt=True, times=99)
    double.stop()
    store = open_mirrored(double.host, [near.host, far.host], settings)

    assert store.resolve(root.digest) == root
    assert fetch(store, root) == raw
    store.close()


def test_a_stranger_that_a_mirror_redirects_to_is_shown_no_credentials(
    double: Double, near: Double, far: Double, settings: Settings, home: Path
) -> None:
    near.users = {"ada": "secret"}
    near.redirect_blobs = far.origin
    log_in(home, near.host, "ada", "secret")
    blob = everywhere(settings, double, near)
    far.fail("GET", "/signed/", status=200, body=os.urandom(len(BIG)), times=99)
    told = with_credentials(settings, home)
    store = open_mirrored(double.host, [near.host], replace(told, mirrors_first=True))

    assert whole(store, blob) == BIG
    store.close()

    assert far.asked("GET", "/signed/")
    assert all("authorization" not in request.headers for request in far.asked())


def test_a_mirror_that_trickles_is_given_up(
    double: Double,
    near: Double,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "_GRACE", 0.5)
    blob = everywhere(settings, double, near)
    near.fail("GET", "/blobs/", trickle=0.1, times=99)
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    assert whole(store, blob) == BIG
    store.close()

    assert f"{near.host}/{NAME} sends" in caplog.text
    assert double.asked("GET", "/blobs/")[0].headers["range"].startswith("bytes=")


def test_who_is_slow_is_waited_for_where_nobody_else_has_it(
    double: Double, near: Double, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_GRACE", 0.2)
    blob = everywhere(settings, near, raw=BIG[:20_000])
    near.fail("GET", "/blobs/", trickle=0.05, times=99)
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    assert whole(store, blob) == BIG[:20_000]
    store.close()


def test_where_two_gave_one_stream_each_has_to_give_all_of_it(
    double: Double, near: Double, far: Double, settings: Settings
) -> None:
    blob = everywhere(settings, double, near, far)
    # The first breaks off, the second goes on with wrong bytes; nobody can tell who was wrong.
    double.fail("GET", "/blobs/", after_bytes=1_000_000, times=2)
    near.fail("GET", "/blobs/", corrupt=True, times=99)
    store = open_mirrored(double.host, [near.host, far.host], replace(settings, retries=0))

    assert whole(store, blob) == BIG
    store.close()

    assert near.asked("GET", "/blobs/")
    assert "range" not in far.asked("GET", "/blobs/")[-1].headers


def test_a_copy_into_another_store_is_right_though_the_first_mirror_lies(
    double: Double, near: Double, settings: Settings
) -> None:
    with remote(double.host, settings) as plain, remote(near.host, settings) as mirror:
        root = push_model(plain, "a model", "1.0.0")
        push_model(mirror, "a model", "1.0.0")
    near.fail("GET", "/blobs/", corrupt=True, times=99)
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    with Double() as target, remote(target.host, settings) as there:
        copy(store, there, root, name="1.0.0")
        store.close()

        assert there.resolve("1.0.0") == root
        assert target.repository(NAME).blobs == double.repository(NAME).blobs


def test_doubt_ends() -> None:
    class Doubter:
        asked = 0

        def resolve(self, name: str) -> Descriptor:
            raise NotFound(name)

        def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
            raise NotFound("nothing is fetched")

        def doubt(self, descriptor: Descriptor) -> bool:
            self.asked += 1
            return self.asked < 3

    source = Doubter()
    assert isinstance(source, Doubtable)

    def wrong() -> None:
        raise IntegrityError("wrong")

    with pytest.raises(IntegrityError):
        believed(source, Descriptor.of(b"", "x/y"), wrong)
    assert source.asked == 3


# Writing


def test_what_is_written_goes_to_the_registry_alone(
    double: Double, near: Double, settings: Settings
) -> None:
    store = open_mirrored(double.host, [near.host], replace(settings, mirrors_first=True))

    root = push_model(store, "a model", "1.0.0")
    push_evidence(store, root, "good")
    push_bytes(store, b"more")
    store.untag("1.0.0")
    store.close()

    assert near.asked("POST") == near.asked("PUT") == near.asked("PATCH") == []
    assert near.asked("DELETE") == []


def test_nothing_is_written_by_a_mirrors_word(
    double: Double, near: Double, settings: Settings
) -> None:
    with remote(near.host, settings) as mirror:
        push_model(mirror, "a model", "1.0.0")
    double.stop()
    store = open_mirrored(double.host, [near.host], settings)
    store.resolve("1.0.0")
    double.start()

    with pytest.raises(Unavailable, match="nothing was written") as caught:
        push_bytes(store, b"more")
    with pytest.raises(Unavailable):
        store.untag("1.0.0")
    with pytest.raises(Unavailable):
        store.absorb(BytesContent(b"more"), "x/y")
    store.close()

    assert near.host in str(caught.value)
    assert double.asked("POST") == []


def test_lists_that_are_written_are_read_at_the_registry_alone(
    registry: DockerRegistry, near: Double, settings: Settings, repository: str
) -> None:
    # docker-registry has no referrers API: the list under the fallback tag is read, and put.
    host = registry.host
    told = replace(settings, mirrors=parse_mirrors({host: [near.host]}), mirrors_first=True)
    store = MirroredStore(host, repository, told, mirrors_of(host, repository, told.mirrors))

    root = push_model(store, "a model", "1.0.0")
    evidence = push_evidence(store, root, "good")
    found = [each.digest for each in store.referrers(root)]
    store.close()

    assert found == [evidence.digest]
    assert near.asked("GET", "/manifests/") == []


def test_what_was_deleted_is_gone(double: Double, near: Double, settings: Settings) -> None:
    store = open_mirrored(double.host, [near.host], settings)
    root = push_model(store, "a model", "1.0.0")
    store.resolve(root.digest)

    store.delete_manifest(root.digest)

    with pytest.raises(NotFound):
        store.resolve(root.digest)
    store.close()


# Who we are, to whom


def log_in(home: Path, host: str, user: str, password: str) -> None:
    import base64
    import json

    file = home / "logins.json"
    known = json.loads(file.read_text()) if file.exists() else {"auths": {}}
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    known["auths"][host] = {"auth": pair}
    file.write_text(json.dumps(known))


def with_credentials(settings: Settings, home: Path) -> Settings:
    return replace(settings, credential_files=(home / "logins.json",))


def test_each_is_shown_its_own_credentials(
    double: Double, near: Double, settings: Settings, home: Path
) -> None:
    double.users, near.users = {"ada": "secret"}, {"bob": "other"}
    log_in(home, double.host, "ada", "secret")
    log_in(home, near.host, "bob", "other")
    blob = everywhere(settings, near)
    store = open_mirrored(double.host, [near.host], with_credentials(settings, home))

    assert whole(store, blob) == BIG
    store.close()

    shown = [{request.headers.get("authorization") for request in each.asked()} - {None}
             for each in (double, near)]  # fmt: skip
    assert len(shown[0]) == len(shown[1]) == 1
    assert shown[0] != shown[1]


def test_a_password_of_the_environment_is_for_the_registry_and_not_for_its_mirror(
    double: Double, near: Double, settings: Settings
) -> None:
    double.users, near.users = {"ada": "secret"}, {"ada": "secret"}
    blob = everywhere(settings, near)
    told = replace(settings, username="ada", password="secret")
    store = open_mirrored(double.host, [near.host], told)

    with pytest.raises(LadingError):
        whole(store, blob)
    store.close()

    assert any("authorization" in request.headers for request in double.asked())
    assert all("authorization" not in request.headers for request in near.asked())


def test_a_mirror_has_its_own_authority_and_is_shown_only_its_own_certificate(
    double: Double,
    client_certificate_registry: DockerRegistry,
    client_identity: Identity,
    *,
    authority: Authority,
    settings: Settings,
    repository: str,
) -> None:
    mirror = client_certificate_registry
    cert, key = client_identity.cert, client_identity.key
    ca = authority.ca_file
    known = replace(settings, ca_file=ca, client_cert=cert, client_key=key)
    own = RemoteStore(mirror.host, repository, known)
    blob = push_bytes(own, b"hello world")
    own.close()
    table: dict[str, object] = {"at": mirror.host, "ca_file": str(ca)}
    named = {**table, "client_cert": str(cert), "client_key": str(key)}

    def opened(entry: object, told: Settings) -> MirroredStore:
        mirrors = parse_mirrors({double.host: [entry]})
        told = replace(told, mirrors=mirrors, insecure=frozenset({double.host}))
        found = mirrors_of(double.host, repository, mirrors)
        return MirroredStore(double.host, repository, told, found)

    with_own, without = opened(named, settings), opened(table, known)

    assert fetch(with_own, blob) == b"hello world"
    HEALTH.forget()
    with pytest.raises(NotFound):
        fetch(without, blob)
    with_own.close()
    without.close()


# What is written of mirrors


def test_the_longest_prefix_says_which_mirrors_there_are() -> None:
    mirrors = parse_mirrors("ghcr.io=a.example;ghcr.io/acme=b.example/copies,c.example")

    found = mirrors_of("ghcr.io", "acme/fraud", mirrors)

    assert [there.base for _, there in found] == ["b.example/copies/fraud", "c.example/fraud"]
    assert [t.base for _, t in mirrors_of("ghcr.io", "acmes/x", mirrors)] == ["a.example/acmes/x"]
    assert mirrors_of("quay.io", "acme/fraud", mirrors) == ()


def test_docker_hub_is_one_registry_under_all_its_names() -> None:
    mirrors = parse_mirrors({"index.docker.io": ["near.example"]})

    (found,) = mirrors_of("docker.io", "python", mirrors)

    assert found[1].base == "near.example/library/python"


@pytest.mark.parametrize(
    "text",
    [
        "ghcr.io",
        "ghcr.io=",
        "ghcr.io=https://mirror.example",
        "ghcr.io=mirror",
        "=mirror.example",
        "ghcr.io=ghcr.io",
        "ghcr.io=user@mirror.example",
        "ghcr.io=a.example,,b.example",
    ],
)
def test_what_is_no_mirror_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_mirrors(text)


@pytest.mark.parametrize(
    "table",
    [
        {"ghcr.io": [{"ca_file": "x"}]},
        {"ghcr.io": [{"at": "a.example", "password": "x"}]},
        {"ghcr.io": [{"at": "a.example", "client_key": "x"}]},
        {"ghcr.io": [7]},
        {"ghcr.io": []},
        {"ghcr.io": ["a.example"] * 17},
        ["ghcr.io"],
    ],
)
def test_a_table_that_is_none_is_refused(table: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_mirrors(table)


def test_a_mirror_of_one_repository_names_one() -> None:
    mirrors = parse_mirrors({"ghcr.io/acme/fraud": ["near.example"]})

    with pytest.raises(InvalidInput, match="names no repository"):
        mirrors_of("ghcr.io", "acme/fraud", mirrors)


def test_a_digest_that_nobody_has_is_not_found(
    double: Double, near: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_mirrored(double.host, [near.host], settings)

    with caplog.at_level(logging.WARNING), pytest.raises(NotFound):
        store.resolve(Digest.of(b"nothing"))
    store.close()

    assert caplog.text == ""
