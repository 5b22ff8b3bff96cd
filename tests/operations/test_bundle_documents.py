"""Documents cross an air gap with everything that they name, whoever wrote them.

Registries are real: of two at home one is stopped before the site is looked at, and the other one
is asked for nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from images.bases import AMD64, BaseImage
from operations.tied import tie
from parts.podman import Podman
from parts.registry import DockerRegistry

from lading.deploy.named import named
from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.bundle import bundle
from lading.operations.bundling.documents import unbundle_documents
from lading.operations.bundling.listing import unbundle_list
from lading.operations.deploy import deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.deploy_update import deploy_update
from lading.operations.gc import gc
from lading.operations.history import history
from lading.operations.image_assemble import image_assemble
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.push import push
from lading.operations.status import status
from lading.operations.unbundle import unbundle
from lading.settings import Settings
from lading.spec.mirror import parse_mirrors
from lading.spec.reference import Reference
from lading.stores.mirrored.health import HEALTH

CONFIG = {"Env": ["PATH=/bin"], "Entrypoint": ["lading"]}


@pytest.fixture(autouse=True)
def well() -> Iterator[None]:
    """Nobody failed a moment ago."""
    HEALTH.forget()
    yield
    HEALTH.forget()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fraud.tar"


@pytest.fixture
def home(own_registry: DockerRegistry) -> str:
    """Where the model is kept."""
    return f"{own_registry.host}/ml/fraud"


@pytest.fixture
def version(home: str, settings: Settings, tmp_path: Path) -> str:
    """A version in production, with an image of its own."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden": 8}')
    push(folder, f"{home}:1.0.0", settings=settings)
    tie(f"{home}:1.0.0", settings, target="runtime")
    promote(f"{home}:1.0.0", "prod", settings=settings)
    return f"{home}:1.0.0"


@pytest.fixture
def tool(registry: DockerRegistry, repository: str, settings: Settings) -> str:
    """An image in another registry, which no evidence names."""
    base = BaseImage(platforms=(AMD64,), config=CONFIG)
    return base.put(f"{registry.host}/{repository}/tools", settings)


def is_there(reference: str, settings: Settings) -> bool:
    place = Reference.parse(reference)
    try:
        stores.open_store(place, settings).resolve(str(place.name))
    except NotFound:
        return False
    return True


def root_of(reference: str, settings: Settings) -> str:
    place = Reference.parse(reference)
    return stores.open_store(place, settings).resolve(str(place.name)).digest


def others(folder: Path, text: str, name: str = "pod.yaml") -> Path:
    """A folder of documents that somebody else wrote."""
    folder.mkdir()
    (folder / name).write_text(text)
    return folder


# There and back


@pytest.mark.parametrize("kind", ["deployment", "init"])
def test_what_deploy_wrote_is_in_order_at_the_site(  # noqa: PLR0917  fixtures
    version: str, home: str, tool: str, own_registry: DockerRegistry,
    other_registry: DockerRegistry, file: Path, settings: Settings, tmp_path: Path, kind: str,
) -> None:  # fmt: skip
    folder = tmp_path / "fraud-prod"
    more: dict[str, Any] = {"puller": tool} if kind == "init" else {"image": tool}
    made = deploy(home, kind=kind, stage="prod", output=folder, settings=settings, **more)
    site = f"{other_registry.host}/{tmp_path.name.lower()}"

    bundle([version], file, documents=[folder], settings=settings)
    own_registry.stop()
    put = unbundle(file, site, stages=True, settings=settings)
    unbundle_documents(file, tmp_path / "site")

    assert not history(f"oci:{file}", settings=settings).notes
    for name in (made.reference, made.image, tool):
        assert is_there(f"{site}/{name.partition('/')[2]}", settings)
    hosts = {name.partition("/")[0] for name in (home, tool)}
    told = replace(
        settings,
        cache=tmp_path / "fresh",
        home=tmp_path / "fresh-home",
        mirrors=parse_mirrors({host: [site] for host in hosts}),
    )
    done = deploy_check(tmp_path / "site" / "fraud-prod", settings=told)
    assert (done.status, done.stage, done.version) == ("current", "prod", "1.0.0")
    (note,) = (note for note in put.notes if "documents name" in note)
    # What is said can be used as it is.
    (said,) = re.findall('LADING_MIRRORS="([^"]*)"', note)
    assert {*parse_mirrors(said)} == {*told.mirrors}
    typed = f"lading unbundle {file} --documents deploy && lading deploy update deploy/fraud-prod"
    assert f"{typed} {site}/ml/fraud:1.0.0" in note


