"""``lading deploy --as kserve`` finds what KServe needs in a registry, by digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from images.bases import AMD64, BaseImage
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, Unsupported
from lading.operations.deploy import DeployResult, deploy
from lading.operations.image_assemble import image_assemble
from lading.operations.push import push
from lading.settings import Settings

BARE = {"Env": ["PATH=/bin"]}
STARTS_LADING = BARE | {"Entrypoint": ["lading"]}


@pytest.fixture
def place(registry: DockerRegistry, repository: str) -> str:
    return f"{registry.host}/{repository}"


@pytest.fixture
def version(place: str, settings: Settings, tmp_path: Path) -> str:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden": 8}')
    push(folder, f"{place}:1.2.0", settings=settings)
    return f"{place}:1.2.0"


def assembled(version: str, settings: Settings, config: dict[str, Any], **more: Any) -> str:
    """An image that holds the version, by digest."""
    place = version.rpartition(":")[0]
    base = BaseImage(platforms=(AMD64,), config=config).put(f"{place}/base", settings)
    return f"{place}@{image_assemble(version, base=base, settings=settings, **more).image}"


def model(result: DeployResult) -> dict[str, Any]:
    (text,) = result.files.values()
    (service,) = (each for each in yaml.safe_load_all(text) if each["kind"] == "InferenceService")
    found: dict[str, Any] = service["spec"]["predictor"]["model"]
    return found


def test_the_version_s_index_is_mounted_and_its_image_serves(
    version: str, settings: Settings
) -> None:
    image = assembled(version, settings, STARTS_LADING)

    done = deploy(version, kind="kserve", settings=settings)

    assert model(done)["storageUri"] == f"oci+native://{done.reference}"
    assert done.reference.partition("@")[2] == done.digest
    assert done.image == image


def test_an_older_kserve_gets_the_image_in_which_it_can_start_a_shell(
    version: str, settings: Settings
) -> None:
    car = assembled(version, settings, STARTS_LADING, modelcar=True)

    done = deploy(version, kind="kserve", kserve_version="0.15", settings=settings)

    assert model(done)["storageUri"] == f"oci://{car}"
    assert any("enableModelcar" in note for note in done.notes)


def test_an_image_that_starts_a_program_of_its_own_is_no_modelcar_but_serves_by_itself(
    version: str, settings: Settings
) -> None:
    image = assembled(version, settings, STARTS_LADING)

    done = deploy(version, kind="kserve", kserve_version="0.15", settings=settings)

    assert "storageUri" not in model(done)
    assert done.image == image
    with pytest.raises(InvalidInput, match="modelcar") as caught:
        deploy(
            version,
            kind="kserve",
            kserve_version="0.15",
            kserve_storage="modelcar",
            settings=settings,
        )
    assert "--modelcar" in (caught.value.hint or "")


def test_a_named_image_that_can_be_one_is_the_modelcar(version: str, settings: Settings) -> None:
    car = assembled(version, settings, BARE, tag="car")

    done = deploy(
        version,
        kind="kserve",
        image=f"{version.rpartition(':')[0]}:car",
        kserve_storage="modelcar",
        settings=settings,
    )

    assert model(done)["storageUri"] == f"oci://{car}"
    assert done.image == car


def test_a_cluster_without_image_volumes_pulls_with_the_image_that_was_named(
    version: str, place: str, settings: Settings
) -> None:
    assembled(version, settings, STARTS_LADING)
    client = BaseImage(platforms=(AMD64,)).put(f"{place}/client", settings)

    done = deploy(
        version,
        kind="kserve",
        kubernetes_version="1.30",
        puller=f"{place}/client:1",
        settings=settings,
    )

    assert model(done)["storageUri"] == f"lading://{done.reference}"
    assert done.puller == client
    assert any("administrator" in note for note in done.notes)


def test_where_nothing_would_bring_the_model_it_is_said_what_would(
    version: str, place: str, settings: Settings
) -> None:
    server = BaseImage(platforms=(AMD64,)).put(f"{place}/server", settings)

    with pytest.raises(Unsupported) as caught:
        deploy(version, kind="kserve", kserve_version="0.15", image=server, settings=settings)

    assert "--modelcar" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "deployment", "kserve_version": "0.20"}, "--kserve-version"),
        ({"kind": "job", "kserve_storage": "native"}, "--kserve-storage"),
        ({"kind": "kserve", "kserve_storage": "nativ"}, "brought no model"),
        ({"kind": "kserve", "kserve_version": "1.35"}, "not a version of KServe"),
    ],
)
def test_wrong_words_are_refused_before_a_registry_is_asked(
    said: dict[str, Any], why: str, settings: Settings
) -> None:
    with pytest.raises(InvalidInput, match=why):
        deploy("registry.example.com/ml/fraud:1.2.0", settings=settings, **said)
