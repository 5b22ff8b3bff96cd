"""Bundles of anybody, and bundles that are broken off: an error of ours, and nothing half there.

What a tar itself may be like is in tests/stores/test_bundle.py; here its content lies.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from operations.team import NOTHING
from parts.double import Double

from lading.errors import Conflict, IntegrityError, InvalidInput, LadingError, NotFound, Unsupported
from lading.operations import stores
from lading.operations.bundle import bundle
from lading.operations.bundling.documents import unbundle_documents
from lading.operations.deploying.artifact import documents_artifact
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.push import push
from lading.operations.status import status
from lading.operations.unbundle import unbundle
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.mediatypes import IMAGE_INDEX, IMAGE_MANIFEST
from lading.spec.reference import Reference
from lading.stores.bundle import NewBundleStore, new_archive
from lading.stores.bundle.writing import NewArchive

REF = "org.opencontainers.image.ref.name"
Blobs = dict[str, bytes]

KILLED = """
import os, signal, sys
from lading.operations.bundle import bundle
def kill(progress):
    os.kill(os.getpid(), signal.SIGKILL)
bundle(["ml/fraud:1.0.0"], sys.argv[1], on_progress=kill)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "bundle.tar"


@pytest.fixture
def version(tmp_path: Path, settings: Settings) -> str:
    (tmp_path / "weights.bin").write_bytes(os.urandom(100_000))
    push(tmp_path / "weights.bin", "ml/fraud:1.0.0", capture=NOTHING, settings=settings)
    return "ml/fraud:1.0.0"


def blobs_of(file: Path) -> Blobs:
    with tarfile.open(file) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def write(file: Path, blobs: Blobs) -> None:
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, raw in blobs.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))


def entry(raw: bytes, kind: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": Digest.of(raw), "size": len(raw), **more}


def names_at(repository: str, settings: Settings) -> set[str]:
    try:
        return set(stores.open_store(Reference.parse(repository), settings).names())
    except NotFound:
        return set()


# Who writes


def test_a_writer_that_is_killed_leaves_no_file_and_is_swept(
    version: str, file: Path, settings: Settings
) -> None:
    environment = {**os.environ, "LADING_HOME": str(settings.home), "PYTHONPATH": "src"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(file)], env=environment, check=False, timeout=60
    )

    assert done.returncode == -signal.SIGKILL
    (part,) = os.listdir(file.parent)
    assert part.startswith(".")
    bundle([version], file, settings=settings)
    assert os.listdir(file.parent) == [file.name]


def test_of_two_writers_one_has_the_name(version: str, file: Path, settings: Settings) -> None:
    ready = threading.Barrier(2)

    def write_one(number: int) -> bool:
        try:
            with new_archive(file) as archive:
                raw = f"{number}".encode() * 1000
                put(archive, raw)
                ready.wait()
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(write_one, range(2)))

    assert sorted(done) == [False, True]
    assert os.listdir(file.parent) == [file.name]
    assert f"{done.index(True)}".encode() * 1000 in blobs_of(file).values()


def put(archive: NewArchive, raw: bytes) -> None:
    from lading.spec.descriptor import Descriptor

    store = NewBundleStore(archive, "ml/fraud")
    store.push(Descriptor.of(raw, "application/octet-stream"), BytesContent(raw))


def test_where_files_have_one_name_only_it_is_written_all_the_same(
    version: str, file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # as FAT does

    monkeypatch.setattr(Path, "hardlink_to", refused)

    bundle([version], file, settings=settings)

    assert os.listdir(file.parent) == [file.name]
    with pytest.raises(Conflict):
        bundle([version], file, settings=settings)


@pytest.mark.parametrize("what", ["a pipe", "a folder", "a link to nothing", "itself"])
def test_what_is_there_is_not_written_over(
    version: str, file: Path, settings: Settings, what: str
) -> None:
    if what == "a pipe":
        os.mkfifo(file)
    elif what == "a folder":
        file.mkdir()
    elif what == "a link to nothing":
        file.symlink_to("nothing")
    else:
        bundle([version], file, settings=settings)
    source = f"oci:{file}:1.0.0" if what == "itself" else version
    before = file.lstat()

    with pytest.raises(Conflict, match="exists"):
        bundle([source], file, settings=settings)

    assert file.lstat() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_pipe_s_dash_is_no_file_s_name(
    version: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidInput, match="pipe"):
        bundle([version], "-", settings=settings)

    assert not (tmp_path / "-").exists()


# What is in it


def nested(depth: int, width: int) -> Blobs:
    """Indexes in indexes, and a version's tag above all of them."""
    config = b"{}"
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "config": entry(config, "application/vnd.oci.empty.v1+json"),
            "layers": [],
        }
    ).encode()
    kind = IMAGE_MANIFEST
    blobs = {config, raw}
    for _ in range(depth):
        children = [entry(raw, kind, annotations={"n": str(number)}) for number in range(width)]
        made = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": children}
        raw, kind = json.dumps(made).encode(), IMAGE_INDEX
        blobs.add(raw)
    named = entry(raw, kind, annotations={REF: "ml/fraud:1.0.0"})
    return {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        **{f"blobs/sha256/{Digest.of(each).hex}": each for each in blobs},
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [named]}).encode(),
    }


