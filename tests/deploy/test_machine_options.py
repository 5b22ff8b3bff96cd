"""What somebody asks of documents for one machine: amounts, a port, a platform, credentials."""

from __future__ import annotations

import json
import shlex
import subprocess
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy import given as g

from lading.deploy import kinds, machine
from lading.deploy.engines import Podman
from lading.deploy.pins import Pins
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import InvalidInput, Unsupported

PULLED = replace(g.PINS, puller=g.CLIENT)
AMD64 = Facts(1234, "scikit-learn", ("linux/amd64",), ("linux/amd64", "linux/arm64"))


def texts(kind: Kind, pins: Pins = g.PINS, facts: Facts = g.FACTS, **wishes: Any) -> dict[str, str]:
    wish = Wish(kind=kind, name="fraud", **wishes)
    return kinds.written(kinds.resources(pins, facts, wish), wish)


def composed(pins: Pins = g.PINS, **wishes: Any) -> Any:
    return yaml.safe_load(texts("compose", pins, **wishes)["compose.yaml"])


def pod(pins: Pins = g.PINS, **wishes: Any) -> Any:
    return yaml.safe_load(texts("podman", pins, **wishes)["pod.yaml"])


def test_a_limit_that_nobody_chose_is_said_to_be_a_guess() -> None:
    made = {**texts("compose"), **texts("podman")}
    said = "memory, from 1234 bytes of scikit-learn"

    assert composed()["services"]["model"]["labels"]["dev.lading/guessed"] == said
    assert pod()["metadata"]["annotations"]["dev.lading/guessed"] == said
    assert f'Label="dev.lading/guessed={said}"\n' in made["fraud.container"]
    for name in ("compose.yaml", "pod.yaml", "fraud.container"):
        assert "# Its limit of memory is a guess" in made[name]
    (note,) = machine.notes(g.PINS, g.FACTS, Wish(kind="compose", name="fraud"))
    assert "is a guess" in note
    assert "--memory" in note


def test_a_file_of_passwords_for_compose_is_told_with_what_makes_it() -> None:
    wish = Wish(kind="compose", name="fraud", memory="2Gi", credentials="reader")

    (note,) = machine.notes(PULLED, g.FACTS, wish)

    assert "the file .reader beside compose.yaml" in note
    assert note.endswith("sudo install -o 65532 -m 0400 auth.json .reader; keep it out of Git")
    assert not list(machine.notes(PULLED, g.FACTS, replace(wish, credentials=None)))


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_a_limit_that_somebody_chose_is_none(kind: Kind) -> None:
    made = texts(kind, memory="2Gi")

    assert not [name for name, text in made.items() if "guess" in text]
    assert not list(machine.notes(g.PINS, g.FACTS, Wish(kind=kind, name="fraud", memory="2Gi")))


@pytest.mark.parametrize(
    ("asked", "said"), [("500m", "0.5"), ("2", "2"), ("0.5", "0.5"), ("1500m", "1.5"), ("10", "10")]
)
def test_processors_are_a_limit_where_somebody_asks_for_one(asked: str, said: str) -> None:
    assert composed(cpu=asked)["services"]["model"]["cpus"] == said
    assert f"PodmanArgs=--cpus={said}\n" in texts("podman", cpu=asked)["fraud.container"]
    assert pod(cpu=asked)["spec"]["containers"][0]["resources"]["limits"]["cpu"] == asked
    assert "cpus" not in composed()["services"]["model"]


def test_two_models_on_one_machine_have_two_ports() -> None:
    made = {**texts("compose", published=9090), **texts("podman", published=9090)}

    assert composed(published=9090)["services"]["model"]["ports"] == ["127.0.0.1:9090:8080"]
    assert pod(published=9090)["spec"]["containers"][0]["ports"] == [
        {"containerPort": 8080, "hostPort": 9090, "hostIP": "127.0.0.1"}
    ]
    assert "PublishPort=127.0.0.1:9090:8080\n" in made["fraud.container"]
    assert all("port 9090" in made[name] for name in ("compose.yaml", "pod.yaml"))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(InvalidInput, match=f"no port is {port}"):
        Wish(kind="compose", name="fraud", published=port)


