"""Documents for one machine: compose, and what Podman reads. That they run, tests/machine shows."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lading.deploy import kinds
from lading.deploy.engines import Podman
from lading.deploy.lint import lint
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import InvalidInput, Unsupported
from lading.spec.digest import Digest

PLACE = "registry.example.com/ml/fraud"
MODEL = Digest.of(b"index")
SERVER = f"{PLACE}@{Digest.of(b'server')}"
CLIENT = f"registry.example.com/tools/lading@{Digest.of(b'client')}"
FACTS = Facts(size=1024**3, framework="scikit-learn")


def pins(*, held: bool = False, puller: str | None = None) -> Pins:
    runs = Runs(PLACE, MODEL, "1.2.0", "prod", Digest.of(b"event"))
    return Pins(runs, Serving(SERVER, held), puller)


def texts(found: Pins, wish: Wish) -> dict[str, str]:
    return kinds.written(kinds.resources(found, FACTS, wish), wish)


def composed(found: Pins, **wishes: Any) -> Any:
    return yaml.safe_load(
        texts(found, Wish(kind="compose", name="fraud", **wishes))["compose.yaml"]
    )


podmans = st.builds(Podman, st.integers(5, 6), st.integers(0, 9)) | st.just(Podman(4, 9))


@given(
    st.sampled_from(["compose", "podman"]),
    st.booleans(),
    st.sampled_from([None, CLIENT]),
    st.booleans(),
    podmans,
)
def test_everything_is_named_by_digest_and_whatever_is_written_as_yaml_reads_back(
    kind: Kind, held: bool, puller: str | None, allow_pickle: bool, podman: Podman
) -> None:
    wish = Wish(
        kind=kind, name="fraud", credentials="login", allow_pickle=allow_pickle, podman=podman
    )
    found = pins(held=held, puller=puller)

    made = kinds.resources(found, FACTS, wish)
    files = kinds.written(made, wish)

    assert lint(made) == ()
    assert len(files) == len(made)
    assert all(SERVER in text or CLIENT in text or str(MODEL) in text for text in files.values())
    for name, text in files.items():
        if name.endswith(".yaml"):
            assert [yaml.safe_load(text)] == [each for each in made if "quadlet" not in each]


def test_compose_mounts_the_whole_version_where_nobody_says_what_pulls_it() -> None:
    made = composed(pins())

    (server,) = made["services"].values()
    assert server["volumes"] == [
        {
            "type": "image",
            "source": f"{PLACE}@{MODEL}",
            "target": "/models",
            "read_only": True,
        }
    ]
    assert server["command"][:2] == ["serve", "/models/models"]


def test_compose_lets_the_model_be_pulled_into_a_volume_of_that_version() -> None:
    made = composed(pins(puller=CLIENT), credentials="login.json")

    server, pull = made["services"]["model"], made["services"]["pull"]
    assert server["depends_on"] == {"pull": {"condition": "service_completed_successfully"}}
    assert server["volumes"][0]["read_only"]
    assert pull["image"] == CLIENT
    assert f"{PLACE}@{MODEL}" in pull["command"]
    assert made["volumes"] == {"model": {"name": f"fraud-{MODEL.hex[:12]}"}}
    assert made["secrets"] == {"registry": {"file": "./.login.json"}}


def test_an_image_that_holds_its_model_is_not_told_how_it_is_served() -> None:
    made = composed(pins(held=True, puller=CLIENT))

    (server,) = made["services"].values()
    assert "command" not in server
    assert "volumes" not in server


@pytest.mark.parametrize("puller", [None, CLIENT])
def test_no_container_of_compose_may_do_anything_but_its_work(puller: str | None) -> None:
    made = composed(pins(puller=puller))

    for service in made["services"].values():
        assert service["user"] == "65532:65532"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(each.startswith("/tmp:") for each in service["tmpfs"])
    assert made["services"]["model"]["ports"] == ["127.0.0.1:8080:8080"]


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_one_machine_runs_one_server(kind: Kind) -> None:
    with pytest.raises(InvalidInput, match="one server"):
        kinds.resources(pins(), FACTS, Wish(kind=kind, name="fraud", replicas=2))


def test_what_podman_reads_depends_on_its_version() -> None:
    wish = Wish(kind="podman", name="fraud")

    names = {
        version: sorted(texts(pins(), replace(wish, podman=Podman.parse(version))))
        for version in ("4.9.3", "5.0", "5.3", "v5.8.6")
    }

    assert names == {
        "4.9.3": ["fraud.container"],
        "5.0": ["fraud.container", "pod.yaml"],
        "5.3": ["fraud.container", "pod.yaml"],
        "v5.8.6": ["fraud-model.image", "fraud.container", "pod.yaml"],
    }


@pytest.mark.parametrize(("version", "pulls"), [("5.2", True), ("5.3", False)])
def test_a_pod_pulls_where_this_podman_mounts_no_images_in_pods(version: str, pulls: bool) -> None:
    wish = Wish(kind="podman", name="fraud", podman=Podman.parse(version))

    pod = kinds.resources(pins(), FACTS, wish)[0]

    assert ("initContainers" in pod["spec"]) == pulls


def run_by_hand(pins: Pins, **more: Any) -> list[list[str]]:
    """The commands that an old Podman is refused with, each in its words."""
    wish = Wish(kind="podman", name="fraud", podman=Podman.parse("4.3.1+ds1"), **more)
    with pytest.raises(Unsupported) as caught:
        kinds.resources(pins, FACTS, wish)
    lines = (caught.value.hint or "").removeprefix("a newer Podman; or ")
    return [shlex.split(line) for line in lines.split(" && ")]


def test_an_old_podman_is_refused_with_the_line_that_runs_the_model_there() -> None:
    first, line = run_by_hand(pins(), published=9090, memory="2Gi", cpu="500m")

    assert first == ["podman", "pull", f"{PLACE}@{MODEL}"]
    for word in (
        "--name=fraud",
        "--publish=127.0.0.1:9090:8080",
        "--read-only",
        "--memory=2g",
        "--cpus=0.5",
        f"--env=LADING_MODEL_DIGEST={MODEL}",
        f"--mount=type=image,source={PLACE}@{MODEL},destination=/models",
    ):
        assert word in line
    assert line[line.index(SERVER) :][:3] == [SERVER, "serve", "/models/models"]


def test_where_somebody_named_what_pulls_an_old_podman_is_told_to_pull_first() -> None:
    first, line = run_by_hand(pins(puller=CLIENT), credentials="login")

    assert first[first.index(CLIENT) :][:3] == [CLIENT, "pull", f"{PLACE}@{MODEL}"]
    assert any(word.startswith("--secret=login,") for word in first)
    volume = next(word for word in first if word.startswith("--volume="))
    assert f"{volume}:ro" in line
    assert line[line.index(SERVER) :][:3] == [SERVER, "serve", "/models"]


def test_an_image_that_holds_its_model_is_started_as_it_is() -> None:
    (line,) = run_by_hand(pins(held=True), platform="linux/arm64")

    assert line[-1] == SERVER
    assert "--platform=linux/arm64" in line


@pytest.mark.parametrize("text", ["", "5", "latest", "5.4.x/../..", "5.4" * 100])
def test_what_is_no_version_of_podman_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a version of Podman"):
        Podman.parse(text)


@pytest.mark.parametrize(("version", "said"), [("5.3", True), ("5.4", False)])
def test_what_a_unit_mounts_is_pulled_first(version: str, said: bool) -> None:
    wish = Wish(kind="podman", name="fraud", podman=Podman.parse(version))

    made = texts(pins(), wish)

    assert (f"ExecStartPre=podman pull {PLACE}@{MODEL}\n" in made["fraud.container"]) == said
    assert ("fraud-model.image" in made) != said
