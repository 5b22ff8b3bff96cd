"""Where a builder is looked for, as Docker's and Podman's own clients do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lading.errors import InvalidInput, NotFound
from lading.images.endpoint import endpoints


def urls(environment: dict[str, str], builder: str | None = None) -> list[str]:
    return [each.url for each in endpoints({"HOME": "/nobody", **environment}, builder)]


def test_what_was_written_is_the_only_one() -> None:
    assert urls({"DOCKER_HOST": "tcp://a:1", "CONTAINER_HOST": "unix:///p"}) == ["tcp://a:1"]
    assert urls({"DOCKER_HOST": "tcp://a:1"}, "unix:///own") == ["unix:///own"]
    assert urls({"CONTAINER_HOST": "unix:///p"}) == ["unix:///p"]


def test_a_kind_that_was_chosen_looks_at_its_own_places_alone() -> None:
    both = {"DOCKER_HOST": "tcp://a:1", "CONTAINER_HOST": "unix:///p"}

    assert urls(both, "podman") == ["unix:///p"]
    assert urls(both, "docker") == ["tcp://a:1"]
    assert all("podman" in url for url in urls({"XDG_RUNTIME_DIR": "/run/user/1"}, "podman"))
    assert not any("podman" in url for url in urls({}, "docker"))


def test_the_usual_sockets_are_docker_first() -> None:
    found = urls({"XDG_RUNTIME_DIR": "/run/user/7"})

    assert found[0] == "unix:///var/run/docker.sock"
    assert found[-2:] == [
        "unix:///run/user/7/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


def context(folder: Path, name: str, host: str) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_a_context_that_is_in_use_counts(tmp_path: Path) -> None:
    context(tmp_path, "far", "tcp://far:2376")
    (tmp_path / "config.json").write_text('{"currentContext": "far"}')
    key = hashlib.sha256(b"far").hexdigest()
    (tmp_path / "contexts/tls" / key / "docker").mkdir(parents=True)

    (found,) = endpoints({"DOCKER_CONFIG": str(tmp_path)})

    assert found.url == "tcp://far:2376"
    assert found.certificates == tmp_path / "contexts/tls" / key / "docker"
    assert urls({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "default"})[0].startswith("unix")


def test_a_context_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no Docker context 'gone'"):
        endpoints({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "gone"})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"currentContext": 7}', "\xff"])
def test_a_configuration_that_is_none_chooses_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")

    assert urls({"DOCKER_CONFIG": str(tmp_path)})[0] == "unix:///var/run/docker.sock"


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the setting builder is not an address") as caught:
        endpoints({}, "kaniko")
    assert str(caught.value.hint).endswith("; or docker, podman, auto")
