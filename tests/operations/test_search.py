"""Search: what it finds, what it asks the registry for, and what it says when it cannot ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from operations.older import give_again
from parts.child import in_a_child
from parts.double import Double
from parts.filled import Storage
from parts.registry import Access, DockerRegistry

from lading.catalogue import NAMES, Catalogue
from lading.catalogue.catalogue import FILE
from lading.errors import InvalidInput, NotFound, Unavailable, Unsupported
from lading.ledger.read import read_book
from lading.ledger.write import record
from lading.operations.best import best
from lading.operations.promote import promote
from lading.operations.push import push
from lading.operations.remove import remove
from lading.operations.request import approve
from lading.operations.search import SearchResult, search
from lading.operations.searching.read_facts import read_facts
from lading.settings import Settings
from lading.spec.digest import Digest
from lading.spec.event import Draft, Kind
from lading.stores.remote.registry import RemoteStore

Found = list[tuple[str, str]]
Answer = TypeVar("Answer")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    return folder


@pytest.fixture
def storage(own_registry: DockerRegistry) -> Storage:
    return Storage(own_registry)


def found(result: SearchResult) -> Found:
    return [(version.name.rpartition("/")[2], version.version) for version in result.versions]


def auc(value: float, **said: Any) -> dict[str, Any]:
    return {"metrics": [{"name": "auc", "value": value}], **said}


def asked(registry: DockerRegistry, work: Callable[[], Answer]) -> tuple[Answer, list[Access]]:
    """What some work answers, and what it asked the registry for."""
    registry.forget_requests()
    answer = work()
    return answer, registry.requests()


# What is found


def test_a_search_finds_what_holds_and_says_what_is_known_of_it(
    small: Path, place: str, settings: Settings
) -> None:
    push(small, f"{place}:1.0.0", metrics={"auc": 0.85}, tags={"team": "risk"}, settings=settings)
    pushed = push(
        small,
        f"{place}:1.1.0",
        metrics={"auc": 0.93},
        tags={"team": "risk"},
        params={"lr": 0.1},
        description="Finds fraud",
        licenses="MIT",
        settings=settings,
    )
    push(small, f"{place}:1.2.0", metrics={"auc": 0.99}, tags={"team": "ads"}, settings=settings)

    result = search("metrics.auc > 0.9 AND tags.team = 'risk'", place, settings=settings)

    (version,) = result.versions
    assert (version.version, version.digest) == ("1.1.0", pushed.digest)
    assert version.reference == f"{place}:1.1.0"
    assert (version.metrics, version.params, version.tags) == (
        {"auc": 0.93},
        {"lr": 0.1},
        {"team": "risk"},
    )
    assert (version.description, version.licenses) == ("Finds fraud", ("MIT",))
    assert (result.repositories, result.looked_at, result.matched) == (1, 3, 1)
    assert result.notes == ()


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("version >= '1.10.0'", ["1.10.0"]),
        ("name LIKE '%/b' and version < '1.10.0'", ["1.0.0"]),
        ("params.lr IN (0.1, 0.2)", ["1.9.0"]),
        ("NOT metrics.auc > 0.5", ["1.9.0"]),
        ("metrics.loss IS NULL", ["1.10.0", "1.9.0", "1.0.0"]),
        ("created > '2026-02-01'", ["1.0.0"]),
        ("authors = 'bob'", ["1.10.0"]),
        # Who names no author may have one; that a version is in no stage is known.
        ("NOT authors = 'eve'", ["1.10.0"]),
        ("stage != 'prod'", ["1.10.0", "1.9.0", "1.0.0"]),
        ("NOT stage = 'prod' AND version < '1.9.0'", ["1.0.0"]),
        ("stage NOT IN ('dev', 'prod') AND stage IS NULL", ["1.10.0", "1.9.0", "1.0.0"]),
        ("stage = 'prod' OR stage IS NOT NULL", []),
    ],
)
def test_filters_mean_what_users_of_mlflow_know(
    storage: Storage,
    own_registry: DockerRegistry,
    settings: Settings,
    filter_: str,
    expected: list[str],
) -> None:
    storage.version("ml/a", "1.9.0", auc(0.4, params={"lr": 0.1}, created="2026-01-01T00:00:00Z"))
    storage.version("ml/a", "1.10.0", auc(0.6, authors=["ada", "bob"]))
    storage.version("ml/b", "1.0.0", {"created": "2026-03-01T00:00:00Z"})

    result = search(filter_, f"{own_registry.host}/ml/*", settings=settings)

    assert [version for _, version in found(result)] == expected


def test_the_order_is_by_name_and_version_or_as_asked_and_the_unknown_comes_last(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    host = own_registry.host
    storage.version("ml/b", "1.10.0", auc(0.2))
    storage.version("ml/b", "1.9.0", auc(0.3))
    storage.version("ml/a", "1.0.0", auc(0.3))
    storage.version("ml/a", "2.0.0", {})

    def ordered(order: str | list[str] | None) -> Found:
        return found(search(None, f"{host}/*", order_by=order, settings=settings))

    assert ordered(None) == [("a", "2.0.0"), ("a", "1.0.0"), ("b", "1.10.0"), ("b", "1.9.0")]
    assert ordered("metrics.auc DESC") == [
        ("a", "1.0.0"), ("b", "1.9.0"), ("b", "1.10.0"), ("a", "2.0.0"),
    ]  # fmt: skip
    assert ordered(["metrics.auc", "name DESC"]) == [
        ("b", "1.10.0"), ("b", "1.9.0"), ("a", "1.0.0"), ("a", "2.0.0"),
    ]  # fmt: skip
    assert ordered("version") == [
        ("a", "1.0.0"), ("b", "1.9.0"), ("b", "1.10.0"), ("a", "2.0.0"),
    ]  # fmt: skip


def test_order_and_limit_may_stand_in_the_filter_but_not_in_both(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for number in range(5):
        storage.version("ml/a", f"1.{number}.0", auc(number / 10))
    place = f"{own_registry.host}/ml/a"

    result = search("metrics.auc > 0 ORDER BY metrics.auc LIMIT 2", place, settings=settings)

    assert found(result) == [("a", "1.1.0"), ("a", "1.2.0")]
    assert result.matched == 4
    with pytest.raises(InvalidInput):
        search("metrics.auc > 0 LIMIT 2", place, limit=3, settings=settings)
    with pytest.raises(InvalidInput):
        search("metrics.auc > 0 ORDER BY name", place, order_by="version", settings=settings)


def test_a_repository_where_the_filter_belongs_is_told_apart(settings: Settings) -> None:
    with pytest.raises(InvalidInput) as refused:
        search("ml/fraud", settings=settings)

    assert refused.value.hint == "lading search '' ml/fraud"


def test_a_name_that_no_version_has_is_said(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", auc(0.9))

    result = search("metrics.acu > 0.5", f"{own_registry.host}/ml/a", settings=settings)

    assert result.versions == ()
    assert result.notes[0] == "no version says anything of metrics.acu"


# Where it looks


def test_without_names_all_of_the_default_registry_is_searched_by_short_names(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("team/a", "1.0.0", {})
    storage.version("other/b", "1.0.0", {})
    settings = replace(settings, registry=f"{own_registry.host}/team")

    result = search("name = 'a'", settings=settings)

    assert [version.name for version in result.versions] == ["a"]
    assert result.repositories == 1


def test_what_the_settings_name_is_searched_where_nothing_is_given(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for name in ("ml/a", "ml/b", "other/c"):
        storage.version(name, "1.0.0", {})
    host = own_registry.host
    settings = replace(settings, repositories=frozenset({f"{host}/ml/*", f"{host}/other/c"}))

    assert found(search(settings=settings)) == [("a", "1.0.0"), ("b", "1.0.0"), ("c", "1.0.0")]
    assert found(search(None, [f"{host}/ml/b"], settings=settings)) == [("b", "1.0.0")]


def test_the_store_on_this_machine_is_searched_where_there_is_no_registry(
    small: Path, settings: Settings
) -> None:
    push(small, "ml/fraud:1.0.0", settings=settings)
    push(small, "other/chat:1.0.0", settings=settings)

    assert found(search(settings=settings)) == [("fraud", "1.0.0"), ("chat", "1.0.0")]
    assert found(search(None, "ml/*", settings=settings)) == [("fraud", "1.0.0")]


def test_a_registry_without_a_catalogue_asks_for_names(
    double_host: str, settings: Settings
) -> None:
    with pytest.raises(Unsupported) as refused:
        search(None, f"{double_host}/ml/*", settings=settings)

    assert "LADING_REPOSITORIES" in str(refused.value.hint)


def test_names_that_no_repository_may_have_hide_no_others(
    small: Path, double: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    push(small, f"{double.host}/ml/ok:1.0.0", settings=settings)
    strange = ["ml/../../etc", "ml/x?y=1#z", "ml/\r\nHost: evil", "ML/UP", "oci:/etc", "", None, 5]
    listed = json.dumps({"repositories": [*strange, "ml/ok", "ml/" + "a" * 5000]}).encode()
    double.fail("GET", "/v2/_catalog", status=200, body=listed)

    result = search(None, f"{double.host}/*", settings=settings)

    assert found(result) == [("ok", "1.0.0")]
    assert "lists 6 names that no repository may have" in caplog.text
    assert "\r\nHost" not in caplog.text


@pytest.fixture
def double_host(request: pytest.FixtureRequest) -> str:
    """A registry that answers its catalogue with 404."""
    double = request.getfixturevalue("double")
    double.fail("GET", "/v2/_catalog", times=100, status=404)
    return str(double.host)


def test_a_search_takes_no_versions(settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        search(None, "ml/fraud:1.0.0", settings=settings)


# What it costs


def test_any_version_is_found_in_two_requests(
    small: Path, own_registry: DockerRegistry, settings: Settings
) -> None:
    pushed = push(small, f"{own_registry.host}/ml/a:1.0.0", metrics={"auc": 1}, settings=settings)
    store = RemoteStore(own_registry.host, "ml/a", settings)

    read, requests = asked(own_registry, lambda: read_facts(store, "1.0.0", "", ()))

    assert len(requests) == 2
    assert read.root is not None
    assert read.root.digest == pushed.digest
    assert read.facts is not None
    assert read.facts.values["metrics.auc"] == 1


def test_cold_and_warm_requests_are_counted(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    names = [f"ml/model{number}" for number in range(5)]
    for name in names:
        for minor in range(4):
            storage.version(name, f"1.{minor}.0", auc(0.5, tags={"of": name, "n": str(minor)}))
    places = [f"{own_registry.host}/{name}" for name in names]

    def run() -> object:
        return search("metrics.auc > 0", places, settings=settings)

    assert len(asked(own_registry, run)[1]) == 5 + 2 * 20
    _, warm = asked(own_registry, run)
    assert sorted(request.path for request in warm) == [
        f"/v2/{name}/tags/list?n=1000" for name in names
    ]
    storage.version("ml/model3", "2.0.0", auc(0.9))
    assert len(asked(own_registry, run)[1]) == 5 + 2
    assert len(asked(own_registry, run)[1]) == 5


def test_a_filter_on_names_and_versions_asks_for_nothing_else(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for name in ("ml/a", "ml/b", "ml/c"):
        for minor in range(4):
            storage.version(name, f"1.{minor}.0", auc(0.5 if minor else 0.1))
    places = [f"{own_registry.host}/ml/{name}" for name in "abc"]

    def run(expression: str) -> tuple[Found, int]:
        result, requests = asked(
            own_registry, lambda: search(expression, places, settings=settings)
        )
        return found(result), len(requests)

    one = "name LIKE '%/b' AND version = '1.2.0' AND metrics.auc > 0.3"
    assert run(one) == ([("b", "1.2.0")], 1 + 2)
    assert run(one) == ([("b", "1.2.0")], 1)
    assert run("version = '1.2.0' AND NOT name LIKE '%/b'")[1] == 2 + 2 * 1
    # What was passed over is read when it matters; documents that are alike, once.
    everything, _ = run("metrics.auc IS NOT NULL AND version != '1.9.0'")
    assert len(everything) == 12
    assert run("metrics.auc IS NULL OR version = '1.2.0'")[1] == 3


def test_asking_for_what_is_missing_reads_no_more_than_the_rest_of_the_filter_leaves(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for minor in range(4):
        storage.version("ml/a", f"1.{minor}.0", auc(minor) if minor > 1 else {"n": minor})
    place = f"{own_registry.host}/ml/a"
    filter_ = "metrics.auc IS NULL AND version IN ('1.0.0', '1.2.0')"

    result, requests = asked(own_registry, lambda: search(filter_, place, settings=settings))

    assert found(result) == [("a", "1.0.0")]
    assert len(requests) == 1 + 2 * 2


def test_a_document_that_is_known_from_elsewhere_is_not_fetched_again(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", auc(0.5))
    storage.version("prod/a", "1.0.0", auc(0.5))
    host = own_registry.host
    search(None, f"{host}/ml/a", settings=settings)

    _, requests = asked(own_registry, lambda: search(None, f"{host}/prod/a", settings=settings))

    assert len(requests) == 2


def test_refresh_reads_everything_anew(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{own_registry.host}/ml/a"
    storage.version("ml/a", "1.0.0", auc(0.5))
    search(None, place, settings=settings)
    # No event tells of this: somebody moved the tag of a version by other means.
    storage.version("ml/a", "1.0.0", auc(0.7))
    assert search(None, place, settings=settings).versions[0].metrics == {"auc": 0.5}

    _, requests = asked(own_registry, lambda: search(None, place, refresh=True, settings=settings))

    assert len(requests) == 3
    assert search(None, place, settings=settings).versions[0].metrics == {"auc": 0.7}


def test_deleting_the_catalogue_costs_requests_and_nothing_else(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", auc(0.5))
    place = f"{own_registry.host}/ml/a"
    before = search(None, place, settings=settings)
    (settings.cache / FILE).unlink()

    assert search(None, place, settings=settings) == before


# Stages


def event(
    registry: DockerRegistry, settings: Settings, kind: Kind, digest: str, version: str, **more: Any
) -> None:
    store = RemoteStore(registry.host, "ml/a", settings)
    draft = Draft(
        kind=kind,
        repository="ml/a",
        digest=Digest(digest),
        actor="ada",
        version=version,
        **more,
    )
    record(store, read_book(store), draft, fold=lambda book: book.state())


def test_stages_follow_the_ledger_and_cost_requests_only_when_it_grew(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    first = storage.version("ml/a", "1.0.0", auc(0.5))
    second = storage.version("ml/a", "1.1.0", auc(0.6))
    place = f"{own_registry.host}/ml/a"

    def in_prod() -> Found:
        return found(search("stage = 'prod'", place, settings=settings))

    assert in_prod() == []
    event(own_registry, settings, "assigned", first, "1.0.0", stage="prod")
    assert in_prod() == [("a", "1.0.0")]
    assert len(asked(own_registry, in_prod)[1]) == 1
    event(own_registry, settings, "assigned", second, "1.1.0", stage="prod", previous=first)
    assert in_prod() == [("a", "1.1.0")]
    event(own_registry, settings, "deprecated", first, "1.0.0")
    (old,) = search("deprecated", place, settings=settings).versions
    assert (old.version, old.deprecated, old.stage) == ("1.0.0", True, ())


def test_a_promotion_is_seen_by_the_next_search(
    small: Path, place: str, settings: Settings
) -> None:
    for version in ("1.0.0", "1.1.0"):
        push(small, f"{place}:{version}", settings=settings)

    def stages() -> dict[str, tuple[str, ...]]:
        result = search(None, place, settings=settings)
        return {version.version: version.stage for version in result.versions}

    assert stages() == {"1.0.0": (), "1.1.0": ()}
    promote(f"{place}:1.0.0", "prod", settings=settings)
    assert stages() == {"1.0.0": ("prod",), "1.1.0": ()}
    promote(f"{place}:1.1.0", "prod", settings=settings)
    promote(f"{place}:1.0.0", "staging", settings=settings)
    assert stages() == {"1.0.0": ("staging",), "1.1.0": ("prod",)}
    (found_in_prod,) = search("stage = 'prod'", place, settings=settings).versions
    assert [v.version for v in search("stage != 'prod'", place, settings=settings).versions] == [
        "1.0.0"
    ]
    assert found_in_prod.version == "1.1.0"


@pytest.fixture
def guarded(settings: Settings, tmp_path: Path) -> Settings:
    """Somebody whose policy protects prod."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true, approvals: 1, not_author: false}}")
    return replace(settings, policy=policy, actor="Ada <ada@example.com>")


