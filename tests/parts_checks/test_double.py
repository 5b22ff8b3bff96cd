"""The double behaves as docker-registry does, where the specification binds them both."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from parts.dialect import DISTRIBUTION_2, GAR, GHCR, GITLAB, Dialect
from parts.double import INDEX, Bucket, Double, digest_of
from parts.registry import DockerRegistry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BLOB = bytes(range(256)) * 40
CONFIG = b"{}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def location(self) -> str:
        """The location, as a target on the same host."""
        parts = urlsplit(self.headers["location"])
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def error_code(self) -> str:
        """The first error's code, where the answer is an error as the specification writes it."""
        if self.status < 400 or not self.body.startswith(b"{"):
            return ""
        code: str = json.loads(self.body)["errors"][0]["code"]
        return code


class Client:
    """Asks without any cleverness."""

    def __init__(self, host: str) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=10)

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, target, body, names)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def distribution() -> Iterator[Double]:
    with Double(dialect=DISTRIBUTION_2) as double:
        yield double


@pytest.fixture
def client(double: Double) -> Iterator[Client]:
    client = Client(double.host)
    yield client
    client.close()


def with_query(target: str, query: str) -> str:
    return target + ("&" if "?" in target else "?") + query


def manifest_of(*blobs: bytes, **more: Any) -> bytes:
    descriptors = [
        {"mediaType": "application/octet-stream", "digest": digest_of(raw), "size": len(raw)}
        for raw in blobs
    ]
    body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptors[0]}
    return json.dumps(body | {"layers": descriptors[1:]} | more).encode()


def script(client: Client, name: str) -> Iterator[tuple[str, Answer, tuple[str, ...]]]:
    """Requests whose answers must agree: a label, the answer, and the headers that count."""
    base, other = f"/v2/{name}", f"/v2/{name}/other"
    blob, config = digest_of(BLOB), digest_of(CONFIG)
    raw = manifest_of(CONFIG, BLOB)
    digest = digest_of(raw)
    digest_header = ("docker-content-digest",)

    yield "base", client.ask("GET", "/v2/"), ("docker-distribution-api-version",)
    yield "no tags yet", client.ask("GET", f"{base}/tags/list"), ()
    yield "no manifest yet", client.ask("GET", f"{base}/manifests/1.0.0"), ()
    yield "no blob yet", client.ask("HEAD", f"{base}/blobs/{blob}"), ()

    started = client.ask("POST", f"{base}/blobs/uploads/", b"")
    yield "upload started", started, ("range", "content-length")
    patched = client.ask("PATCH", started.location, BLOB[:1000], Content_Range="0-999")
    yield "first chunk", patched, ("range",)
    status = client.ask("GET", patched.location)
    yield "upload status", status, ("range",)
    target = with_query(status.location, f"digest={blob}")
    closed = client.ask("PUT", target, BLOB[1000:], Content_Type="application/octet-stream")
    yield "closed with the last chunk", closed, digest_header
    yield "session is gone", client.ask("GET", status.location), ()

    started = client.ask("POST", f"{base}/blobs/uploads/", b"")
    target = with_query(started.location, f"digest={config}")
    yield "monolithic", client.ask("PUT", target, CONFIG), digest_header
    started = client.ask("POST", f"{base}/blobs/uploads/", b"")
    yield "cancelled", client.ask("DELETE", started.location), ()
    started = client.ask("POST", f"{base}/blobs/uploads/", b"")
    wrong = with_query(started.location, f"digest={digest_of(b'else')}")
    yield "wrong digest", client.ask("PUT", wrong, CONFIG), ()
    single = client.ask("POST", f"{base}/blobs/uploads/?digest={blob}", BLOB)
    yield "single post is taken for a start", single, ()

    yield "blob", client.ask("GET", f"{base}/blobs/{blob}"), (*digest_header, "content-length")
    head = client.ask("HEAD", f"{base}/blobs/{blob}")
    yield "head of a blob", head, (*digest_header, "content-length")
    ranged = client.ask("GET", f"{base}/blobs/{blob}", Range="bytes=100-199")
    yield "range", ranged, ("content-range", "content-length")
    rest = client.ask("GET", f"{base}/blobs/{blob}", Range="bytes=10000-")
    yield "open range", rest, ("content-range", "content-length")

    mount = f"{other}/blobs/uploads/?mount={blob}&from={name}"
    yield "mounted", client.ask("POST", mount, b""), digest_header
    mount = f"{other}/blobs/uploads/?mount={digest_of(b'else')}&from={name}"
    yield "mount of nothing", client.ask("POST", mount, b""), ()

    kind = {"Content_Type": MANIFEST}
    put = client.ask("PUT", f"{base}/manifests/1.0.0", raw, **kind)
    yield "manifest put", put, digest_header
    by_digest = client.ask("PUT", f"{base}/manifests/{digest}", raw, **kind)
    yield "manifest put by digest", by_digest, digest_header
    lie = client.ask("PUT", f"{base}/manifests/{digest_of(b'else')}", raw, **kind)
    yield "manifest under another digest", lie, ()
    orphan = manifest_of(CONFIG, b"not there")
    yield "manifest without its blob", client.ask("PUT", f"{base}/manifests/2", orphan, **kind), ()
    yield "no manifest at all", client.ask("PUT", f"{base}/manifests/2", b"{", **kind), ()

    entry = {"mediaType": MANIFEST, "digest": digest, "size": len(raw)}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
    put = client.ask("PUT", f"{base}/manifests/index", index, Content_Type=INDEX)
    yield "index put", put, digest_header
    entry = {"mediaType": MANIFEST, "digest": digest_of(b"else"), "size": 4}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
    put = client.ask("PUT", f"{base}/manifests/index", index, Content_Type=INDEX)
    yield "index without its child", put, ()

    got = client.ask("GET", f"{base}/manifests/1.0.0", Accept=MANIFEST)
    yield "manifest", got, (*digest_header, "content-type", "content-length")
    head = client.ask("HEAD", f"{base}/manifests/{digest}", Accept=MANIFEST)
    yield "head of a manifest", head, (*digest_header, "content-type", "content-length")
    yield "not accepted", client.ask("GET", f"{base}/manifests/1.0.0", Accept="text/plain"), ()
    yield "referrers", client.ask("GET", f"{base}/referrers/{digest}"), ()
    yield "delete by tag", client.ask("DELETE", f"{base}/manifests/index"), ()
    yield "delete by digest", client.ask("DELETE", f"{base}/manifests/{digest}"), ()
    yield "deleted", client.ask("GET", f"{base}/manifests/1.0.0", Accept=MANIFEST), ()


