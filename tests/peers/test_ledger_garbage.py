"""docker-registry collects garbage after a model's whole life; nothing that matters is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from threading import Event

import pytest
from parts.registry import DockerRegistry
from peers.plain import Repository, files_of
from peers.shipped import MIB

import lading.ledger.write
from lading.errors import NotFound
from lading.ledger.read import read_book
from lading.operations import stores
from lading.operations.deprecate import deprecate
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.gc import gc
from lading.operations.history import HistoryResult, history
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.record import record_deploy
from lading.operations.request import approve, request
from lading.operations.rollback import rollback
from lading.operations.status import status
from lading.operations.verify import verify
from lading.settings import Settings
from lading.spec.reference import Reference

BOTH = pytest.mark.parametrize("delete_untagged", [False, True], ids=["plain", "-m"])
POLICY = """\
stages:
  dev: {}
  prod: {protected: true, approvals: 1, not_author: true, gates: ['metrics.auc >= 0.9']}
"""
LAST = "2.0.0"


class Life:
    """A model from its first push to a promotion into another repository, and all in between."""

    def __init__(self, registry: DockerRegistry, model: Path, settings: Settings) -> None:
        self.registry = registry
        self.settings = settings
        self.ada = replace(settings, actor="ada", author="ada")
        self.bob = replace(settings, actor="bob")
        self.place = f"{registry.host}/team/fraud"
        self.prod = f"{registry.host}/prod/fraud"
        self.files: dict[str, dict[str, bytes]] = {}
        for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0-rc.1", LAST)):
            self._push(model, number, version)
        for version in ("1.0.0", "1.1.0"):
            self._into_prod(version)
        rollback(self.place, "prod", because="false alarms", settings=self.ada)
        record_deploy(f"{self.place}:1.0.0", where="eu/risk/fraud", settings=self.ada)
        note(f"{self.place}:1.1.0", "looks at the wrong column", settings=self.bob)
        deprecate(f"{self.place}:1.2.0-rc.1", because="stale data", settings=self.ada)
        approve(f"{self.place}:{LAST}", "prod", settings=self.bob)
        evaluate(f"{self.place}:{LAST}", {"auc": 0.97}, settings=self.bob)
        promote(f"{self.place}:{LAST}", "prod", to=self.prod, settings=self.ada)
        self.before = self.told()

    def _push(self, model: Path, number: int, version: str) -> None:
        (model / "config.json").write_text(f'{{"hidden": {number}}}')
        (model / "nested/second.bin").write_bytes(bytes([number]) * (4 * MIB))
        # Images for two platforms, the model, and ModelPack's view of it.
        pushed = push(model, f"{self.place}:{version}", authors=("ada",), settings=self.ada)
        plain = Repository(self.registry.host, "team/fraud")
        assert len(plain.document(pushed.digest)["manifests"]) == 4
        self.files[version] = files_of(model)

    def _into_prod(self, version: str) -> None:
        evaluate(f"{self.place}:{version}", {"auc": 0.95}, settings=self.bob)
        request(f"{self.place}:{version}", "prod", settings=self.ada)
        approve(f"{self.place}:{version}", "prod", settings=self.bob)
        promote(f"{self.place}:{version}", "prod", settings=self.ada)

    def told(self) -> tuple[HistoryResult, HistoryResult]:
        """The history of both repositories."""
        return tuple(history(place, settings=self.ada) for place in (self.place, self.prod))  # type: ignore[return-value]  # both

    def demand_whole(self, *versions: str, into: Path) -> None:
        """Nothing that matters is lost; looked at from a machine that knows nothing yet."""
        fresh = replace(self.ada, home=into / "home", cache=into / "cache")
        for version in versions:
            self._demand_version(self.place, version, into, fresh)
        self._demand_version(self.prod, LAST, into, fresh)
        for place, before in zip((self.place, self.prod), self.before, strict=True):
            now = history(place, settings=fresh)
            assert (now.intervals, now.notes) == (before.intervals, ())
            assert now.events[: len(before.events)] == before.events
            assert all(event.reason == "removed" for event in now.events[len(before.events) :])
            stood = status(place, settings=fresh)
            assert not stood.drift
            assert stood.events == len(now.events)
            store = stores.open_store(Reference.parse(place), fresh)
            book = read_book(store, whole=True)
            assert (book.troubles, book.state().missing, len(book.untagged)) == ((), frozenset(), 0)
        assert self._prod(self.place, fresh) == "1.0.0"
        assert self._prod(self.prod, fresh) == LAST

    def _demand_version(self, place: str, version: str, into: Path, fresh: Settings) -> None:
        plain = Repository(self.registry.host, place.partition("/")[2])
        for entry in plain.document(version)["manifests"]:
            manifest = plain.document(entry["digest"])
            for part in (manifest["config"], *manifest["layers"]):
                assert plain.has("blobs", part["digest"])
        out = into / f"{place.partition('/')[2].replace('/', '-')}-{version}"
        pull(f"{place}:{version}", out, settings=fresh)
        assert files_of(out) == self.files[version]
        verify(out, f"{place}:{version}", settings=fresh)
        kinds = sorted(
            piece.type for piece in evidence(f"{place}:{version}", settings=fresh).evidence
        )
        carried = ["history"] if place == self.prod else []
        assert kinds == ([] if "rc" in version else ["evaluation", *carried])

    def _prod(self, place: str, settings: Settings) -> str | None:
        (stage,) = [s for s in status(place, settings=settings).stages if s.stage == "prod"]
        return stage.members[0].version


@pytest.fixture
def life(
    own_registry: DockerRegistry,
    model: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Life]:
    (tmp_path / "policy.yaml").write_text(POLICY)
    # Parts of the ledger are full soon.
    monkeypatch.setattr(lading.ledger.write, "SEGMENT", 5)
    life = Life(own_registry, model, replace(settings, policy=tmp_path / "policy.yaml"))
    names = Repository(own_registry.host, "team/fraud").tags()
    assert any(name.startswith("ledger-0") for name in names)
    yield life


@BOTH
def test_after_a_whole_life_nothing_that_matters_is_lost(
    life: Life, own_registry: DockerRegistry, tmp_path: Path, delete_untagged: bool
) -> None:
    own_registry.garbage_collect(delete_untagged=delete_untagged)

    life.demand_whole("1.0.0", "1.1.0", "1.2.0-rc.1", LAST, into=tmp_path / "fresh")


def test_life_goes_on_after_it(life: Life, own_registry: DockerRegistry, tmp_path: Path) -> None:
    own_registry.garbage_collect(delete_untagged=True)

    approve(f"{life.place}:{LAST}", "prod", settings=life.bob)
    promote(f"{life.place}:{LAST}", "prod", settings=life.ada)
    evaluate(f"{life.place}:{LAST}", {"auc": 0.98}, settings=life.bob)
    own_registry.garbage_collect(delete_untagged=True)

    fresh = replace(life.ada, home=tmp_path / "home", cache=tmp_path / "cache")
    pull(f"{life.place}:prod", tmp_path / "out", settings=fresh)
    assert files_of(tmp_path / "out") == life.files[LAST]
    assert len(evidence(f"{life.place}:{LAST}", settings=fresh).evidence) == 2
    assert len(history(life.place, settings=fresh).events) == len(life.before[0].events) + 2


@BOTH
def test_what_lading_throws_away_leaves_the_disk_and_nothing_else_does(
    life: Life, own_registry: DockerRegistry, tmp_path: Path, delete_untagged: bool
) -> None:
    own_registry.garbage_collect(delete_untagged=delete_untagged)
    before = disk(own_registry)

    result = gc(life.place, keep_last=0, grace="0s", delete=True, settings=life.ada)
    own_registry.garbage_collect(delete_untagged=delete_untagged)

    # Both others were in prod, which is protected; the last is the highest release.
    assert [v.version for v in result.versions if v.status == "removed"] == ["1.2.0-rc.1"]
    freed = before - disk(own_registry)
    assert freed > 4 * MIB
    assert abs(freed - result.frees) < 20_000
    life.demand_whole("1.0.0", "1.1.0", LAST, into=tmp_path / "fresh")


def disk(registry: DockerRegistry) -> int:
    """The bytes of everything that a registry stores."""
    return sum(registry.blob_file(digest).stat().st_size for digest in registry.blobs())


def test_who_promotes_while_versions_are_thrown_away_loses_nothing(
    own_registry: DockerRegistry, model: Path, settings: Settings, tmp_path: Path
) -> None:
    place = f"{own_registry.host}/team/busy"
    versions = [f"1.{number}.0" for number in range(10)]
    for version in versions:
        (model / "config.json").write_text(version)
        push(model, f"{place}:{version}", settings=settings)
    promoted: list[str] = []
    over = Event()

    def promote_on() -> None:
        ada = replace(settings, actor="ada", home=tmp_path / "ada", cache=tmp_path / "ada-cache")
        for version in cycle(versions[:9]):
            if over.is_set():
                return
            try:
                promote(f"{place}:{version}", "prod", settings=ada)
                promoted.append(version)
            except NotFound:
                pass  # it was gone already

    with ThreadPoolExecutor(1) as pool:
        promoting = pool.submit(promote_on)
        try:
            result = gc(place, keep_last=0, grace="0s", delete=True, settings=settings)
        finally:
            over.set()
        promoting.result()

    fresh = replace(settings, home=tmp_path / "home", cache=tmp_path / "cache")
    (prod,) = [s for s in status(place, settings=fresh).stages if s.stage == "prod"]
    left = [v.version for v in result.versions if v.status != "removed"]
    assert promoted
    assert prod.members[0].version in {*left, *promoted}
    assert not prod.drift
    pull(f"{place}:prod", tmp_path / "out", settings=fresh)
    pull(f"{place}:{prod.members[0].version}", tmp_path / "too", settings=fresh)
