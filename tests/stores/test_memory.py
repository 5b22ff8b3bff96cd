"""What of the memory store is not in the contract of all stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract.samples import fetch, push_bytes, push_model

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.ports import Absorber, Deleter, Lister, Mounter, Referrers
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.stores.layout import LayoutStore
from lading.stores.memory import MemoryStore


@pytest.mark.parametrize("port", [Absorber, Deleter, Lister, Mounter, Referrers])
@pytest.mark.parametrize("kind", [MemoryStore, LayoutStore])
def test_the_local_stores_have_every_optional_port(port: type, kind: type) -> None:
    assert issubclass(kind, port)


# docker-registry answers 500 here, so this is no promise of every store.
@pytest.mark.parametrize("raw", [b"just some bytes", b"{}", b'{"config":{"User":"root"}}'])
@pytest.mark.parametrize("kind", ["memory", "layout"])
def test_a_blob_is_no_manifest(kind: str, raw: bytes, tmp_path: Path) -> None:
    store = MemoryStore() if kind == "memory" else LayoutStore(tmp_path)
    descriptor = push_bytes(store, raw)

    with pytest.raises(NotFound):
        store.resolve(descriptor.digest)


def test_content_is_shared_between_stores_in_memory() -> None:
    source, target = MemoryStore(), MemoryStore()
    descriptor = push_bytes(source, b"weights")

    assert target.mount(descriptor, source)

    assert fetch(target, descriptor) == b"weights"


def test_a_blob_cannot_have_a_name() -> None:
    store = MemoryStore()
    descriptor = Descriptor.of(b"weights", mediatypes.MODEL_LAYER)

    with pytest.raises(InvalidInput):
        store.push(descriptor, BytesContent(b"weights"), "1.0.0")


def test_a_name_that_is_no_tag_is_refused() -> None:
    store = MemoryStore()

    with pytest.raises(InvalidInput):
        push_model(store, "fraud", "no/tag")


def test_a_manifest_is_not_absorbed() -> None:
    with pytest.raises(Unsupported):
        MemoryStore().absorb(BytesContent(b"{}"), mediatypes.IMAGE_MANIFEST)


def test_a_claimed_size_is_not_allocated() -> None:
    store = MemoryStore()
    honest = Descriptor.of(b"small", mediatypes.IMAGE_MANIFEST)
    huge = Descriptor(mediatypes.IMAGE_MANIFEST, honest.digest, 2**62)

    with pytest.raises(InvalidInput):
        store.push(huge, BytesContent(b"small"))


def test_a_manifest_under_another_media_type_is_refused() -> None:
    store = MemoryStore()
    raw = b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % mediatypes.IMAGE_INDEX.encode()
    lying = Descriptor.of(raw, mediatypes.DOCKER_MANIFEST_LIST)

    with pytest.raises(InvalidInput):
        store.push(lying, BytesContent(raw))


def test_names_can_be_listed_while_they_change() -> None:
    store = MemoryStore()
    push_model(store, "a", "a")
    names = store.names()

    push_model(store, "b", "b")

    assert list(names) == ["a"]
