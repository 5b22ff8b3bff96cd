"""docker-registry collects garbage, in both of its ways, and every version still pulls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from parts.registry import DockerRegistry
from peers.plain import MANIFEST, Json, Repository, compact, digest_of, files_of
from peers.shipped import MIB

from lading.operations import stores
from lading.operations.attach import attach
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.pull import pull
from lading.operations.push import PushResult, push
from lading.operations.remove import remove
from lading.operations.tag import tag
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference

NAME = "ml/fraud"
BOTH = pytest.mark.parametrize("delete_untagged", [False, True], ids=["plain", "-m"])


class History:
    """Three versions of one model that share their largest file, made by ordinary verbs."""

    def __init__(self, registry: DockerRegistry, model: Path, settings: Settings) -> None:
        self.registry = registry
        self.settings = settings
        self.place = f"{registry.host}/{NAME}"
        self.plain = Repository(registry.host, NAME)
        self.versions: dict[str, PushResult] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        for number, version in enumerate(("1.0.0", "1.1.0", "2.0.0")):
            (model / "config.json").write_text(f'{{"hidden": {number}}}')
            # Each version has a large layer of its own beside the one that all of them share.
            (model / "nested/second.bin").write_bytes(bytes([number]) * (4 * MIB))
            self.versions[version] = push(model, f"{self.place}:{version}", settings=settings)
            self.files[version] = files_of(model)
        tag(f"{self.place}:1.0.0", "candidate", settings=settings)
        self.evidence = self.attach("1.1.0")

    def attach(self, version: str) -> str:
        """Hang evidence on a version; its digest."""
        store = stores.open_store(Reference.parse(self.place), self.settings)
        raw = b'{"auc":0.93}'
        config = Descriptor.of(raw, "application/vnd.example.evaluation+json")
        store.push(config, BytesContent(raw))
        manifest = Manifest.build(
            config,
            (config,),
            artifact_type="application/vnd.example.evaluation",
            subject=store.resolve(version),
        )
        store.push(manifest.descriptor, BytesContent(manifest.raw))
        return manifest.descriptor.digest

    def demand_whole(self, versions: Iterable[str], into: Path) -> None:
        """Every version is there by tag and by digest, with everything it is made of."""
        for version in versions:
            result = self.versions[version]
            for name in (version, result.digest):
                self._demand_children(name)
            for name in (f":{version}", f"@{result.digest}"):
                folder = into / f"{version}{name[0]}"
                # No cache that an earlier pull has filled.
                settings = replace(self.settings, cache=into / f"cache-{version}{name[0]}")
                pulled = pull(f"{self.place}{name}", folder, settings=settings)
                assert pulled.digest == result.digest
                assert files_of(folder) == self.files[version]

    def _demand_children(self, name: str) -> None:
        for entry in self.plain.document(name)["manifests"]:
            manifest: Json = self.plain.document(entry["digest"])
            for part in (manifest["config"], *manifest["layers"]):
                assert digest_of(self.plain.blob(part["digest"])) == part["digest"]

    def unique(self, version: str) -> set[str]:
        """The layers that no other version has."""
        others = {
            layer.digest
            for other, result in self.versions.items()
            if other != version
            for layer in result.layers
        }
        return {layer.digest for layer in self.versions[version].layers} - others


@pytest.fixture
def history(own_registry: DockerRegistry, model: Path, settings: Settings) -> History:
    return History(own_registry, model, settings)


@BOTH
def test_garbage_collection_leaves_every_version_whole(
    history: History, own_registry: DockerRegistry, tmp_path: Path, delete_untagged: bool
) -> None:
    own_registry.garbage_collect(delete_untagged=delete_untagged)

    history.demand_whole(history.versions, tmp_path)
    assert history.plain.manifest("candidate") == history.plain.manifest("1.0.0")
    assert history.plain.manifest("latest") == history.plain.manifest("2.0.0")


@BOTH
def test_garbage_collection_leaves_the_evidence(
    history: History, own_registry: DockerRegistry, settings: Settings, delete_untagged: bool
) -> None:
    own_registry.garbage_collect(delete_untagged=delete_untagged)

    store = stores.open_store(Reference.parse(history.place), settings)
    found = list(store.referrers(store.resolve("1.1.0")))
    assert [entry.digest for entry in found] == [history.evidence]
    evidence = history.plain.document(history.evidence)
    assert history.plain.blob(evidence["config"]["digest"]) == b'{"auc":0.93}'


@BOTH
def test_garbage_collection_leaves_evaluations_from_a_machine_that_knew_nothing(
    history: History,
    own_registry: DockerRegistry,
    settings: Settings,
    tmp_path: Path,
    delete_untagged: bool,
) -> None:
    version = f"{history.place}:2.0.0"
    fresh = replace(settings, cache=tmp_path / "fresh")
    done = {evaluate(version, {"auc": n}, settings=fresh).evidence for n in (0.5, 0.9)}
    (tmp_path / "report.md").write_text("# fair")
    done.add(attach(version, tmp_path / "report.md", type="report", settings=fresh).evidence)

    own_registry.garbage_collect(delete_untagged=delete_untagged)

    again = evidence(version, settings=replace(settings, cache=tmp_path / "again"))
    assert {piece.digest for piece in again.evidence} == done
    assert sorted(len(piece.content) > 0 for piece in again.evidence) == [False, True, True]
    assert again.notes == ()


def test_the_evidence_of_a_removed_version_goes_with_it(
    history: History, own_registry: DockerRegistry, settings: Settings
) -> None:
    removed = f"{history.place}:2.0.0"
    gone = {evaluate(removed, {"auc": n}, settings=settings).evidence for n in (1, 2)}
    stays = evaluate(f"{history.place}:1.0.0", {"auc": 0.9}, settings=settings).evidence

    remove(removed, settings=settings)
    own_registry.garbage_collect(delete_untagged=True)

    assert not gone & own_registry.blobs()
    assert {stays, history.evidence} <= own_registry.blobs()


@BOTH
def test_a_second_collection_finds_nothing_to_do(
    history: History, own_registry: DockerRegistry, delete_untagged: bool
) -> None:
    own_registry.garbage_collect(delete_untagged=delete_untagged)
    before = own_registry.blobs()

    own_registry.garbage_collect(delete_untagged=delete_untagged)

    assert own_registry.blobs() == before


def test_garbage_collection_frees_what_only_a_removed_version_had(
    history: History, own_registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    unique = history.unique("2.0.0")

    remove(f"{history.place}:2.0.0", settings=settings)
    own_registry.garbage_collect(delete_untagged=True)

    # The layer of its own, the bundle with the changed file, and the document.
    assert len(unique) == 3
    assert not unique & own_registry.blobs()
    history.demand_whole(("1.0.0", "1.1.0"), tmp_path)
    assert history.plain.manifest("latest") == history.plain.manifest("1.1.0")


def test_a_removed_version_leaves_nothing_of_its_manifests(
    history: History, own_registry: DockerRegistry, settings: Settings
) -> None:
    index = history.plain.document("2.0.0")
    gone = {history.versions["2.0.0"].digest}
    gone |= {entry["digest"] for entry in index["manifests"]}

    remove(f"{history.place}:2.0.0", settings=settings)
    own_registry.garbage_collect(delete_untagged=True)

    assert not gone & own_registry.blobs()
    tags = set(history.plain.tags())
    assert not tags & {f"keep-{digest[7:19]}" for digest in gone}
    assert {"1.0.0", "1.1.0", "candidate", "latest"} <= tags


def test_a_collection_without_m_after_a_removal_takes_nothing_from_the_others(
    history: History, own_registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    remove(f"{history.place}:2.0.0", settings=settings)

    own_registry.garbage_collect(delete_untagged=False)

    history.demand_whole(("1.0.0", "1.1.0"), tmp_path)


def test_a_version_that_was_copied_within_a_registry_survives_the_original(
    history: History, own_registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    from lading.operations.copy import copy

    copied = f"{own_registry.host}/ml/copied"
    copy(f"{history.place}:2.0.0", f"{copied}:2.0.0", settings=settings)
    remove(f"{history.place}:2.0.0", settings=settings)

    own_registry.garbage_collect(delete_untagged=True)

    fresh = replace(settings, cache=tmp_path / "fresh")
    pull(f"{copied}:2.0.0", tmp_path / "out", settings=fresh)
    assert files_of(tmp_path / "out") == history.files["2.0.0"]


def test_without_keep_tags_a_collection_with_m_breaks_an_index(
    own_registry: DockerRegistry, model: Path, settings: Settings
) -> None:
    """The reason for keep tags, held against the real thing: should this ever pass, they can go."""
    settings = replace(settings, keep_tags="never")
    push(model, f"{own_registry.host}/{NAME}:1.0.0", settings=settings)
    plain = Repository(own_registry.host, NAME)
    children = [entry["digest"] for entry in plain.document("1.0.0")["manifests"]]

    own_registry.garbage_collect(delete_untagged=True)

    assert plain.document("1.0.0")["mediaType"].endswith("index.v1+json")
    assert not any(plain.has("manifests", child) for child in children)


def test_a_push_again_gives_the_keep_tags_that_are_missing(
    own_registry: DockerRegistry, model: Path, settings: Settings, tmp_path: Path
) -> None:
    place = f"{own_registry.host}/{NAME}:1.0.0"
    push(model, place, settings=replace(settings, keep_tags="never"))

    again = push(model, place, settings=settings)
    own_registry.garbage_collect(delete_untagged=True)

    assert again.status == "unchanged"
    pull(place, tmp_path / "out", settings=settings)
    assert files_of(tmp_path / "out") == files_of(model)


def test_what_other_tools_pushed_beside_it_is_left_alone(
    history: History, own_registry: DockerRegistry, tmp_path: Path
) -> None:
    config = history.plain.put_blob(b"{}", "application/vnd.example+json")
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [config]}
    history.plain.put_manifest(manifest, "somebody-elses")

    own_registry.garbage_collect(delete_untagged=True)

    assert history.plain.manifest("somebody-elses") == compact(manifest)
    history.demand_whole(["1.0.0"], tmp_path)
