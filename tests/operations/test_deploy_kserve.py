"""``lading deploy --as kserve`` finds what KServe needs in a registry, by digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from images.bases import AMD64, ARM64, BaseImage
from operations.tied import tie
from parts.recorded import record
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, NotFound, Unsupported
from lading.images.fit import mark
from lading.operations.deploy import DeployResult, deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.deploy_update import deploy_update
from lading.operations.image_assemble import image_assemble
from lading.operations.promote import promote
from lading.operations.push import push
from lading.operations.rollback import rollback
from lading.settings import Settings
from lading.spec.digest import Digest
from lading.spec.environment import Environment, Python

BARE = {"Env": ["PATH=/bin"]}
STARTS_LADING = BARE | {"Entrypoint": ["lading"]}
ENVIRONMENT = Environment(
    python=Python(version="3.12.4"), requirements=("framework==1.4.0",), direct=("framework",)
)
# Of what was built for it.
LABELS = {"dev.lading.target": "runtime", "dev.lading.lock": str(mark(ENVIRONMENT))}


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


@pytest.fixture
def locked(place: str, settings: Settings, tmp_path: Path) -> str:
    """A version that says what it was made with."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    record(path, f"{place}:2.0.0", settings, ENVIRONMENT)
    return f"{place}:2.0.0"


def assembled(version: str, settings: Settings, config: dict[str, Any], **more: Any) -> str:
    """An image that holds the version, by digest."""
    place = version.rpartition(":")[0]
    base = BaseImage(platforms=(AMD64,), config=config).put(f"{place}/base", settings)
    return f"{place}@{image_assemble(version, base=base, settings=settings, **more).image}"


def pushed(place: str, number: str, settings: Settings, folder: Path) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(f'{{"of": "{number}"}}')
    push(folder, f"{place}:{number}", settings=settings)
    return f"{place}:{number}"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def storage_uri(folder: Path) -> str:
    service = yaml.safe_load((folder / "digests.yaml").read_text())
    return str(service["spec"]["predictor"]["model"]["storageUri"])


@pytest.fixture
def cars(version: str, place: str, settings: Settings, tmp_path: Path) -> tuple[str, str]:
    """The modelcars of two versions; the first version is in prod."""
    first = assembled(version, settings, STARTS_LADING, modelcar=True)
    other = pushed(place, "1.3.0", settings, tmp_path / "other")
    second = assembled(other, settings, STARTS_LADING, modelcar=True)
    promote(version, "prod", settings=settings)
    return first, second


@pytest.fixture
def older(cars: tuple[str, str], place: str, settings: Settings, tmp_path: Path) -> Path:
    """What runs prod on a KServe that mounts no images."""
    made = tmp_path / "deploy"
    deploy(
        place,
        kind="kserve",
        kserve_version="0.15",
        stage="prod",
        name="fraud",
        output=made,
        settings=settings,
    )
    return made


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


def test_a_modelcar_without_packages_takes_no_server_s_place(
    locked: str, place: str, settings: Settings
) -> None:
    assembled(locked, settings, BARE, modelcar=True)
    with pytest.raises(NotFound, match="nothing serves") as nothing:
        deploy(locked, settings=settings)
    server = f"{place}@{tie(locked, settings, target='runtime', labels=LABELS)}"
    car = assembled(locked, settings, BARE, modelcar=True)

    for kind in ("deployment", "init", "pod", "compose"):
        assert deploy(locked, kind=kind, settings=settings).image == server, kind
    older = deploy(locked, kind="kserve", kserve_version="0.15", settings=settings)

    assert "modelcar" in (nothing.value.cause or "")
    assert (older.image, model(older)["storageUri"]) == (server, f"oci://{car}")


def test_a_modelcar_that_was_made_on_the_lock_s_image_serves_alone(
    locked: str, settings: Settings
) -> None:
    car = assembled(locked, settings, BARE | {"Labels": LABELS}, modelcar=True)

    assert deploy(locked, settings=settings).image == car


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


# A folder with a modelcar


def test_a_promotion_is_a_rollout_of_modelcars_and_a_rollback_is_one(
    older: Path, cars: tuple[str, str], place: str, settings: Settings
) -> None:
    first, second = cars
    before = texts(older)

    promote(f"{place}:1.3.0", "prod", settings=settings)
    there = deploy_update(older, settings=settings)
    uri = storage_uri(older)
    rollback(place, "prod", settings=settings)
    deploy_update(older, settings=settings)
    after = texts(older)

    assert (there.status, there.version, there.files) == ("updated", "1.3.0", ("digests.yaml",))
    assert uri == f"oci://{second}"
    assert storage_uri(older) == f"oci://{first}"
    # Only that there was another event since is told by the files.
    assert {name for name in before if before[name] != after[name]} == {"digests.yaml"}


def test_the_modelcar_of_the_version_that_runs_stays_whatever_was_made_since(
    older: Path, cars: tuple[str, str], version: str, settings: Settings
) -> None:
    assembled(version, settings, BARE | {"Labels": {"made": "again"}}, modelcar=True, tag="again")

    done = deploy_update(older, settings=settings)

    assert (done.status, done.notes) == ("unchanged", ())
    assert storage_uri(older) == f"oci://{cars[0]}"