# Platforms


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_a_platform_that_its_image_is_not_for_is_refused(kind: Kind) -> None:
    with pytest.raises(Unsupported, match=r"is not for linux/s390x") as caught:
        texts(kind, facts=AMD64, platform="linux/s390x")

    hint = caught.value.hint or ""
    assert hint.startswith(f"lading image build {g.PLACE}:1.2.0 --target runtime --push on such")
    assert "--platform linux/amd64" in hint


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_an_image_and_a_model_for_different_machines_are_refused(kind: Kind) -> None:
    facts = Facts(1234, None, ("linux/s390x",), ("linux/amd64",))

    with pytest.raises(Unsupported, match="different processors") as caught:
        texts(kind, facts=facts)

    assert "--puller" in (caught.value.hint or "")
    assert texts(kind, PULLED, facts)


def test_a_platform_that_was_asked_for_is_written_where_an_engine_reads_one() -> None:
    server = composed(PULLED, platform="linux/arm64")["services"]
    units = texts("podman", platform="linux/arm64", podman=Podman(5, 4))
    older = texts("podman", platform="linux/arm64", podman=Podman(4, 9))

    assert [each["platform"] for each in server.values()] == ["linux/arm64"] * 2
    assert "PodmanArgs=--platform=linux/arm64\n" in units["fraud.container"]
    assert "OS=linux\nArch=arm64\n" in units["fraud-model.image"]
    assert "# For linux/arm64" in units["pod.yaml"]
    assert "ExecStartPre=podman pull --platform=linux/arm64 " in older["fraud.container"]


def test_where_its_images_are_for_one_platform_that_is_said() -> None:
    wish = Wish(kind="compose", name="fraud", memory="1Gi")

    assert list(machine.notes(g.PINS, AMD64, wish)) == [
        "it runs on linux/amd64 alone: its images are for no other"
    ]
    assert not list(machine.notes(g.PINS, AMD64, replace(wish, platform="linux/amd64")))


# Credentials


def test_a_pod_has_its_credentials_as_kubernetes_pods_have_them() -> None:
    spec = pod(PULLED, credentials="login")["spec"]

    (volume,) = [each["secret"] for each in spec["volumes"] if "secret" in each]
    assert volume == {
        "secretName": "login",
        "defaultMode": 0o400,
        "items": [{"key": ".dockerconfigjson", "path": "config.json"}],
    }
    mounts = {each["name"]: each for each in spec["initContainers"][0]["volumeMounts"]}
    # U: its owner becomes whom the container runs as, since 0400 is for the owner alone.
    assert mounts["credentials"] == {
        "name": "credentials",
        "mountPath": "/credentials:U",
        "readOnly": True,
    }


def test_a_pod_s_model_is_pulled_into_a_folder_of_its_version_alone_with_a_size() -> None:
    spec = pod(PULLED)["spec"]
    name = f"fraud-{g.MODEL.hex[:12]}"

    (volume,) = [each for each in spec["volumes"] if each.get("emptyDir", {}).get("medium") is None]
    mounts = [*spec["containers"][0]["volumeMounts"], *spec["initContainers"][0]["volumeMounts"]]
    # Podman's pods share what is empty at first, where it has one name.
    assert volume == {"name": name, "emptyDir": {"sizeLimit": "320Mi"}}
    assert [each["mountPath"] for each in mounts if each["name"] == name] == ["/models"] * 2


@pytest.mark.parametrize("written", ['{"auths": {"r.io": {"auth": "YTpi"}}}\n', '{"auths":{}\n}'])
def test_one_line_makes_a_secret_that_a_pod_and_a_unit_both_read(
    written: str, tmp_path: Path
) -> None:
    wish = Wish(kind="podman", name="fraud", credentials="login", memory="1Gi")
    made = texts("podman", PULLED, credentials="login")
    (note,) = machine.notes(PULLED, g.FACTS, wish)
    line = note.partition(": ")[2]
    (tmp_path / "auth.json").write_text(written)
    shown = line.replace("podman secret create login -", "cat")

    done = subprocess.run(
        ["sh", "-c", shown], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert shlex.split(line)[-5:] == ["podman", "secret", "create", "login", "-"]
    assert line in made["pod.yaml"]
    assert line in made["fraud-pull.container"]
    # A file of passwords, for a unit; and a secret of Kubernetes', for a pod.
    secret = json.loads(done.stdout)
    assert secret["auths"] == json.loads(written)["auths"]
    assert b64decode(secret["data"][".dockerconfigjson"]).decode() == written


def test_a_podman_without_pods_needs_no_such_secret() -> None:
    wish = Wish(kind="podman", name="fraud", credentials="login", memory="1Gi", podman=Podman(4, 9))

    (note,) = machine.notes(PULLED, g.FACTS, wish)

    assert note.endswith(": podman secret create login auth.json")