def test_the_double_answers_as_docker_registry_does(
    registry: DockerRegistry, distribution: Double, repository: str
) -> None:
    real, double = Client(registry.host), Client(distribution.host)

    pairs = list(zip(script(real, repository), script(double, repository), strict=True))
    real.close()
    double.close()

    for (label, theirs, counted), (_, ours, _) in pairs:
        expected = {name: theirs.headers.get(name) for name in counted}
        got = {name: ours.headers.get(name) for name in counted}
        assert (ours.status, got) == (theirs.status, expected), label
        assert ours.error_code == theirs.error_code, label
        if theirs.status in (200, 206) and theirs.headers["content-type"] != "application/json":
            assert ours.body == theirs.body, label


def test_chunks_out_of_order_are_refused_with_the_offset(client: Client) -> None:
    started = client.ask("POST", "/v2/a/blobs/uploads/", b"")
    first = client.ask("PATCH", started.location, b"abc", Content_Range="0-2")

    again = client.ask("PATCH", first.location, b"abc", Content_Range="0-2")
    resumed = client.ask("PATCH", again.location, b"def", Content_Range="3-5")

    assert (again.status, again.headers["range"]) == (416, "0-2")
    assert (resumed.status, resumed.headers["range"]) == (202, "0-5")


def test_an_old_location_is_refused(client: Client) -> None:
    started = client.ask("POST", "/v2/a/blobs/uploads/", b"")
    client.ask("PATCH", started.location, b"abc")

    again = client.ask("PATCH", started.location, b"def")

    assert again.status == 400


def test_a_broken_chunk_keeps_what_arrived(double: Double, client: Client) -> None:
    double.fail("PATCH", "uploads", after_bytes=1000)
    started = client.ask("POST", "/v2/a/blobs/uploads/", b"")

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        client.ask("PATCH", started.location, BLOB)
    client.close()
    status = client.ask("GET", started.location)

    assert (status.status, status.headers["range"]) == (204, "0-999")


def test_a_download_breaks_where_it_is_told_to(double: Double, client: Client) -> None:
    digest = double.put_blob("a", BLOB)
    double.fail("GET", digest, after_bytes=500)

    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        client.ask("GET", f"/v2/a/blobs/{digest}")
    client.close()

    assert client.ask("GET", f"/v2/a/blobs/{digest}").body == BLOB


