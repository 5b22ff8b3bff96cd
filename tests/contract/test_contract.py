"""What every store promises. A promise that only some keep does not stand here."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from contract.samples import (
    EVALUATION,
    SIGNATURE,
    blob,
    fetch,
    fetch_part,
    index_of,
    model,
    push_bytes,
    push_evidence,
    push_manifest,
    push_model,
)
from contract.stores import WholeStore

from lading.errors import (
    IntegrityError,
    InvalidInput,
    LadingError,
    NotFound,
    Unsupported,
)
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import parse

BIG = 5 * 1024 * 1024


# Content


@pytest.mark.parametrize("offset", [0, 1, 6, 11])
def test_content_is_fetched_as_it_was_pushed_from_any_offset(
    store: WholeStore, offset: int
) -> None:
    descriptor = push_bytes(store, b"hello world")

    assert fetch(store, descriptor, offset) == b"hello world"[offset:]


def test_content_is_seen_by_everybody_who_opens_the_repository(
    store: WholeStore, again: WholeStore
) -> None:
    descriptor = push_bytes(store, b"hello world")

    assert again.exists(descriptor)
    assert fetch(again, descriptor) == b"hello world"


def test_content_of_another_repository_is_not_here(store: WholeStore, sibling: WholeStore) -> None:
    descriptor = push_bytes(sibling, b"only in the sibling")

    assert not store.exists(descriptor)


def test_empty_content_is_content(store: WholeStore) -> None:
    descriptor = push_bytes(store, b"")

    assert store.exists(descriptor)
    assert fetch(store, descriptor) == b""


def test_large_content_comes_back_equal(store: WholeStore) -> None:
    raw = os.urandom(BIG)
    descriptor = push_bytes(store, raw)

    assert fetch(store, descriptor) == raw
    assert fetch(store, descriptor, BIG - 7) == raw[-7:]


def test_pushing_twice_is_no_error(store: WholeStore) -> None:
    first = push_bytes(store, b"twice")
    second = push_bytes(store, b"twice")

    assert first == second
    assert fetch(store, second) == b"twice"


def test_many_may_push_the_same_content_at_once(store: WholeStore, again: WholeStore) -> None:
    raw = os.urandom(1024 * 1024)
    descriptor = Descriptor.of(raw, mediatypes.MODEL_LAYER)

    with ThreadPoolExecutor(8) as pool:
        stores = [store, again] * 4
        list(pool.map(lambda each: each.push(descriptor, BytesContent(raw)), stores))

    assert fetch(store, descriptor) == raw


def test_missing_content_is_not_found(store: WholeStore) -> None:
    descriptor, _ = blob("never pushed")

    assert not store.exists(descriptor)
    with pytest.raises(NotFound):
        fetch(store, descriptor)


@pytest.mark.parametrize("lie", [b"hello WORLD", b"hello", b"hello world and more", b""])
def test_content_that_is_not_its_digest_is_refused_and_never_seen(
    store: WholeStore, lie: bytes
) -> None:
    descriptor = Descriptor.of(b"hello world", mediatypes.MODEL_LAYER)

    with pytest.raises(IntegrityError):
        store.push(descriptor, BytesContent(lie))

    assert not store.exists(descriptor)
    with pytest.raises(NotFound):
        fetch(store, descriptor)


def test_content_that_is_not_its_digest_is_not_hidden_under_its_own_either(
    store: WholeStore,
) -> None:
    descriptor, _ = blob("what was promised")
    sent, raw = blob("what was sent")

    with suppress(IntegrityError):
        store.push(descriptor, BytesContent(raw))

    assert not store.exists(sent)


@pytest.mark.parametrize("wrong", [-1, 1])
def test_content_that_is_not_its_size_is_refused(store: WholeStore, wrong: int) -> None:
    honest, raw = blob(f"hello world {wrong}")

    with pytest.raises(IntegrityError):
        store.push(replace(honest, size=honest.size + wrong), BytesContent(raw))

    assert not store.exists(honest)


def test_content_refused_once_can_be_pushed_rightly(store: WholeStore) -> None:
    descriptor, raw = blob("second thoughts")
    with suppress(IntegrityError):
        store.push(descriptor, BytesContent(b"first thoughts"))

    store.push(descriptor, BytesContent(raw))

    assert fetch(store, descriptor) == raw


def test_a_sha512_digest_is_kept_or_refused_but_never_kept_wrongly(store: WholeStore) -> None:
    raw = b"named by sha512"
    digest = Digest("sha512:" + hashlib.sha512(raw).hexdigest())
    descriptor = Descriptor(mediatypes.MODEL_LAYER, digest, len(raw))

    with pytest.raises(LadingError):
        store.push(descriptor, BytesContent(b"something else!"))
    try:
        store.push(descriptor, BytesContent(raw))
    except (Unsupported, InvalidInput):
        assert not store.exists(descriptor)
    else:
        assert fetch(store, descriptor) == raw


# Content whose digest is not known


def test_absorbed_content_gets_its_descriptor_and_is_here(store: WholeStore) -> None:
    raw = os.urandom(600_000)
    expected = Descriptor.of(raw, mediatypes.MODEL_LAYER)

    try:
        descriptor = store.absorb(BytesContent(raw), mediatypes.MODEL_LAYER)
    except Unsupported:
        descriptor = push_bytes(store, raw)

    assert descriptor == expected
    assert fetch(store, expected) == raw


def test_absorbing_what_is_here_already_is_no_error(store: WholeStore) -> None:
    descriptor = push_bytes(store, b"known before")

    with suppress(Unsupported):
        assert store.absorb(BytesContent(b"known before"), mediatypes.MODEL_LAYER) == descriptor

    assert fetch(store, descriptor) == b"known before"


# Content of a sibling


def test_mounted_content_is_here_and_stays_there(store: WholeStore, sibling: WholeStore) -> None:
    descriptor = push_bytes(sibling, b"shared weights")

    mounted = store.mount(descriptor, sibling)

    assert store.exists(descriptor) == mounted
    assert fetch(sibling, descriptor) == b"shared weights"
    store.push(descriptor, BytesContent(b"shared weights"))
    assert fetch(store, descriptor) == b"shared weights"


def test_what_the_sibling_does_not_have_is_not_mounted(
    store: WholeStore, sibling: WholeStore
) -> None:
    descriptor, _ = blob("nowhere at all")

    assert not store.mount(descriptor, sibling)
    assert not store.exists(descriptor)


# Manifests and names


def test_a_manifest_is_found_by_its_tag_and_by_its_digest(
    store: WholeStore, again: WholeStore
) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")

    assert again.resolve("1.0.0") == descriptor
    assert again.resolve(descriptor.digest) == descriptor
    assert again.resolve("1.0.0").media_type == mediatypes.IMAGE_MANIFEST


def test_a_name_gives_a_plain_descriptor(store: WholeStore) -> None:
    push_model(store, "fraud", "1.0.0")

    resolved = store.resolve("1.0.0")

    assert not resolved.annotations
    assert resolved.artifact_type is None
    assert resolved.platform is None


def test_a_manifest_comes_back_in_its_exact_bytes(store: WholeStore) -> None:
    compact = model(store, "fraud").raw
    raw = compact.replace(b'{"schemaVersion":2,', b'{\n\t "schemaVersion" : 2 ,\n')
    descriptor = Descriptor.of(raw, mediatypes.IMAGE_MANIFEST)

    store.push(descriptor, BytesContent(raw), "1.0.0")

    assert raw != compact
    assert fetch(store, store.resolve("1.0.0")) == raw


def test_an_index_comes_back_with_its_children(store: WholeStore) -> None:
    manifests = [model(store, text) for text in ("image", "modelpack")]
    for manifest in manifests:
        push_manifest(store, manifest)
    index = index_of(*manifests)

    push_manifest(store, index, "1.0.0")

    found = store.resolve("1.0.0")
    assert found.is_index
    raw = fetch(store, found)
    assert raw == index.raw
    assert [fetch(store, child) for child in parse(raw).children] == [m.raw for m in manifests]


def test_a_manifest_pushed_twice_is_there_once(store: WholeStore) -> None:
    first = push_model(store, "fraud", "1.0.0")
    second = push_model(store, "fraud", "1.0.0")

    assert first == second
    assert list(store.names()).count("1.0.0") == 1


def test_a_manifest_without_a_name_is_found_by_its_digest(store: WholeStore) -> None:
    descriptor = push_model(store, "nameless")

    assert store.exists(descriptor)
    assert store.resolve(descriptor.digest) == descriptor


@pytest.mark.parametrize("name", ["9.9.9", "latest", "sha256:" + "0" * 64])
def test_a_missing_name_is_not_found(store: WholeStore, name: str) -> None:
    push_model(store, "fraud", "1.0.0")

    with pytest.raises(NotFound):
        store.resolve(name)


def test_an_empty_repository_answers_not_found(store: WholeStore) -> None:
    with pytest.raises(NotFound):
        store.resolve("1.0.0")


def test_a_manifest_whose_content_is_missing_is_refused(store: WholeStore) -> None:
    there = model(store, "fraud")
    missing, _ = blob("never pushed")
    manifest = type(there).build(there.config, (*there.layers, missing))

    with pytest.raises(NotFound):
        push_manifest(store, manifest, "1.0.0")

    with pytest.raises(NotFound):
        store.resolve("1.0.0")
    assert not store.exists(manifest.descriptor)


def test_an_index_whose_child_is_missing_is_refused(store: WholeStore) -> None:
    index = index_of(model(store, "never pushed itself"))

    with pytest.raises(NotFound):
        push_manifest(store, index, "1.0.0")

    with pytest.raises(NotFound):
        store.resolve("1.0.0")


def test_a_manifest_that_is_not_its_digest_is_refused(store: WholeStore) -> None:
    manifest = model(store, "fraud")

    with pytest.raises(IntegrityError):
        store.push(manifest.descriptor, BytesContent(manifest.raw + b" "), "1.0.0")

    with pytest.raises(NotFound):
        store.resolve("1.0.0")


@pytest.mark.parametrize("raw", [b"", b"no json", b"[]", b"{}", b'{"schemaVersion":2}'])
def test_bytes_that_are_no_manifest_are_refused(store: WholeStore, raw: bytes) -> None:
    descriptor = Descriptor.of(raw, mediatypes.IMAGE_MANIFEST)

    with pytest.raises(InvalidInput):
        store.push(descriptor, BytesContent(raw), "1.0.0")

    with pytest.raises(NotFound):
        store.resolve("1.0.0")


def test_names_are_listed_once_each(store: WholeStore, again: WholeStore) -> None:
    for name in ("1.0.0", "prod", "latest"):
        push_model(store, "fraud", name)
    push_model(store, "other", "1.1.0")

    names = sorted(name for name in again.names() if not name.startswith("keep-"))

    assert names == ["1.0.0", "1.1.0", "latest", "prod"]


def test_an_empty_repository_has_no_names(store: WholeStore) -> None:
    assert list(store.names()) == []


def test_a_moved_tag_names_the_new_and_the_old_is_found_by_digest(store: WholeStore) -> None:
    old = push_model(store, "old", "prod")
    new = push_model(store, "new", "prod")

    assert store.resolve("prod") == new
    assert store.resolve(old.digest) == old
    assert list(store.names()).count("prod") == 1


def test_a_moved_tag_leaves_the_others_where_they_are(store: WholeStore) -> None:
    old = push_model(store, "old", "1.0.0")
    push_model(store, "old", "latest")
    new = push_model(store, "new", "latest")

    assert store.resolve("1.0.0") == old
    assert store.resolve("latest") == new


def test_a_forgotten_tag_is_gone_and_what_it_named_is_not(store: WholeStore) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")
    push_model(store, "fraud", "prod")

    store.untag("prod")

    with pytest.raises(NotFound):
        store.resolve("prod")
    assert "prod" not in list(store.names())
    assert store.resolve("1.0.0") == descriptor
    assert store.resolve(descriptor.digest) == descriptor


def test_a_missing_tag_cannot_be_forgotten(store: WholeStore) -> None:
    push_model(store, "fraud", "1.0.0")

    with pytest.raises(NotFound):
        store.untag("2.0.0")


def test_a_forgotten_tag_can_be_set_again(store: WholeStore) -> None:
    push_model(store, "old", "prod")
    store.untag("prod")

    new = push_model(store, "new", "prod")

    assert store.resolve("prod") == new


def test_many_may_push_names_at_once(store: WholeStore, again: WholeStore) -> None:
    def push(number: int) -> None:
        push_model((store, again)[number % 2], f"model {number}", f"1.0.{number}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(push, range(12)))

    names = {name for name in store.names() if not name.startswith("keep-")}
    assert names == {f"1.0.{number}" for number in range(12)}


# Referrers


def test_a_manifest_with_a_subject_is_its_referrer(store: WholeStore, again: WholeStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")

    found = list(again.referrers(subject))

    assert found == [evidence]
    assert found[0].artifact_type == EVALUATION
    assert found[0].annotations["of"] == "accuracy"
    assert fetch(again, found[0])


def test_referrers_are_chosen_by_their_type(store: WholeStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evaluation = push_evidence(store, subject, "accuracy", EVALUATION)
    signature = push_evidence(store, subject, "signed", SIGNATURE)

    assert list(store.referrers(subject, EVALUATION)) == [evaluation]
    assert list(store.referrers(subject, SIGNATURE)) == [signature]
    assert list(store.referrers(subject, "application/vnd.example.other")) == []
    assert {r.digest for r in store.referrers(subject)} == {evaluation.digest, signature.digest}


def test_a_referrer_pushed_twice_is_listed_once(store: WholeStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    for _ in range(2):
        evidence = push_evidence(store, subject, "accuracy")

    assert list(store.referrers(subject)) == [evidence]


def test_referrers_belong_to_their_own_subject(store: WholeStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    other = push_model(store, "other", "1.1.0")
    push_evidence(store, other, "of the other")

    assert list(store.referrers(subject)) == []


def test_evidence_may_have_evidence(store: WholeStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")
    signature = push_evidence(store, evidence, "signed", SIGNATURE)

    assert list(store.referrers(evidence)) == [signature]
    assert list(store.referrers(subject)) == [evidence]


def test_evidence_may_come_before_its_subject(store: WholeStore) -> None:
    manifest = model(store, "fraud")
    evidence = push_evidence(store, manifest.descriptor, "accuracy")

    subject = push_manifest(store, manifest, "1.0.0")

    assert list(store.referrers(subject)) == [evidence]


# Parts


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 5), (0, 11), (6, 5), (10, 1), (6, 100), (11, 1), (3, 0)]
)
def test_a_part_of_content_ends_where_it_is_told_to(
    store: WholeStore, offset: int, length: int
) -> None:
    descriptor = push_bytes(store, b"hello world")

    part = fetch_part(store, descriptor, offset, length)

    assert part == b"hello world"[offset : offset + length]


def test_a_part_of_a_manifest_ends_where_it_is_told_to(store: WholeStore) -> None:
    descriptor = push_model(store, "fraud")

    assert fetch_part(store, descriptor, 1, 15) == fetch(store, descriptor)[1:16]


def test_many_parts_of_large_content_at_once_are_each_right(store: WholeStore) -> None:
    raw = os.urandom(BIG)
    descriptor = push_bytes(store, raw)
    places = [(number * 300_007 % BIG, 70_000 + number) for number in range(20)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: fetch_part(store, descriptor, *place), places))

    assert found == [raw[offset : offset + length] for offset, length in places]


def test_a_part_of_content_that_is_not_here_is_not_found(store: WholeStore) -> None:
    descriptor, _ = blob("nowhere")

    with pytest.raises(NotFound):
        fetch_part(store, descriptor, 1, 2)
