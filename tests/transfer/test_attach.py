"""A referrer is published content first, and whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from contract.samples import push_bytes, push_model

from lading.errors import InvalidInput, LadingError, Unavailable
from lading.ports import Content
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Manifest, parse
from lading.stores.layout import LayoutStore
from lading.stores.memory import MemoryStore
from lading.transfer import Progress, read
from lading.transfer.attach import attach, listed

KIND = "application/vnd.example.report"
REPORT = b"# It is fair\n"
LAYER = Descriptor.of(REPORT, "text/markdown").with_annotations({mediatypes.TITLE: "report.md"})


@pytest.fixture(params=[lambda folder: MemoryStore(), LayoutStore], ids=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryStore | LayoutStore:
    opened: Callable[[Path], MemoryStore | LayoutStore] = request.param
    return opened(tmp_path / "layout")


def test_what_is_attached_is_a_plain_manifest_about_its_subject(
    store: MemoryStore | LayoutStore,
) -> None:
    subject = push_model(store, "fraud", "1.0.0")

    attached = attach(
        store,
        # Where it was found says nothing about what it is.
        subject.with_annotations({"org.opencontainers.image.ref.name": "1.0.0"}),
        [(LAYER, BytesContent(REPORT))],
        artifact_type=KIND,
        annotations={"by": "Ada"},
    )

    manifest = parse(read(store, attached))
    assert isinstance(manifest, Manifest)
    assert (manifest.subject, manifest.artifact_type) == (subject, KIND)
    assert b"ref.name" not in manifest.raw
    assert manifest.config.media_type == mediatypes.EMPTY
    assert read(store, manifest.config) == b"{}"
    assert [read(store, layer) for layer in manifest.layers] == [REPORT]
    assert manifest.layers[0].annotations == {mediatypes.TITLE: "report.md"}
    assert list(listed(store, subject)) == [attached]


def test_attaching_the_same_again_changes_nothing(store: MemoryStore | LayoutStore) -> None:
    subject = push_model(store, "fraud", "1.0.0")
    told: list[Progress] = []

    for _ in range(2):
        attached = attach(
            store,
            subject,
            [(LAYER, BytesContent(REPORT))],
            artifact_type=KIND,
            annotations={},
            on_progress=told.append,
        )

    assert list(listed(store, subject)) == [attached]
    assert "report.md" in {each.label for each in told}


class Broken(MemoryStore):
    """A store that fails at one of its pushes."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 99

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the line is dead")
        super().push(descriptor, content, name)


@pytest.mark.parametrize("pushes", [0, 1, 2])
def test_what_breaks_off_shows_nobody_anything_and_can_be_done_again(pushes: int) -> None:
    store = Broken()
    subject = push_model(store, "fraud", "1.0.0")
    layers = [(LAYER, BytesContent(REPORT))]
    store.left = pushes

    with pytest.raises(LadingError):
        attach(store, subject, layers, artifact_type=KIND, annotations={})

    assert list(store.referrers(subject)) == []
    store.left = 99
    attached = attach(store, subject, layers, artifact_type=KIND, annotations={})
    assert list(store.referrers(subject)) == [attached]


def test_a_manifest_is_not_attached_as_a_layer() -> None:
    store = MemoryStore()
    subject = push_model(store, "fraud", "1.0.0")
    raw = b'{"schemaVersion":2}'
    layer = push_bytes(store, raw), BytesContent(raw)
    nested = Descriptor.of(raw, mediatypes.IMAGE_INDEX), layer[1]

    with pytest.raises(InvalidInput):
        attach(store, subject, [nested], artifact_type=KIND, annotations={})