def test_an_answer_can_be_truncated_or_damaged(double: Double, client: Client) -> None:
    digest = double.put_blob("a", BLOB)
    double.fail("GET", digest, corrupt=True)
    double.fail("GET", digest, truncate=7)

    damaged = client.ask("GET", f"/v2/a/blobs/{digest}").body
    with pytest.raises(http.client.IncompleteRead) as truncated:
        client.ask("GET", f"/v2/a/blobs/{digest}")

    assert len(damaged) == len(BLOB)
    assert damaged != BLOB
    assert truncated.value.partial == BLOB[:7]


def test_faults_strike_as_often_as_told(double: Double, client: Client) -> None:
    headers = {"Retry-After": "1"}
    fault = double.fail("GET", r"/v2/$", status=429, headers=headers, times=2, skip=1)

    answers = [client.ask("GET", "/v2/") for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "1"
    assert fault.hits == 2


def test_an_answer_can_be_lost_after_the_deed(double: Double, client: Client) -> None:
    double.put_blob("a", CONFIG)
    double.fail("PUT", "manifests", lose_answer=True)

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        client.ask("PUT", "/v2/a/manifests/1", manifest_of(CONFIG), Content_Type=MANIFEST)

    assert "1" in double.repository("a").tags


def test_tags_come_in_pages(double: Double, client: Client) -> None:
    for tag in ("c", "a", "b"):
        double.put_manifest("a", manifest_of(CONFIG), MANIFEST, tag)
    double.dialect = Dialect(tags_page=2)

    first = client.ask("GET", "/v2/a/tags/list?n=100")
    link = first.headers["link"].partition(">")[0].lstrip("<")
    second = client.ask("GET", link)

    assert json.loads(first.body)["tags"] == ["a", "b"]
    assert json.loads(second.body)["tags"] == ["c"]
    assert "link" not in second.headers


def test_referrers_are_filtered_and_come_in_pages(double: Double, client: Client) -> None:
    double.dialect = Dialect(referrers_page=1)
    subject = {"mediaType": INDEX, "digest": digest_of(b"subject"), "size": 7}
    double.put_blob("a", CONFIG)
    for number, kind in enumerate(("x/sign", "x/scan", "x/sign")):
        notes = {"number": str(number)}
        raw = manifest_of(CONFIG, artifactType=kind, subject=subject, annotations=notes)
        put = client.ask("PUT", f"/v2/a/manifests/{digest_of(raw)}", raw, Content_Type=MANIFEST)
        assert put.headers["oci-subject"] == subject["digest"]

    base = f"/v2/a/referrers/{subject['digest']}"
    first = client.ask("GET", f"{base}?artifactType=x/sign")
    second = client.ask("GET", first.headers["link"].partition(">")[0].lstrip("<"))
    found = [json.loads(answer.body)["manifests"][0] for answer in (first, second)]

    assert [entry["annotations"]["number"] for entry in found] == ["0", "2"]
    assert first.headers["oci-filters-applied"] == "artifactType"
    assert "link" not in second.headers


def test_a_bucket_serves_blobs_and_refuses_credentials(double: Double, client: Client) -> None:
    digest = double.put_blob("a", BLOB)
    with Bucket(double) as bucket:
        double.redirect_blobs = bucket.origin
        moved = client.ask("GET", f"/v2/a/blobs/{digest}")
        there = Client(bucket.host)
        plain = there.ask("GET", moved.location)
        leaked = there.ask("GET", moved.location, Authorization="Bearer x")
        there.close()

    assert moved.status == 307
    assert plain.body == BLOB
    assert leaked.status == 400
    assert "authorization" in bucket.requests[-1].headers


@pytest.mark.parametrize(("dialect", "status"), [(GAR, 405), (GHCR, 416)])
def test_registries_refuse_chunks_in_their_own_ways(
    double: Double, client: Client, dialect: Dialect, status: int
) -> None:
    double.dialect = dialect
    started = client.ask("POST", "/v2/a/blobs/uploads/", b"")

    refused = client.ask("PATCH", started.location, bytes(4 * 1024 * 1024 + 1))

    assert refused.status == status


def test_gitlab_answers_a_missing_fallback_tag_with_the_subject(
    double: Double, client: Client
) -> None:
    double.dialect = GITLAB
    raw = manifest_of(CONFIG)
    digest = double.put_manifest("a", raw, MANIFEST, "1")

    trap = client.ask("GET", f"/v2/a/manifests/{digest.replace(':', '-')}", Accept="*/*")

    assert trap.body == raw
