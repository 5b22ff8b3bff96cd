"""Logging in and out, with real registries and real helper programs."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import parts
import pytest
from parts.process import run
from parts.registry import DockerRegistry
from parts.tokens import TokenServer

from lading.errors import AccessDenied, InvalidInput, LocalFailure, Unavailable
from lading.operations.login import login, logout, registry_name
from lading.settings import Settings
from lading.stores.remote.credentials import Credentials

ADA = "pass:word ü"
HUB = "https://index.docker.io/v1/"


def auth(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def content(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("htpasswd"), users={"ada": ADA}) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    docker = tmp_path / "docker" / "config.json"
    podman = tmp_path / "auth.json"
    return Settings(
        home=tmp_path / "home",
        cache=tmp_path / "cache",
        retries=0,
        timeout=20,
        credential_files=(podman, docker),
        login_file=docker,
    )


HELPER = """#!/bin/sh
# Keeps each secret in a file named after the server, slashes made plain.
read -r line
case "$1" in
store) server=$(printf %s "$line" | sed 's/.*"ServerURL": "\\([^"]*\\)".*/\\1/') ;;
*) server=$line ;;
esac
file="FOLDER/$(printf %s "$server" | tr / _)"
echo "$1 $server" >> FOLDER/log
case "$1" in
store) printf %s "$line" > "$file" ;;
get)
    test -f "$file" && exec cat "$file"
    echo "credentials not found in native keychain"
    exit 1
    ;;
erase) rm -f "$file" ;;
esac
"""


@pytest.fixture
def keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A helper program ``keychain`` on the PATH, with the folder where it keeps secrets."""
    programs, folder = tmp_path / "bin", tmp_path / "keychain"
    programs.mkdir()
    folder.mkdir()
    program = programs / "docker-credential-keychain"
    program.write_text(HELPER.replace("FOLDER", str(folder)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return folder


# Logging in


def test_a_login_is_kept_where_docker_keeps_its_own(
    registry: DockerRegistry, settings: Settings
) -> None:
    result = login(registry.host, "ada", ADA, settings=settings)

    assert (result.host, result.username) == (registry.host, "ada")
    assert result.stored_in == str(settings.login_file)
    assert content(settings.login_file) == {"auths": {registry.host: auth("ada", ADA)}}
    assert [note for note in result.notes if "not encrypted" in note]
    assert ADA not in repr(result)


def test_the_file_is_for_its_owner_alone(registry: DockerRegistry, settings: Settings) -> None:
    settings.login_file.parent.mkdir()
    settings.login_file.write_text("{}")
    settings.login_file.chmod(0o644)

    login(registry.host, "ada", ADA, settings=settings)

    assert stat.S_IMODE(settings.login_file.stat().st_mode) == 0o600
    assert os.listdir(settings.login_file.parent) == ["config.json"]


def test_everything_else_in_the_file_stays(registry: DockerRegistry, settings: Settings) -> None:
    before = {
        "psFormat": "table {{.ID}}",
        "auths": {"other.io": auth("me", "x"), f"{registry.host}/team": auth("team", "x")},
        "HttpHeaders": {"X-Meta": "ü"},
        "plugins": {"a": {"b": "c"}},
    }
    settings.login_file.parent.mkdir()
    settings.login_file.write_text(json.dumps(before))

    login(registry.host, "ada", ADA, settings=settings)

    after = content(settings.login_file)
    assert after.pop("auths") == {**before.pop("auths"), registry.host: auth("ada", ADA)}  # type: ignore[dict-item]  # it is a dict
    assert after == before


@pytest.mark.parametrize("name", ["podman", "skopeo"])
def test_podman_and_skopeo_use_the_login(
    registry: DockerRegistry, settings: Settings, name: str
) -> None:
    program = parts.found(name)
    login(registry.host, "ada", ADA, settings=settings)

    done = run(program, "login", "--authfile", settings.login_file, "--get-login", registry.host)

    assert done.stdout.strip() == "ada"


@pytest.mark.parametrize("name", ["podman", "skopeo"])
def test_a_login_by_podman_or_skopeo_is_used_and_forgotten(
    registry: DockerRegistry, settings: Settings, name: str
) -> None:
    program, file = parts.found(name), settings.credential_files[0]
    for place in (registry.host, f"{registry.host}/team"):
        run(
            *(program, "login", "--authfile", file, "--tls-verify=false"),
            *("--username", "ada", "--password", ADA, place),
        )

    found = Credentials.of(settings).find(f"{registry.host}/team/model")
    result = logout(registry.host, settings=settings)

    assert found is not None
    assert (found.username, found.password) == ("ada", ADA)
    assert result.removed_from == (str(file),)
    assert list(content(file)["auths"]) == [f"{registry.host}/team"]


def test_a_wrong_password_is_refused_and_not_kept(
    registry: DockerRegistry, settings: Settings
) -> None:
    with pytest.raises(AccessDenied) as refusal:
        login(registry.host, "ada", "hunter2", settings=settings)

    assert refusal.value.what == f"cannot log in to {registry.host}"
    assert "check the user name" in str(refusal.value.hint)
    assert "hunter2" not in str(refusal.value)
    assert not settings.login_file.exists()


def test_a_login_that_is_refused_leaves_the_old_one(
    registry: DockerRegistry, settings: Settings
) -> None:
    login(registry.host, "ada", ADA, settings=settings)
    before = settings.login_file.read_bytes()

    with pytest.raises(AccessDenied):
        login(registry.host, "ada", "hunter2", settings=settings)

    assert settings.login_file.read_bytes() == before


def test_the_password_given_is_tried_and_no_other(
    registry: DockerRegistry, settings: Settings
) -> None:
    """Neither the one that is kept nor one in the environment makes a wrong one right."""
    login(registry.host, "ada", ADA, settings=settings)

    with pytest.raises(AccessDenied):
        login(
            registry.host,
            "ada",
            "hunter2",
            settings=replace(settings, username="ada", password=ADA),
        )


def test_a_token_server_tries_the_password(tmp_path: Path, settings: Settings) -> None:
    with (
        TokenServer(tmp_path / "tokens", users={"ada": ADA}) as tokens,
        DockerRegistry(tmp_path / "registry", tokens=tokens) as registry,
    ):
        identity = tokens.identity_token("ada")

        with pytest.raises(AccessDenied, match="refuses the credentials"):
            login(registry.host, "ada", "hunter2", settings=settings)
        login(registry.host, "ada", ADA, settings=settings)
        by_password = content(settings.login_file)["auths"][registry.host]
        login(registry.host, "<token>", identity, settings=settings)
        by_identity = content(settings.login_file)["auths"][registry.host]

    assert by_password == auth("ada", ADA)
    assert by_identity == {"identitytoken": identity}


def test_a_registry_without_passwords_is_said(tmp_path: Path, settings: Settings) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        result = login(registry.host, "ada", "anything", settings=settings)

    assert f"{registry.host} asks for no password: it could not be tried" in result.notes


def test_a_registry_that_is_not_there_is_said(settings: Settings) -> None:
    with pytest.raises(Unavailable):
        login("127.0.0.1:1", "ada", ADA, settings=settings)

    assert not settings.login_file.exists()


@pytest.mark.parametrize(
    ("host", "username", "password"),
    [
        ("", "me", "x"),
        ("a.io/team", "me", "x"),
        ("a b", "me", "x"),
        ("user@a.io", "me", "x"),
        ("a.io", "", "x"),
        ("a.io", "me", ""),
        ("a.io", "m:e", "x"),
    ],
)
def test_what_cannot_be_a_login_is_refused(
    settings: Settings, host: str, username: str, password: str
) -> None:
    with pytest.raises(InvalidInput):
        login(host, username, password, settings=settings)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io/", "ghcr.io"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("Registry.Example.com:5000", "registry.example.com:5000"),
        (HUB, "docker.io"),
        ("index.docker.io", "docker.io"),
    ],
)
def test_a_host_may_be_written_as_people_do(text: str, host: str) -> None:
    assert registry_name(text) == host


