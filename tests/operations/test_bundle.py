"""An air gap is crossed with one file: nothing changes on the way, and nothing is lost.

Registries, skopeo and podman are real. That a disk is full, and hostile files, are in
tests/stores/test_bundle.py; memory and speed are in tests/bench (case ``bundle``).
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from operations.team import Team
from operations.tied import tie
from parts.podman import Podman
from parts.recorded import record
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo

from lading.errors import Conflict, IntegrityError, InvalidInput, LadingError, NotFound
from lading.images.fit import mark
from lading.operations import stores
from lading.operations.bundle import BundleResult, bundle
from lading.operations.bundling.documents import unbundle_documents
from lading.operations.bundling.listing import unbundle_list
from lading.operations.deploying.artifact import CONFIG, CONTENT, documents_in
from lading.operations.evidence import evidence
from lading.operations.history import history
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.status import status
from lading.operations.tag import tag
from lading.operations.unbundle import unbundle
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.environment import Environment
from lading.spec.manifest import Manifest, parse
from lading.spec.reference import Reference
from lading.stores.bundle import open_archive
from lading.stores.layout import LayoutStore
from lading.transfer import read, survey

Tree = dict[str, bytes | None]

there = pytest.mark.parametrize("place", ["registry"], indirect=True)
here = pytest.mark.parametrize("place", ["local"], indirect=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bundle.tar"


@pytest.fixture
def version(model: Path, place: str, settings: Settings) -> str:
    """A version in production, with an image that serves it."""
    push(model, f"{place}:1.0.0", settings=settings)
    tie(f"{place}:1.0.0", settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    return f"{place}:1.0.0"


def digest_of(reference: str, settings: Settings) -> Digest:
    place = Reference.parse(reference)
    return stores.open_store(place, settings).resolve(str(place.name)).digest


def name_in(file: Path) -> str:
    """The one repository of a bundle."""
    (name,) = open_archive(file).repositories
    return name


# There and back


def test_a_version_arrives_as_it_left(  # noqa: PLR0917  fixtures
    version: str,
    model: Path,
    other_registry: DockerRegistry,
    file: Path,
    settings: Settings,
    tmp_path: Path,
    tree: Callable[[Path], Tree],
) -> None:
    written = bundle([version], file, settings=settings)

    put = unbundle(file, f"{other_registry.host}/{tmp_path.name.lower()}", settings=settings)

    arrived = f"{other_registry.host}/{tmp_path.name.lower()}/{name_in(file)}"
    assert digest_of(f"{arrived}:1.0.0", settings) == digest_of(version, settings)
    pull(f"{arrived}:1.0.0", tmp_path / "out", settings=settings)
    assert tree(tmp_path / "out") == tree(model)
    assert {name.reference.rpartition(":")[2] for name in written.names} >= {"1.0.0", "prod"}
    assert f"{arrived}:1.0.0" in {name.reference for name in put.names}


def test_the_image_and_what_was_said_arrive_too(
    version: str, file: Path, settings: Settings
) -> None:
    image = evidence(version, settings=settings).evidence[0].content["image"]["digest"]
    bundle([version], file, settings=settings)

    unbundle(file, "site", settings=settings)

    arrived = f"site/{name_in(file)}"
    assert digest_of(f"{arrived}:serve-1.0.0", settings) == image
    said = evidence(f"{arrived}:1.0.0", settings=settings).evidence
    assert {piece.type for piece in said} == {"image", "history"}
    store = stores.open_store(Reference.parse(arrived), settings)
    assert all(store.exists(leaf) for leaf in survey(store, store.resolve(image)).leaves)


def test_an_image_of_the_same_lock_comes_along_for_a_version_without_one(
    place: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    environment = Environment(requirements=("framework==1.4.0",), direct=("framework",))
    weights = tmp_path / "weights.bin"
    for version in ("2.0.0", "2.1.0"):
        weights.write_bytes(version.encode())
        record(weights, f"{place}:{version}", settings, environment)
    labels = {"dev.lading.target": "runtime", "dev.lading.lock": str(mark(environment))}
    image = tie(f"{place}:2.0.0", settings, target="runtime", labels=labels)

    written = bundle([f"{place}:2.1.0"], file, settings=settings)
    unbundle(file, "site", settings=settings)

    (note,) = (note for note in written.notes if "of the same lock" in note)
    name = note.partition(" comes along as ")[2].partition(",")[0]
    assert note.startswith(f"no image was made for {place}:2.1.0: runtime-2.0.0")
    assert digest_of(f"site/{name_in(file)}:{name}", settings) == image


def test_a_version_that_nothing_serves_is_told(
    model: Path, place: str, file: Path, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    (note,) = bundle([f"{place}:1.0.0"], file, settings=settings).notes
    unasked = bundle([f"{place}:1.0.0"], f"{file}.2", images=False, settings=settings).notes

    assert note.startswith(f"nothing in the file serves {place}:1.0.0")
    assert unasked == ()


def test_images_stay_behind_when_they_are_not_wanted(
    version: str, file: Path, settings: Settings
) -> None:
    bundle([version], file, images=False, settings=settings)

    things = unbundle_list(file).things

    assert {thing.kind for thing in things} == {"version", "name"}
    unbundle(file, "site", settings=settings)
    assert list_versions(f"site/{name_in(file)}", settings=settings).versions[0].images == ()


@here
def test_an_image_that_is_somewhere_else_is_told(
    version: str, place: str, file: Path, settings: Settings
) -> None:
    store = stores.open_store(Reference.parse(place), settings)
    assert isinstance(store, LayoutStore)
    store.untag("serve-1.0.0")
    image = evidence(version, settings=settings).evidence[0].content["image"]["digest"]
    store.collect(grace=0)

    written = bundle([version], file, settings=settings)

    assert any(image in note and "own reference" in note for note in written.notes)


def test_history_is_read_from_the_file(version: str, file: Path, settings: Settings) -> None:
    bundle([version], file, settings=settings)

    for inside in (f"oci:{file}", f"oci:{file}/{name_in(file)}"):
        found = history(inside, settings=settings)
        said = history(version.rpartition(":")[0], settings=settings)
        assert found.events == said.events
        assert found.intervals == said.intervals
        assert not found.notes


def test_verbs_that_read_take_the_file(
    version: str, model: Path, file: Path, settings: Settings, tree: Callable[[Path], Tree]
) -> None:
    bundle([version], file, settings=settings)
    inside = f"oci:{file}"

    pull(f"{inside}:prod", file.parent / "out", settings=settings)

    assert tree(file.parent / "out") == tree(model)
    assert [v.version for v in list_versions(inside, settings=settings).versions] == ["1.0.0"]
    assert inspect(f"{inside}:1.0.0", settings=settings).digest == digest_of(version, settings)
    assert status(inside, settings=settings).notes == ()
    with pytest.raises(LadingError, match="written once"):
        promote(f"{inside}:1.0.0", "staging", settings=settings)


def test_the_unpacked_file_is_a_layout(version: str, file: Path, settings: Settings) -> None:
    bundle([version], file, settings=settings)

    with tarfile.open(file) as archive:
        archive.extractall(file.parent / "layout", filter="data")

    layout = f"oci:{file.parent / 'layout'}"
    assert digest_of(f"{layout}:1.0.0", settings) == digest_of(version, settings)
    found = history(layout, settings=settings)
    assert found.events == history(version.rpartition(":")[0], settings=settings).events


def test_several_models_share_a_file(model: Path, file: Path, settings: Settings) -> None:
    for name in ("ml/fraud", "ml/churn"):
        (model / "config.json").write_text(name)
        push(model, f"{name}:1.0.0", settings=settings)

    bundle(["ml/fraud:1.0.0", "ml/churn"], file, settings=settings)
    put = unbundle(file, "site", settings=settings)

    weights = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    assert file.stat().st_size < 1.1 * weights
    for name in ("ml/fraud", "ml/churn"):
        before = digest_of(f"{name}:1.0.0", settings)
        assert digest_of(f"site/{name}:1.0.0", settings) == before
        assert digest_of(f"oci:{file}/{name}:1.0.0", settings) == before
    assert len(put.names) == 2
    with pytest.raises(InvalidInput, match="which repository") as refusal:
        history(f"oci:{file}", settings=settings)
    assert f"oci:{file}/ml/fraud" in (refusal.value.hint or "")


def test_what_two_models_share_is_sent_once(
    model: Path, file: Path, settings: Settings, own_registry: DockerRegistry
) -> None:
    for name in ("ml/fraud", "ml/churn"):
        (model / "config.json").write_text(name)
        push(model, f"{name}:1.0.0", settings=settings)
    bundle(["ml/fraud:1.0.0", "ml/churn:1.0.0"], file, settings=settings)

    put = unbundle(file, own_registry.host, settings=settings)

    assert put.mounted > 9_000_000
    assert put.sent < 9_500_000
    for name in ("ml/fraud", "ml/churn"):
        there = digest_of(f"{own_registry.host}/{name}:1.0.0", settings)
        assert there == digest_of(f"{name}:1.0.0", settings)


@here
def test_signatures_by_tag_come_along_and_those_of_others_do_not(
    version: str, file: Path, settings: Settings
) -> None:
    store = stores.open_store(Reference.parse(version), settings)
    root = store.resolve("1.0.0")
    raw = read(store, root)
    for digits in (root.digest.hex, "a" * 64):
        store.push(root, BytesContent(raw), f"sha256-{digits}.sig")

    bundle([version], file, settings=settings)
    unbundle(file, "site", settings=settings)

    assert digest_of(f"site/ml/fraud:sha256-{root.digest.hex}.sig", settings) == root.digest
    with pytest.raises(NotFound):
        digest_of(f"site/ml/fraud:sha256-{'a' * 64}.sig", settings)


@here
def test_a_bundle_of_a_bundle_keeps_the_names(version: str, file: Path, settings: Settings) -> None:
    bundle([version], file, settings=settings)

    for number, inside in enumerate((f"oci:{file}:prod", f"oci:{file}/ml/fraud:1.0.0")):
        again = file.with_name(f"{number}.tar")
        bundle([inside], again, settings=settings)
        assert name_in(again) == "ml/fraud"
        assert (
            history(f"oci:{again}", settings=settings).events
            == history("ml/fraud", settings=settings).events
        )


def test_what_is_bundled_by_digest_is_found_by_digest(
    model: Path, file: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    store = stores.open_store(Reference.parse("ml/fraud"), settings)
    digest = store.resolve("1.0.0").digest
    for name in ("1.0.0", "latest"):
        store.untag(name)
    bundle([f"ml/fraud@{digest}"], file, settings=settings)

    for _ in "twice":
        put = unbundle(file, "site", settings=settings)

    assert digest_of(f"site/ml/fraud@{digest}", settings) == digest
    assert [name.digest for name in put.names] == [digest]


# Twice, at once, broken off


def state_of(beginning: str, settings: Settings) -> set[str]:
    """Every name and what it stands for."""
    found = set()
    for name in stores.local_repositories(settings, beginning):
        store = stores.open_store(Reference.parse(name), settings)
        found |= {f"{name}:{tag}@{store.resolve(tag).digest}" for tag in store.names()}
    return found


@here
@pytest.mark.parametrize("stages", [False, True])
def test_run_twice_it_changes_nothing(
    version: str, file: Path, settings: Settings, stages: bool
) -> None:
    bundle([version], file, settings=settings)

    unbundle(file, "site", stages=stages, settings=settings)
    before = state_of("site", settings)

    again = unbundle(file, "site", stages=stages, settings=settings)

    assert state_of("site", settings) == before
    assert again.sent == 0
    assert again.events == 0
    assert all(name.unchanged for name in again.names)


@there
@pytest.mark.parametrize("stages", [False, True])
def test_two_at_once_are_as_one(  # noqa: PLR0917  fixtures
    version: str, other_registry: DockerRegistry, file: Path, settings: Settings, stages: bool,
    tmp_path: Path,
) -> None:  # fmt: skip
    bundle([version], file, settings=settings)
    to = f"{other_registry.host}/{tmp_path.name.lower()}"

    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(unbundle, file, to, stages=stages, settings=settings) for _ in "ab"]
    for each in tries:
        each.result()

    arrived = f"{to}/{name_in(file)}"
    assert digest_of(f"{arrived}:1.0.0", settings) == digest_of(version, settings)
    assert {event.kind for event in history(arrived, settings=settings).events} >= {"registered"}
    again = unbundle(file, to, stages=stages, settings=settings)
    assert again.sent == 0
    assert status(arrived, settings=settings).notes == ()


@there
def test_broken_off_it_goes_on(
    version: str, own_registry: DockerRegistry, file: Path, settings: Settings
) -> None:
    bundle([version], file, settings=settings)
    seen = 0

    def stop(progress: object) -> None:
        nonlocal seen
        seen += getattr(progress, "kind", "") == "finished"
        if seen == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unbundle(file, own_registry.host, jobs=1, settings=settings, on_progress=stop)
    assert list(own_registry.root.rglob("_manifests/tags/1.0.0")) == []
    put = unbundle(file, own_registry.host, settings=settings)

    assert put.present > 4_000_000
    arrived = f"{own_registry.host}/{name_in(file)}:1.0.0"
    assert digest_of(arrived, settings) == digest_of(version, settings)


@here
def test_a_bundle_that_breaks_off_leaves_nothing(
    version: str, file: Path, settings: Settings
) -> None:
    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    before = sorted(file.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        bundle([version], file, settings=settings, on_progress=stop)

    assert sorted(file.parent.iterdir()) == before


# What is there already


@here
def test_a_version_is_never_replaced_and_nothing_else_is_put_either(
    model: Path, file: Path, settings: Settings, place: str
) -> None:
    for name in ("ml/churn", "ml/fraud"):
        push(model, f"{name}:1.0.0", settings=settings)
    bundle(["ml/churn:1.0.0", "ml/fraud:1.0.0"], file, settings=settings)
    (model / "config.json").write_text("another")
    push(model, "site/ml/fraud:1.0.0", settings=settings)
    before = state_of("site", settings)

    with pytest.raises(Conflict, match=r"site/ml/fraud:1\.0\.0 exists with other content"):
        unbundle(file, "site", settings=settings)

    assert state_of("site", settings) == before


@here
def test_stages_come_only_when_they_are_asked_for(
    version: str, file: Path, settings: Settings
) -> None:
    bundle([version], file, settings=settings)

    put = unbundle(file, "site", settings=settings)
    with pytest.raises(NotFound):
        digest_of("site/ml/fraud:prod", settings)
    asked = unbundle(file, "other", stages=True, settings=settings)

    assert any("stage prod was left as it is" in note for note in put.notes)
    assert digest_of("other/ml/fraud:prod", settings) == digest_of(version, settings)
    assert asked.events == len(history("ml/fraud", settings=settings).events)
    assert (
        history("other/ml/fraud", settings=settings).events
        == history("ml/fraud", settings=settings).events
    )


@here
def test_a_stage_of_the_site_stays_where_it_is(
    version: str, model: Path, file: Path, settings: Settings
) -> None:
    bundle([version], file, settings=settings)
    (model / "config.json").write_text("the site's own")
    push(model, "site/ml/fraud:0.9.0", settings=settings)
    promote("site/ml/fraud:0.9.0", "prod", settings=settings)
    own = digest_of("site/ml/fraud:prod", settings)

    unbundle(file, "site", settings=settings)

    assert digest_of("site/ml/fraud:prod", settings) == own
    assert digest_of("site/ml/fraud:latest", settings) == digest_of(version, settings)
    assert status("site/ml/fraud", settings=settings).notes == ()


@here
def test_another_name_moves_and_says_what_it_was(
    version: str, model: Path, file: Path, settings: Settings
) -> None:
    tag(version, "candidate", settings=settings)
    bundle(["ml/fraud:candidate"], file, settings=settings)
    (model / "config.json").write_text("the site's own")
    push(model, "site/ml/fraud:0.9.0", settings=settings)
    tag("site/ml/fraud:0.9.0", "candidate", settings=settings)
    was = digest_of("site/ml/fraud:candidate", settings)

    put = unbundle(file, "site", settings=settings)

    assert digest_of("site/ml/fraud:candidate", settings) == digest_of(version, settings)
    assert any(str(was) in note for note in put.notes)


@here
def test_content_that_is_damaged_in_the_file_names_nothing(
    version: str, file: Path, settings: Settings, own_registry: DockerRegistry
) -> None:
    bundle([version], file, settings=settings)
    archive = open_archive(file)
    largest = max(archive.places.values(), key=lambda place: place.size)
    with file.open("r+b") as raw:
        raw.seek(largest.offset + 1_000_000)
        raw.write(b"damaged")

    for to in (own_registry.host, "site"):
        with pytest.raises(IntegrityError):
            unbundle(file, to, settings=settings)
        with pytest.raises((NotFound, LadingError)):
            digest_of(f"{to}/ml/fraud:1.0.0", settings)


# What cannot be


@here
def test_two_places_of_one_name_want_two_files(
    version: str, registry: DockerRegistry, file: Path, settings: Settings
) -> None:
    with pytest.raises(InvalidInput, match="would be one repository"):
        bundle([version, f"{registry.host}/ml/fraud:1.0.0"], file, settings=settings)

    assert not file.exists()


@here
def test_a_missing_version_leaves_no_file(version: str, file: Path, settings: Settings) -> None:
    with pytest.raises(NotFound):
        bundle([version, "ml/fraud:9.9.9"], file, settings=settings)

    assert not file.exists()


@here
@pytest.mark.parametrize("destination", ["https://host", "oci:folder", "Host/UPPER", "-"])
def test_what_is_no_registry_is_told(
    version: str, file: Path, settings: Settings, destination: str
) -> None:
    bundle([version], file, settings=settings)

    with pytest.raises(InvalidInput) as refusal:
        unbundle(file, destination, settings=settings)

    assert refusal.value.hint


# Deploy documents


@here
def test_documents_come_along_as_flux_reads_them(
    version: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud-prod"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text("resources: [deployment.yaml]\n")
    (folder / "deployment.yaml").write_text("kind: Deployment\n")

    bundle([version], file, documents=[folder], settings=settings)
    unbundle(file, "site", settings=settings)

    store = stores.open_store(Reference.parse("site/deploy/fraud-prod"), settings)
    root = store.resolve("current")
    manifest = parse(read(store, root), root.media_type)
    assert isinstance(manifest, Manifest)
    assert (manifest.config.media_type, manifest.layers[0].media_type) == (CONFIG, CONTENT)
    raw = tmp_path / "documents.tar.gz"
    raw.write_bytes(read(store, manifest.layers[0]))
    with tarfile.open(raw) as archive:
        assert archive.getnames() == ["deployment.yaml", "kustomization.yaml"]
    assert [t.kind for t in unbundle_list(file).things if "deploy/" in t.reference] == ["documents"]


@here
def test_documents_are_written_as_they_were_and_never_over_others(
    version: str, file: Path, settings: Settings, tmp_path: Path, tree: Callable[[Path], Tree]
) -> None:
    folder = tmp_path / "fraud-prod"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "deployment.yaml").write_text("kind: Deployment\n")
    (folder / "kustomization.yaml").write_text("resources: [base/deployment.yaml]\n")
    bundle([version], file, documents=[folder], settings=settings)

    for _ in "twice":
        written = unbundle_documents(file, tmp_path / "site")
        assert not any("deploy update" in note for note in written.notes)

    assert written.folders == (str(tmp_path / "site" / "fraud-prod"),)
    assert tree(tmp_path / "site" / "fraud-prod") == tree(folder)
    (tmp_path / "site" / "fraud-prod" / "kustomization.yaml").write_text("mine\n")
    with pytest.raises(Conflict, match="other content"):
        unbundle_documents(file, tmp_path / "site")


@pytest.mark.parametrize(
    "raw",
    [
        b"no gzip",
        gzip.compress(b"no tar" * 200),
        gzip.compress(bytes(40 * 1024 * 1024)),
        gzip.compress(bytes(1024))[:-9],
    ],
    # The time of compressing would be in their names.
    ids=["no gzip", "no tar", "a bomb", "cut off"],
)
def test_documents_of_anybody_are_bounded(raw: bytes) -> None:
    with pytest.raises(IntegrityError):
        documents_in(raw)


@here
def test_a_folder_without_documents_is_refused(
    version: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidInput, match="no documents"):
        bundle([version], file, documents=[tmp_path / "empty"], settings=settings)

    assert not file.exists()


# Other tools


@there
def test_skopeo_copies_out_of_the_file_and_no_digest_changes(
    version: str, file: Path, settings: Settings, skopeo: Skopeo, own_registry: DockerRegistry
) -> None:
    bundle([version], file, settings=settings)
    name = name_in(file)

    for tag_name in ("1.0.0", "serve-1.0.0"):
        skopeo.copy(
            f"oci-archive:{file}:{name}:{tag_name}",
            f"docker://{own_registry.host}/copied:{tag_name}",
            "--all", "--preserve-digests",
        )  # fmt: skip

        copied = digest_of(f"{own_registry.host}/copied:{tag_name}", settings)
        assert copied == digest_of(f"oci:{file}:{tag_name}", settings)


@there
@pytest.mark.parametrize("named", [True, False])
def test_a_file_of_skopeos_is_unbundled(  # noqa: PLR0917  fixtures
    version: str, place: str, file: Path, settings: Settings, skopeo: Skopeo, named: bool
) -> None:
    name = "ml/fraud:1.0.0" if named else "1.0.0"
    skopeo.copy(f"docker://{version}", f"oci-archive:{file}:{name}", "--all", "--preserve-digests")

    unbundle(file, "site" if named else "site/ml/fraud", settings=settings)

    assert digest_of("site/ml/fraud:1.0.0", settings) == digest_of(version, settings)
    if not named:
        with pytest.raises(InvalidInput, match="does not say which repository"):
            unbundle(file, settings=settings)


@there
def test_podman_loads_a_model_from_the_file(
    version: str, file: Path, settings: Settings, podman: Podman
) -> None:
    bundle([version], file, settings=settings)
    archive = open_archive(file)

    loaded = podman.run("pull", "-q", f"oci-archive:{file}:{name_in(file)}:1.0.0").stdout.strip()

    index = archive.read_manifest(digest_of(version, settings))
    images = [archive.read_manifest(child.digest) for child in index.children]
    configs = [image.config.digest.hex for image in images if isinstance(image, Manifest)]
    assert loaded in configs


def test_history_of_a_team_is_whole_in_the_file(team: Team, file: Path) -> None:
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    promote(f"{team.place}:1.1.0", "prod", settings=team.settings)

    written: BundleResult = bundle([f"{team.place}:prod"], file, settings=team.settings)

    assert written.events == len(history(team.place, settings=team.settings).events)
    found = history(f"oci:{file}", stage="prod", settings=team.settings)
    assert [interval.version for interval in found.intervals] == ["1.0.0", "1.1.0"]
