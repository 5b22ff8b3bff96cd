"""What a layout removes when it is asked to, and what it never removes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from contract.samples import (
    fetch,
    index_of,
    model,
    push_bytes,
    push_evidence,
    push_manifest,
    push_model,
)

from lading.errors import IntegrityError, NotFound, Unsupported
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Index
from lading.spec.tags import fallback_tag
from lading.stores.layout import LayoutStore

LONG_AGO = time.time() - 7 * 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "layout")


def test_what_nothing_names_goes_and_its_bytes_are_counted(store: LayoutStore) -> None:
    kept = push_model(store, "kept", "1.0.0")
    before = blobs(store)
    push_model(store, "gone", "1.1.0")
    gone = blobs(store) - before
    size = sum(path.stat().st_size for path in gone)
    store.untag("1.1.0")
    age(store)

    freed = store.collect()

    assert freed == size > 0
    assert blobs(store) == before
    assert fetch(store, kept)


def test_what_two_versions_share_stays(store: LayoutStore) -> None:
    push_model(store, "same", "1.0.0")
    push_model(store, "same", "1.1.0")
    before = blobs(store)
    store.untag("1.1.0")
    age(store)

    assert store.collect() == 0
    assert blobs(store) == before


def test_everything_below_an_index_stays(store: LayoutStore) -> None:
    manifests = [model(store, text) for text in "abcd"]
    for manifest in manifests:
        push_manifest(store, manifest)
    push_manifest(store, index_of(*manifests), "1.0.0")
    before = blobs(store)
    age(store)

    assert store.collect() == 0
    assert blobs(store) == before


def test_what_a_tag_moved_away_from_stays(store: LayoutStore) -> None:
    old = push_model(store, "old", "prod")
    push_model(store, "new", "prod")
    age(store)

    store.collect()

    assert fetch(store, store.resolve(old.digest))


def test_what_was_written_just_now_stays(store: LayoutStore) -> None:
    descriptor = push_bytes(store, b"somebody is about to name this")

    assert store.collect() == 0
    assert store.exists(descriptor)
    assert store.collect(grace=-1) > 0
    assert not store.exists(descriptor)


def test_what_was_asked_for_just_now_stays(store: LayoutStore) -> None:
    descriptor = push_bytes(store, b"written long ago and about to be named again")
    age(store)

    assert store.exists(descriptor)

    assert store.collect() == 0
    assert store.exists(descriptor)


def test_what_was_mounted_just_now_stays(store: LayoutStore, tmp_path: Path) -> None:
    other = LayoutStore(tmp_path / "other")
    descriptor = push_bytes(other, b"old in the other layout")
    age(other)

    assert store.mount(descriptor, other)

    assert store.collect() == 0
    assert store.exists(descriptor)


def test_content_that_another_layout_holds_too_frees_nothing(
    store: LayoutStore, tmp_path: Path
) -> None:
    other = LayoutStore(tmp_path / "other")
    descriptor = push_bytes(other, b"shared weights")
    assert store.mount(descriptor, other)
    shared = store.blob_path(descriptor).stat().st_nlink > 1
    age(store)

    freed = store.collect()

    assert not store.exists(descriptor)
    assert freed == (0 if shared else descriptor.size)
    assert fetch(other, descriptor) == b"shared weights"


def test_evidence_stays_with_its_subject(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")
    signature = push_evidence(store, evidence, "signed")
    age(store)

    store.collect()

    assert list(store.referrers(subject)) == [evidence]
    assert list(store.referrers(evidence)) == [signature]
    assert fetch(store, signature)


def test_lists_of_referrers_that_were_replaced_go(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    push_evidence(store, subject, "first")
    replaced = store.resolve(fallback_tag(subject.digest))
    push_evidence(store, subject, "second")
    age(store)

    store.collect()

    assert not store.exists(replaced)
    assert len(list(store.referrers(subject))) == 2


def test_evidence_goes_with_its_subject(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")
    push_evidence(store, evidence, "signed")
    store.untag("1.0.0")
    age(store)

    store.collect()

    assert blobs(store) == set()
    assert list(store.names()) == []


def test_evidence_of_a_subject_that_is_still_young_stays(store: LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    evidence = push_evidence(store, subject, "accuracy")
    store.untag("1.0.0")
    age(store)
    os.utime(store.blob_path(subject))

    store.collect()

    assert list(store.referrers(subject)) == [evidence]


def test_evidence_that_came_without_its_subject_stays(store: LayoutStore) -> None:
    subject = Descriptor.of(b"never here", mediatypes.IMAGE_INDEX)
    evidence = push_evidence(store, subject, "accuracy")
    age(store)

    assert store.collect() == 0
    assert list(store.referrers(subject)) == [evidence]


def test_a_sparse_layout_keeps_what_it_has(store: LayoutStore) -> None:
    manifests = [model(store, text) for text in "ab"]
    for manifest in manifests:
        push_manifest(store, manifest)
    push_manifest(store, index_of(*manifests), "1.0.0")
    store.blob_path(manifests[0].descriptor).unlink()
    age(store)

    store.collect()

    assert fetch(store, manifests[1].layers[0])
    assert not store.exists(manifests[0].layers[0])


def test_nothing_goes_where_a_manifest_is_damaged(store: LayoutStore) -> None:
    descriptor = push_model(store, "fraud", "1.0.0")
    push_bytes(store, b"nobody names this")
    store.blob_path(descriptor).chmod(0o644)
    store.blob_path(descriptor).write_bytes(b"x" * descriptor.size)
    before = blobs(store)
    age(store)

    with pytest.raises(IntegrityError):
        store.collect()

    assert blobs(store) == before


def test_nothing_goes_where_something_unknown_may_name_it(store: LayoutStore) -> None:
    unknown = push_bytes(store, b"{}", "application/vnd.oci.artifact.manifest.v1+json")
    index = Index.build((unknown,))
    store.push(index.descriptor, BytesContent(index.raw), "1.0.0")
    push_bytes(store, b"nobody names this, or does it?")
    before = blobs(store)
    age(store)

    with pytest.raises(Unsupported):
        store.collect()

    assert blobs(store) == before


def test_files_that_are_no_blobs_are_left_alone(store: LayoutStore) -> None:
    push_model(store, "fraud", "1.0.0")
    strange = [store.folder / "blobs" / name for name in ("sha256/README", "blake3/00ff")]
    for path in strange:
        path.parent.mkdir(exist_ok=True)
        path.write_text("strange")
    age(store)

    store.collect()

    assert all(path.exists() for path in strange)


def test_a_manifest_that_came_alone_by_digest_stays(store: LayoutStore) -> None:
    descriptor = push_model(store, "copied by digest")
    age(store)

    store.collect()

    assert fetch(store, store.resolve(descriptor.digest))


def test_a_push_over_content_that_was_collected_says_what_is_missing(store: LayoutStore) -> None:
    manifest = model(store, "slow")
    age(store)
    store.collect()

    with pytest.raises(NotFound, match="names content that is not in"):
        push_manifest(store, manifest, "1.0.0")

    push_model(store, "slow", "1.0.0")
    assert fetch(store, manifest.layers[0])


def test_the_index_is_written_before_content_goes(
    store: LayoutStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    push_evidence(store, subject, "accuracy")
    store.untag("1.0.0")
    age(store)

    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "sha256":
            raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", killed)
        store.collect()

    assert json.loads((store.folder / "index.json").read_bytes())["manifests"] == []
    store.collect()
    assert blobs(store) == set()


# Parts of these tests


def blobs(store: LayoutStore) -> set[Path]:
    return set((store.folder / "blobs/sha256").iterdir())


def age(store: LayoutStore) -> None:
    """All that is stored was stored long ago."""
    for path in (store.folder / "blobs").glob("*/*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