def test_another_login_that_is_used_before_is_said(
    registry: DockerRegistry, settings: Settings
) -> None:
    podman = settings.credential_files[0]
    podman.write_text(json.dumps({"auths": {registry.host: auth("old", "x")}}))

    result = login(registry.host, "ada", ADA, settings=settings)

    assert f"{podman} has another login for {registry.host}, which is used before this one" in (
        result.notes
    )


# Helpers


@pytest.mark.parametrize("chosen", ["credsStore", "credHelpers"])
def test_a_helper_keeps_the_login(
    registry: DockerRegistry, settings: Settings, keychain: Path, chosen: str
) -> None:
    value = "keychain" if chosen == "credsStore" else {registry.host: "keychain"}
    settings.login_file.parent.mkdir()
    settings.login_file.write_text(
        json.dumps({chosen: value, "auths": {registry.host: auth("old", "x")}})
    )

    result = login(registry.host, "ada", ADA, settings=settings)

    kept = content(keychain / registry.host)
    assert result.stored_in == "docker-credential-keychain"
    assert result.notes == ()
    assert kept == {"ServerURL": registry.host, "Username": "ada", "Secret": ADA}
    assert content(settings.login_file) == {chosen: value, "auths": {registry.host: {}}}


def test_a_helper_that_fails_is_said_and_the_password_is_not_written(
    registry: DockerRegistry, settings: Settings
) -> None:
    settings.login_file.parent.mkdir()
    settings.login_file.write_text('{"credsStore": "not-installed"}')

    with pytest.raises(LocalFailure) as failure:
        login(registry.host, "ada", ADA, settings=settings)

    assert "docker-credential-not-installed: it is not installed" in str(failure.value)
    assert settings.login_file.read_text() == '{"credsStore": "not-installed"}'


# The file


def test_a_broken_file_is_named_and_left_as_it_is(
    registry: DockerRegistry, settings: Settings
) -> None:
    settings.login_file.parent.mkdir()
    settings.login_file.write_text('{"auths": ')

    with pytest.raises(InvalidInput, match=r"config\.json"):
        login(registry.host, "ada", ADA, settings=settings)

    assert settings.login_file.read_text() == '{"auths": '


