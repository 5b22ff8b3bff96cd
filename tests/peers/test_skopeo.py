"""skopeo takes versions from place to place; Lading knows them again, compressed or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo
from peers.plain import Repository, files_of, folders_of
from peers.shipped import Shipped

from lading.errors import InvalidInput
from lading.operations.copy import copy
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.inspect import inspect
from lading.operations.pull import pull
from lading.operations.push import push
from lading.settings import Settings

UNCHANGED = ("--all", "--preserve-digests")
ON_THE_WAY = "compressed on the way"


def docker(registry: DockerRegistry, repository: str, tag: str = "1.2.0") -> str:
    return f"docker://{registry.host}/{repository}:{tag}"


def source(shipped: Shipped) -> str:
    return docker(shipped.registry, shipped.repository)


@pytest.fixture
def carried(
    shipped: Shipped, skopeo: Skopeo, other_registry: DockerRegistry, repository: str
) -> str:
    """What skopeo carried to another registry, as it was."""
    skopeo.copy(source(shipped), docker(other_registry, repository), *UNCHANGED)
    return f"{other_registry.host}/{repository}:1.2.0"


@pytest.fixture(scope="module")
def fresh_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A registry that has no blob of the version: skopeo compresses only what it has to send."""
    with DockerRegistry(tmp_path_factory.mktemp("fresh-registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def compressed(
    shipped: Shipped, fresh_registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """What skopeo made of it on its way to another registry, when nobody told it not to."""
    skopeo = Skopeo(tmp_path_factory.mktemp("skopeo"))
    skopeo.copy(source(shipped), docker(fresh_registry, "ml/small"), "--all")
    return f"{fresh_registry.host}/ml/small:1.2.0"


def test_a_copy_on_another_registry_has_the_same_digest(
    shipped: Shipped, other_registry: DockerRegistry, carried: str, repository: str
) -> None:
    there = Repository(other_registry.host, repository)

    assert there.manifest("1.2.0") == shipped.plain.manifest("1.2.0")
    for entry in there.document("1.2.0")["manifests"]:
        assert there.manifest(entry["digest"]) == shipped.plain.manifest(entry["digest"])


def test_lading_reads_a_copy_on_another_registry(
    shipped: Shipped, carried: str, settings: Settings, tmp_path: Path
) -> None:
    seen = inspect(carried, settings=settings)
    pulled = pull(carried, tmp_path / "out", settings=settings)

    assert (seen.kind, seen.digest, seen.notes) == ("lading", shipped.result.digest, ())
    assert (pulled.digest, pulled.notes) == (shipped.result.digest, ())
    assert files_of(tmp_path / "out") == shipped.files
    assert "hollow" in folders_of(tmp_path / "out")


def test_lading_reads_a_layout_that_skopeo_wrote(
    shipped: Shipped, skopeo: Skopeo, settings: Settings, tmp_path: Path
) -> None:
    layout = tmp_path / "layout"

    skopeo.copy(source(shipped), f"oci:{layout}:1.2.0", *UNCHANGED)

    seen = inspect(f"oci:{layout}:1.2.0", settings=settings)
    pulled = pull(f"oci:{layout}:1.2.0", tmp_path / "out", settings=settings)
    assert (seen.digest, seen.notes) == (shipped.result.digest, ())
    assert (pulled.digest, pulled.notes) == (shipped.result.digest, ())
    assert files_of(tmp_path / "out") == shipped.files


def test_skopeo_reads_a_layout_that_lading_wrote(  # noqa: PLR0917  fixtures
    shipped: Shipped,
    skopeo: Skopeo,
    other_registry: DockerRegistry,
    repository: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    layout = tmp_path / "layout"
    copy(shipped.tagged, f"oci:{layout}:1.2.0", settings=settings)

    skopeo.copy(f"oci:{layout}:1.2.0", docker(other_registry, repository), *UNCHANGED)

    there = Repository(other_registry.host, repository)
    assert there.manifest("1.2.0") == shipped.plain.manifest("1.2.0")
    reference = f"{other_registry.host}/{repository}:1.2.0"
    assert inspect(reference, settings=settings).notes == ()
    assert pull(reference, tmp_path / "out", settings=settings).notes == ()
    assert files_of(tmp_path / "out") == shipped.files


def test_there_and_back_through_layouts_nothing_changes(  # noqa: PLR0917  fixtures
    shipped: Shipped,
    skopeo: Skopeo,
    other_registry: DockerRegistry,
    repository: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    there = f"{other_registry.host}/{repository}:1.2.0"

    skopeo.copy(source(shipped), f"oci:{tmp_path / 'first'}:a", *UNCHANGED)
    copy(f"oci:{tmp_path / 'first'}:a", f"oci:{tmp_path / 'second'}:1.2.0", settings=settings)
    skopeo.copy(f"oci:{tmp_path / 'second'}:1.2.0", f"docker://{there}", *UNCHANGED)
    copied = copy(there, "ml/home:1.2.0", settings=settings)

    assert copied.copied[0].digest == shipped.result.digest
    assert pull("ml/home:1.2.0", settings=settings).notes == ()


def test_skopeo_compresses_images_and_leaves_the_model_alone(
    shipped: Shipped, fresh_registry: DockerRegistry, compressed: str
) -> None:
    there = Repository(fresh_registry.host, "ml/small")

    index = there.document("1.2.0")
    roles = {entry["annotations"]["dev.lading.role"]: entry for entry in index["manifests"]}
    image = there.document(roles["image"]["digest"])
    assert {layer["mediaType"].rpartition("+")[2] for layer in image["layers"]} == {"gzip"}
    assert roles["model"]["digest"] == shipped.result.model_digest


def test_lading_says_that_a_copy_was_compressed_on_the_way(
    shipped: Shipped, compressed: str, settings: Settings
) -> None:
    seen = inspect(compressed, settings=settings)

    assert seen.kind == "lading"
    assert seen.digest != shipped.result.digest
    assert shipped.result.model_digest in {manifest.digest for manifest in seen.manifests}
    (note,) = seen.notes
    assert ON_THE_WAY in note
    assert "--preserve-digests" in note


@pytest.mark.parametrize("into_folder", [True, False])
def test_lading_pulls_a_copy_that_was_compressed_and_says_so(
    shipped: Shipped, compressed: str, settings: Settings, tmp_path: Path, into_folder: bool
) -> None:
    pulled = pull(compressed, tmp_path / "out" if into_folder else None, settings=settings)

    assert files_of(Path(pulled.path)) == shipped.files
    (note,) = pulled.notes
    assert ON_THE_WAY in note


def test_the_same_folder_is_unchanged_where_its_copy_was_compressed(
    shipped: Shipped, compressed: str, settings: Settings, tmp_path: Path
) -> None:
    pull(compressed, tmp_path / "out", settings=settings)

    again = push(tmp_path / "out", compressed, settings=settings)

    assert again.status == "unchanged"
    assert again.model_digest == shipped.result.model_digest


def test_lading_copies_a_compressed_copy_as_it_is(
    shipped: Shipped, compressed: str, settings: Settings
) -> None:
    before = inspect(compressed, settings=settings)

    copied = copy(compressed, "ml/compressed:1.2.0", settings=settings)

    assert copied.copied[0].digest == before.digest
    assert inspect("ml/compressed:1.2.0", settings=settings).notes != ()
    assert files_of(Path(pull("ml/compressed:1.2.0", settings=settings).path)) == shipped.files


def test_one_image_of_a_version_is_no_model_and_the_way_out_is_named(
    shipped: Shipped,
    skopeo: Skopeo,
    other_registry: DockerRegistry,
    repository: str,
    settings: Settings,
) -> None:
    skopeo.copy(source(shipped), docker(other_registry, repository))

    with pytest.raises(InvalidInput, match="a container image") as caught:
        pull(f"{other_registry.host}/{repository}:1.2.0", settings=settings)

    assert "lading copy" in str(caught.value.hint)


def test_skopeo_lists_the_tags_that_lading_made(shipped: Shipped, skopeo: Skopeo) -> None:
    said = skopeo.run("list-tags", "--tls-verify=false", source(shipped).removesuffix(":1.2.0"))

    assert {"1.2.0", "latest"} <= set(json.loads(said.stdout)["Tags"])


def test_skopeo_takes_a_whole_repository_along(  # noqa: PLR0917  fixtures
    skopeo: Skopeo,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    repository: str,
    model: Path,
    settings: Settings,
    tmp_path: Path,
) -> None:
    first = push(model, f"{registry.host}/{repository}:1.0.0", settings=settings)
    (model / "config.json").write_bytes(b'{"hidden": 9}')
    second = push(model, f"{registry.host}/{repository}:1.1.0", settings=settings)

    flags = ("--src", "docker", "--dest", "docker", "--src-tls-verify=false")
    target = f"{other_registry.host}/{repository.rpartition('/')[0]}"
    skopeo.run(
        *("sync", *UNCHANGED, "--dest-tls-verify=false", *flags),
        *(f"{registry.host}/{repository}", target),
    )

    there = f"{other_registry.host}/{repository}"
    assert inspect(f"{there}:1.0.0", settings=settings).digest == first.digest
    assert inspect(f"{there}:1.1.0", settings=settings).digest == second.digest
    pulled = pull(there, tmp_path / "out", settings=settings)
    assert pulled.digest == second.digest
    assert files_of(tmp_path / "out") == files_of(model)


def test_skopeo_takes_a_repository_with_its_evidence_along(
    skopeo: Skopeo,
    registry: DockerRegistry,
    fresh_registry: DockerRegistry,
    model: Path,
    settings: Settings,
) -> None:
    here, there = f"{registry.host}/evaluated/fraud", f"{fresh_registry.host}/evaluated/fraud"
    pushed = push(model, f"{here}:1.0.0", settings=settings)
    done = [evaluate(f"{here}:1.0.0", {"auc": n}, settings=settings).evidence for n in (0.5, 0.9)]

    # The list of evidence is the one tag that this skopeo cannot keep byte for byte: it drops the
    # artifact types of its entries. What it lists stays as it is.
    flags = ("--src=docker", "--dest=docker", "--src-tls-verify=false", "--dest-tls-verify=false")
    for unchanged in (("--preserve-digests", "--keep-going"), ()):
        skopeo.run(
            *("sync", "--all", *unchanged, *flags, here, there.rpartition("/")[0]),
            check=not unchanged,
        )

    found = evidence(f"{there}:1.0.0", settings=settings)
    assert found.digest == pushed.digest
    assert {piece.digest for piece in found.evidence} == set(done)
    assert found.notes == ()