@pytest.mark.parametrize(("depth", "width"), [(2000, 1), (40, 2)])
def test_indexes_in_indexes_end_somewhere(
    file: Path, settings: Settings, depth: int, width: int
) -> None:
    write(file, nested(depth, width))

    with pytest.raises(Unsupported, match="nests more"):
        unbundle(file, "site", settings=settings)

    assert names_at("site/ml/fraud", settings) == set()


def missing(blobs: Blobs) -> None:
    largest = max((name for name in blobs if "blobs" in name), key=lambda name: len(blobs[name]))
    del blobs[largest]


def other(blobs: Blobs) -> None:
    largest = max((name for name in blobs if "blobs" in name), key=lambda name: len(blobs[name]))
    blobs[largest] = bytes(len(blobs[largest]))


def shorter(blobs: Blobs) -> None:
    largest = max((name for name in blobs if "blobs" in name), key=lambda name: len(blobs[name]))
    blobs[largest] = blobs[largest][:-1]


def another_size(blobs: Blobs) -> None:
    index = json.loads(blobs["index.json"])
    for each in index["manifests"]:
        each["size"] += 1
    blobs["index.json"] = json.dumps(index).encode()


def as_a_layer(blobs: Blobs) -> None:
    index = json.loads(blobs["index.json"])
    for each in index["manifests"]:
        each["mediaType"] = "application/vnd.oci.image.layer.v1.tar"
    blobs["index.json"] = json.dumps(index).encode()


@pytest.mark.parametrize("stages", [False, True])
@pytest.mark.parametrize("lie", [missing, other, shorter, another_size, as_a_layer])
def test_content_that_is_not_what_is_said_names_no_version(
    version: str, file: Path, settings: Settings, *, lie: Callable[[Blobs], None], stages: bool
) -> None:
    bundle([version], file, settings=settings)
    blobs = blobs_of(file)
    lie(blobs)
    write(file, blobs)

    with pytest.raises(LadingError) as refused:
        unbundle(file, "site", stages=stages, settings=settings)

    assert refused.value.cause or refused.value.hint or "not in" in refused.value.what
    assert "1.0.0" not in names_at("site/ml/fraud", settings)


def test_a_name_of_a_stage_without_a_ledger_moves_no_stage(
    version: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    bundle([version], file, settings=settings)
    blobs = blobs_of(file)
    index = json.loads(blobs["index.json"])
    root = next(e for e in index["manifests"] if e["annotations"].get(REF, "").endswith(":1.0.0"))
    index["manifests"] = [
        {**root, "annotations": {REF: f"ml/fraud:{name}"}} for name in ("1.0.0", "prod", "staging")
    ]
    blobs["index.json"] = json.dumps(index).encode()
    write(file, blobs)
    (tmp_path / "weights.bin").write_bytes(b"the site's own")
    push(tmp_path / "weights.bin", "site/ml/fraud:0.9.0", capture=NOTHING, settings=settings)
    for stage in ("prod", "staging"):
        promote("site/ml/fraud:0.9.0", stage, settings=settings)
    before = status("site/ml/fraud", settings=settings).stages

    for stages in (False, True):
        unbundle(file, "site", stages=stages, settings=settings)

        assert status("site/ml/fraud", settings=settings).stages == before


@pytest.mark.parametrize("path", [".git/config", "a/.GIT/hooks/post-checkout", ".git. /config"])
def test_documents_bring_no_repository_of_git_s(
    version: str, file: Path, settings: Settings, path: str
) -> None:
    with_documents(file, {path: b"[core]", "a.yaml": b"kind: A\n"})

    with pytest.raises(IntegrityError, match="refused"):
        unbundle_documents(file, file.parent / "to")

    assert not (file.parent / "to").exists()


def test_documents_are_not_written_where_a_link_leads(file: Path, tmp_path: Path) -> None:
    with_documents(file, {"a.yaml": b"kind: A\n"})
    (file.parent / "to").mkdir()
    (tmp_path / "precious").mkdir()
    (file.parent / "to" / "fraud").symlink_to(tmp_path / "precious")

    with pytest.raises(Conflict, match="is a link"):
        unbundle_documents(file, file.parent / "to")

    assert os.listdir(tmp_path / "precious") == []


def with_documents(file: Path, files: dict[str, bytes]) -> None:
    made = documents_artifact(files)
    with new_archive(file) as archive:
        store = NewBundleStore(archive, "deploy/fraud")
        for descriptor, raw in made.blobs:
            store.push(descriptor, BytesContent(raw))
        store.push(made.manifest.descriptor, BytesContent(made.manifest.raw), "current")


# Where it goes


@pytest.mark.parametrize("what", ["/manifests/1.0.0", "/blobs/", "/manifests/sha256"])
def test_a_registry_that_refuses_half_way_is_gone_on_with(
    version: str, file: Path, settings: Settings, double: Double, what: str
) -> None:
    bundle([version], file, settings=settings)
    for method in ("PUT", "PATCH", "POST"):
        double.fail(method, what, status=403, times=1000)

    with pytest.raises(LadingError):
        unbundle(file, double.host, settings=settings)
    assert "1.0.0" not in double.repository("ml/fraud").tags
    double.heal()
    unbundle(file, double.host, settings=settings)

    found = list_versions(f"{double.host}/ml/fraud", settings=settings).versions
    assert [each.version for each in found] == ["1.0.0"]
