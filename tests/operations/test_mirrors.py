"""Every verb over a registry with mirrors, and over the cache where nobody answers.

The registries are real, and stopped, killed and damaged.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from parts.double import Double
from parts.process import free_port
from parts.registry import DockerRegistry
from sklearn.linear_model import LinearRegression
from skops import io as skops

from lading import settings as settings_module
from lading.errors import IntegrityError, InvalidInput, NotFound, Unavailable
from lading.operations.bundle import bundle
from lading.operations.copy import copy
from lading.operations.inspect import inspect
from lading.operations.ledger import ledger_verify
from lading.operations.list import list_versions
from lading.operations.load import load
from lading.operations.note import note
from lading.operations.open import open as open_version
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.serve import _Stage
from lading.operations.status import status
from lading.operations.watch import watch
from lading.settings import Settings
from lading.spec.mirror import parse_mirrors
from lading.spec.reference import Reference
from lading.stores.mirrored.health import HEALTH
from lading.transfer import Progress

Tree = Callable[[Path], dict[str, bytes | None]]
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def well() -> Iterator[None]:
    """Nobody failed a moment ago."""
    HEALTH.forget()
    yield
    HEALTH.forget()


def mirrored(settings: Settings, host: str, *mirrors: str) -> Settings:
    return replace(settings, mirrors=parse_mirrors({host: list(mirrors)}))


def fresh(settings: Settings, folder: Path) -> Settings:
    """The same settings on a machine that never pulled anything."""
    return replace(settings, cache=folder)


# Real registries


def test_a_pull_goes_on_at_the_mirror_while_the_registry_is_stopped(
    model: Path,
    own_registry: DockerRegistry,
    registry: DockerRegistry,
    *,
    settings: Settings,
    repository: str,
    tmp_path: Path,
    tree: Tree,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there, near = f"{own_registry.host}/{repository}", f"{registry.host}/{repository}"
    pushed = push(model, f"{there}:1.0.0", settings=settings)
    copy(f"{there}:1.0.0", f"{near}:1.0.0", settings=settings)
    own_registry.stop()
    told = fresh(mirrored(settings, own_registry.host, registry.host), tmp_path / "other")

    result = pull(f"{there}:1.0.0", tmp_path / "out", settings=told)

    assert result.digest == pushed.digest
    assert tree(tmp_path / "out") == tree(model)
    assert caplog.text.count(f"names in {there} are what the mirror {near} says") == 1
    assert caplog.text.count("WARNING") == 1


def test_a_pull_that_began_at_the_registry_ends_at_the_mirror(
    own_registry: DockerRegistry,
    other_registry: DockerRegistry,
    settings: Settings,
    *,
    repository: str,
    tmp_path: Path,
    tree: Tree,
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(64 * MIB))
    there = f"{own_registry.host}/{repository}:1.0.0"
    push(folder, there, settings=settings)
    copy(there, f"{other_registry.host}/{repository}:1.0.0", settings=settings)
    told = fresh(mirrored(settings, own_registry.host, other_registry.host), tmp_path / "other")
    other_registry.forget_requests()
    killed_at: list[int] = []

    def kill(progress: Progress) -> None:
        if not killed_at and progress.kind == "advanced" and progress.done > 2 * MIB:
            killed_at.append(progress.done)
            own_registry.kill()

    pull(there, tmp_path / "out", settings=told, on_progress=kill)

    assert 0 < killed_at[0] < 64 * MIB
    assert tree(tmp_path / "out") == tree(folder)
    asked = [each for each in other_registry.requests() if "/blobs/" in each.path]
    # It went on where the other broke off, in one request.
    assert [each.status for each in asked] == [206]


def test_what_is_damaged_on_the_registrys_disk_comes_from_the_mirror(
    model: Path,
    own_registry: DockerRegistry,
    registry: DockerRegistry,
    *,
    settings: Settings,
    repository: str,
    tmp_path: Path,
    tree: Tree,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = f"{own_registry.host}/{repository}"
    push(model, f"{there}:1.0.0", settings=settings)
    copy(f"{there}:1.0.0", f"{registry.host}/{repository}:1.0.0", settings=settings)
    largest = max(inspect(f"{there}:1.0.0", settings=settings).layers, key=lambda layer: layer.size)
    file = own_registry.blob_file(largest.digest)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    told = mirrored(settings, own_registry.host, registry.host)

    pull(f"{there}:1.0.0", tmp_path / "out", settings=fresh(told, tmp_path / "other"))
    pull(f"{there}:1.0.0", settings=fresh(told, tmp_path / "third"))

    assert tree(tmp_path / "out") == tree(model)
    assert f"{there} gives wrong content for {largest.digest[7:19]}" in caplog.text
    with pytest.raises(IntegrityError):
        pull(f"{there}:1.0.0", settings=fresh(settings, tmp_path / "fourth"))


def test_what_the_registry_lost_comes_from_the_mirror(
    model: Path,
    own_registry: DockerRegistry,
    registry: DockerRegistry,
    *,
    settings: Settings,
    repository: str,
    tmp_path: Path,
    tree: Tree,
) -> None:
    there = f"{own_registry.host}/{repository}:1.0.0"
    push(model, there, settings=settings)
    copy(there, f"{registry.host}/{repository}:1.0.0", settings=settings)
    for layer in inspect(there, settings=settings).layers:
        own_registry.blob_file(layer.digest).unlink()
    told = fresh(mirrored(settings, own_registry.host, registry.host), tmp_path / "other")

    pull(there, tmp_path / "out", settings=told)

    assert tree(tmp_path / "out") == tree(model)


def test_who_works_at_the_registry_writes_there_and_nowhere_else(
    model: Path, double: Double, settings: Settings
) -> None:
    with Double() as near:
        told = replace(mirrored(settings, double.host, near.host), mirrors_first=True)
        place = f"{double.host}/ml/fraud"

        push(model, f"{place}:1.0.0", settings=told)
        promote(f"{place}:1.0.0", "prod", settings=told)
        note(f"{place}:1.0.0", "a remark", settings=told)
        pull(f"{place}:prod", settings=fresh(told, settings.home / "other"))

        assert {request.method for request in near.asked()} <= {"GET"}
        assert all("/blobs/" in request.path for request in near.asked())


def test_a_promotion_is_refused_that_would_be_decided_by_a_mirrors_word(
    model: Path, double: Double, settings: Settings
) -> None:
    place = f"{double.host}/ml/fraud"
    with Double() as near:
        push(model, f"{place}:1.0.0", settings=settings)
        push(model, f"{near.host}/ml/fraud:1.0.0", settings=settings)
        told = mirrored(settings, double.host, near.host)
        double.fail("GET", "/manifests/|/tags/|/referrers/", status=503, times=1000)

        with pytest.raises(Unavailable, match="nothing was written"):
            promote(f"{place}:1.0.0", "prod", settings=told)

        assert "prod" not in double.repository("ml/fraud").tags
        assert "prod" not in near.repository("ml/fraud").tags


def test_a_served_stage_does_not_go_back_to_what_a_mirror_has(
    model: Path, double: Double, settings: Settings
) -> None:
    place = Reference("ml/fraud", host=double.host, tag="prod")
    with Double() as near:
        push(model, f"{near.host}/ml/fraud:1.0.0", settings=settings)
        promote(f"{near.host}/ml/fraud:1.0.0", "prod", settings=settings)
        (model / "config.json").write_text("another")
        newer = push(model, f"{double.host}/ml/fraud:1.1.0", settings=settings)
        promote(f"{double.host}/ml/fraud:1.1.0", "prod", settings=settings)
        told = mirrored(settings, double.host, near.host)
        stage = _Stage(place, told, lambda: Served(pull(place, settings=told).digest))  # type: ignore[arg-type,return-value]  # of a model only its digest counts here

        assert stage.look() == newer.digest
        double.stop()
        with pytest.raises(Unavailable, match="does not answer"):
            stage.look()
        with pytest.raises(Unavailable, match="a moment ago"):
            stage.load()


def test_a_watch_does_not_tell_what_a_mirror_says(
    model: Path, double: Double, settings: Settings
) -> None:
    with Double() as near:
        for host in (double.host, near.host):
            push(model, f"{host}/ml/fraud:1.0.0", settings=settings)
        double.stop()
        near.forget_requests()
        told = mirrored(settings, double.host, near.host)

        with pytest.raises(Unavailable):
            list(watch(f"{double.host}/ml/fraud", once=True, settings=told))
        assert near.asked() == []


@dataclass
class Served:
    digest: str


# Requests are counted


def test_without_mirrors_and_with_them_a_registry_that_answers_is_asked_the_same(
    model: Path, double: Double, settings: Settings, tmp_path: Path
) -> None:
    place = f"{double.host}/ml/fraud:1.0.0"
    push(model, place, settings=settings)

    def asked(told: Settings, name: str) -> list[str]:
        double.forget_requests()
        told = fresh(replace(told, jobs=1), tmp_path / name)
        inspect(place, settings=told)
        pull(place, settings=told)
        list_versions(place.rpartition(":")[0], settings=told)
        return [f"{request.method} {request.target}" for request in double.asked()]

    with Double() as near:
        plain = asked(settings, "plain")
        with_mirrors = asked(mirrored(settings, double.host, near.host), "mirrored")

        assert with_mirrors == plain
        assert near.asked() == []


# Nobody answers


def test_by_digest_nobody_need_be_asked_for_what_is_in_the_cache(
    model: Path,
    own_registry: DockerRegistry,
    settings: Settings,
    *,
    repository: str,
    tmp_path: Path,
    tree: Tree,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = f"{own_registry.host}/{repository}"
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    pull(f"{place}:1.0.0", settings=settings)
    own_registry.stop()
    caplog.clear()

    pull(f"{place}@{pushed.digest}", tmp_path / "out", settings=settings)
    shown = inspect(f"{place}@{pushed.digest}", settings=settings)
    with open_version(f"{place}@{pushed.digest}", settings=settings) as opened:
        raw = opened.read("config.json")

    assert tree(tmp_path / "out") == tree(model)
    assert (shown.digest, len(shown.files)) == (pushed.digest, 6)
    assert raw == b'{"hidden": 8}'
    assert caplog.text == ""


def test_by_digest_the_cache_says_that_it_answers_where_nobody_else_does(
    model: Path,
    own_registry: DockerRegistry,
    settings: Settings,
    *,
    repository: str,
    tmp_path: Path,
    tree: Tree,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pushed = push(model, f"{own_registry.host}/{repository}:1.0.0", settings=settings)
    pull(f"{own_registry.host}/{repository}:1.0.0", settings=settings)
    # The same content under a name that this machine never asked for.
    place = f"{own_registry.host}/other/{repository}@{pushed.digest}"
    beside = f"{own_registry.host}/other/{repository}:1.0.0"
    copy(f"{own_registry.host}/{repository}:1.0.0", beside, settings=settings)
    told = mirrored(settings, own_registry.host, f"127.0.0.1:{free_port()}")
    caplog.clear()
    quiet = replace(told, cache=tmp_path / "another")
    pull(place, tmp_path / "up", settings=quiet)
    assert caplog.text == ""
    own_registry.stop()

    pull(place, tmp_path / "out", settings=told)
    with open_version(place, settings=told) as opened:
        raw = opened.read("config.json")

    assert tree(tmp_path / "out") == tree(model)
    assert raw == b'{"hidden": 8}'
    assert caplog.text.count(f"{place} comes from the cache") == 2


def test_by_tag_it_is_what_this_machine_saw_last_and_when(
    model: Path,
    own_registry: DockerRegistry,
    settings: Settings,
    *,
    repository: str,
    tmp_path: Path,
    tree: Tree,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = f"{own_registry.host}/{repository}:1.0.0"
    pushed = push(model, place, settings=settings)
    pull(place, settings=settings)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    own_registry.stop()
    gone = f"127.0.0.1:{free_port()}"
    told = mirrored(settings, own_registry.host, gone)

    result = pull(place, tmp_path / "out", settings=told)
    shown = inspect(place, settings=told)
    with open_version(place, settings=told) as opened:
        digest = opened.digest

    assert result.digest == shown.digest == digest == pushed.digest
    assert tree(tmp_path / "out") == tree(model)
    assert (
        len(re.findall(rf"as this machine saw it last, on {today} at \d\d:\d\d UTC", caplog.text))
        == 3
    )
    assert any("from the cache" in each for each in shown.notes)


def test_a_model_is_loaded_from_the_cache_while_nobody_answers(
    own_registry: DockerRegistry, settings: Settings, repository: str, tmp_path: Path
) -> None:
    folder = tmp_path / "scikit"
    folder.mkdir()
    skops.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), folder / "model.skops")
    place = f"{own_registry.host}/{repository}:1.0.0"
    push(folder, place, settings=settings)
    before = load(place, check_environment=False, settings=settings)
    own_registry.stop()

    after = load(place, check_environment=False, settings=settings)

    assert after.digest == before.digest
    assert after.predict([[3.0]]) == pytest.approx(6.0)


def test_a_mirrors_word_is_not_what_this_machine_saw(
    model: Path, settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with Double() as double, Double() as near:
        place = f"{double.host}/ml/fraud"
        first = push(model, f"{near.host}/ml/fraud:1.0.0", settings=settings)
        copy(f"{near.host}/ml/fraud:1.0.0", f"{place}:1.0.0", settings=settings)
        copy(f"{near.host}/ml/fraud:1.0.0", f"{near.host}/ml/fraud:candidate", settings=settings)
        told = mirrored(settings, double.host, near.host)
        double.stop()
        pull(f"{place}:candidate", settings=told)
        near.stop()
        HEALTH.forget()

        with pytest.raises(Unavailable):
            pull(f"{place}:candidate", settings=told)
        pull(f"{place}@{first.digest}", tmp_path / "out", settings=told)


def test_a_mirrors_ledger_is_not_what_was_seen_of_the_registry(
    model: Path,
    own_registry: DockerRegistry,
    registry: DockerRegistry,
    *,
    settings: Settings,
    repository: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there, near = f"{own_registry.host}/{repository}", f"{registry.host}/{repository}"
    push(model, f"{there}:1.0.0", settings=settings)
    copy(there, near, all_versions=True, settings=settings)
    for stage in ("dev", "staging"):
        promote(f"{near}:1.0.0", stage, settings=settings)
    told = mirrored(settings, own_registry.host, registry.host)
    own_registry.stop()
    status(there, settings=told)
    own_registry.start()
    HEALTH.forget()

    for each in (settings, told):
        assert not any("set back" in note for note in status(there, settings=each).notes)
        assert ledger_verify(there, settings=each).findings == ()


def test_a_mirror_without_every_name_fills_a_bundle(
    model: Path,
    own_registry: DockerRegistry,
    registry: DockerRegistry,
    *,
    settings: Settings,
    repository: str,
    tmp_path: Path,
) -> None:
    there, near = f"{own_registry.host}/{repository}", f"{registry.host}/{repository}"
    pushed = push(model, f"{there}:1.0.0", settings=settings)
    copy(f"{there}:1.0.0", f"{near}:1.0.0", settings=settings)
    own_registry.stop()
    told = mirrored(settings, own_registry.host, registry.host)

    written = bundle([f"{there}:1.0.0"], tmp_path / "bundle.tar", settings=told)

    assert [name.digest for name in written.names] == [pushed.digest]


def test_what_this_machine_never_saw_is_not_to_be_had(
    own_registry: DockerRegistry, settings: Settings, repository: str
) -> None:
    own_registry.stop()
    place = f"{own_registry.host}/{repository}"

    for verb in (pull, inspect):
        with pytest.raises(Unavailable, match="does not answer"):
            verb(f"{place}:1.0.0", settings=settings)
        with pytest.raises(Unavailable, match="does not answer"):
            verb(f"{place}@sha256:{'0' * 64}", settings=settings)


def test_a_version_that_is_gone_is_gone_though_the_cache_has_it(
    model: Path, double: Double, settings: Settings
) -> None:
    place = f"{double.host}/ml/fraud:1.0.0"
    push(model, place, settings=settings)
    pull(place, settings=settings)
    double.repository("ml/fraud").tags.clear()

    with pytest.raises(NotFound):
        pull(place, settings=settings)


def test_what_an_older_lading_remembered_has_no_time(
    model: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with Double() as double:
        place = f"{double.host}/ml/fraud:1.0.0"
        push(model, place, settings=settings)
        pull(place, settings=settings)
    for file in (settings.cache / "names").iterdir():
        value = json.loads(file.read_text())
        del value["time"]
        file.write_text(json.dumps(value))

    pull(place, settings=settings)

    assert "saw it last, nobody noted when" in caplog.text


# Settings


def test_mirrors_are_set_by_the_user_and_by_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = home / ".config" / "lading"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(
        'mirrors_first = true\n[mirrors]\n"ghcr.io/acme" = ["near.example/acme",'
        ' {at = "far.example:5000", ca_file = "~/far.pem"}]\n'
    )

    ours = settings_module.load()
    monkeypatch.setenv("LADING_MIRRORS", "ghcr.io=other.example")
    theirs = settings_module.load()

    ((place, found),) = ours.mirrors
    assert (place, [each.place for each in found]) == (
        "ghcr.io/acme",
        ["near.example/acme", "far.example:5000"],
    )
    assert found[1].ca_file == home / "far.pem"
    assert ours.mirrors_first
    assert theirs.mirrors == parse_mirrors({"ghcr.io": "other.example"})


@pytest.mark.parametrize(
    "text", ['[mirrors]\n"ghcr.io" = ["evil.example"]', "mirrors_first = true"]
)
def test_a_project_may_not_say_who_is_asked_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "lading.toml").write_text(text)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidInput, match="may not set 'mirrors"):
        settings_module.load()


def test_a_variable_that_names_no_mirror_says_how_to_write_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LADING_MIRRORS", "ghcr.io")

    with pytest.raises(InvalidInput, match="HOST=MIRROR"):
        settings_module.load()
