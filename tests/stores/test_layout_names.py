"""Names and referrers in a layout, its own and those that other tools wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from contract.samples import (
    EVALUATION,
    fetch,
    index_of,
    model,
    push_evidence,
    push_manifest,
    push_model,
)

from lading.errors import InvalidInput, NotFound
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Index, parse
from lading.spec.tags import fallback_tag
from lading.stores.layout import LayoutStore

CONTAINERD = "io.containerd.image.name"


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path)


# Names


def test_a_missing_name_is_answered_with_names_near_it(store: LayoutStore) -> None:
    for name in ("1.2.0", "1.2.1", "prod"):
        push_model(store, "fraud", name)

    with pytest.raises(NotFound) as raised:
        store.resolve("1.2.2")

    assert raised.value.hint
    assert "1.2.0" in raised.value.hint
    assert "1.2.1" in raised.value.hint
    assert "prod" not in raised.value.hint


def test_a_missing_name_unlike_any_other_is_answered_with_what_there_is(
    store: LayoutStore,
) -> None:
    for number in range(12):
        push_model(store, "fraud", f"1.{number}.0")
    push_evidence(store, store.resolve("1.0.0"), "accuracy")

    with pytest.raises(NotFound) as raised:
        store.resolve("zebra")

    assert raised.value.hint == (
        "it has 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0 and 4 more"
    )


def test_a_name_longer_than_any_tag_is_not_found(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")

    with pytest.raises(NotFound):
        store.resolve("x" * 10_000)


@pytest.mark.parametrize("name", ["docker.io/library/x:1.0", "localhost/x:1.0", "x:1.0", "1.0"])
def test_a_name_of_another_tool_is_its_tag(store: LayoutStore, name: str) -> None:
    [descriptor] = foreign(store, {mediatypes.REF_NAME: name})

    assert list(store.names()) == ["1.0"]
    assert store.resolve("1.0") == descriptor
    assert store.resolve(name) == descriptor


def test_a_name_of_containerd_is_its_tag(store: LayoutStore) -> None:
    whole = {mediatypes.REF_NAME: "1.0", CONTAINERD: "docker.io/library/x:1.0"}
    [first, second] = foreign(store, whole, {CONTAINERD: "docker.io/library/x:2.0"})

    assert sorted(store.names()) == ["1.0", "2.0"]
    assert store.resolve("1.0") == first
    assert store.resolve("docker.io/library/x:1.0") == first
    assert store.resolve("2.0") == second


def test_a_name_that_two_images_share_is_asked_back(store: LayoutStore) -> None:
    [first, second] = foreign(
        store,
        {mediatypes.REF_NAME: "docker.io/library/x:1.0"},
        {mediatypes.REF_NAME: "docker.io/library/y:1.0"},
    )

    with pytest.raises(InvalidInput, match="several") as raised:
        store.resolve("1.0")

    assert raised.value.cause
    assert "docker.io/library/y:1.0" in raised.value.cause
    assert list(store.names()) == ["1.0"]
    assert store.resolve("docker.io/library/x:1.0") == first
    assert store.resolve(second.digest) == second


def test_a_name_that_one_image_has_twice_is_no_question(store: LayoutStore) -> None:
    [descriptor] = foreign(store, {mediatypes.REF_NAME: "1.0"})
    index = read_index(store)
    index["manifests"] *= 2
    write_index(store, index)

    assert list(store.names()) == ["1.0"]
    assert store.resolve("1.0") == descriptor


def test_a_name_without_a_tag_is_no_tag(store: LayoutStore) -> None:
    [descriptor] = foreign(store, {mediatypes.REF_NAME: "acme/bert"})

    assert list(store.names()) == []
    assert store.resolve("acme/bert") == descriptor


def test_the_only_thing_of_a_layout_needs_no_name(store: LayoutStore) -> None:
    [descriptor] = foreign(store, {})

    assert store.only() == descriptor


def test_the_only_thing_may_have_many_names_and_evidence(store: LayoutStore) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")
    push_model(store, "fraud", "latest")
    push_evidence(store, descriptor, "accuracy")

    assert store.only() == descriptor


def test_of_two_things_none_is_the_only_one(store: LayoutStore) -> None:
    foreign(store, {}, {})

    assert store.only() is None


def test_a_nested_index_and_its_children_are_found(store: LayoutStore) -> None:
    manifest = model(store, "fraud")
    push_manifest(store, manifest)
    inner = index_of(manifest)
    push_manifest(store, inner)
    outer = Index.build((Descriptor(inner.media_type, inner.descriptor.digest, len(inner.raw)),))
    push_manifest(store, outer)

    assert len(read_index(store)["manifests"]) == 1
    assert store.only() == outer.descriptor
    assert store.resolve(inner.descriptor.digest) == inner.descriptor
    assert store.resolve(manifest.descriptor.digest) == manifest.descriptor


def test_what_another_tool_wrote_stays_as_it_was(store: LayoutStore) -> None:
    foreign(store, {mediatypes.REF_NAME: "1.0", "com.example": "<&>"})
    index = read_index(store)
    index["annotations"] = {"of": "the layout"}
    index["x-unknown"] = [1, 2.5, None]
    index["manifests"][0]["platform"] = {"architecture": "arm64", "os": "linux", "os.version": "9"}
    index["manifests"][0]["urls"] = ["https://example.com"]
    write_index(store, index)

    push_model(store, "ours", "2.0.0")

    after = read_index(store)
    assert after["manifests"][0] == index["manifests"][0]
    assert {**after, "manifests": 0} == {**index, "manifests": 0}


def test_a_tag_moved_away_from_another_tools_image_leaves_it_without_a_name(
    store: LayoutStore,
) -> None:
    [old] = foreign(store, {mediatypes.REF_NAME: "docker.io/library/x:1.0", "com.example": "kept"})

    new = push_model(store, "ours", "1.0")

    assert list(store.names()) == ["1.0"]
    assert store.resolve("1.0") == new
    assert store.resolve(old.digest) == old
    [left] = [e for e in read_index(store)["manifests"] if e["digest"] == old.digest]
    assert left["annotations"] == {"com.example": "kept"}


def test_a_tag_set_where_two_images_share_it_takes_neither_name(store: LayoutStore) -> None:
    names = ["docker.io/library/x:1.0", "docker.io/library/y:1.0"]
    found = foreign(store, *({mediatypes.REF_NAME: name} for name in names))

    new = push_model(store, "ours", "1.0")

    assert store.resolve("1.0") == new
    assert [store.resolve(name) for name in names] == list(found)


def test_a_nameless_entry_gets_the_name_and_keeps_what_it_says(store: LayoutStore) -> None:
    foreign(store, {"com.example": "kept"})

    push_model(store, "foreign 0", "1.0.0")

    [entry] = read_index(store)["manifests"]
    assert entry["annotations"] == {"com.example": "kept", mediatypes.REF_NAME: "1.0.0"}


def test_a_tag_pushed_again_keeps_the_name_that_another_tool_gave(store: LayoutStore) -> None:
    foreign(store, {mediatypes.REF_NAME: "1.0", CONTAINERD: "docker.io/library/x:1.0"})
    before = (store.folder / "index.json").read_bytes()

    push_model(store, "foreign 0", "1.0")

    assert (store.folder / "index.json").read_bytes() == before


def test_what_a_moved_tag_named_can_be_forgotten_by_its_digest(store: LayoutStore) -> None:
    old = push_model(store, "old", "prod")
    new = push_model(store, "new", "prod")

    store.untag(old.digest)

    assert [entry["digest"] for entry in read_index(store)["manifests"]] == [new.digest]
    with pytest.raises(NotFound):
        store.untag(old.digest)
    with pytest.raises(NotFound):
        store.untag(new.digest)


# Referrers


def test_a_referrer_is_listed_as_the_specification_says(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")

    evidence = push_evidence(store, subject, "accuracy")

    tagged = store.resolve(fallback_tag(subject.digest))
    index = parse(fetch(store, tagged))
    assert isinstance(index, Index)
    [listed] = index.manifests
    assert listed == evidence
    assert listed.artifact_type == EVALUATION
    assert listed.annotations == {"of": "accuracy"}
    assert sorted(store.names()) == ["1.0.0", fallback_tag(subject.digest)]


def test_lists_that_were_replaced_leave_no_entries(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")

    for number in range(5):
        push_evidence(store, subject, f"run {number}")

    assert len(read_index(store)["manifests"]) == 2
    assert len(list(store.referrers(subject))) == 5


def test_referrers_that_another_tool_lists_without_a_name_are_found(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")
    index = read_index(store)
    index["manifests"] = [
        index["manifests"][0],
        {"mediaType": evidence.media_type, "digest": evidence.digest, "size": evidence.size},
    ]
    write_index(store, index)

    [found] = store.referrers(subject)

    assert found == evidence
    assert found.artifact_type == EVALUATION


def test_what_a_list_says_of_a_manifest_is_not_believed(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")
    stranger = push_model(store, "no referrer at all")
    missing = Descriptor.of(b"nowhere", mediatypes.IMAGE_MANIFEST)
    lies = [
        Descriptor(d.media_type, d.digest, d.size, artifact_type="application/vnd.lie")
        for d in (evidence, stranger, missing)
    ]
    put_by_hand(store, Index.build(tuple(lies)).raw, fallback_tag(subject.digest))

    found = list(store.referrers(subject))

    assert found == [evidence]
    assert found[0].artifact_type == EVALUATION


def test_a_fallback_tag_that_is_no_list_is_left_alone(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    push_model(store, "fraud", fallback_tag(subject.digest))

    evidence = push_evidence(store, subject, "accuracy")

    assert store.resolve(fallback_tag(subject.digest)) == subject
    assert list(store.referrers(subject)) == [evidence]


def test_an_index_with_a_subject_is_found_but_not_put_under_the_fallback_tag(
    store: LayoutStore,
) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    value = {
        "schemaVersion": 2,
        "mediaType": mediatypes.IMAGE_INDEX,
        "artifactType": EVALUATION,
        "manifests": [],
        "subject": subject.as_json(),
    }
    raw = json.dumps(value).encode()

    descriptor = Descriptor.of(raw, mediatypes.IMAGE_INDEX)
    store.push(descriptor, BytesContent(raw))

    assert list(store.referrers(subject)) == [descriptor]
    assert list(store.referrers(subject, EVALUATION)) == [descriptor]
    assert list(store.names()) == ["1.0.0"]


def test_a_referrer_with_a_name_of_its_own_is_listed_once(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    manifest = model(store, "accuracy", subject=subject, kind=EVALUATION)

    push_manifest(store, manifest, "evidence")

    assert store.resolve("evidence") == manifest.descriptor
    assert list(store.referrers(subject)) == [manifest.descriptor]


# Parts of these tests


def foreign(store: LayoutStore, *annotations: dict[str, str]) -> Sequence[Descriptor]:
    """Manifests in an index.json as another tool might have written it."""
    found = [push_model(store, f"foreign {number}") for number in range(len(annotations))]
    entries = []
    for descriptor, texts in zip(found, annotations, strict=True):
        entry: dict[str, Any] = descriptor.as_json()
        entries.append(entry | {"annotations": texts} if texts else entry)
    write_index(store, {"schemaVersion": 2, "manifests": entries})
    return found


def put_by_hand(store: LayoutStore, raw: bytes, name: str) -> None:
    """An index under a name, with children that are nowhere: what only other tools write."""
    descriptor = Descriptor.of(raw, mediatypes.IMAGE_INDEX)
    store.blob_path(descriptor).write_bytes(raw)
    index = read_index(store)
    others = [
        entry
        for entry in index["manifests"]
        if entry.get("annotations", {}).get(mediatypes.REF_NAME) != name
    ]
    named = descriptor.with_annotations({mediatypes.REF_NAME: name})
    write_index(store, index | {"manifests": [*others, named.as_json()]})


def read_index(store: LayoutStore) -> dict[str, Any]:
    index: dict[str, Any] = json.loads((store.folder / "index.json").read_bytes())
    return index


def write_index(store: LayoutStore, index: dict[str, Any]) -> None:
    (store.folder / "index.json").write_text(json.dumps(index, indent=2))