def test_a_move_that_the_policy_refuses_is_not_shown(
    storage: Storage, own_registry: DockerRegistry, guarded: Settings
) -> None:
    first = storage.version("ml/a", "1.0.0", auc(0.5))
    second = storage.version("ml/a", "1.1.0", auc(0.6))
    place = f"{own_registry.host}/ml/a"
    approve(f"{place}:1.0.0", "prod", settings=guarded)
    promote(f"{place}:1.0.0", "prod", settings=guarded)
    event(own_registry, guarded, "assigned", second, "1.1.0", stage="prod", previous=first)

    result, cold = asked(own_registry, lambda: search("stage = 'prod'", place, settings=guarded))
    again, warm = asked(own_registry, lambda: search("stage = 'prod'", place, settings=guarded))

    assert found(result) == found(again) == [("a", "1.0.0")]
    assert len(cold) > len(warm) == 1
    assert best(place, "auc", stage="prod", settings=guarded).version == "1.0.0"


def test_another_policy_is_asked_anew_which_moves_count(
    storage: Storage, own_registry: DockerRegistry, guarded: Settings, tmp_path: Path
) -> None:
    first = storage.version("ml/a", "1.0.0", auc(0.5))
    second = storage.version("ml/a", "1.1.0", auc(0.6))
    place = f"{own_registry.host}/ml/a"
    approve(f"{place}:1.0.0", "prod", settings=guarded)
    promote(f"{place}:1.0.0", "prod", settings=guarded)
    event(own_registry, guarded, "assigned", second, "1.1.0", stage="prod", previous=first)
    nobody = replace(guarded, policy=None)

    def in_prod(settings: Settings) -> Found:
        return found(search("stage = 'prod'", place, settings=settings))

    assert in_prod(nobody) == [("a", "1.1.0")]
    assert in_prod(guarded) == [("a", "1.0.0")]
    assert in_prod(nobody) == [("a", "1.1.0")]
    (tmp_path / "policy.yaml").write_text("stages: [")
    with pytest.raises(InvalidInput):
        in_prod(guarded)


