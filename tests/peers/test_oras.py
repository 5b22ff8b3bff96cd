"""oras-py, as everybody has it, reads the model manifest; Lading's own subclass is elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import oras.provider
import pytest
from parts.process import run
from peers.plain import digest_of, files_of, folders_of
from peers.shipped import Shipped


@pytest.fixture
def client() -> oras.provider.Registry:
    return oras.provider.Registry(insecure=True)


def test_it_reads_the_model_manifest(shipped: Shipped, client: oras.provider.Registry) -> None:
    manifest = client.get_manifest(shipped.model)

    assert manifest == shipped.plain.document(shipped.result.model_digest)
    assert manifest["artifactType"] == "application/vnd.lading.model.v1+json"
    titles = [
        layer["annotations"]["org.opencontainers.image.title"] for layer in manifest["layers"]
    ]
    assert titles == [layer.title for layer in shipped.result.layers]
    assert len(set(titles)) == len(titles)


def test_it_reads_the_document(shipped: Shipped, client: oras.provider.Registry) -> None:
    manifest = client.get_manifest(shipped.model)

    answer = client.get_blob(shipped.model, manifest["config"]["digest"])

    document = json.loads(answer.content)
    assert document["version"] == "1.2.0"
    assert {file["path"] for file in document["files"]} == shipped.files.keys()


def test_what_it_pulls_is_tar_archives_with_the_files(
    shipped: Shipped, client: oras.provider.Registry, tmp_path: Path
) -> None:
    archives = tmp_path / "archives"

    pulled = client.pull(target=shipped.model, outdir=str(archives))

    titles = {layer.title for layer in shipped.result.layers}
    assert {Path(path).relative_to(archives).as_posix() for path in pulled} == titles
    assert files_of(archives).keys() == titles
    out = tmp_path / "out"
    out.mkdir()
    for title in titles:
        assert title.endswith(".tar")
        run("tar", "-C", out, "-xf", archives / title)
    files = files_of(out / "models")
    assert json.loads(files.pop("lading.json"))["version"] == "1.2.0"
    assert files == shipped.files
    assert "models/hollow" in folders_of(out)


def test_each_archive_is_the_layer_it_is_named_for(
    shipped: Shipped, client: oras.provider.Registry, tmp_path: Path
) -> None:
    client.pull(target=shipped.model, outdir=str(tmp_path))

    digests = {title: digest_of(raw) for title, raw in files_of(tmp_path).items()}
    assert digests == {layer.title: layer.digest for layer in shipped.result.layers}


def test_it_lists_the_tags(shipped: Shipped, client: oras.provider.Registry) -> None:
    tags = client.get_tags(f"{shipped.registry.host}/{shipped.repository}")

    assert {"1.2.0", "latest"} <= set(tags)
