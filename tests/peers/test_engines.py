"""Container engines take a version for the image it is: by its digest, without Lading."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parts.docker_engine import DockerEngine
from parts.podman import Podman
from parts.process import run
from parts.skopeo import Skopeo
from peers.plain import files_of, folders_of
from peers.shipped import Shipped

PREFIX = "models/"


def mine(files: dict[str, bytes]) -> dict[str, bytes]:
    """The model's files of an image's, which has a document beside them."""
    below = {
        path.removeprefix(PREFIX): raw for path, raw in files.items() if path.startswith(PREFIX)
    }
    assert json.loads(below.pop("lading.json"))["version"] == "1.2.0"
    return below


def image_of(shipped: Shipped, architecture: str) -> dict[str, Any]:
    """The config of the image for one architecture, as the registry has it."""
    index = shipped.plain.document(shipped.result.digest)
    (entry,) = (
        entry
        for entry in index["manifests"]
        if entry.get("platform", {}).get("architecture") == architecture
    )
    manifest = shipped.plain.document(entry["digest"])
    config: dict[str, Any] = json.loads(shipped.plain.blob(manifest["config"]["digest"]))
    return config


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_podman_pulls_the_index_and_chooses_the_image(
    shipped: Shipped, podman: Podman, architecture: str
) -> None:
    podman.run("pull", "--quiet", "--arch", architecture, shipped.pinned)

    (image,) = json.loads(podman.run("image", "inspect", shipped.pinned).stdout)
    assert (image["Os"], image["Architecture"]) == ("linux", architecture)
    assert image["RootFS"]["Layers"] == [layer.digest for layer in shipped.result.layers]
    assert image["RootFS"]["Layers"] == image_of(shipped, architecture)["rootfs"]["diff_ids"]
    assert shipped.pinned in image["RepoDigests"]


def test_podman_mounts_what_it_pulled_and_the_files_are_equal(
    shipped: Shipped, podman: Podman
) -> None:
    podman.run("pull", "--quiet", shipped.pinned)

    root = Path(podman.run("image", "mount", shipped.pinned).stdout.strip())

    try:
        assert mine(files_of(root)) == shipped.files
        assert folders_of(root) >= {"models/hollow", "models/nested/deeper"}
    finally:
        podman.run("image", "unmount", shipped.pinned)


def test_podman_mounts_an_image_volume_and_the_files_are_equal(
    shipped: Shipped, podman: Podman, tmp_path: Path
) -> None:
    podman.run("pull", "--quiet", shipped.pinned)
    copy = tmp_path / "copy"
    copy.mkdir()

    # A shell inside the container copies everything out: what it sees is what counts.
    mounts = ("--mount", f"type=image,source={shipped.pinned},destination=/model")
    out = ("--volume", f"{copy}:/out")
    flags = ("--rm", "--network=none", *mounts, *out)
    podman.run("run", *flags, podman.busybox(), "cp", "-r", "/model/.", "/out/")

    assert mine(files_of(copy)) == shipped.files
    assert (copy / "models/hollow").is_dir()


def test_an_image_volume_of_podman_cannot_be_written_to(shipped: Shipped, podman: Podman) -> None:
    podman.run("pull", "--quiet", shipped.pinned)
    before = podman.run_mounted(shipped.pinned, "sha256sum", "/model/models/config.json")

    attempt = "echo other > /model/models/config.json || echo refused"
    said = podman.run_mounted(shipped.pinned, "sh", "-c", attempt)

    after = podman.run_mounted(shipped.pinned, "sha256sum", "/model/models/config.json")
    assert said.strip() == "refused"
    assert after == before


def test_podman_saves_what_it_pulled_with_the_layers_as_they_are(
    shipped: Shipped, podman: Podman, tmp_path: Path
) -> None:
    podman.run("pull", "--quiet", shipped.pinned)
    layout = tmp_path / "saved"

    podman.run("save", "--quiet", "--format", "oci-dir", "--output", str(layout), shipped.pinned)

    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = json.loads(blob(layout, entry["digest"]).read_bytes())
    config = json.loads(blob(layout, manifest["config"]["digest"]).read_bytes())
    assert config == image_of(shipped, config["architecture"])


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


@pytest.fixture(scope="module")
def docker(docker_engine: DockerEngine) -> Iterator[Any]:
    """The SDK's client."""
    client = docker_engine.client()
    yield client
    client.close()


def test_docker_pulls_the_index_and_chooses_the_image(shipped: Shipped, docker: Any) -> None:
    image = docker.images.pull(
        f"{shipped.registry.host}/{shipped.repository}", tag=shipped.result.digest
    )

    architecture = image.attrs["Architecture"]
    assert image.attrs["Os"] == "linux"
    assert image.attrs["RootFS"]["Layers"] == [layer.digest for layer in shipped.result.layers]
    assert image.attrs["RootFS"]["Layers"] == image_of(shipped, architecture)["rootfs"]["diff_ids"]
    assert image.attrs["RepoDigests"] == [shipped.pinned]


def test_a_container_of_docker_has_the_files(shipped: Shipped, docker: Any, tmp_path: Path) -> None:
    docker.images.pull(shipped.pinned)
    container = docker.containers.create(shipped.pinned, command="nothing", network_mode="none")

    try:
        pieces, _ = container.get_archive("/models")
        archive = tmp_path / "models.tar"
        with archive.open("wb") as file:
            file.writelines(pieces)
    finally:
        container.remove()

    run("tar", "-C", tmp_path, "-xf", archive)
    archive.unlink()
    assert mine(files_of(tmp_path)) == shipped.files
    assert (tmp_path / "models/hollow").is_dir()


def test_docker_gives_the_same_files_by_tag(
    shipped: Shipped, docker_engine: DockerEngine, tmp_path: Path
) -> None:
    docker_engine.run("pull", "--quiet", shipped.tagged)

    docker_engine.extract(shipped.tagged, tmp_path / "out")

    assert mine(files_of(tmp_path / "out")) == shipped.files


@pytest.mark.parametrize("which", ["image", "model", "modelpack", "index"])
def test_skopeo_shows_the_exact_bytes(shipped: Shipped, skopeo: Skopeo, which: str) -> None:
    digests = {"index": shipped.result.digest}
    for entry in shipped.plain.document(shipped.result.digest)["manifests"]:
        digests[entry["annotations"]["dev.lading.role"]] = entry["digest"]
    reference = f"docker://{shipped.registry.host}/{shipped.repository}@{digests[which]}"

    shown = skopeo.run("inspect", "--raw", "--tls-verify=false", reference).stdout

    assert shown.encode() == shipped.plain.manifest(digests[which])


def test_no_layer_has_more_than_files_and_folders(shipped: Shipped, tmp_path: Path) -> None:
    for layer in shipped.result.layers:
        archive = tmp_path / "layer.tar"
        archive.write_bytes(shipped.plain.blob(layer.digest))
        with tarfile.open(archive) as opened:
            members = opened.getmembers()

        assert all(member.isreg() or member.isdir() for member in members)
        assert all((member.name + "/").startswith(PREFIX) for member in members)
        assert {(m.uid, m.gid, m.mtime, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
        assert {m.mode for m in members} <= {0o644, 0o755}