def test_a_version_that_was_removed_and_pushed_anew_is_read_again(
    small: Path, place: str, settings: Settings
) -> None:
    push(small, f"{place}:1.0.0", metrics={"auc": 0.5}, settings=settings)
    push(small, f"{place}:1.1.0", settings=settings)
    search(None, place, settings=settings)

    remove(f"{place}:1.0.0", settings=settings)
    push(small, "ml/elsewhere:1.0.0", metrics={"auc": 0.8}, settings=settings)
    second = give_again("ml/elsewhere:1.0.0", f"{place}:1.0.0", settings)

    (version,) = search("version = '1.0.0'", place, settings=settings).versions
    assert (version.digest, version.metrics) == (second, {"auc": 0.8})


def test_a_version_that_was_removed_is_found_no_more(
    small: Path, own_registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{own_registry.host}/ml/a"
    for version in ("1.0.0", "1.1.0"):
        push(small, f"{place}:{version}", settings=settings)
    search(None, place, settings=settings)

    remove(f"{place}:1.1.0", settings=settings)

    assert found(search(None, place, settings=settings)) == [("a", "1.0.0")]


# When it cannot ask


def test_a_registry_that_is_gone_is_answered_from_what_is_known_and_marked(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for name in ("ml/a", "ml/b"):
        storage.version(name, "1.0.0", auc(0.5))
    places = [f"{own_registry.host}/ml/{name}" for name in "ab"]
    search(None, places, settings=settings)
    own_registry.stop()

    result = search("metrics.auc > 0", places, settings=settings)

    assert found(result) == [("a", "1.0.0"), ("b", "1.0.0")]
    assert all(version.stale for version in result.versions)
    assert len([note for note in result.notes if "as it was when it was last asked" in note]) == 2
    with pytest.raises(Unavailable):
        search(None, f"{own_registry.host}/ml/never-seen", settings=settings)


def test_one_repository_that_cannot_be_read_does_not_hide_the_others(
    storage: Storage, own_registry: DockerRegistry, small: Path, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", {})
    push(small, "ml/local:1.0.0", settings=settings)
    places = [f"{own_registry.host}/ml/a", "ml/local", "ml/never-pushed"]

    result = search(None, places, settings=settings)

    assert {name for name, _ in found(result)} == {"a", "local"}
    assert [note for note in result.notes if "never-pushed" in note]
    with pytest.raises(NotFound):
        search(None, "ml/never-pushed", settings=settings)


def test_offline_only_what_is_known_is_searched_and_nothing_is_asked(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", {})
    storage.version("ml/b", "1.0.0", {})
    pattern = f"{own_registry.host}/ml/*"
    search(None, f"{own_registry.host}/ml/a", settings=settings)
    offline = replace(settings, offline=True)

    result, requests = asked(own_registry, lambda: search(None, pattern, settings=offline))

    assert requests == []
    assert found(result) == [("a", "1.0.0")]
    assert result.versions[0].stale


def test_a_version_that_cannot_be_read_now_is_a_note_and_is_tried_again(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", auc(0.5))
    digest = storage.version("ml/a", "1.1.0", auc(0.6))
    blob = own_registry.blob_file(digest)
    whole = blob.read_bytes()
    blob.write_bytes(b"{}" + whole[2:])
    place = f"{own_registry.host}/ml/a"

    damaged = search(None, place, settings=settings)
    blob.write_bytes(whole)
    mended = search(None, place, settings=settings)

    assert found(damaged) == [("a", "1.0.0")]
    assert len(damaged.notes) == 1
    assert found(mended) == [("a", "1.1.0"), ("a", "1.0.0")]
    assert mended.notes == ()


# Strange things


def test_what_is_no_model_is_said_once_and_not_read_again(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", {})
    storage.image("ml/a", "2.0.0")
    place = f"{own_registry.host}/ml/a"

    result = search(None, place, settings=settings)
    _, requests = asked(own_registry, lambda: search(None, place, settings=settings))

    assert found(result) == [("a", "1.0.0")]
    assert "2.0.0 cannot be searched" in result.notes[0]
    assert "container image" in result.notes[0]
    assert len(requests) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"metrics": "none", "tags": [], "params": None, "lineage": 7, "files": {"a": 1}},
        {"tags": {f"k{n}": "v" * 3000 for n in range(5000)}},
        {"metrics": [{"name": "auc", "value": 10**400}], "created": {"a": []}},
        {"description": "\x1b[31m\u202e", "authors": [1, None, "ada"]},
        {"files": [{"size": 2**64}, {"size": 10**400}], "facts": {"parameters": 2**80}},
    ],
)
def test_hostile_documents_are_searched_as_far_as_they_go(
    storage: Storage, own_registry: DockerRegistry, settings: Settings, document: dict[str, Any]
) -> None:
    storage.version("ml/a", "1.0.0", document)
    storage.version("ml/a", "1.1.0", auc(0.9))
    place = f"{own_registry.host}/ml/a"

    result = search("metrics.auc > 0.5 or name = 'x'", place, settings=settings)
    everything = search(None, place, settings=settings)

    assert found(result) == [("a", "1.1.0")]
    assert found(everything) == [("a", "1.1.0"), ("a", "1.0.0")]
    json.dumps(everything.versions[1].tags)
    assert bool(everything.notes) == (len(document.get("tags") or ()) > 2000)


def test_an_index_that_names_no_document_is_read_by_its_manifest(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", auc(0.5), annotated=False)

    result = search("metrics.auc = 0.5", f"{own_registry.host}/ml/a", settings=settings)

    assert found(result) == [("a", "1.0.0")]


def test_processes_that_refresh_at_once_all_answer_right(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for name in ("ml/a", "ml/b", "ml/c"):
        for minor in range(10):
            storage.version(name, f"1.{minor}.0", auc(minor / 10))
    pattern = f"{own_registry.host}/ml/*"

    def work() -> None:
        result = search("metrics.auc >= 0.5", pattern, settings=settings)

        assert len(result.versions) == 15, result.notes
        assert result.notes == ()

    said = _at_once(work, 4)

    assert said == ["done"] * 4
    with Catalogue(settings.cache / FILE) as catalogue:
        known = catalogue.known(catalogue.repositories())
    assert [len(each.versions) for each in known.values()] == [10, 10, 10]
    assert all(each.state.fingerprint for each in known.values())


def _at_once(work: Callable[[], None], count: int) -> list[str]:
    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(in_a_child(work))) for _ in range(count)]
    _each(thread.start for thread in threads)
    _each(thread.join for thread in threads)
    return said


def _each(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()


@pytest.mark.parametrize(
    ("filter_", "order", "wrong", "hint"),
    [
        ("metrcs.auc > 0.5", None, "metrcs.auc", "did you mean metrics.auc?"),
        ("stag = 'prod'", None, "stag", "did you mean stage?"),
        ("NOT Stage = 'prod' OR name = 'x'", None, "Stage", "did you mean stage?"),
        ("framework.vrsion = '1'", None, "framework.vrsion", "did you mean framework.version?"),
        ("accuracy > 0.5", None, "accuracy", "known are: metrics.NAME, params.NAME, tags.NAME, "),
        ("tags = 'risk'", None, "tags", "tags.NAME"),
        (None, "creatd DESC", "creatd", "did you mean created?"),
    ],
)
def test_a_filter_that_asks_for_what_nothing_is_called_is_refused(
    filter_: str | None, order: str | None, wrong: str, hint: str, settings: Settings
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        search(filter_, "ml/nothing", order_by=order, settings=settings)

    assert refusal.value.what == f"a search knows nothing called {wrong}"
    assert hint in str(refusal.value.hint)


@pytest.mark.parametrize(
    ("filter_", "what"),
    [
        ("metrics.auc > 'high'", "metrics.auc compares with a number, not with 'high'"),
        ("evaluation.auc > 'high'", "evaluation.auc compares with a number, not with 'high'"),
        ("created > 'yesterday'", "created compares with a moment, not with 'yesterday'"),
        ("NOT size > 'big'", "size compares with a number, not with 'big'"),
        ("scan = 'claen'", "scan is never 'claen'"),
    ],
)
def test_a_filter_that_compares_with_what_never_is_is_refused(
    filter_: str, what: str, settings: Settings
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        search(filter_, "ml/nothing", settings=settings)

    assert refusal.value.what == what
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("filter_", "hint"),
    [
        ("name = 'ml/fraud'", ': did you mean name = "localhost:1/ml/fraud"?'),
        ("name in ('x', 'localhost:1/ml/frud')", ': did you mean name = "localhost:1/ml/fraud"?'),
        ("name like 'other/%'", ""),
    ],
)
def test_a_name_that_excludes_every_repository_is_noted_since_nobody_is_asked(
    filter_: str, hint: str, settings: Settings
) -> None:
    places = ["localhost:1/ml/fraud", "localhost:1/ml/risk"]

    result = search(f"{filter_} and metrics.auc > 0.5", places, settings=settings)

    assert result.notes == (
        "the filter's name excludes localhost:1/ml/fraud and 1 more, so nothing was looked at"
        + hint,
    )


def test_a_stage_that_nothing_has_is_noted_with_the_nearest(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", auc(0.9))
    place = f"{own_registry.host}/ml/a"

    misspelt = search("stage = 'prd' or stage in ('prod', 'stagign')", place, settings=settings)
    empty = search("stage = 'prod'", place, settings=settings)

    assert misspelt.notes == (
        "nothing that was looked at has a stage 'prd': did you mean prod?",
        "nothing that was looked at has a stage 'stagign': did you mean staging?",
    )
    assert empty.notes == ()


def test_every_name_that_a_version_is_found_by_may_be_asked_for(settings: Settings) -> None:
    names = (*NAMES, "name", "version", "digest", "stage", "deprecated", "metrics.x", "tag.é")
    for name in (*names, "params.`a b`.c", "evaluation.auc"):
        assert search(f"{name} IS NULL ORDER BY {name}", settings=settings).versions == ()