def test_a_version_without_a_modelcar_is_refused_with_what_makes_one(
    older: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    bare = pushed(place, "1.4.0", settings, tmp_path / "bare")
    assembled(bare, settings, STARTS_LADING)
    before = texts(older)

    with pytest.raises(InvalidInput, match="modelcar") as caught:
        deploy_update(older, bare, settings=settings)

    assert f"lading image assemble {bare} --base IMAGE --modelcar" in (caught.value.hint or "")
    assert texts(older) == before


@pytest.mark.parametrize("environment", [None, Environment(requirements=("framework==1.0",))])
def test_a_version_without_any_image_needs_a_modelcar_and_not_another_one_first(
    older: Path, place: str, settings: Settings, tmp_path: Path, environment: Environment | None
) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"others")
    record(weights, f"{place}:1.4.0", settings, environment)

    with pytest.raises(InvalidInput, match="can be a modelcar") as caught:
        deploy_update(older, f"{place}:1.4.0", settings=settings)

    assert f"image assemble {place}:1.4.0 --base IMAGE --modelcar" in (caught.value.hint or "")
    assert "--target serve" not in (caught.value.hint or "")


def test_a_modelcar_for_nodes_that_the_folder_was_not_written_for_is_refused(
    version: str, place: str, settings: Settings, tmp_path: Path
) -> None:
    both = BaseImage(platforms=(AMD64, ARM64), config=STARTS_LADING)
    for number in ("1.2.0", "1.3.0"):
        if number != "1.2.0":
            pushed(place, number, settings, tmp_path / "other")
        base = both if number == "1.2.0" else replace(both, platforms=(AMD64,))
        named = base.put(f"{place}/base", settings)
        image_assemble(f"{place}:{number}", base=named, modelcar=True, settings=settings)
    server = both.put(f"{place}/server", settings)
    folder = tmp_path / "deploy"
    deploy(
        version,
        kind="kserve",
        kserve_version="0.15",
        image=server,
        output=folder,
        settings=settings,
    )

    with pytest.raises(Unsupported, match="amd64"):
        deploy_update(folder, f"{place}:1.3.0", image=server, settings=settings)


def test_a_folder_with_a_modelcar_is_checked_as_a_whole(
    older: Path, cars: tuple[str, str], settings: Settings
) -> None:
    done = deploy_check(older, settings=settings)

    assert (done.status, done.version) == ("current", "1.2.0")
    assert cars[0] in done.found
    path = older / "digests.yaml"
    path.write_text(
        path.read_text().replace(
            f"oci://{cars[0]}", f"oci://{cars[0].partition('@')[0]}@{Digest.of(b'gone')}"
        )
    )
    with pytest.raises(NotFound, match="gone"):
        deploy_check(older, settings=settings)


def test_documents_with_a_modelcar_are_pushed_as_written_and_as_updated(
    older: Path, cars: tuple[str, str], place: str, settings: Settings
) -> None:
    said: dict[str, Any] = {"kind": "kserve", "kserve_version": "0.15", "name": "fraud"}
    to = f"{place}/deploy:prod"

    first = deploy(place, stage="prod", output=older, push=to, settings=settings, **said)
    promote(f"{place}:1.3.0", "prod", settings=settings)
    second = deploy_update(older, push=to, settings=settings)

    assert first.status == "unchanged"
    assert first.pushed and second.pushed
    assert first.pushed != second.pushed


def test_values_tell_of_a_modelcar_where_it_is_one_and_follow_it(
    older: Path, cars: tuple[str, str], place: str, settings: Settings
) -> None:
    first, second = (car.partition("@")[2] for car in cars)
    said: dict[str, Any] = {"kind": "kserve", "name": "fraud", "helm": True, "output": older}
    at = older / "values-prod.yaml"

    def told() -> str | None:
        found: dict[str, str] = yaml.safe_load(at.read_text()).get("modelcar", {})
        return found.get("digest")

    deploy(place, stage="prod", kserve_version="0.15", settings=settings, **said)
    before = told()
    promote(f"{place}:1.3.0", "prod", settings=settings)
    deploy_update(older, settings=settings)
    after = told()
    held: dict[str, Any] = {"kserve_version": "0.15", "kserve_storage": "image"}
    deploy(place, stage="prod", settings=settings, **held, **said)

    assert (before, after, told()) == (first, second, None)


def test_the_image_that_a_cluster_pulls_with_is_looked_for_and_stays(
    version: str, place: str, settings: Settings, tmp_path: Path
) -> None:
    assembled(version, settings, STARTS_LADING)
    other = pushed(place, "1.3.0", settings, tmp_path / "other")
    assembled(other, settings, STARTS_LADING)
    client = BaseImage(platforms=(AMD64,)).put(f"{place}/client", settings)
    folder = tmp_path / "deploy"
    said: dict[str, Any] = {"kind": "kserve", "kserve_storage": "lading", "settings": settings}
    deploy(version, puller=f"{place}/client:1", output=folder, **said)

    deploy_update(folder, other, settings=settings)
    done = deploy_check(folder, settings=settings)

    assert (done.version, done.puller) == ("1.3.0", client)
    assert client in done.found


# Names


def test_the_name_of_a_model_is_shortened_to_what_kserve_takes_beside_the_namespace(
    place: str, settings: Settings, tmp_path: Path
) -> None:
    long = pushed(f"{place}/{'credit-' * 9}risk", "1.0.0", settings, tmp_path / "long")
    assembled(long, settings, STARTS_LADING)

    alone = deploy(long, kind="kserve", settings=settings)
    beside = deploy(long, kind="kserve", namespace="n" * 30, settings=settings)

    assert len(alone.name) == 48
    assert any("in namespaces of 4 characters" in note for note in alone.notes)
    # 22, and not 21 with a hyphen behind.
    assert beside.name == "credit-credit-credit-c"
    assert not any("namespaces" in note for note in beside.notes)


def test_a_name_that_kserve_makes_too_long_is_refused_before_a_registry_is_asked(
    settings: Settings,
) -> None:
    with pytest.raises(InvalidInput, match="KServe takes no name") as caught:
        deploy(
            "registry.example.com/ml/fraud:1.2.0", kind="kserve", name="f" * 49, settings=settings
        )

    assert "48" in (caught.value.hint or "")
