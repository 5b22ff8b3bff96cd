"""An event as an artifact: its exact bytes, and what somebody hostile puts in their place."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from ledger.samples import SUBJECT, event, events, put_event
from ledger.test_envelope import envelope

from lading.errors import IntegrityError, InvalidInput, LadingError, NotFound
from lading.ledger.artifact import EMPTY_CONFIG, EVENT, demand_own_tag, seal, unseal
from lading.ledger.envelope import ENVELOPE, LIMIT, PLAIN
from lading.ports import Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import MOST_PARENTS, SEQ_LIMIT, STATEMENT_LIMIT, Event, Recorded
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.tags import event_of
from lading.stores.memory import MemoryStore

NOTHING = MemoryStore()


def reseal(layer: Descriptor, **more: Any) -> Manifest:
    said: dict[str, Any] = {"artifact_type": EVENT} | more
    return Manifest.build(EMPTY_CONFIG, (layer,), **said)


def unsealed(manifest: Manifest, source: Source = NOTHING) -> Recorded:
    return unseal(source, manifest.descriptor, manifest.raw)


def inline(raw: bytes, media_type: str = PLAIN, data: bytes | None = None) -> Descriptor:
    return replace(Descriptor.of(raw, media_type), data=raw if data is None else data)


# --- round trips and exact bytes ------------------------------------------------------------------


@given(events())
def test_an_event_comes_back_as_it_was_written(written: Event) -> None:
    sealed = seal(written)

    recorded = unsealed(sealed.manifest)

    assert recorded == sealed.recorded == Recorded(sealed.descriptor.digest, written)
    assert recorded.signer is None


@given(events())
def test_the_tag_of_an_event_is_its_own(written: Event) -> None:
    sealed = seal(written)

    found = event_of(sealed.tag)

    assert found == (written.seq, Digest.of(sealed.manifest.raw).hex[:16])
    assert found[1] == sealed.mark
    demand_own_tag(sealed.recorded, sealed.tag)


def test_an_event_has_the_bytes_that_go_would_write() -> None:
    """Podman writes manifests anew: these bytes, or another digest."""
    sealed = seal(event(3, (SUBJECT,), version="1.2.0", actor="A <a@b.c> & co"))

    value = json.loads(sealed.manifest.raw)

    go_order = ["schemaVersion", "mediaType", "artifactType", "config", "layers", "annotations"]
    assert list(value) == go_order
    assert list(value["layers"][0]) == ["mediaType", "digest", "size", "data"]
    assert list(value["annotations"]) == sorted(value["annotations"])
    assert base64.b64decode(value["layers"][0]["data"]) == sealed.content
    assert json.loads(sealed.content)["predicate"]["actor"] == "A <a@b.c> & co"
    assert rb"A \u003ca@b.c\u003e \u0026 co" in sealed.content
    assert b" " not in sealed.manifest.raw.replace(b"noted 1.2.0", b"")


def test_the_bytes_of_an_event_never_change() -> None:
    """Digests name these bytes for ever: a change here is a new format."""
    sealed = seal(event(2, (SUBJECT,), kind="assigned", stage="prod", version="1.2.0"))

    assert sealed.content == (
        b'{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"ml/fraud","digest":'
        b'{"sha256":"%(v)s"}}],"predicateType":"https://lading.dev/event/v1","predicate":'
        b'{"kind":"assigned","version":"1.2.0","seq":2,"parents":["sha256:%(v)s"],"actor":"ada",'
        b'"time":"2026-03-01T12:00:00Z","nonce":"00000000000000000000000000000000",'
        b'"stage":"prod"}}' % {b"v": SUBJECT.hex.encode()}
    )


# --- what comes along inline ----------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, b"", b"{}", b"[]" * 4000])
def test_a_statement_that_does_not_come_along_is_fetched(
    store: MemoryStore, data: bytes | None
) -> None:
    raw = event().encode()
    layer = replace(Descriptor.of(raw, PLAIN), data=data)
    store.push(layer, BytesContent(raw))

    assert unsealed(reseal(layer), store).event == event()


def test_data_that_is_no_base64_is_fetched(store: MemoryStore) -> None:
    sealed = put_event(store, event())
    value = json.loads(sealed.manifest.raw)
    value["layers"][0]["data"] = "nonsense!"
    manifest = parse(json.dumps(value).encode())

    assert unseal(store, manifest.descriptor, manifest.raw).event == event()


def test_a_lie_that_comes_along_is_not_believed() -> None:
    told = replace(Descriptor.of(event().encode(), PLAIN), data=event(actor="eve").encode())

    with pytest.raises(NotFound):
        unsealed(reseal(told))


def test_what_is_fetched_is_verified(store: MemoryStore) -> None:
    layer = Descriptor.of(event().encode(), PLAIN)
    store._content[layer.digest] = event(actor="eve").encode()

    with pytest.raises(IntegrityError):
        unsealed(reseal(layer), store)


@pytest.mark.parametrize("with_data", [True, False])
def test_a_statement_that_is_too_large_is_refused_unread(with_data: bool) -> None:
    raw = b" " * (LIMIT + 1)
    layer = inline(raw) if with_data else Descriptor.of(raw, PLAIN)

    with pytest.raises(InvalidInput, match="too large"):
        unsealed(reseal(layer))


def test_a_descriptor_that_claims_a_huge_statement_is_refused(store: MemoryStore) -> None:
    with pytest.raises(InvalidInput, match="too large"):
        unsealed(reseal(Descriptor(PLAIN, SUBJECT, 2**40)), store)


# --- envelopes ------------------------------------------------------------------------------------


def test_a_signed_event_is_read_and_nobody_signed_it() -> None:
    raw = envelope(payload=base64.b64encode(event().encode()).decode())

    recorded = unsealed(reseal(inline(raw, ENVELOPE)))

    assert (recorded.event, recorded.signer) == (event(), None)


# --- what is no event -----------------------------------------------------------------------------


def test_an_index_is_no_event() -> None:
    index = Index.build((), artifact_type=EVENT)

    with pytest.raises(InvalidInput, match="is no event"):
        unseal(NOTHING, index.descriptor, index.raw)


def test_another_artifact_is_no_event() -> None:
    with pytest.raises(InvalidInput, match="is no event"):
        unsealed(reseal(inline(event().encode()), artifact_type="application/vnd.example"))


@pytest.mark.parametrize("count", [0, 2])
def test_an_event_has_one_statement(count: int) -> None:
    layers = (inline(event().encode()),) * count
    manifest = Manifest.build(EMPTY_CONFIG, layers, artifact_type=EVENT)

    with pytest.raises(InvalidInput, match="not one statement"):
        unsealed(manifest)


def test_an_event_under_another_tag_is_refused() -> None:
    recorded = seal(event(2)).recorded

    for tag in ("prod", f"evt.00000003.{recorded.digest.hex[:16]}", "evt.00000002." + "0" * 16):
        with pytest.raises(IntegrityError, match="names another event"):
            demand_own_tag(recorded, tag)


# --- statements -----------------------------------------------------------------------------------


def statement(**predicate: Any) -> bytes:
    value = json.loads(event().encode())
    value["predicate"] |= predicate
    return json.dumps(value).encode()


NO_UTF8 = "caf\udce9"


@pytest.mark.parametrize(
    "said",
    [
        {"reason": NO_UTF8},
        {"actor": NO_UTF8},
        {"where": NO_UTF8},
        {"metrics": {NO_UTF8: 1.0}},
        {"metrics": {"auc": float("nan")}},
        {"metrics": {"auc": float("inf")}},
        {"metrics": {"auc": 10**400}},
    ],
    ids=ascii,
)
def test_what_nobody_could_read_is_not_written(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        event(**said).encode()


FAR = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "3000-01-01T00:30:00+00:00"]


@pytest.mark.parametrize("field", ["time", "expires"])
@pytest.mark.parametrize("text", [*FAR, "9999-12-31T23:59:59-23:59", "2026-03-01T12:00:00", "soon"])
def test_a_moment_that_nobody_can_reckon_with_is_neither_written_nor_read(
    field: str, text: str
) -> None:
    with pytest.raises(InvalidInput, match="not a moment"):
        Event.parse(statement(**{field: text}))
    said: dict[str, Any] = {field: text}
    with pytest.raises(InvalidInput, match="not a moment"):
        event(**said).encode()


def test_the_first_and_the_last_moment_that_count() -> None:
    for text in ("1970-01-01T00:00:00Z", "2999-12-31T23:59:59Z", "3000-01-01T00:30:00+01:00"):
        assert Event.parse(statement(time=text)).at.year in (1970, 2999)


def test_a_field_that_a_newer_lading_wrote_is_passed_over() -> None:
    assert Event.parse(statement(mood="good")) == event()


def test_a_kind_that_a_newer_lading_wrote_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="unknown kind of event: 'celebrated'") as caught:
        Event.parse(statement(kind="celebrated"))

    assert caught.value.hint == "a newer Lading wrote it"


def test_as_many_parents_as_may_be() -> None:
    many = tuple(Digest.of(b"%d" % number) for number in range(MOST_PARENTS))

    assert Event.parse(event(2, many).encode()).parents == many
    with pytest.raises(InvalidInput, match="too many parents"):
        Event.parse(event(2, (*many, SUBJECT)).encode())


def test_an_event_that_is_too_large_is_not_written() -> None:
    with pytest.raises(InvalidInput, match="larger than 64 KiB"):
        seal(event(reason="x" * STATEMENT_LIMIT))


@pytest.mark.parametrize("stage", ["1.2.0", "latest", "ledger", "ledger-0001", "keep-" + "0" * 12])
@pytest.mark.parametrize("kind", ["assigned", "approved"])
def test_a_stage_is_never_a_tag_that_may_not_move(stage: str, kind: str) -> None:
    with pytest.raises(InvalidInput, match="not a stage"):
        Event.parse(statement(kind=kind, stage=stage))


@pytest.mark.parametrize(
    "lie",
    [
        {"seq": 0},
        {"seq": -1},
        {"seq": True},
        {"seq": 1.0},
        {"seq": "1"},
        {"seq": SEQ_LIMIT},
        {"parents": "sha256:" + "0" * 64},
        {"parents": [1]},
        {"parents": ["sha256:short"]},
        {"time": "yesterday"},
        {"time": "2026-03-01"},
        {"time": "9999-12-31T23:59:59-23:59"},
        {"expires": "0001-01-01T00:00:00+23:59"},
        {"kind": ["noted"]},
        {"kind": "assigned"},
        {"kind": "assigned", "stage": "Prod!"},
        {"actor": 7},
        {"nonce": None},
        {"metrics": {"auc": 10**400}},
        {"metrics": {"auc": True}},
        {"metrics": ["auc"]},
        {"window": ["2026-11-01"]},
        {"evidence": {"a": 1}},
    ],
    ids=str,
)
def test_a_statement_that_lies_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Event.parse(statement(**lie))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b'{"_type":' * 9000,
        b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/v1"}',
        statement().replace(b'"subject"', b'"subjects"'),
        statement().replace(b'"sha256"', b'"sha512"'),
        statement().replace(b'"predicate"', b'"predicates"'),
        statement().replace(b'"ada"', rb'"\ud800"'),
    ],
)
def test_what_is_no_statement_is_refused(raw: bytes) -> None:
    with pytest.raises(LadingError):
        Event.parse(raw)