def test_at_the_site_documents_are_given_the_name_of_its_own_registry(
    version: str,
    home: str,
    tool: str,
    own_registry: DockerRegistry,
    other_registry: DockerRegistry,
    *,
    file: Path,
    settings: Settings,
    tmp_path: Path,
) -> None:
    documents = tmp_path / "fraud-prod"
    deploy(home, kind="init", puller=tool, stage="prod", output=documents, settings=settings)
    site = f"{other_registry.host}/{tmp_path.name.lower()}"
    bundle([version], file, documents=[documents], settings=settings)
    own_registry.stop()
    unbundle(file, site, settings=settings)
    written = unbundle_documents(file, tmp_path / "site")
    (folder,) = written.folders

    (update,) = re.findall("lading deploy update (.*)", "".join(written.notes))
    named, reference = update.split()
    deploy_update(named, reference.replace("REGISTRY", site), settings=settings)

    assert (named, reference) == (folder, "REGISTRY/ml/fraud:1.0.0")

    assert deploy_check(folder, settings=settings).found
    texts = "".join(path.read_text() for path in Path(folder).iterdir())
    assert own_registry.host not in texts
    assert tool not in texts
    assert f"{site}/{tool.partition('/')[2]}" in texts


def test_into_the_registry_that_documents_name_nothing_need_be_said(
    version: str, home: str, own_registry: DockerRegistry, *, file: Path, settings: Settings,
    tmp_path: Path,
) -> None:  # fmt: skip
    deploy(home, stage="prod", output=tmp_path / "fraud-prod", settings=settings)
    bundle([version], file, documents=[tmp_path / "fraud-prod"], settings=settings)

    put = unbundle(file, own_registry.host, settings=settings)

    assert not any("documents name" in note for note in put.notes)


