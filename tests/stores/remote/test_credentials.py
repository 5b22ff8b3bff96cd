"""Finding out who we are: docker's files, podman's files, and real helper programs."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from lading.errors import InvalidInput
from lading.settings import Settings
from lading.stores.remote.credentials import (
    Credential,
    CredentialFile,
    Credentials,
    Helper,
    HelperFailed,
)

HUB = "https://index.docker.io/v1/"


def auth(pair: str) -> dict[str, str]:
    return {"auth": base64.b64encode(pair.encode()).decode()}


def write(path: Path, **config: Any) -> Path:
    path.write_text(json.dumps(config))
    return path


def find(name: str, *files: Path, timeout: float = 10) -> Credential | None:
    return Credentials(None, files, helper_timeout=timeout).find(name)


def user(name: str, *files: Path) -> str | None:
    found = find(name, *files)
    return found.username if found else None


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def helper(folder: Path, name: str, script: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def answering(secrets: dict[str, tuple[str, str]]) -> str:
    """A helper that knows some servers and writes down what it was asked."""
    cases = "\n".join(
        f"'{server}') echo '{json.dumps({'Username': pair[0], 'Secret': pair[1]})}';;"
        for server, pair in secrets.items()
    )
    return f"""
        read server
        echo "$1 $server" >> "$0.log"
        case "$server" in
        {cases}
        *) echo "credentials not found in native keychain"; exit 1;;
        esac"""


def test_a_password_may_hold_colons(tmp_path: Path) -> None:
    file = write(tmp_path / "config.json", auths={"ghcr.io": auth("me:a:b::c")})

    found = find("ghcr.io/acme/bert", file)

    assert found == Credential("me", "a:b::c", source=str(file))


@pytest.mark.parametrize(
    "key",
    [
        "ghcr.io",
        "https://ghcr.io",
        "https://ghcr.io/",
        "http://ghcr.io",
        "https://ghcr.io/v1/",
        "https://ghcr.io/v2/",
        "ghcr.io/v1/",
        "ghcr.io/",
        "GHCR.io",
        "ghcr.io:443",
    ],
)
def test_keys_are_found_however_they_are_written(tmp_path: Path, key: str) -> None:
    file = write(tmp_path / "config.json", auths={key: auth("me:secret")})

    assert user("ghcr.io/acme/bert", file) == "me"


@pytest.mark.parametrize("key", ["example.ghcr.io", "ghcr.io.example", "ghcr.io:5000", "hcr.io"])
def test_other_hosts_are_other_hosts(tmp_path: Path, key: str) -> None:
    file = write(tmp_path / "config.json", auths={key: auth("me:secret")})

    assert find("ghcr.io/acme/bert", file) is None


def test_the_exact_key_wins_over_one_that_means_the_same(tmp_path: Path) -> None:
    auths = {"https://ghcr.io": auth("old:x"), "ghcr.io": auth("new:x")}
    file = write(tmp_path / "config.json", auths=auths)

    assert user("ghcr.io", file) == "new"


@pytest.mark.parametrize("key", [HUB, "docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize("name", ["docker.io/library/a", "registry-1.docker.io/library/a"])
def test_docker_hub_has_many_names(tmp_path: Path, key: str, name: str) -> None:
    file = write(tmp_path / "config.json", auths={key: auth("me:secret")})

    assert user(name, file) == "me"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("registry.example.com:5000/team/repo/deep", "repo"),
        ("registry.example.com:5000/team/repo", "repo"),
        ("registry.example.com:5000/team/repository", "team"),
        ("registry.example.com:5000/team", "team"),
        ("registry.example.com:5000/other", "host"),
        ("registry.example.com:5000", "host"),
        ("registry.example.com/team/repo", None),
    ],
)
def test_the_longest_path_wins(tmp_path: Path, name: str, expected: str | None) -> None:
    host = "registry.example.com:5000"
    auths = {
        host: auth("host:x"),
        f"{host}/team": auth("team:x"),
        f"{host}/team/repo": auth("repo:x"),
    }
    file = write(tmp_path / "auth.json", auths=auths)

    assert user(name, file) == expected


def test_the_first_file_that_knows_the_host_wins(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "auth.json"
    podman = write(tmp_path / "auth.json", auths={"a.io": auth("podman:x"), "b.io": {}})
    docker = write(tmp_path / "config.json", auths={"a.io": auth("docker:x"), "b.io": auth("b:x")})

    assert user("a.io/x", missing, podman, docker) == "podman"
    assert user("b.io/x", missing, podman, docker) == "b"
    assert user("c.io/x", missing, podman, docker) is None


def test_flags_and_environment_come_first(tmp_path: Path) -> None:
    file = write(tmp_path / "config.json", auths={"a.io": auth("file:x")})
    settings = Settings(
        home=tmp_path,
        cache=tmp_path,
        credential_files=(file,),
        username="given",
        password="secret",
    )

    found = Credentials.of(settings).find("a.io")

    assert found is not None
    assert (found.username, found.password) == ("given", "secret")


def test_settings_without_credentials_leave_it_to_the_files(tmp_path: Path) -> None:
    file = write(tmp_path / "config.json", auths={"a.io": auth("file:x")})
    settings = Settings(home=tmp_path, cache=tmp_path, credential_files=(file,))

    found = Credentials.of(settings).find("a.io")

    assert found is not None
    assert found.username == "file"


def test_tokens_in_a_file_are_found(tmp_path: Path) -> None:
    auths = {
        "acr.io": {**auth("00000000-0000-0000-0000-000000000000:"), "identitytoken": "identity"},
        "ready.io": {"registrytoken": "ready"},
        "marked.io": auth("<token>:identity"),
        "kubernetes.io": {"username": "me", "password": "secret"},
        "padded.io": auth("me:secret\0\0"),
    }
    file = write(tmp_path / "config.json", auths=auths)

    def secrets(name: str) -> tuple[str, str, str]:
        found = find(name, file)
        assert found is not None
        return found.password, found.identity_token, found.registry_token

    assert secrets("acr.io") == ("", "identity", "")
    assert secrets("ready.io") == ("", "", "ready")
    assert secrets("marked.io") == ("", "identity", "")
    assert secrets("kubernetes.io") == ("secret", "", "")
    assert secrets("padded.io") == ("secret", "", "")


def test_the_hosts_own_helper_comes_before_the_store_and_the_file(
    tmp_path: Path, helpers: Path
) -> None:
    helper(helpers, "own", answering({"a.io": ("own", "x")}))
    helper(helpers, "store", answering({"a.io": ("store", "x"), "b.io": ("store", "x")}))
    file = write(
        tmp_path / "config.json",
        credHelpers={"a.io": "own"},
        credsStore="store",
        auths={"a.io": auth("file:x"), "c.io": auth("file:x")},
    )

    assert user("a.io/x", file) == "own"
    assert user("b.io/x", file) == "store"
    assert user("c.io/x", file) == "file"
    assert (helpers / "docker-credential-own.log").read_text() == "get a.io\n"


def test_helpers_know_docker_hub_by_its_old_address(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "store", answering({HUB: ("me", "x")}))
    file = write(tmp_path / "config.json", credsStore="store")

    assert user("docker.io/library/a", file) == "me"


def test_a_helper_marks_identity_tokens_by_the_user_name(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "store", answering({"a.io": ("<token>", "identity")}))
    file = write(tmp_path / "config.json", credsStore="store")

    found = find("a.io", file)

    assert found is not None
    assert (found.username, found.password, found.identity_token) == ("", "", "identity")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (None, "it is not installed"),
        ("echo 'keychain is locked'; exit 1", "keychain is locked"),
        ('echo \'{"Secret": "hunter2"}\'; exit 3', "exit status 3"),
        ('echo \'{"Secret": "hunter2"\'', "its answer cannot be read"),
        ("echo hunter2", "its answer cannot be read"),
        ("echo '[\"hunter2\"]'", "its answer cannot be read"),
        ("exec sleep 60", "no answer within 1 s"),
    ],
)
def test_a_helper_that_fails_is_left_out_with_a_warning(
    tmp_path: Path,
    helpers: Path,
    caplog: pytest.LogCaptureFixture,
    script: str | None,
    complaint: str,
) -> None:
    if script is not None:
        helper(helpers, "broken", script)
    file = write(
        tmp_path / "config.json", credsStore="broken", auths={"a.io": auth("file:hunter3")}
    )
    start = time.monotonic()

    found = find("a.io", file, timeout=1)

    assert found is not None
    assert found.username == "file"
    assert time.monotonic() - start < 10
    [warning] = caplog.records
    assert warning.levelno == logging.WARNING
    assert f"docker-credential-broken: {complaint}" in warning.getMessage()
    assert "hunter" not in caplog.text


def test_a_helper_that_has_nothing_is_no_reason_to_warn(
    tmp_path: Path, helpers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    helper(helpers, "store", answering({}))
    helper(helpers, "empty", 'echo \'{"Username": "", "Secret": ""}\'')
    file = write(tmp_path / "config.json", credsStore="store", credHelpers={"a.io": "empty"})

    assert find("a.io", file) is None
    assert not caplog.records


@pytest.mark.parametrize("name", ["../../bin/evil", "a/b", "", "-x", "a b", "a\nb", ".."])
def test_a_helper_is_a_name_and_no_path(tmp_path: Path, helpers: Path, name: str) -> None:
    (helpers / "docker-credential-..").mkdir()

    with pytest.raises(HelperFailed, match="no name for a program"):
        Helper(name).get("a.io")


@pytest.mark.parametrize(
    "text",
    [
        '{"auths": ',
        '["secret"]',
        '{"auths": ["secret"]}',
        '{"auths": {"a.io": "secret"}}',
        '{"auths": {"a.io": {"auth": "secret!"}}}',
        '{"auths": {"a.io": {"auth": "c2VjcmV0"}}}',
        '{"auths": {"a.io": {"auth": "c2VjcmV0Ov/+"}}}',
        '{"credsStore": {"x": "secret"}}',
        '{"credHelpers": "secret"}',
        "[" * 100_000,
        "\x00\x01secret",
    ],
)
def test_a_broken_file_is_named_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)

    with pytest.raises(InvalidInput) as refusal:
        find("a.io", file)

    assert str(file) in str(refusal.value)
    assert "secret" not in f"{refusal.value} {refusal.value.cause} {refusal.value.__context__}"


@pytest.mark.parametrize("text", ["", " \n", "{}", '{"auths": null, "credHelpers": null}'])
def test_an_empty_file_knows_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)

    assert find("a.io", file) is None


def test_what_cannot_be_read_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "config.json"
    folder.mkdir()
    file = write(tmp_path / "auth.json", auths={"a.io": auth("me:x")})

    assert user("a.io", folder, file) == "me"
    assert str(folder) in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_of_another_user_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    file = write(tmp_path / "config.json", auths={"a.io": auth("me:x")})
    file.chmod(0o600)
    os.seteuid(65534)
    try:
        found = find("a.io", file)
    finally:
        os.seteuid(0)

    assert found is None
    assert "Permission denied" in caplog.text


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path) -> None:
    file = write(tmp_path / "config.json", auths={"a.io": auth("one:x")})

    first = CredentialFile.read(file)
    again = CredentialFile.read(file)
    write(file, auths={"a.io": auth("another:x")})
    changed = CredentialFile.read(file)

    assert again is first
    assert changed is not first
    assert user("a.io", file) == "another"


def test_no_secret_is_shown() -> None:
    everything = Credential("me", "hunter1", "hunter2", "hunter3", "somewhere")

    assert "hunter" not in repr(everything) + str(everything)
    assert "me" in repr(everything)