def test_a_link_to_the_file_stays_a_link(
    registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    dotfiles = tmp_path / "dotfiles" / "docker.json"
    dotfiles.parent.mkdir()
    dotfiles.write_text("{}")
    settings.login_file.parent.mkdir()
    settings.login_file.symlink_to(dotfiles)

    login(registry.host, "ada", ADA, settings=settings)

    assert settings.login_file.is_symlink()
    assert content(dotfiles)["auths"] == {registry.host: auth("ada", ADA)}


def test_logins_at_the_same_moment_are_all_kept(tmp_path: Path, settings: Settings) -> None:
    registries = [DockerRegistry(tmp_path / f"registry-{number}") for number in range(4)]
    try:
        hosts = [registry.start().host for registry in registries]

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda host: login(host, "ada", host, settings=settings), hosts))
    finally:
        for registry in registries:
            registry.stop()

    kept = content(settings.login_file)["auths"]
    assert kept == {host: auth("ada", host) for host in hosts}


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[None]:
    """Another user than root, to whom rights matter."""
    # Root's own Python may be closed to others: what is imported late is imported before.
    import_module("requests")
    root = os.geteuid() == 0
    for folder in (tmp_path, *tmp_path.parents[:2]) if root else ():
        folder.chmod(folder.stat().st_mode | 0o055)
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_a_folder_that_cannot_be_written_is_said(
    registry: DockerRegistry, settings: Settings, nobody: None
) -> None:
    settings = replace(settings, login_file=Path("/proc/docker/config.json"))

    with pytest.raises(LocalFailure) as failure:
        login(registry.host, "ada", ADA, settings=settings)

    assert str(settings.login_file) in str(failure.value)
    assert "DOCKER_CONFIG" in str(failure.value.hint)


def test_a_file_that_cannot_be_replaced_stays(
    settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings.login_file.parent.mkdir()
    settings.login_file.write_text(json.dumps({"auths": {"a.io": auth("me", "x")}}))
    settings.login_file.parent.chmod(0o555)
    request.getfixturevalue("nobody")

    with pytest.raises(LocalFailure, match="cannot change"):
        logout("a.io", settings=settings)

    assert content(settings.login_file) == {"auths": {"a.io": auth("me", "x")}}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_under_sudo_the_file_stays_its_owners(registry: DockerRegistry, settings: Settings) -> None:
    settings.login_file.parent.mkdir()
    settings.login_file.write_text("{}")
    os.chown(settings.login_file, 65534, 65534)

    login(registry.host, "ada", ADA, settings=settings)

    assert settings.login_file.stat().st_uid == 65534


# Logging out


def test_a_login_is_forgotten_everywhere(settings: Settings, keychain: Path) -> None:
    podman, docker = settings.credential_files
    podman.write_text(json.dumps({"auths": {"a.io": auth("me", "x"), "b.io": auth("me", "x")}}))
    docker.parent.mkdir()
    docker.write_text(
        json.dumps(
            {
                "credsStore": "keychain",
                "auths": {"https://a.io/v1/": auth("me", "x"), "a.io/team": auth("team", "x")},
            }
        )
    )
    (keychain / "a.io").write_text('{"Username": "me", "Secret": "x"}')

    result = logout("a.io", settings=settings)

    assert result.host == "a.io"
    assert result.removed_from == (str(podman), "docker-credential-keychain", str(docker))
    assert content(podman) == {"auths": {"b.io": auth("me", "x")}}
    assert content(docker)["auths"] == {"a.io/team": auth("team", "x")}
    assert sorted(os.listdir(keychain)) == ["log"]
    assert logout("a.io", settings=settings).removed_from == ()


def test_docker_hub_is_forgotten_under_every_name(settings: Settings, keychain: Path) -> None:
    _, docker = settings.credential_files
    docker.parent.mkdir()
    docker.write_text(json.dumps({"credsStore": "keychain", "auths": {HUB: {}}}))
    (keychain / HUB.replace("/", "_")).write_text('{"Username": "me", "Secret": "x"}')

    result = logout("docker.io", settings=settings)

    assert result.removed_from == ("docker-credential-keychain",)
    assert content(docker) == {"credsStore": "keychain", "auths": {}}
    assert (keychain / "log").read_text() == f"get {HUB}\nerase {HUB}\n"


def test_where_there_is_no_login_nothing_is_written(settings: Settings) -> None:
    podman, docker = settings.credential_files
    podman.write_text('{"auths":{"b.io":{}}}')

    result = logout("a.io", settings=settings)

    assert result.removed_from == ()
    assert podman.read_text() == '{"auths":{"b.io":{}}}'
    assert not docker.parent.exists()


def test_what_was_logged_in_is_logged_out(
    registry: DockerRegistry, settings: Settings, keychain: Path
) -> None:
    settings.login_file.parent.mkdir()
    settings.login_file.write_text('{"credsStore": "keychain"}')
    login(registry.host, "ada", ADA, settings=settings)

    result = logout(registry.host, settings=settings)

    assert result.removed_from == ("docker-credential-keychain",)
    assert content(settings.login_file) == {"credsStore": "keychain", "auths": {}}