@pytest.mark.parametrize("kind", ["job", "pod", "kserve", "compose", "podman"])
def test_everything_that_documents_of_every_kind_name_is_in_the_file(
    version: str, tool: str, file: Path, *, settings: Settings, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "documents"
    job: dict[str, Any] = {
        "rows": "/data/a.csv",
        "predictions": "/data/b.csv",
        "volumes": ["claim:/data"],
    }
    more = job if kind == "job" else {}
    deploy(version, kind=kind, image=tool, output=folder, settings=settings, **more)

    bundle([version], file, documents=[folder], settings=settings)

    found = named({path.name: path.read_text() for path in folder.rglob("*") if path.is_file()})
    assert {str(name.reference) for name in found.names} >= {tool}
    for name in found.names:
        place = name.reference
        assert is_there(f"oci:{file}/{place.repository}@{place.digest}", settings)


def test_a_modelcar_comes_along(
    home: str, version: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    base = BaseImage(platforms=(AMD64,), config=CONFIG).put(f"{home}/base", settings)
    car = image_assemble(version, base=base, settings=settings, modelcar=True).image
    folder = tmp_path / "car"
    deploy(version, kind="kserve", kserve_version="0.15", output=folder, settings=settings)

    bundle([version], file, documents=[folder], settings=settings)

    assert is_there(f"oci:{file}/ml/fraud@{car}", settings)


MIRROR = """
[[registry]]
location = "registry.example.com"
[[registry.mirror]]
location = "{site}"
insecure = true
"""


def test_a_node_that_mirrors_finds_what_documents_name(
    home: str, version: str, other_registry: DockerRegistry, podman: Podman, *,
    file: Path, settings: Settings, tmp_path: Path,
) -> None:  # fmt: skip
    image = BaseImage(platforms=(AMD64,), config=CONFIG).put(home, settings)
    folder = others(tmp_path / "others", f"image: {image}\n")
    bundle([version], file, documents=[folder], settings=settings)
    site = f"{other_registry.host}/{tmp_path.name.lower()}"
    unbundle(file, site, settings=settings)
    # As CRI-O reads it as well.
    with (podman.folder / "registries.conf").open("a") as text:
        text.write(MIRROR.format(site=site))

    for name in (image, f"{home}@{root_of(version, settings)}"):
        podman.run("pull", "-q", f"registry.example.com/{name.partition('/')[2]}")


# What is brought


def test_a_version_that_only_documents_name_comes_with_its_history(
    version: str, home: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "model" / "config.json").write_text("newer")
    push(tmp_path / "model", f"{home}:1.1.0", settings=settings)
    folder = tmp_path / "fraud-prod"
    deploy(home, stage="prod", output=folder, settings=settings)

    bundle([f"{home}:1.1.0"], file, documents=[folder], settings=settings)

    inside = f"oci:{file}/ml/fraud"
    assert {each.version for each in list_versions(inside, settings=settings).versions} == {
        "1.0.0",
        "1.1.0",
    }
    assert history(inside, settings=settings).events == history(home, settings=settings).events


def test_an_image_beside_the_model_is_kept_by_a_name_of_its_own(
    version: str, home: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    image = BaseImage(platforms=(AMD64,), config=CONFIG).put(home, settings)
    digest = image.partition("@")[2]
    folder = others(tmp_path / "others", f"spec: {{containers: [{{image: {image}}}]}}\n")

    written = bundle([version], file, documents=[folder], settings=settings)
    unbundle(file, "site", settings=settings)

    (name,) = (each for each in written.names if each.digest == digest)
    assert name.reference == f"ml/fraud:documents-{digest[7:19]}"
    kinds = {thing.reference: thing.kind for thing in unbundle_list(file).things}
    assert kinds[name.reference] == "image"
    # Nothing takes it for a version, and nothing throws it away.
    assert [v.version for v in list_versions("site/ml/fraud", settings=settings).versions] == [
        "1.0.0"
    ]
    assert status("site/ml/fraud", settings=settings).notes == ()
    gc("site/ml/fraud", delete=True, settings=settings)
    assert is_there(f"site/ml/fraud@{digest}", settings)


def test_without_images_it_is_said_which_stay_behind(
    version: str, tool: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    folder = others(tmp_path / "others", f"image: {tool}\n")

    written = bundle([version], file, images=False, documents=[folder], settings=settings)

    assert any(tool in note and "stays behind" in note for note in written.notes)
    assert not any("tools" in name.reference for name in written.names)


# What is refused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image: HOST/tools:1.0", "HOST/tools:1.0 is not named by digest"),
        ("image: busybox", "busybox"),
        ("image: {repository: HOST/t, tag: '1'}", "HOST/t:1 is not named by digest"),
        ("env: [{name: IMAGE, value: 'HOST/tools:1.0'}]", "HOST/tools:1.0"),
        ("storageUri: oci://HOST/tools:1.0", "HOST/tools:1.0"),
    ],
)  # fmt: skip
def test_a_name_that_is_no_digest_is_refused_with_its_place(
    version: str, file: Path, settings: Settings, tmp_path: Path, *, text: str, says: str
) -> None:
    text, says = (each.replace("HOST", "registry.example.com") for each in (text, says))
    folder = others(tmp_path / "others", text)

    with pytest.raises(InvalidInput, match="may be something else tomorrow") as refused:
        bundle([version], file, documents=[folder], settings=settings)

    assert f"pod.yaml: {text.partition(':')[0]}" in str(refused.value.cause)
    assert says in str(refused.value.cause)
    assert not file.exists()


def test_what_is_gone_is_refused_by_name(
    version: str, home: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    gone = f"{home}@sha256:{'a' * 64}"
    folder = others(tmp_path / "others", f"image: {gone}\n")

    with pytest.raises(NotFound) as refused:
        bundle([version], file, documents=[folder], settings=settings)

    assert gone in refused.value.what
    assert "pod.yaml" in refused.value.what
    assert not file.exists()


def test_a_version_of_another_registry_with_the_same_name_is_refused(
    version: str, registry: DockerRegistry, file: Path, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "model" / "config.json").write_text("elsewhere")
    there = push(tmp_path / "model", f"{registry.host}/ml/fraud:1.0.1", settings=settings)
    folder = others(tmp_path / "others", f"image: {registry.host}/ml/fraud@{there.digest}\n")

    with pytest.raises(InvalidInput, match="would be one repository"):
        bundle([version], file, documents=[folder], settings=settings)

    assert not file.exists()


def test_two_folders_of_one_name_are_refused(
    version: str, file: Path, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    folders = [others(tmp_path / each / "fraud", "kind: A\n") for each in ("other", ".")]

    with pytest.raises(InvalidInput, match="two of deploy/fraud"):
        bundle([version], file, documents=folders, settings=settings)

    assert not file.exists()


# One packer


@pytest.mark.parametrize("helm", [False, True])
def test_a_folder_is_one_digest_whoever_takes_it(
    version: str, home: str, file: Path, *, settings: Settings, tmp_path: Path, helm: bool
) -> None:
    folder = tmp_path / "fraud-prod"
    deploy(home, stage="prod", helm=helm, output=folder, settings=settings)
    (folder / "notes.txt").write_text("mine")
    pushed = deploy_update(folder, push=f"{home}-deploy:prod", settings=settings).pushed

    written = bundle([version], file, documents=[folder], settings=settings)

    digests = {name.reference: name.digest for name in written.names}
    assert pushed == f"{home}-deploy@{digests['deploy/fraud-prod:current']}"
    assert any("notes.txt" in note and "stays behind" in note for note in written.notes)


def test_a_folder_that_somebody_changed_goes_along_as_it_is(
    version: str, home: str, tool: str, file: Path, *, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud-prod"
    deploy(home, stage="prod", output=folder, settings=settings)
    with (folder / "kustomization.yaml").open("a") as text:
        name, _, digest = tool.partition("@")
        text.write(f"images: [{{name: any, newName: {name}, digest: '{digest}'}}]\n")

    written = bundle([version], file, documents=[folder], settings=settings)

    assert any("packed as it is" in note for note in written.notes)
    assert digest in {name.digest for name in written.names}
