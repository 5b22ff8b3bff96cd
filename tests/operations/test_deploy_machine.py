"""Folders for one machine: checked, and made to follow a stage as a cluster's are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from images.bases import BaseImage, beside
from operations.team import Team
from operations.tied import tie

from lading.deploy.wish import Kind
from lading.errors import Conflict, IntegrityError, InvalidInput, NotFound, Unsupported
from lading.operations.deploy import deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.deploy_update import deploy_update
from lading.operations.promote import promote
from lading.operations.rollback import rollback
from lading.spec.digest import Digest

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

# Compose; a pod and units; units alone; and what pulls instead of mounting.
WAYS: list[dict[str, Any]] = [
    {"kind": "compose"},
    {"kind": "podman"},
    {"kind": "podman", "podman_version": "4.9"},
    {"kind": "compose", "puller": True},
    {"kind": "podman", "puller": True},
]
each_way = pytest.mark.parametrize(
    "way", WAYS, ids=["compose", "podman", "podman-4.9", "compose-pulled", "podman-pulled"]
)


@pytest.fixture
def fraud(team: Team) -> Team:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    return team


def written(team: Team, folder: Path, **words: Any) -> Path:
    """What runs prod."""
    if words.pop("puller", False):
        words["puller"] = BaseImage().put(beside(team.place, folder), team.settings)
    wishes = {"stage": "prod", "name": "fraud", "output": folder, **words}
    deploy(team.place, **wishes, settings=team.settings)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@each_way
def test_what_was_written_a_moment_ago_is_in_order(
    fraud: Team, tmp_path: Path, way: dict[str, Any]
) -> None:
    folder = written(fraud, tmp_path / "fraud", **way)

    done = deploy_check(folder, settings=fraud.settings)

    assert (done.status, done.stage, done.version) == ("current", "prod", "1.0.0")
    assert done.digest == fraud.tag("1.0.0")
    assert done.image in done.found
    assert f"{done.reference}" in done.found
    assert (done.puller in done.found) == ("puller" in way)
    assert [note for note in done.notes if "edited" in note] == []


def test_the_passwords_beside_it_are_in_nobody_s_way(fraud: Team, tmp_path: Path) -> None:
    words = {"kind": "compose", "puller": True, "credentials": "reader"}
    folder = written(fraud, tmp_path / "fraud", **words)
    document = yaml.safe_load((folder / "compose.yaml").read_text())
    (folder / document["secrets"]["registry"]["file"]).write_text("{}")

    written(fraud, folder, **words, port=8081)

    assert (folder / ".reader").read_text() == "{}"
    assert deploy_check(folder, settings=fraud.settings).status == "current"


@each_way
def test_a_promotion_is_an_update_and_a_rollback_is_one(
    fraud: Team, tmp_path: Path, way: dict[str, Any]
) -> None:
    folder = written(fraud, tmp_path / "fraud", **way)
    first = texts(folder)
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)
    moved = deploy_check(folder, settings=fraud.settings)

    there = deploy_update(folder, stage="prod", settings=fraud.settings)
    second = texts(folder)
    again = deploy_update(folder, settings=fraud.settings)
    checked = deploy_check(folder, settings=fraud.settings)
    rollback(fraud.place, "prod", settings=fraud.settings)
    back = deploy_update(folder, settings=fraud.settings)

    assert (moved.status, moved.now_version) == ("moved", "1.1.0")
    assert (there.status, there.version, there.previous_version) == ("updated", "1.1.0", "1.0.0")
    assert (again.status, again.diff, checked.status) == ("unchanged", "", "current")
    assert (back.status, back.version, texts(folder).keys()) == ("updated", "1.0.0", first.keys())
    gone = (there.previous, there.previous.partition(":")[2][:12], "1.0.0")
    assert not [text for text in second.values() if any(mark in text for mark in gone)]
    # The files are as they would be written, sums and all.
    fresh = written(fraud, tmp_path / "fresh", **way)
    assert texts(folder) == texts(fresh)


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_what_somebody_changed_stays_and_is_told(fraud: Team, tmp_path: Path, kind: Kind) -> None:
    folder = written(fraud, tmp_path / "fraud", kind=kind)
    name = "compose.yaml" if kind == "compose" else "fraud.container"
    path = folder / name
    path.write_text(
        path.read_text().replace("127.0.0.1:8080", "0.0.0.0:8080") + "# Ask us first.\n"
    )
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    done = deploy_update(folder, settings=fraud.settings)
    again = deploy_check(folder, settings=fraud.settings)

    assert "0.0.0.0" in path.read_text()
    assert path.read_text().endswith("# Ask us first.\n")
    assert again.version == "1.1.0"
    for notes in (done.notes, again.notes):
        assert f"edited since they were written: {name}" in notes
    # To write it anew would lose that.
    with pytest.raises(Conflict, match="edited") as caught:
        written(fraud, folder, kind=kind)
    assert "--force" in (caught.value.hint or "")


def test_what_is_typed_next_is_told(fraud: Team, tmp_path: Path) -> None:
    folders = {
        "compose": written(fraud, tmp_path / "compose", kind="compose"),
        "podman": written(fraud, tmp_path / "podman", kind="podman"),
        "pulled": written(fraud, tmp_path / "pulled", kind="podman", puller=True),
    }
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    told = {
        name: "\n".join(deploy_update(folder, settings=fraud.settings).notes)
        for name, folder in folders.items()
    }

    assert f"docker compose --file {folders['compose']}/compose.yaml up" in told["compose"]
    assert f"podman kube play --replace {folders['podman']}/pod.yaml" in told["podman"]
    # What brings the model was done once, and would not be done again by itself.
    assert "systemctl restart fraud-model-image fraud" in told["podman"]
    assert "systemctl restart fraud-model-volume fraud-pull fraud" in told["pulled"]
    assert not deploy_update(folders["compose"], settings=fraud.settings).notes


@each_way
def test_what_is_gone_is_found_out(fraud: Team, tmp_path: Path, way: dict[str, Any]) -> None:
    folder = written(fraud, tmp_path / "fraud", **way)
    now = deploy_check(folder, settings=fraud.settings)
    for path in folder.iterdir():
        path.write_text(path.read_text().replace(now.digest, Digest.of(b"never")))

    with pytest.raises(NotFound, match="is gone, or not whole"):
        deploy_check(folder, settings=fraud.settings)


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("compose.yaml", ("services:\n", "services:\n  x: {image: a}\n"), "digest"),
        ("compose.yaml", ("services:\n", "include: [a]\nservices:\n"), "no check"),
        ("compose.override.yaml", ("", "services: {x: {image: a}}\n"), "digest"),
        ("x.container", ("", "[Container]\nImage=r.io/x:1\n"), "digest"),
        ("fraud.container.d/x.conf", ("", "[Container]\nRootfs=/\n"), "no check"),
        ("x.kube", ("", "[Kube]\nYaml=x.yaml\n"), "no check"),
        ("fraud.container", ("[Unit]", "Unit"), "no unit"),
        ("compose.yaml", ("name: fraud", "name: ["), "no YAML"),
    ],
)
def test_what_no_check_could_see_is_refused(
    fraud: Team, tmp_path: Path, name: str, change: tuple[str, str], what: str
) -> None:
    kind = "compose" if name.startswith("compose") else "podman"
    folder = written(fraud, tmp_path / "fraud", kind=kind)
    path, (before, after) = folder / name, change
    path.parent.mkdir(exist_ok=True)
    path.write_text(path.read_text().replace(before, after) if before else after)

    with pytest.raises((IntegrityError, InvalidInput), match=what) as caught:
        deploy_check(folder, settings=fraud.settings)

    assert str(folder) in str(caught.value)


def test_a_folder_of_somebody_else_s_is_none_of_ours(fraud: Team, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {}\n")

    with pytest.raises(Conflict, match="not written by lading deploy") as caught:
        deploy_check(tmp_path, settings=fraud.settings)

    assert "Compose" in (caught.value.cause or "")


@pytest.mark.parametrize("words", [{"push": "r.io/d:1"}, {"confirm": bool}])
def test_one_machine_has_no_cluster(fraud: Team, tmp_path: Path, words: dict[str, Any]) -> None:
    folder = written(fraud, tmp_path / "fraud", kind="compose")

    with pytest.raises(InvalidInput, match="without a cluster"):
        deploy_update(folder, settings=fraud.settings, **words)


# Platforms


def test_images_for_other_machines_are_refused_and_found_out(fraud: Team, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"is not for linux/s390x"):
        written(fraud, tmp_path / "no", kind="compose", platform="linux/s390x")
    folder = written(fraud, tmp_path / "fraud", kind="compose", platform="linux/amd64")
    path = folder / "compose.yaml"
    path.write_text(path.read_text().replace("linux/amd64", "linux/s390x"))

    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    for look in (deploy_check, deploy_update):
        with pytest.raises(Unsupported, match=r"is not for linux/s390x"):
            look(folder, settings=fraud.settings)


def test_a_check_finds_that_a_cluster_s_nodes_are_others(fraud: Team, tmp_path: Path) -> None:
    folder = written(fraud, tmp_path / "fraud")
    path = folder / "deployment.yaml"
    assert "kubernetes.io/arch: amd64" in path.read_text()
    path.write_text(path.read_text().replace("arch: amd64", "arch: s390x"))

    with pytest.raises(Unsupported, match=r"is not for linux/s390x"):
        deploy_check(folder, settings=fraud.settings)


def test_a_port_is_a_machine_s(fraud: Team, tmp_path: Path) -> None:
    folder = written(fraud, tmp_path / "fraud", kind="compose", port=9090)

    made = yaml.safe_load((folder / "compose.yaml").read_text())

    assert made["services"]["model"]["ports"] == ["127.0.0.1:9090:8080"]
    with pytest.raises(InvalidInput) as caught:
        written(fraud, tmp_path / "other", port=9090)
    assert "--as compose" in str(caught.value.hint)
