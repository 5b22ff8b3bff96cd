"""Settings come from flags, the environment, the project, the user and defaults: in that order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lading.errors import InvalidInput
from lading.settings import active_environment, load


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a project that is the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "lading.toml"


@pytest.fixture
def user(home: Path) -> Path:
    """The user's own file."""
    file = home / ".config" / "lading" / "config.toml"
    file.parent.mkdir(parents=True)
    return file


def test_each_place_wins_over_the_one_before(
    project: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().jobs == 4

    user.write_text("jobs = 5")
    assert load().jobs == 5

    project.write_text("jobs = 6")
    assert load().jobs == 6

    monkeypatch.setenv("LADING_JOBS", "7")
    assert load().jobs == 7

    assert load(jobs=8).jobs == 8


def test_a_flag_that_was_not_given_changes_nothing(project: Path) -> None:
    project.write_text("jobs = 6")

    assert load(jobs=None).jobs == 6


@pytest.mark.parametrize(
    "line", ['insecure = ["evil.example"]', 'ca_file = "ca.pem"', 'password = "x"', 'home = "/"']
)
def test_a_project_may_not_change_how_registries_are_spoken_to(line: str, project: Path) -> None:
    project.write_text(line)

    with pytest.raises(InvalidInput, match="may not set"):
        load()


def test_a_password_from_the_environment_is_not_for_a_projects_registry(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('registry = "evil.example"')
    monkeypatch.setenv("LADING_PASSWORD", "secret")

    with pytest.raises(InvalidInput, match="password"):
        load()

    monkeypatch.setenv("LADING_REGISTRY", "evil.example")
    assert load().registry == "evil.example"


@pytest.mark.parametrize(
    "name",
    [
        "evil.example/ml/x",
        "evil.example/ml/x:1.0.0",
        "evil.example/ml/*",
        "evil.example/*",
        "evil:5000/x",
        "[::1]:5000/x",
    ],
)
def test_a_password_from_the_environment_is_not_for_a_projects_repositories(
    name: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text(f'repositories = ["ml/fraud", "{name}"]')
    monkeypatch.setenv("LADING_REGISTRY", "registry.example")
    monkeypatch.setenv("LADING_PASSWORD", "secret")

    with pytest.raises(InvalidInput, match="a password"):
        load()

    monkeypatch.delenv("LADING_PASSWORD")
    monkeypatch.setenv("LADING_IDENTITY_TOKEN", "secret")
    with pytest.raises(InvalidInput, match="a password"):
        load()

    monkeypatch.setenv("LADING_REPOSITORIES", name)
    assert load().repositories == {name}


def test_a_project_may_name_repositories_of_the_registry_that_the_person_named(
    project: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('repositories = ["registry.example/ml/*", "hub.example/x", "ml/fraud"]')
    user.write_text('registry = "hub.example/team"')
    monkeypatch.setenv("LADING_REGISTRY", "registry.example")
    monkeypatch.setenv("LADING_PASSWORD", "secret")

    settings = load()

    assert "registry.example/ml/*" in settings.repositories


def test_a_project_may_not_replace_the_users_policy(
    project: Path, user: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project.write_text('policy = "weak.yaml"')
    assert load().policy == Path("weak.yaml")

    user.write_text('policy = "/etc/strict.yaml"')
    assert load().policy == Path("/etc/strict.yaml")
    assert "the policy weak.yaml of lading.toml does not count here" in caplog.text

    monkeypatch.setenv("LADING_POLICY", "given.yaml")
    assert load().policy == Path("given.yaml")


def test_a_project_that_names_the_users_policy_is_not_warned_of(
    project: Path, user: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project.write_text('policy = "/etc/same.yaml"')
    user.write_text('policy = "/etc/same.yaml"')

    assert load().policy == Path("/etc/same.yaml")
    assert not caplog.records


def test_an_unknown_setting_is_refused_with_the_nearest_name(user: Path) -> None:
    user.write_text("jbos = 3")

    with pytest.raises(InvalidInput) as caught:
        load()

    assert caught.value.hint == "did you mean jobs?"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("LADING_JOBS", "many"), ("LADING_JOBS", "0"), ("LADING_JOBS", "1000"),
     ("LADING_OFFLINE", "perhaps"), ("LADING_TIMEOUT", "-1"), ("LADING_RETRIES", "-1"),
     ("LADING_KEEP_TAGS", "sometimes"), ("LADING_CLIENT_KEY", "key.pem")],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidInput):
        load()


def test_a_file_that_is_not_toml_is_named(user: Path) -> None:
    user.write_text("jobs = = 3")

    with pytest.raises(InvalidInput, match=r"config\.toml"):
        load()


def test_insecure_hosts_are_a_list_however_they_are_written(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.write_text('insecure = ["a.example", "b.example:5000"]')
    assert load().insecure == {"a.example", "b.example:5000"}

    monkeypatch.setenv("LADING_INSECURE", "c.example, d.example")
    assert load().insecure == {"c.example", "d.example"}


def test_credentials_are_looked_for_in_the_order_of_docker_and_podman(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "named.json"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))

    assert load().credential_files == (
        tmp_path / "named.json",
        tmp_path / "run" / "containers" / "auth.json",
        home / ".config" / "containers" / "auth.json",
        tmp_path / "docker" / "config.json",
    )


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADING_PASSWORD", "hunter2")

    assert "hunter2" not in repr(load())


def test_an_activated_environment_is_meant_where_lading_runs_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert active_environment() == tmp_path

    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert active_environment() is None

    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "deleted"))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    assert active_environment() is None


def test_the_users_policy_lies_beside_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whatever folder one stands in could put another one in its place."""
    user = tmp_path / "config" / "lading" / "config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('policy = "policy.yaml"')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    assert load().policy == user.parent / "policy.yaml"
