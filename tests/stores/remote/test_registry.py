"""A registry is spoken to by the book, and around what really goes wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from parts.certificates import Authority, Identity
from parts.dialect import DISTRIBUTION_2, ECR, GAR, GHCR, GITLAB, HARBOR, Dialect
from parts.double import Bucket, Double
from parts.registry import DockerRegistry

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
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Manifest
from lading.stores.remote.origin import origin_of
from lading.stores.remote.registry import RemoteStore
from lading.stores.remote.upload import RESUMABLE
from lading.transfer import read
from lading.transfer.window import SourceWindow

LARGE = BytesContent(os.urandom(RESUMABLE + 12345))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are for networks, not for tests."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=3, timeout=20)


@pytest.fixture
def store(double: Double, settings: Settings) -> RemoteStore:
    return RemoteStore(double.host, "ml/fraud", settings)


def blob(raw: bytes) -> tuple[Descriptor, BytesContent]:
    return Descriptor.of(raw, "application/octet-stream"), BytesContent(raw)


def whole(store: RemoteStore, descriptor: Descriptor, offset: int = 0) -> bytes:
    pieces = bytearray()
    buffer = memoryview(bytearray(64 * 1024))
    with store.fetch(descriptor, offset) as reader:
        while count := reader.readinto(buffer):
            pieces += buffer[:count]
    return bytes(pieces)


def pushed_manifest(
    store: RemoteStore, tag: str | None, *, subject: Descriptor | None = None, kind: str = "a/b"
) -> Manifest:
    config, content = blob(f'{{"kind":"{kind}"}}'.encode())
    store.push(config, content)
    manifest = Manifest.build(config, (config,), artifact_type=kind, subject=subject)
    store.push(manifest.descriptor, BytesContent(manifest.raw), tag)
    return manifest


# Downloads


def test_a_download_that_breaks_goes_on_by_range(store: RemoteStore, double: Double) -> None:
    descriptor, content = blob(os.urandom(3_000_000))
    store.push(descriptor, content)
    double.fail("GET", "/blobs/", after_bytes=1_000_000, times=2)

    assert whole(store, descriptor) == content.raw
    ranges = [r.headers.get("range") for r in double.requests if "/blobs/sha" in r.target]
    offsets = [int(text.removeprefix("bytes=").rstrip("-")) for text in ranges[1:] if text]
    assert ranges[0] is None
    assert len(offsets) == 2
    assert 0 < offsets[0] < offsets[1]


def test_a_download_that_ends_too_early_goes_on(store: RemoteStore, double: Double) -> None:
    descriptor, content = blob(os.urandom(500_000))
    store.push(descriptor, content)
    double.fail("GET", "/blobs/", truncate=100_000)

    assert whole(store, descriptor) == content.raw


def test_without_ranges_what_was_had_is_read_again_and_dropped(
    double: Double, settings: Settings
) -> None:
    double.dialect = Dialect(ranges=False)
    store = RemoteStore(double.host, "ml/fraud", settings)
    descriptor, content = blob(os.urandom(500_000))
    store.push(descriptor, content)
    double.fail("GET", "/blobs/", after_bytes=300_000)

    assert whole(store, descriptor) == content.raw
    assert whole(store, descriptor, 400_000) == content.raw[400_000:]


def test_a_blob_of_which_only_the_digest_is_known_is_read_whole_and_verified(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(500_000))
    store.push(descriptor, content)
    double.requests.clear()

    assert store.read_blob(descriptor.digest, 500_000) == content.raw
    assert len(double.requests) == 1
    with pytest.raises(InvalidInput):
        store.read_blob(descriptor.digest, 499_999)
    with pytest.raises(NotFound):
        store.read_blob(Digest.of(b"elsewhere"), 100)


def test_a_blob_without_a_size_that_breaks_is_asked_for_again(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(500_000))
    store.push(descriptor, content)
    double.fail("GET", "/blobs/", after_bytes=100_000)
    double.fail("GET", "/blobs/", truncate=100_000)

    assert store.read_blob(descriptor.digest, 1_000_000) == content.raw
    double.fail("GET", "/blobs/", truncate=100_000, times=100)
    with pytest.raises(Unavailable):
        store.read_blob(descriptor.digest, 1_000_000)


def test_a_blob_without_a_size_that_is_damaged_is_not_used(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(5_000))
    store.push(descriptor, content)
    double.fail("GET", "/blobs/", corrupt=True, times=100)

    with pytest.raises(IntegrityError):
        store.read_blob(descriptor.digest, 1_000_000)


def test_repositories_of_one_host_can_share_connections(double: Double, settings: Settings) -> None:
    first = RemoteStore(double.host, "ml/fraud", settings)
    pushed_manifest(first, "1.0.0")

    second = RemoteStore(double.host, "ml/fraud", settings, client=first.client)

    assert second.client is first.client
    assert list(second.names()) == ["1.0.0"]


def part(store: RemoteStore, descriptor: Descriptor, offset: int, length: int) -> bytes:
    return SourceWindow(store, descriptor).read_at(offset, length)


def test_a_part_costs_no_more_than_its_bytes_and_keeps_the_connection(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(3_000_000))
    store.push(descriptor, content)
    double.requests.clear()

    found = [part(store, descriptor, offset, 1000) for offset in (0, 1_000_000, 2_999_500)]

    assert found == [content.raw[:1000], content.raw[1_000_000:][:1000], content.raw[2_999_500:]]
    # The server has counted what it sent when it answers the next request.
    assert [request.sent for request in double.requests[:2]] == [1000, 1000]
    assert [request.headers["range"] for request in double.requests] == [
        "bytes=0-999", "bytes=1000000-1000999", "bytes=2999500-",
    ]  # fmt: skip


def test_a_part_that_breaks_goes_on_and_still_ends_where_it_should(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(3_000_000))
    store.push(descriptor, content)
    double.requests.clear()
    double.fail("GET", "/blobs/", truncate=400_000)

    found = part(store, descriptor, 1_000_000, 1_000_000)

    assert found == content.raw[1_000_000:2_000_000]
    assert [request.headers["range"] for request in double.requests] == [
        "bytes=1000000-1999999", "bytes=1400000-1999999",
    ]  # fmt: skip


def test_a_range_of_another_length_than_was_asked_for_is_refused(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(10_000))
    store.push(descriptor, content)
    double.fail(
        "GET",
        "/blobs/",
        status=206,
        headers={"Content-Range": "bytes 100-199/10000"},
        body=b"x" * 150,
    )

    with pytest.raises(IntegrityError):
        part(store, descriptor, 100, 100)


def test_a_download_that_breaks_again_and_again_is_unavailable(
    store: RemoteStore, double: Double
) -> None:
    descriptor, content = blob(os.urandom(500_000))
    store.push(descriptor, content)
    double.fail("GET", "/blobs/", after_bytes=0, times=100)

    with pytest.raises(Unavailable):
        whole(store, descriptor)


def test_a_size_that_lies_is_refused(store: RemoteStore) -> None:
    descriptor, content = blob(b"content")
    store.push(descriptor, content)
    liar = replace(descriptor, size=8)

    with pytest.raises(IntegrityError):
        whole(store, liar)
    with pytest.raises(IntegrityError):
        store.exists(liar)


def test_a_damaged_manifest_is_refused(store: RemoteStore, double: Double) -> None:
    pushed_manifest(store, "1.0.0")
    double.fail("GET", "/manifests/1.0.0", corrupt=True, times=10)

    with pytest.raises((IntegrityError, InvalidInput)):
        store.resolve("1.0.0")


def test_a_manifest_above_4_mib_is_refused(store: RemoteStore, double: Double) -> None:
    raw = b'{"schemaVersion":2,"x":"' + b"x" * (4 * 1024 * 1024) + b'"}'
    double.put_manifest("ml/fraud", raw, "application/vnd.oci.image.manifest.v1+json", "huge")

    with pytest.raises(InvalidInput, match="4 MiB"):
        store.resolve("huge")


def test_redirected_blobs_are_fetched_without_the_registrys_credentials(
    settings: Settings,
) -> None:
    with Double(users={"ada": "secret"}) as double, Bucket(double) as bucket:
        store = RemoteStore(
            double.host, "ml/fraud", replace(settings, username="ada", password="secret")
        )
        descriptor, content = blob(b"redirected")
        store.push(descriptor, content)
        double.redirect_blobs = bucket.origin

        raw = whole(store, descriptor)

        assert raw == content.raw
        assert bucket.requests
        assert all("authorization" not in request.headers for request in bucket.requests)


# Uploads


def test_content_is_absorbed_in_chunks(store: RemoteStore, double: Double) -> None:
    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert descriptor.digest == Digest.of(LARGE.raw)
    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw


class _Keyed(BytesContent):
    key = "the same file"


def test_a_broken_chunk_goes_on_where_the_registry_says(store: RemoteStore, double: Double) -> None:
    broken = double.fail("PATCH", "uploads", after_bytes=5_000_000)

    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert broken.hits == 1
    assert descriptor.digest == Digest.of(LARGE.raw)
    patches = [r for r in double.requests if r.method == "PATCH"]
    assert patches[-1].headers["content-range"].startswith("5000000-")


def test_an_upload_of_a_killed_push_goes_on(
    double: Double, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _Keyed(LARGE.raw)
    double.fail("PATCH", "uploads", after_bytes=7_000_000)
    first = RemoteStore(double.host, "ml/fraud", replace(settings, retries=0))
    with pytest.raises(Unavailable):
        first.absorb(content, "application/octet-stream")

    descriptor = RemoteStore(double.host, "ml/fraud", settings).absorb(content, "a/b")

    assert descriptor.digest == Digest.of(LARGE.raw)
    assert [r.method for r in double.requests].count("POST") == 1
    last = [r for r in double.requests if r.method == "PATCH"][-1]
    assert last.headers["content-range"].startswith("7000000-")


def test_a_lost_session_begins_again(store: RemoteStore, double: Double) -> None:
    double.fail("PATCH", "uploads", lose_upload=True)

    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw


def test_a_lost_answer_to_the_closing_put_is_no_loss(store: RemoteStore, double: Double) -> None:
    double.fail("PUT", "uploads", lose_answer=True)

    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw


def test_a_broken_put_is_sent_again(store: RemoteStore, double: Double) -> None:
    descriptor, content = blob(os.urandom(2_000_000))
    double.fail("PUT", "uploads", after_bytes=1_000_000, times=2)

    store.push(descriptor, content)

    assert double.repository("ml/fraud").blobs[descriptor.digest] == content.raw


def test_distribution_2_loses_a_broken_chunk_and_the_blob_is_sent_again(
    double: Double, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, "ml/fraud", settings)
    double.fail("PATCH", "uploads", after_bytes=5_000_000)

    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw


@pytest.mark.parametrize("dialect", [GHCR, GAR], ids=["GHCR", "GAR"])
def test_a_registry_without_large_chunks_takes_the_blob_in_one_put(
    dialect: Dialect, double: Double, settings: Settings
) -> None:
    double.dialect = dialect
    store = RemoteStore(double.host, "ml/fraud", settings)

    with pytest.raises(Unsupported):
        store.absorb(LARGE, "application/octet-stream")
    descriptor = Descriptor.of(LARGE.raw, "application/octet-stream")
    store.push(descriptor, LARGE)

    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw
    again = RemoteStore(double.host, "ml/other", settings)
    with pytest.raises(Unsupported):
        again.absorb(LARGE, "application/octet-stream")
    assert not [r for r in double.requests if r.method == "PATCH" and "ml/other" in r.target]


def test_ecr_answers_201_to_the_first_chunk(double: Double, settings: Settings) -> None:
    double.dialect = ECR
    store = RemoteStore(double.host, "ml/fraud", settings)

    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw


def test_a_smallest_chunk_is_respected(double: Double, settings: Settings) -> None:
    double.dialect = Dialect(minimum_chunk=4_000_000)
    store = RemoteStore(double.host, "ml/fraud", settings)

    descriptor = store.absorb(LARGE, "application/octet-stream")

    assert double.repository("ml/fraud").blobs[descriptor.digest] == LARGE.raw


def test_an_upload_place_on_another_host_gets_no_credentials(settings: Settings) -> None:
    with Double(users={"ada": "secret"}) as double, Bucket(double) as bucket:
        double.upload_origin = bucket.origin
        store = RemoteStore(
            double.host, "ml/fraud", replace(settings, username="ada", password="secret")
        )
        descriptor, content = blob(b"elsewhere")

        store.push(descriptor, content)

        assert store.exists(descriptor)
        assert bucket.requests
        assert all("authorization" not in request.headers for request in bucket.requests)


def test_a_registry_without_mounts_says_no_and_keeps_no_session(
    double: Double, settings: Settings
) -> None:
    double.dialect = Dialect(mount=False)
    source = RemoteStore(double.host, "ml/source", settings)
    target = RemoteStore(double.host, "ml/target", settings)
    descriptor, content = blob(b"mounted")
    source.push(descriptor, content)

    assert not target.mount(descriptor, source)
    assert not double.repository("ml/target").uploads


def test_between_two_registries_nothing_is_mounted(
    double: Double, tls_double: Double, settings: Settings
) -> None:
    source = RemoteStore(double.host, "ml/source", settings)
    target = RemoteStore(
        tls_double.host, "ml/target", replace(settings, ca_file=tls_double.ca_file)
    )

    assert not target.mount(Descriptor.of(b"x", "a/b"), source)


# Refusals


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, InvalidInput), (403, AccessDenied), (405, Unsupported), (409, Conflict),
     (412, Conflict), (413, Unsupported)],
)  # fmt: skip
def test_a_refusal_becomes_the_error_that_says_what_to_do(
    status: int, error: type[LadingError], store: RemoteStore, double: Double
) -> None:
    double.fail("PUT", "/manifests/", status=status, times=100)

    with pytest.raises(error) as caught:
        pushed_manifest(store, "1.0.0")

    assert "on purpose" in str(caught.value)
    assert str(status) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int, store: RemoteStore, double: Double) -> None:
    fault = double.fail("PUT", "/manifests/", status=status, times=2)

    manifest = pushed_manifest(store, "1.0.0")

    assert fault.hits == 2
    assert store.resolve("1.0.0") == manifest.descriptor


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_does_not_pass_is_unavailable_in_the_end(
    status: int, store: RemoteStore, double: Double
) -> None:
    fault = double.fail("GET", "/manifests/", status=status, times=100)

    with pytest.raises(Unavailable):
        store.resolve("1.0.0")

    assert fault.hits == 4


def test_retry_after_is_waited_for(
    store: RemoteStore, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    pushed_manifest(store, "1.0.0")
    double.fail("GET", "/manifests/1.0.0", status=429, headers={"Retry-After": "7"})

    store.resolve("1.0.0")

    assert 7.0 in waits


def test_a_retry_after_of_an_hour_is_not_waited_for(store: RemoteStore, double: Double) -> None:
    fault = double.fail("GET", "/manifests/", status=429, headers={"Retry-After": "3600"}, times=9)

    with pytest.raises(Unavailable):
        store.resolve("1.0.0")

    assert fault.hits == 1


def test_a_digest_that_is_not_the_contents_is_refused_by_the_registry(store: RemoteStore) -> None:
    liar = Descriptor("a/b", Digest.of(b"other"), 7)

    with pytest.raises(IntegrityError):
        store.push(liar, BytesContent(b"content"))


def test_an_immutable_tag_is_a_conflict(double: Double, settings: Settings) -> None:
    double.dialect = HARBOR
    store = RemoteStore(double.host, "ml/fraud", settings)
    pushed_manifest(store, "1.0.0")

    with pytest.raises(Conflict):
        pushed_manifest(store, "1.0.0", kind="a/other")


def test_a_host_that_is_not_there_is_named_at_once(settings: Settings) -> None:
    store = RemoteStore("127.0.0.1:1", "ml/fraud", settings)

    with pytest.raises(Unavailable) as caught:
        store.resolve("1.0.0")

    assert "127.0.0.1:1" in str(caught.value)
    assert "listening" in (caught.value.hint or "")


def test_a_server_that_speaks_no_tls_is_told_apart(double: Double, settings: Settings) -> None:
    store = RemoteStore(double.host, "ml/fraud", replace(settings, ca_file=_some_ca(settings)))

    with pytest.raises(Unavailable) as caught:
        store.resolve("1.0.0")

    assert "--insecure" in (caught.value.hint or "")


def _some_ca(settings: Settings) -> Path:
    return Authority(settings.home / "authority").ca_file


# Names and referrers


def test_every_page_of_tags_is_read(double: Double, settings: Settings) -> None:
    double.dialect = Dialect(tags_page=7)
    store = RemoteStore(double.host, "ml/fraud", settings)
    raw = pushed_manifest(store, "0.0.0").raw
    for number in range(1, 30):
        double.put_manifest(
            "ml/fraud", raw, "application/vnd.oci.image.manifest.v1+json", f"0.0.{number}"
        )

    assert sorted(store.names()) == sorted(f"0.0.{number}" for number in range(30))


def test_a_next_page_elsewhere_is_not_followed(store: RemoteStore, double: Double) -> None:
    pushed_manifest(store, "1.0.0")
    double.fail(
        "GET",
        "/tags/list",
        status=200,
        body=b'{"tags":["1.0.0"]}',
        headers={"Link": '<https://elsewhere.example/v2/x>; rel="next"'},
    )

    with pytest.raises(Unavailable):
        list(store.names())


@pytest.mark.parametrize(
    "dialect", [Dialect(), Dialect(referrers_page=1), Dialect(referrers_filter=False),
                DISTRIBUTION_2, GITLAB],
    ids=["api", "pages", "unfiltered", "distribution 2", "GitLab"],
)  # fmt: skip
def test_referrers_are_found_with_and_without_the_api(
    dialect: Dialect, double: Double, settings: Settings
) -> None:
    double.dialect = dialect
    store = RemoteStore(double.host, "ml/fraud", settings)
    subject = pushed_manifest(store, "1.0.0").descriptor
    assert list(store.referrers(subject)) == []

    one = pushed_manifest(store, None, subject=subject, kind="a/one").descriptor
    two = pushed_manifest(store, None, subject=subject, kind="a/two").descriptor

    assert {r.digest for r in store.referrers(subject)} == {one.digest, two.digest}
    assert [r.digest for r in store.referrers(subject, "a/two")] == [two.digest]


def test_a_referrer_that_another_writer_removed_from_the_list_is_put_again(
    double: Double, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, "ml/fraud", settings)
    subject = pushed_manifest(store, "1.0.0").descriptor
    fallback = f"sha256-{subject.digest.hex}"
    empty = (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    )

    def overwrite() -> None:
        double.put_manifest("ml/fraud", empty, "application/vnd.oci.image.index.v1+json", fallback)

    # Just before our list is read back, somebody replaces it.
    double.before("GET", f"/manifests/{fallback}", overwrite, skip=1)
    referrer = pushed_manifest(store, None, subject=subject).descriptor

    assert [r.digest for r in store.referrers(subject)] == [referrer.digest]


def test_what_the_fallback_tag_claims_of_a_type_is_not_believed(
    double: Double, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, "ml/fraud", settings)
    subject = pushed_manifest(store, "1.0.0").descriptor
    stranger = pushed_manifest(store, "other", kind="a/stranger").descriptor
    lie = (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
        f'{{"mediaType":"{stranger.media_type}","digest":"{stranger.digest}",'
        f'"size":{stranger.size},"artifactType":"a/approval"}}]}}'
    )
    double.put_manifest(
        "ml/fraud",
        lie.encode(),
        "application/vnd.oci.image.index.v1+json",
        f"sha256-{subject.digest.hex}",
    )

    assert list(store.referrers(subject)) == []


@pytest.mark.parametrize("dialect", [Dialect(), DISTRIBUTION_2], ids=["by tag", "by tombstone"])
def test_untagging_leaves_every_other_tag(
    dialect: Dialect, double: Double, settings: Settings
) -> None:
    double.dialect = dialect
    store = RemoteStore(double.host, "ml/fraud", settings)
    manifest = pushed_manifest(store, "1.0.0")
    store.push(manifest.descriptor, BytesContent(manifest.raw), "prod")

    store.untag("1.0.0")

    assert store.resolve("prod") == manifest.descriptor
    with pytest.raises(NotFound):
        store.resolve("1.0.0")


def test_where_nothing_can_be_deleted_untagging_is_unsupported(
    double: Double, settings: Settings
) -> None:
    double.dialect = Dialect(delete_tags=405, delete_manifests=405)
    store = RemoteStore(double.host, "ml/fraud", settings)
    pushed_manifest(store, "1.0.0")

    with pytest.raises(Unsupported):
        store.untag("1.0.0")


# Credentials and TLS


def test_tokens_that_expire_in_mid_transfer_are_renewed(
    token_double: Double, settings: Settings
) -> None:
    store = RemoteStore(
        token_double.host, "ml/fraud", replace(settings, username="ada", password="secret")
    )
    descriptor, content = blob(os.urandom(1_000_000))
    store.push(descriptor, content)
    token_double.fail("GET", "/blobs/", after_bytes=500_000)
    token_double.fail(
        "GET",
        "/blobs/",
        skip=0,
        status=401,
        headers={
            "WWW-Authenticate": f'Bearer realm="{token_double.tokens.realm}",'
            f'service="{token_double.tokens.service}"'
        }
        if token_double.tokens
        else {},
    )

    assert whole(store, descriptor) == content.raw


def test_without_credentials_the_hint_is_to_log_in(
    password_registry: DockerRegistry, settings: Settings
) -> None:
    store = RemoteStore(password_registry.host, "ml/fraud", settings)

    with pytest.raises(AccessDenied) as caught:
        store.resolve("1.0.0")

    assert caught.value.hint == f"lading login {password_registry.host}"


def test_a_registry_with_passwords_takes_a_version(
    password_registry: DockerRegistry, settings: Settings
) -> None:
    store = RemoteStore(
        password_registry.host, "ml/fraud", replace(settings, username="ada", password="secret")
    )
    manifest = pushed_manifest(store, "1.0.0")

    assert store.resolve("1.0.0") == manifest.descriptor


def test_a_registry_with_tokens_takes_a_version_and_mounts(
    token_registry: DockerRegistry, settings: Settings
) -> None:
    known = replace(settings, username="ada", password="secret")
    source = RemoteStore(token_registry.host, "ml/source", known)
    target = RemoteStore(token_registry.host, "ml/target", known)
    descriptor, content = blob(os.urandom(100_000))
    source.push(descriptor, content)

    assert target.mount(descriptor, source)
    assert whole(target, descriptor) == content.raw


def test_tls_with_an_authority_of_its_own(tls_registry: DockerRegistry, settings: Settings) -> None:
    store = RemoteStore(
        tls_registry.host, "ml/tls", replace(settings, ca_file=tls_registry.ca_file)
    )
    descriptor, content = blob(os.urandom(3_000_000))

    store.push(descriptor, content)

    assert whole(store, descriptor) == content.raw
    assert store.absorb(LARGE, "a/b").digest == Digest.of(LARGE.raw)


def test_an_authority_that_is_not_trusted_is_refused(
    tls_registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other").ca_file
    store = RemoteStore(tls_registry.host, "ml/tls", replace(settings, ca_file=other))

    with pytest.raises(Unavailable) as caught:
        store.resolve("1.0.0")

    assert "--ca-file" in (caught.value.hint or "")


def test_a_clients_certificate_opens_the_door(
    client_certificate_registry: DockerRegistry, client_identity: Identity, settings: Settings
) -> None:
    trusted = replace(settings, ca_file=client_certificate_registry.ca_file)
    known = replace(trusted, client_cert=client_identity.cert, client_key=client_identity.key)

    store = RemoteStore(client_certificate_registry.host, "ml/mutual", known)
    manifest = pushed_manifest(store, "1.0.0")

    assert store.resolve("1.0.0") == manifest.descriptor
    with pytest.raises(LadingError):
        RemoteStore(client_certificate_registry.host, "ml/mutual", trusted).resolve("1.0.0")


def test_plain_http_is_for_loopback_and_for_hosts_that_are_named(settings: Settings) -> None:
    named = replace(settings, insecure=frozenset({"plain.example:5000"}))

    assert origin_of("localhost:5000", settings).scheme == "http"
    assert origin_of("127.0.0.1:5000", settings).scheme == "http"
    assert origin_of("registry.example.com", settings).scheme == "https"
    assert origin_of("plain.example:5000", settings).scheme == "https"
    assert origin_of("plain.example:5000", named).scheme == "http"
    assert str(origin_of("docker.io", settings)) == "https://registry-1.docker.io"


def test_a_manifests_exact_bytes_come_back(store: RemoteStore) -> None:
    manifest = pushed_manifest(store, "1.0.0")
    other = RemoteStore(store.host, store.repository, store.client.settings)

    assert read(other, other.resolve("1.0.0")) == manifest.raw


@pytest.mark.parametrize("page", [b"<html>Please log in.</html>", b'["1.0.0"]', b"\xff"])
def test_a_page_in_the_place_of_a_list_is_no_answer(
    double: Double, settings: Settings, page: bytes
) -> None:
    double.fail("GET", "tags/list", status=200, body=page)

    with pytest.raises(Unavailable, match="cannot list tags") as caught:
        list(RemoteStore(double.host, "ml/fraud", settings).names())

    assert double.host in str(caught.value.cause)
    assert "proxy" in str(caught.value.hint)
