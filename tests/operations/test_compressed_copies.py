"""What a copy that was compressed on the way excuses, and what it does not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, BOB, EVE, Team

from lading.errors import IntegrityError
from lading.ledger.artifact import EMPTY, EMPTY_CONFIG, seal
from lading.ledger.book import LedgerStore
from lading.operations.copy import copy
from lading.operations.ledger import ledger_adopt, ledger_verify
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.request import approve
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import Event, now
from lading.spec.manifest import Index, Manifest, parse
from lading.transfer import read

PROTECTED = "stages: {prod: {protected: true, approvals: 1}}"
OPEN = "stages: {prod: {}}"

Lie = Callable[[LedgerStore, Index, Index], Index]


def index_of(store: LedgerStore, tag: str) -> Index:
    root = store.resolve(tag)
    index = parse(read(store, root), root.media_type)
    assert isinstance(index, Index)
    return index


def put(store: LedgerStore, manifest: Manifest | Index, *tags: str) -> Descriptor:
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    for tag in tags:
        store.push(manifest.descriptor, BytesContent(manifest.raw), tag)
    return manifest.descriptor


def blob(store: LedgerStore, raw: bytes, media_type: str) -> Descriptor:
    descriptor = Descriptor.of(raw, media_type)
    store.push(descriptor, BytesContent(raw))
    return descriptor


def with_entries(index: Index, *entries: Descriptor) -> Index:
    return Index.build(entries, artifact_type=index.artifact_type, annotations=index.annotations)


def by_role(index: Index, role: str) -> Descriptor:
    return next(e for e in index.manifests if e.annotations[mediatypes.ROLE] == role)


def compressed(store: LedgerStore, index: Index) -> Index:
    """What skopeo makes of it: the layers of images are gzipped, all else stays."""

    def entry(old: Descriptor) -> Descriptor:
        if old.annotations[mediatypes.ROLE] != "image":
            return old
        image = parse(read(store, old))
        assert isinstance(image, Manifest)
        layers = (
            blob(store, gzip.compress(read(store, each)), f"{mediatypes.IMAGE_LAYER}+gzip")
            for each in image.layers
        )
        new = put(store, Manifest.build(image.config, tuple(layers)))
        return replace(old, digest=new.digest, size=new.size)

    return with_entries(index, *map(entry, index.manifests))


def image_saying(store: LedgerStore, index: Index, **lies: object) -> Index:
    """The index, but for an image whose config says something else."""
    old = by_role(index, "image")
    image = parse(read(store, old))
    assert isinstance(image, Manifest)
    config = json.dumps(json.loads(read(store, image.config)) | lies).encode()
    new = put(store, Manifest.build(blob(store, config, mediatypes.IMAGE_CONFIG), image.layers))
    swapped = replace(old, digest=new.digest, size=new.size)
    return with_entries(index, *(swapped if each is old else each for each in index.manifests))


def passenger(_: LedgerStore, good: Index, evil: Index) -> Index:
    return with_entries(evil, *evil.manifests, replace(by_role(good, "model"), annotations={}))


def second_model(_: LedgerStore, good: Index, evil: Index) -> Index:
    return with_entries(good, *good.manifests, by_role(evil, "model"))


def nobodys_roles(_: LedgerStore, good: Index, evil: Index) -> Index:
    entries = (by_role(evil, "model"), by_role(good, "model"))
    return with_entries(evil, *(replace(entry, annotations={}) for entry in entries))


def other_image(_: LedgerStore, good: Index, evil: Index) -> Index:
    return with_entries(good, by_role(evil, "image"), by_role(good, "model"))


def other_modelpack(_: LedgerStore, good: Index, evil: Index) -> Index:
    return with_entries(good, by_role(good, "model"), by_role(evil, "modelpack"))


def other_diff_ids(store: LedgerStore, good: Index, evil: Index) -> Index:
    image = parse(read(store, by_role(evil, "image")))
    assert isinstance(image, Manifest)
    rootfs = json.loads(read(store, image.config))["rootfs"]
    return image_saying(store, good, rootfs=rootfs)


def an_image_that_runs(store: LedgerStore, good: Index, _: Index) -> Index:
    return image_saying(store, good, config={"Entrypoint": ["/bin/sh"]})


def an_index_inside(store: LedgerStore, good: Index, evil: Index) -> Index:
    inner = replace(put(store, evil), annotations={mediatypes.ROLE: "image"})
    return with_entries(good, inner, by_role(good, "model"))


LIES: list[Lie] = [
    passenger,
    second_model,
    nobodys_roles,
    other_image,
    other_modelpack,
    other_diff_ids,
    an_image_that_runs,
    an_index_inside,
]


def in_prod(team: Team, policy: str) -> Team:
    one = team.under(policy)
    approve(f"{one.place}:1.0.0", "prod", settings=one.acting(BOB).settings)
    promote(f"{one.place}:1.0.0", "prod", settings=one.settings)
    return one


@pytest.mark.parametrize("policy", [OPEN, PROTECTED], ids=["open", "protected"])
@pytest.mark.parametrize("lie", LIES)
def test_another_version_is_not_excused_as_a_compressed_copy(
    local: Team, lie: Lie, policy: str, tmp_path: Path
) -> None:
    one = in_prod(local, policy)
    store = one.store
    put(store, lie(store, index_of(store, "1.0.0"), index_of(store, "1.1.0")), "prod", "1.0.0")

    with pytest.raises(IntegrityError, match="DRIFT"):
        pull(f"{one.place}:prod", tmp_path / "out", settings=one.settings)

    told = ledger_verify(one.place, settings=one.settings)
    assert not told.sound
    assert {"drift", "moved"} <= {finding.kind for finding in told.findings}


def test_a_compressed_copy_is_taken_by_an_open_stage(local: Team, tmp_path: Path) -> None:
    one = in_prod(local, OPEN)
    put(one.store, compressed(one.store, index_of(one.store, "1.0.0")), "prod", "1.0.0")

    pulled = pull(f"{one.place}:prod", tmp_path / "out", settings=one.settings)

    assert any("compressed on the way" in note for note in pulled.notes)
    assert (tmp_path / "out" / "weights.bin").read_bytes() == b"weights of 1.0.0"
    told = ledger_verify(one.place, settings=one.settings)
    assert told.sound
    assert [finding.kind for finding in told.findings] == ["recompressed", "recompressed"]


def test_a_protected_stage_is_taken_as_it_was_approved_or_not(local: Team, tmp_path: Path) -> None:
    one = in_prod(local, PROTECTED)
    put(one.store, compressed(one.store, index_of(one.store, "1.0.0")), "prod")

    with pytest.raises(IntegrityError, match="DRIFT") as refused:
        pull(f"{one.place}:prod", tmp_path / "out", settings=one.settings)

    assert "compressed on the way" in (refused.value.cause or "")
    told = ledger_verify(one.place, settings=one.settings)
    assert [finding.kind for finding in told.findings] == ["recompressed"]


def test_an_event_that_names_another_model_excuses_nothing(local: Team) -> None:
    one = in_prod(local, OPEN)
    store, subject = one.store, Digest(one.tag("1.0.0") or "")
    evil = index_of(store, "1.1.0")
    sealed = seal(
        Event(
            kind="noted",
            repository="ml/fraud",
            digest=subject,
            model=by_role(evil, "model").digest,
            seq=1,
            actor=EVE,
            time=now(),
            nonce="0" * 32,
        )
    )
    store.push(EMPTY_CONFIG, BytesContent(EMPTY))
    store.push(sealed.layer, BytesContent(sealed.content))
    store.push(sealed.descriptor, BytesContent(sealed.manifest.raw), sealed.tag)
    put(store, compressed(store, evil), "prod", "1.0.0")

    told = ledger_verify(one.place, settings=one.settings)

    assert {"drift", "moved"} <= {finding.kind for finding in told.findings}


def test_pushing_the_content_of_a_compressed_copy_registers_nothing_twice(local: Team) -> None:
    one = local.at("ml/copied")
    copy("ml/fraud:1.0.0", "ml/copied:1.0.0", settings=one.settings)
    put(one.store, compressed(one.store, index_of(one.store, "1.0.0")), "1.0.0")
    assert ledger_adopt(one.place, settings=one.settings).adopted == ("1.0.0",)
    before = one.events()

    one.push("1.0.0", authors=[ADA], metrics={"auc": 0.95})

    assert one.events() == before
    assert ledger_verify(one.place, settings=one.settings).sound
