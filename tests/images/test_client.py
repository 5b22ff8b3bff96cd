"""The client as an image: what an init container runs to fetch a model."""

from __future__ import annotations

from pathlib import Path

from parts import python_image
from parts.docker_engine import DockerEngine
from parts.registry import DockerRegistry

import lading
from lading.settings import Settings


def test_the_client_is_an_image_that_runs_as_anybody(
    tmp_path: Path,
    settings: Settings,
    docker_builder: DockerEngine,
    client: str,
    registry: DockerRegistry,
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    pushed = lading.push(
        tmp_path / "weights.bin", f"{registry.host}/ml/weights:1.0.0", settings=settings
    )
    by_digest = f"{registry.host}/ml/weights@{pushed.digest}"
    # As Kubernetes runs it: a volume that anybody may write to, and nothing else.
    alone = ("run", "--rm", "--network=host", "--read-only", "--cap-drop=ALL")
    for user in ("65532:65532", "1234:1234"):
        volume = tmp_path / f"volume-{user[:2]}"
        volume.mkdir()
        volume.chmod(0o777)
        as_user = (*alone, f"--user={user}", f"--volume={volume}:/model", client)

        docker_builder.run(*as_user, "pull", by_digest, "-o", "/model")

        assert (volume / "weights.bin").read_bytes() == b"weights"
    # As KServe starts it: a command that the cluster knows, and two words from KServe.
    volume = tmp_path / "mnt"
    volume.mkdir()
    volume.chmod(0o777)
    kserve = (*alone, "--user=1234:1234", f"--volume={volume}:/mnt/models", "--entrypoint=lading")

    docker_builder.run(
        *(*kserve, client, "storage-initializer"), f"lading://{by_digest}", "/mnt/models"
    )

    assert (volume / "weights.bin").read_bytes() == b"weights"
    assert {path.name for path in volume.iterdir()} == {"weights.bin", "lading.json"}
    said = docker_builder.run("run", "--rm", "--network=none", client, "--version").stdout
    assert said.startswith("lading ")
    size = docker_builder.run("image", "inspect", "--format={{.Size}}", client).stdout
    base = docker_builder.run("image", "inspect", "--format={{.Size}}", python_image.NAME).stdout
    print(f"client: {int(size) / 1e6:.0f} MB, of which the base {int(base) / 1e6:.0f}")
    assert int(size) - int(base) < 120e6
