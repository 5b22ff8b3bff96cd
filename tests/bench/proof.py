"""That the work was done: a tool that moved nothing would be the quickest of all.

Every run is looked at (sizes, a manifest that answers); the warm-up is read to the last byte.
Nothing here is timed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from bench.artifact import MANIFEST
from bench.data import Model
from bench.measure import Failed
from bench.tools import Registry

INDEX = "application/vnd.oci.image.index.v1+json"
_BUFFER = 256 * 1024

# A layer's descriptor, as JSON has it.
Layer = dict[str, Any]


def folder_holds(folder: Path, model: Model, *, thorough: bool) -> None:
    """Every file of the model is below a folder, under whatever name.

    Raises:
        Failed: something is missing, or different.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    if sum(path.stat().st_size for path in files) < model.size:
        raise Failed(f"{folder} is smaller than the model")
    if thorough:
        _compare({_sha256_of(path) for path in files}, model, str(folder))


def registry_holds(registry: Registry, repository: str, model: Model, *, thorough: bool) -> None:
    """Every file of the model is in a version 1.0.0: as a blob, or in a tar that is one.

    Raises:
        Failed: something is missing, or different.
    """
    layers, packed = _layers(registry, repository, "1.0.0")
    if sum(layer["size"] for layer in layers) < model.size:
        raise Failed(f"{repository}:1.0.0 is smaller than the model")
    if thorough:
        found: set[str] = set()
        for layer in layers:
            found.update(_digests(registry, repository, layer, packed=packed))
        _compare(found, model, f"{repository}:1.0.0")


def digest_of(registry: Registry, repository: str) -> str:
    """The digest of version 1.0.0."""
    with _get(registry, f"/v2/{repository}/manifests/1.0.0") as answer:
        return str(answer.headers["Docker-Content-Digest"])


def _compare(found: set[str], model: Model, where: str) -> None:
    missing = [name for name, digest in model.digests.items() if digest not in found]
    if missing:
        raise Failed(f"{where} lacks {', '.join(missing[:3])} (of {len(missing)})")


def _layers(registry: Registry, repository: str, name: str) -> tuple[list[Layer], bool]:
    """A manifest's layers, and whether they are tars of files.

    Only Lading pushes an index; each of its children lists the same tars.
    """
    with _get(registry, f"/v2/{repository}/manifests/{name}") as answer:
        document = json.load(answer)
    if children := document.get("manifests"):
        return _layers(registry, repository, children[-1]["digest"])[0], True
    return document["layers"], False


def _digests(registry: Registry, repository: str, layer: Layer, *, packed: bool) -> Iterator[str]:
    """What is in a blob: the digests of its members, or its own."""
    with _get(registry, f"/v2/{repository}/blobs/{layer['digest']}") as answer:
        if not packed:
            yield _sha256(answer)
            return
        with tarfile.open(fileobj=answer, mode="r|") as archive:
            for member in archive:
                if file := archive.extractfile(member):
                    yield _sha256(file)


@contextmanager
def _get(registry: Registry, path: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(registry.host)
    if registry.authority is not None:
        context = ssl.create_default_context(cafile=registry.ca_file)
        connection = http.client.HTTPSConnection(registry.host, context=context)
    with closing(connection):
        connection.request("GET", path, headers={"Accept": f"{INDEX}, {MANIFEST}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise Failed(f"the registry answers {answer.status} to {path}")
        yield answer


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return _sha256(file)


def _sha256(file: IO[bytes] | http.client.HTTPResponse) -> str:
    found, buffer = hashlib.sha256(), memoryview(bytearray(_BUFFER))
    while count := file.readinto(buffer):  # type: ignore[union-attr]  # all of them have it
        found.update(buffer[:count])
    return found.hexdigest()
