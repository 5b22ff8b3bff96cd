"""From a reference to documents: what is looked up, what is written, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from images.bases import AMD64, ARM64, CONFIG, BaseImage, beside
from parts.registry import DockerRegistry

from lading.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    LadingError,
    NotFound,
    Unsupported,
)
from lading.operations import stores
from lading.operations.clear import clear
from lading.operations.deploy import DeployResult, deploy
from lading.operations.image_assemble import image_assemble
from lading.operations.inspect import inspect
from lading.operations.promote import promote
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Platform
from lading.spec.digest import Digest
from lading.spec.manifest import Index, parse
from lading.spec.mediatypes import ROLE
from lading.spec.reference import Reference
from lading.transfer import read

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"w" * 4096)
    return folder


@pytest.fixture
def version(model: Path, place: str, settings: Settings) -> str:
    push(model, f"{place}:1.0.0", settings=settings)
    return f"{place}:1.0.0"


@pytest.fixture
def runtime(place: str, settings: Settings, tmp_path: Path) -> str:
    """An image that serves and has no model, by digest."""
    return image(place, settings, tmp_path, "runtime")


def image(
    place: str,
    settings: Settings,
    folder: Path,
    target: str,
    *,
    platforms: Sequence[Platform] = (AMD64,),
    digest: str = "",
) -> str:
    labels = {"dev.lading.target": target, "dev.lading.digest": digest}
    base = BaseImage(platforms=platforms, config={**CONFIG, "Labels": labels})
    return base.put(beside(place, folder), settings)


def digest_of(reference: str, settings: Settings) -> str:
    return str(inspect(reference, settings=settings).digest)


def workload(done: DeployResult) -> dict[str, Any]:
    """The first document that was shown."""
    (text,) = done.files.values()
    found = next(yaml.safe_load_all(text))
    assert isinstance(found, dict)
    return found


def test_what_a_stage_names_is_shown_with_its_digest_and_event(
    version: str, place: str, runtime: str, settings: Settings
) -> None:
    moved = promote(version, "prod", settings=settings)

    done = deploy(place, stage="prod", image=runtime, settings=settings)

    digest = digest_of(version, settings)
    document = workload(done)
    assert kubernetes_validate.validate(document, "1.35", strict=True) == "1.35"
    assert (done.stage, done.version, done.status) == ("prod", "1.0.0", "shown")
    assert done.event == moved.event
    assert document["metadata"]["annotations"] | {"dev.lading/guessed": ""} == {
        "dev.lading/model": place,
        "dev.lading/digest": digest,
        "dev.lading/version": "1.0.0",
        "dev.lading/stage": "prod",
        "dev.lading/event": done.event,
        "dev.lading/guessed": "",
    }
    spec = document["spec"]["template"]["spec"]
    assert spec["volumes"][0]["image"]["reference"] == f"{place}@{digest}"
    assert spec["containers"][0]["image"] == runtime


def test_no_digest_of_a_model_s_manifest_is_anywhere(
    version: str, place: str, runtime: str, settings: Settings
) -> None:
    where = Reference.parse(version)
    store = stores.open_store(where, settings)
    index = parse(read(store, store.resolve("1.0.0")), stores.resolve(store, where).media_type)
    assert isinstance(index, Index)
    manifests = {
        entry.digest for entry in index.manifests if entry.annotations.get(ROLE) != "image"
    }

    for kind in ("deployment", "init", "pod"):
        (text,) = deploy(version, kind=kind, image=runtime, settings=settings).files.values()
        assert len(manifests) == 2
        assert not manifests & set(_DIGEST.findall(text))


def test_an_image_that_was_made_for_it_is_found_by_its_evidence(
    version: str, place: str, settings: Settings, tmp_path: Path
) -> None:
    base = BaseImage().put(beside(place, tmp_path), settings)
    made = image_assemble(version, base=base, settings=settings)

    done = deploy(version, settings=settings)

    assert done.image == f"{place}@{made.image}"
    spec = workload(done)["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["volumes"]] == ["tmp"]
    assert spec["nodeSelector"]["kubernetes.io/arch"] == "amd64"


def test_without_an_image_it_is_said_how_one_is_made(version: str, settings: Settings) -> None:
    with pytest.raises(NotFound) as refused:
        deploy(version, settings=settings)

    assert "lading image build" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"kind": "deploment"}, InvalidInput, "deployment"),
        ({"name": "Fraud_1"}, InvalidInput, "--name fraud-1"),
        ({"namespace": "a.b"}, InvalidInput, ""),
        ({"kubernetes_version": "1.12"}, InvalidInput, "1.27"),
        ({"kubernetes_version": "1.31"}, Unsupported, "--as init"),
        ({"replicas": 0}, InvalidInput, "--replicas"),
        ({"replicas": 3, "max_replicas": 2}, InvalidInput, "--max-replicas"),
        ({"pull_secrets": ["UPPER"]}, InvalidInput, ""),
        ({"credentials": "a/b"}, InvalidInput, ""),
        ({"cpu": "lots"}, InvalidInput, "--cpu 500m"),
        ({"memory": "1GB"}, InvalidInput, "--memory 512Mi"),
        ({"platform": "linux/s390x"}, Unsupported, "lading image build"),
        ({"kind": "job"}, InvalidInput, "--rows"),
        ({"kind": "pod", "replicas": 2}, InvalidInput, "--as deployment"),
        ({"rows": "/data/a.csv"}, InvalidInput, "--as job"),
        ({"helm": True}, InvalidInput, "-o DIR"),
        ({"stage": "prod"}, InvalidInput, "--stage prod"),
        ({"force": True}, InvalidInput, "-o DIR"),
        ({"context": "eu-1"}, InvalidInput, "--apply"),
        ({"kind": "compose", "namespace": "ml"}, InvalidInput, "leave it out"),
        ({"kind": "podman", "pull_secrets": ["a"]}, InvalidInput, "podman login"),
        ({"credentials": "auth"}, InvalidInput, "--pull-secret"),
        (
            {"kind": "pod", "image_volumes": True, "kubernetes_version": "1.29"},
            InvalidInput,
            "leave it out",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    version: str,
    runtime: str,
    settings: Settings,
    *,
    wrong: dict[str, Any],
    error: type[LadingError],
    says: str,
) -> None:
    with pytest.raises(error) as refused:
        deploy(version, image=runtime, settings=settings, **wrong)

    assert says in str(refused.value.hint)
    assert refused.value.cause or refused.value.hint


@pytest.mark.parametrize("wrong", [{"kind": "sts"}, {"kind": "kserve", "kserve_storage": "xyz"}])
def test_which_words_there_are_is_said_once(
    version: str, settings: Settings, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as far:
        deploy(version, settings=settings, **wrong)
    with pytest.raises(InvalidInput) as near:
        deploy(version, kind="pods", settings=settings)

    assert far.value.cause is None
    assert str(far.value.hint).startswith("known are: ")
    assert "compose" in str(near.value.cause)
    assert near.value.hint == "did you mean pod?"


def test_an_empty_stage_says_how_it_is_filled(
    version: str, place: str, runtime: str, settings: Settings
) -> None:
    promote(version, "prod", settings=settings)
    clear(place, "prod", because="enough", settings=settings)

    for stage in ("prod", "staging"):
        with pytest.raises(NotFound) as refused:
            deploy(place, stage=stage, image=runtime, settings=settings)
        assert f"lading promote {place}:VERSION {stage}" in str(refused.value.hint)


def test_a_stage_that_there_is_not_is_refused(version: str, place: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="has no stage 'produ'") as caught:
        deploy(place, stage="produ", settings=settings)

    assert "did you mean prod?" in str(caught.value.hint)


def test_a_stage_whose_tag_drifted_is_refused(
    version: str, place: str, model: Path, runtime: str, settings: Settings
) -> None:
    promote(version, "prod", settings=settings)
    (model / "weights.safetensors").write_bytes(b"x" * 4096)
    push(model, f"{place}:1.1.0", settings=settings)
    where = Reference.parse(f"{place}:1.1.0")
    store = stores.open_store(where, settings)
    root = stores.resolve(store, where)
    store.push(root, BytesContent(read(store, root)), "prod")

    with pytest.raises(IntegrityError):
        deploy(place, stage="prod", image=runtime, settings=settings)


@pytest.mark.parametrize("what", ["version", "image"])
def test_a_digest_that_is_gone_is_not_found(
    version: str, place: str, runtime: str, settings: Settings, what: str
) -> None:
    gone = f"{place}@{Digest.of(b'gone')}"

    with pytest.raises(NotFound) as refused:
        deploy(
            gone if what == "version" else version,
            image=gone if what == "image" else runtime,
            settings=settings,
        )

    assert Digest.of(b"gone") in str(refused.value)


def test_a_model_is_no_image_that_serves(version: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput) as refused:
        deploy(version, image=version, settings=settings)

    assert "--target runtime" in str(refused.value.hint)


def test_an_image_that_holds_another_version_is_refused(
    version: str, place: str, settings: Settings, tmp_path: Path
) -> None:
    other = Digest.of(b"another version")
    held = image(place, settings, tmp_path, "serve", digest=other)
    own = image(
        place,
        settings,
        tmp_path,
        "serve",
        digest=digest_of(version, settings),
    )

    with pytest.raises(InvalidInput, match="holds another version"):
        deploy(version, image=held, settings=settings)
    assert deploy(version, image=own, settings=settings).image == own


def test_what_is_on_this_machine_is_refused_with_how_it_gets_away(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, "ml/local:1.0.0", settings=settings)

    with pytest.raises(Unsupported) as refused:
        deploy("ml/local:1.0.0", settings=settings)

    assert "lading copy" in str(refused.value.hint)


def test_an_old_cluster_takes_an_image_that_holds_the_model(
    version: str, place: str, settings: Settings, tmp_path: Path
) -> None:
    base = BaseImage().put(beside(place, tmp_path), settings)
    made = image_assemble(version, base=base, settings=settings)

    done = deploy(version, kubernetes_version="1.27", settings=settings)

    assert done.image.endswith(made.image)
    assert kubernetes_validate.validate(workload(done), "1.27", strict=True) == "1.27"


def test_a_pod_of_an_old_cluster_pulls_and_says_so(
    version: str, runtime: str, settings: Settings
) -> None:
    done = deploy(
        version, kind="pod", image=runtime, kubernetes_version="v1.29.3", settings=settings
    )

    assert done.puller == runtime
    assert any("pulls the model first" in note for note in done.notes)
    assert any("is a guess" in note for note in done.notes)


def test_images_for_several_processors_run_anywhere(
    version: str, place: str, settings: Settings, tmp_path: Path
) -> None:
    both = image(place, settings, tmp_path, "runtime", platforms=(AMD64, ARM64))

    anywhere = deploy(version, image=both, settings=settings)
    there = deploy(version, image=both, platform="linux/arm64", settings=settings)

    assert "nodeSelector" not in workload(anywhere)["spec"]["template"]["spec"]
    chosen = workload(there)["spec"]["template"]["spec"]["nodeSelector"]
    assert chosen["kubernetes.io/arch"] == "arm64"


def test_a_folder_is_a_base_and_the_second_time_unchanged(
    version: str, place: str, runtime: str, settings: Settings, tmp_path: Path
) -> None:
    promote(version, "prod", settings=settings)
    folder = tmp_path / "deploy/fraud"

    def written() -> DeployResult:
        return deploy(
            place, stage="prod", image=runtime, helm=True, output=folder, settings=settings
        )

    first = written()
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    second = written()

    assert (first.status, second.status) == ("written", "unchanged")
    assert set(before) == set(first.files)
    assert before == {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()
    }
    values = yaml.safe_load((folder / "values-prod.yaml").read_text())
    assert values["model"]["digest"] == first.digest
    assert values["image"]["digest"] == runtime.partition("@")[2]


def test_what_a_folder_ran_under_another_name_is_said_to_go_on(
    version: str, runtime: str, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "deploy"

    def left(**words: Any) -> list[str]:
        done = deploy(version, image=runtime, output=folder, settings=settings, **words)
        return [note for note in done.notes if "goes on until" in note]

    assert left() == []
    assert left(replicas=2) == []
    (renamed,) = left(name="other")
    (other_kind,) = left(name="other", kind="pod")

    assert f"{folder} was the Deployment " in renamed
    assert f"{folder} was the Deployment other before" in other_kind


def test_a_new_version_changes_the_digests_alone(
    version: str, place: str, model: Path, *, runtime: str, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    deploy(version, image=runtime, output=folder, settings=settings)
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (model / "weights.safetensors").write_bytes(b"x" * 4096)
    push(model, f"{place}:1.1.0", settings=settings)

    done = deploy(f"{place}:1.1.0", image=runtime, output=folder, settings=settings)

    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert done.status == "written"
    assert {name for name in after if after[name] != before[name]} == {"digests.yaml"}


def test_others_files_in_the_folder_are_left_alone(
    version: str, runtime: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/mine.yaml").write_text("mine: true\n")

    with pytest.raises(Conflict, match=r"mine\.yaml"):
        deploy(version, image=runtime, output=tmp_path / "base", settings=settings)


def test_plain_http_is_carried_to_the_puller_where_it_was_asked_for(
    version: str, place: str, runtime: str, settings: Settings
) -> None:
    host = place.partition("/")[0]
    plain = replace(settings, insecure=frozenset({host}))

    (text,) = deploy(version, kind="init", image=runtime, settings=plain).files.values()

    assert {"name": "LADING_INSECURE", "value": host} in next(yaml.safe_load_all(text))["spec"][
        "template"
    ]["spec"]["initContainers"][0]["env"]


def test_whom_this_machine_trusts_is_said_to_be_a_stranger_to_what_pulls(
    tls_registry: DockerRegistry, model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    trusting = replace(settings, ca_file=tls_registry.ca_file)
    there = f"{tls_registry.host}/{place.partition('/')[2]}"
    push(model, f"{there}:1.0.0", settings=trusting)
    server = image(there, trusting, tmp_path, "runtime")

    done = deploy(f"{there}:1.0.0", kind="init", image=server, settings=trusting)

    assert any(f"does not trust {tls_registry.ca_file}:" in note for note in done.notes)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, True),
        ({"Entrypoint": ["/usr/bin/busybox"]}, True),
        ({"Entrypoint": ["/usr/local/bin/lading"]}, False),
        ({"Labels": {"dev.lading.target": "runtime"}}, False),
    ],
)
def test_of_an_image_that_pulls_it_is_said_whether_lading_is_known_to_be_in_it(
    config: dict[str, Any],
    told: bool,
    *,
    version: str,
    place: str,
    runtime: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    tool = BaseImage(platforms=(AMD64,), config={**CONFIG, **config})
    puller = tool.put(beside(place, tmp_path), settings)

    done = deploy(version, kind="init", image=runtime, puller=puller, settings=settings)

    assert any(note.startswith(f"{puller} says nothing of Lading") for note in done.notes) is told


def test_a_private_registry_without_a_password_says_so(
    password_registry: DockerRegistry, place: str, settings: Settings
) -> None:
    with pytest.raises(LadingError) as refused:
        deploy(f"{password_registry.host}/ml/fraud:1.0.0", settings=settings)

    assert refused.value.exit_code == 4
