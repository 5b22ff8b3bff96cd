"""Layouts and the tools that write and read them too: what each wrote, the other reads."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import oras.layout
import oras.provider
import pytest
from contract.samples import EVALUATION, fetch, push_evidence, push_manifest
from parts.podman import BUSYBOX, Podman
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo

from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import UNKNOWN_PLATFORM, Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.encoding import encode
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.tags import fallback_tag
from lading.stores.layout import LayoutStore


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "ours")


def test_skopeo_copies_a_version_without_changing_its_digest(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    root = push_version(store, "1.0.0")

    copy_all(skopeo, f"oci:{store.folder}:1.0.0", f"oci:{tmp_path}/theirs:1.0.0")

    theirs = LayoutStore(tmp_path / "theirs", create=False)
    assert theirs.resolve("1.0.0") == root
    assert theirs.only() == root
    assert everything(theirs, root) == everything(store, root)


def test_a_copy_of_skopeo_can_be_written_to_and_copied_again(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    root = push_version(store, "1.0.0")
    copy_all(skopeo, f"oci:{store.folder}:1.0.0", f"oci:{tmp_path}/theirs:1.0.0")
    theirs = LayoutStore(tmp_path / "theirs")

    second = push_version(theirs, "1.1.0")
    copy_all(skopeo, f"oci:{theirs.folder}:1.1.0", f"oci:{store.folder}:1.1.0")

    assert store.resolve("1.1.0") == second
    assert store.resolve("1.0.0") == root
    assert sorted(store.names()) == sorted(theirs.names()) == ["1.0.0", "1.1.0"]


def test_skopeo_moves_a_tag_in_our_layout(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    old = push_version(store, "prod")
    push_evidence(store, old, "accuracy")
    new = push_version(LayoutStore(tmp_path / "theirs"), "prod", text="newer")

    copy_all(skopeo, f"oci:{tmp_path}/theirs:prod", f"oci:{store.folder}:prod")

    assert store.resolve("prod") == new
    assert store.resolve(old.digest) == old
    assert everything(store, old)
    assert len(list(store.referrers(old))) == 1


def test_skopeo_finds_the_only_version_without_its_name(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    root = push_version(store, "1.0.0")

    copy_all(skopeo, f"oci:{store.folder}", f"oci:{tmp_path}/theirs")

    theirs = LayoutStore(tmp_path / "theirs", create=False)
    assert list(theirs.names()) == []
    assert theirs.only() == root


def test_skopeo_takes_the_evidence_along_under_the_fallback_tag(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    root = push_version(store, "1.0.0")
    evidence = push_evidence(store, root, "accuracy")

    copy_all(skopeo, f"oci:{store.folder}:1.0.0", f"oci:{tmp_path}/theirs:1.0.0")
    copy_list(skopeo, f"oci:{store.folder}", f"oci:{tmp_path}/theirs", root)

    theirs = LayoutStore(tmp_path / "theirs", create=False)
    [found] = theirs.referrers(theirs.resolve("1.0.0"))
    assert found == evidence
    assert found.artifact_type == EVALUATION
    assert fetch(theirs, found) == fetch(store, evidence)


def test_what_skopeo_brings_from_a_registry_is_read(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    root = push_version(store, "1.0.0")
    evidence = push_evidence(store, root, "accuracy")
    theirs = LayoutStore(tmp_path / "theirs")

    with DockerRegistry(tmp_path / "registry") as registry:
        there = f"docker://{registry.host}/ml/fraud"
        copy_all(skopeo, f"oci:{store.folder}:1.0.0", f"{there}:1.0.0")
        copy_all(skopeo, f"{there}:1.0.0", f"oci:{theirs.folder}:1.0.0")
        copy_list(skopeo, f"oci:{store.folder}", there, root)
        copy_list(skopeo, there, f"oci:{theirs.folder}", root)

    assert theirs.resolve("1.0.0") == root
    assert everything(theirs, root) == everything(store, root)
    assert list(theirs.referrers(root)) == [evidence]


def test_skopeo_reads_what_collecting_left(
    store: LayoutStore, skopeo: Skopeo, tmp_path: Path
) -> None:
    root = push_version(store, "1.0.0")
    push_version(store, "1.1.0", text="newer")
    store.untag("1.1.0")

    assert store.collect(grace=-1) > 0

    copy_all(skopeo, f"oci:{store.folder}:1.0.0", f"oci:{tmp_path}/theirs:1.0.0")
    assert LayoutStore(tmp_path / "theirs").resolve("1.0.0") == root


def test_a_layout_that_podman_saved_is_read(podman: Podman, tmp_path: Path) -> None:
    podman.busybox()

    podman.run("save", "--format", "oci-dir", "-o", str(tmp_path / "saved"), BUSYBOX)

    saved = LayoutStore(tmp_path / "saved", create=False)

    assert list(saved.names()) == [BUSYBOX.rpartition(":")[2]]
    root = saved.resolve("local")
    assert root == saved.resolve(BUSYBOX) == saved.only()
    manifest = parse(fetch(saved, root))
    assert isinstance(manifest, Manifest)
    assert manifest.media_type == mediatypes.IMAGE_MANIFEST
    assert all(saved.exists(child) for child in manifest.children)


def test_podman_pulls_an_image_from_our_layout(store: LayoutStore, podman: Podman) -> None:
    push_version(store, "1.0.0", text="weights for podman")
    podman.auth_file.write_text("{}")

    image = podman.run("pull", "--quiet", f"oci:{store.folder}:1.0.0").stdout.strip()

    assert podman.run_mounted(image, "cat", "/model/models/weights.bin") == "weights for podman"


def test_oras_py_finds_our_layout_valid_and_all_its_content(store: LayoutStore) -> None:
    root = push_version(store, "1.0.0")
    push_evidence(store, root, "accuracy")

    found = oras.layout.NewLayout(str(store.folder), validate=True).get_ordered_blobs("1.0.0")

    assert set(found) == set(everything(store, root))


def test_a_layout_that_oras_py_pulled_is_read(store: LayoutStore, tmp_path: Path) -> None:
    root = push_version(store, "1.0.0")

    with DockerRegistry(tmp_path / "registry") as registry:
        place = f"{registry.host}/ml/fraud:1.0.0"
        client = oras.provider.Registry(insecure=True)
        oras.layout.NewLayout(str(store.folder)).push_to_registry(client, place, tag="1.0.0")
        oras.layout.NewLayoutFromRegistry(str(tmp_path / "theirs"), client, place, tag="1.0.0")

    theirs = LayoutStore(tmp_path / "theirs", create=False)
    assert theirs.resolve("1.0.0") == root
    assert everything(theirs, root) == everything(store, root)


# Parts of these tests


def push_version(store: LayoutStore, name: str, *, text: str = "weights") -> Descriptor:
    """An index over two images and two artifacts that share a layer, as 2-format.md has it."""
    layer = pushed(store, tar_of(text), mediatypes.IMAGE_LAYER)
    images = [image(store, layer, cpu) for cpu in ("amd64", "arm64")]
    artifacts = [
        artifact(store, layer, mediatypes.MODEL, mediatypes.MODEL_CONFIG),
        artifact(store, layer, mediatypes.MODELPACK, mediatypes.MODELPACK_CONFIG),
    ]
    index = Index.build(
        (*images, *artifacts),
        artifact_type=mediatypes.MODEL,
        annotations={mediatypes.VERSION: name},
    )
    return push_manifest(store, index, name)


def image(store: LayoutStore, layer: Descriptor, architecture: str) -> Descriptor:
    config = {
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [str(layer.digest)]},
    }
    manifest = Manifest.build(pushed(store, encode(config), mediatypes.IMAGE_CONFIG), (layer,))
    return placed(push_manifest(store, manifest), Platform(architecture, "linux"), "image")


def artifact(store: LayoutStore, layer: Descriptor, kind: str, config_type: str) -> Descriptor:
    config = pushed(store, encode({"kind": kind}), config_type)
    own = Descriptor(mediatypes.MODEL_LAYER, layer.digest, layer.size)
    manifest = Manifest.build(config, (own,), artifact_type=kind)
    return placed(push_manifest(store, manifest), UNKNOWN_PLATFORM, kind.split(".")[-4])


def placed(descriptor: Descriptor, platform: Platform, role: str) -> Descriptor:
    return Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        annotations={mediatypes.ROLE: role},
        platform=platform,
    )


def pushed(store: LayoutStore, raw: bytes, media_type: str) -> Descriptor:
    descriptor = Descriptor.of(raw, media_type)
    store.push(descriptor, BytesContent(raw))
    return descriptor


def tar_of(text: str) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        member = tarfile.TarInfo("models/weights.bin")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    return raw.getvalue()


def copy_all(skopeo: Skopeo, source: str, destination: str) -> None:
    skopeo.copy(source, destination, "--all", "--preserve-digests")


def copy_list(skopeo: Skopeo, source: str, destination: str, subject: Descriptor) -> None:
    """Copy a list of referrers.

    The specification wants an artifactType on each of its descriptors. Older skopeo (1.9) drops
    it and so refuses to preserve this one digest, which nothing names; the evidence's stays.
    """
    tag = fallback_tag(subject.digest)
    skopeo.copy(f"{source}:{tag}", f"{destination}:{tag}", "--all")


def everything(store: LayoutStore, root: Descriptor) -> dict[Digest, bytes]:
    """All content below a root, by digest, each checked against it."""
    raw = fetch(store, root)
    found = {root.digest: raw}
    for child in parse(raw, root.media_type).children if root.is_manifest else ():
        found |= everything(store, child)
    assert all(Digest.of(content) == digest for digest, content in found.items())
    return found
