"""A referrer that was put stays found, whoever else writes and whatever the registry forgets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from contract.samples import push_evidence, push_model
from parts.dialect import DISTRIBUTION_2, OCI
from parts.double import INDEX, Double
from parts.registry import DockerRegistry

from lading.errors import Unavailable
from lading.settings import Settings
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.tags import fallback_tag
from lading.stores.remote.registry import RemoteStore

NAME = "ml/fraud"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=3, timeout=20)


def digests(found: Iterable[Descriptor]) -> set[Digest]:
    return {entry.digest for entry in found}


def put_list(double: Double, subject: Descriptor, *entries: Descriptor) -> None:
    """What another writer does, without asking."""
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [entry.as_json() for entry in entries],
    }
    double.put_manifest(NAME, json.dumps(index).encode(), INDEX, fallback_tag(subject.digest))


def test_of_many_writers_at_once_none_is_lost(
    registry: DockerRegistry, repository: str, settings: Settings, tmp_path: Path
) -> None:
    subject = push_model(RemoteStore(registry.host, repository, settings), "fraud", "1.0.0")

    def write(number: int) -> set[Digest]:
        # A machine of its own: nothing is known of the registry yet.
        own = replace(settings, cache=tmp_path / f"cache {number}", retries=5)
        store = RemoteStore(registry.host, repository, own)
        return {push_evidence(store, subject, f"{number} {each}").digest for each in range(3)}

    with ThreadPoolExecutor(6) as pool:
        written = set().union(*pool.map(write, range(6)))

    found = digests(RemoteStore(registry.host, repository, settings).referrers(subject))
    assert len(written) == 18
    assert found == written


def test_a_list_is_never_put_late(double: Double, settings: Settings) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    theirs = push_evidence(store, subject, "theirs")
    put_list(double, subject)
    # Ours fails, and before it could be tried again somebody else has listed theirs.
    tag = fallback_tag(subject.digest)
    double.before("PUT", f"/manifests/{tag}", lambda: put_list(double, subject, theirs))
    double.fail("PUT", f"/manifests/{tag}", status=503)

    ours = push_evidence(store, subject, "ours")

    assert digests(store.referrers(subject)) == {ours.digest, theirs.digest}


def test_what_somebody_else_lost_meanwhile_is_put_back_with_ours(
    double: Double, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    first = push_evidence(store, subject, "first")
    # A careless writer replaces the list between our looking and our looking again.
    tag = fallback_tag(subject.digest)
    double.before("GET", f"/manifests/{tag}", lambda: put_list(double, subject), skip=1)

    ours = push_evidence(store, subject, "ours")

    assert digests(store.referrers(subject)) == {first.digest, ours.digest}


def test_a_list_that_is_missing_for_a_moment_is_not_begun_anew(
    double: Double, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    first = push_evidence(store, subject, "first")
    double.fail("GET", f"/manifests/{fallback_tag(subject.digest)}", status=404)

    ours = push_evidence(store, subject, "ours")

    assert digests(store.referrers(subject)) == {first.digest, ours.digest}


def test_entries_that_garbage_collection_took_do_not_lock_the_list(
    own_registry: DockerRegistry, settings: Settings
) -> None:
    store = RemoteStore(own_registry.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    careless = RemoteStore(own_registry.host, NAME, replace(settings, keep_tags="never"))
    lost = push_evidence(careless, subject, "without a keep tag")
    kept = push_evidence(store, subject, "with one")
    own_registry.garbage_collect(delete_untagged=True)
    again = RemoteStore(own_registry.host, NAME, settings)
    assert digests(again.listed_referrers(subject)) == {lost.digest, kept.digest}

    ours = push_evidence(again, subject, "ours")

    assert digests(again.listed_referrers(subject)) == {kept.digest, ours.digest}
    assert digests(again.referrers(subject)) == {kept.digest, ours.digest}


def test_an_entry_that_the_api_lost_is_put_again(double: Double, settings: Settings) -> None:
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")

    def lose() -> None:
        manifests = double.repository(NAME).manifests
        for digest, stored in tuple(manifests.items()):
            if b'"subject"' in stored.raw:
                del manifests[digest]

    lost = double.before("GET", "/referrers/", lose, times=2)
    ours = push_evidence(store, subject, "ours")

    assert lost.hits == 2
    assert digests(store.referrers(subject)) == {ours.digest}


def test_an_api_that_never_lists_it_is_an_error(
    double: Double, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    nothing = f'{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}'.encode()
    double.fail(
        "GET", "/referrers/", times=99, status=200, headers={"Content-Type": INDEX}, body=nothing
    )

    with pytest.raises(Unavailable, match="as a referrer"):
        push_evidence(store, subject, "ours")


def test_a_registry_without_the_api_is_asked_for_it_once_an_hour(
    double: Double, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.dialect = DISTRIBUTION_2
    subject = push_model(RemoteStore(double.host, NAME, settings), "fraud", "1.0.0")

    def asked() -> int:
        before = len(double.requests)
        list(RemoteStore(double.host, NAME, settings).referrers(subject))
        return len(double.requests) - before

    assert [asked(), asked()] == [2, 1]
    learned = time.time()
    monkeypatch.setattr("time.time", lambda: learned + 3601)
    assert [asked(), asked()] == [2, 1]


def test_a_registry_that_learned_the_api_is_believed_after_an_hour(
    double: Double, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    assert not list(store.referrers(subject))
    double.dialect = OCI
    elsewhere = RemoteStore(double.host, NAME, replace(settings, cache=settings.home / "other"))

    theirs = push_evidence(elsewhere, subject, "theirs")

    learned = time.time()
    monkeypatch.setattr("time.time", lambda: learned + 3601)
    assert digests(store.referrers(subject)) == {theirs.digest}


def test_the_missing_api_does_not_keep_what_else_is_known_young(
    double: Double, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    store = RemoteStore(double.host, NAME, settings)
    subject = push_model(store, "fraud", "1.0.0")
    store.needs_keep_tags()
    (file,) = (settings.cache / "registries").iterdir()
    os.utime(file, (1_000_000_000, time.time() - 5 * 24 * 3600))
    old = file.stat().st_mtime

    list(RemoteStore(double.host, NAME, settings).referrers(subject))

    assert "without_referrers" in file.read_text()
    assert file.stat().st_mtime == old


def test_evidence_from_a_machine_that_knows_nothing_gets_its_keep_tag(
    own_registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    subject = push_model(RemoteStore(own_registry.host, NAME, settings), "fraud", "1.0.0")
    fresh = RemoteStore(own_registry.host, NAME, replace(settings, cache=tmp_path / "fresh"))

    evidence = push_evidence(fresh, subject, "accuracy")
    own_registry.garbage_collect(delete_untagged=True)

    again = RemoteStore(own_registry.host, NAME, settings)
    assert f"keep-{evidence.digest[7:19]}" in set(again.names())
    assert digests(again.referrers(subject)) == {evidence.digest}
