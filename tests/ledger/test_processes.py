"""Many processes at one ledger, on real parts; and processes that are killed at any moment."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.samples import push_model
from ledger.samples import assign, open_fold
from ledger.test_stateful import MENDED
from ledger.writers import VERSIONS, acknowledged, opened, start
from parts.double import Double
from parts.laws import often
from parts.registry import DockerRegistry

from lading.ledger.audit import audit
from lading.ledger.book import Book, LedgerStore
from lading.ledger.read import read_book
from lading.ledger.repair import repair
from lading.ledger.write import named
from lading.spec.digest import Digest

# Long runs take more of both; a race that is lost shows in fewer, too.
WRITERS, EACH = 8, min(25, often(10))
PROMOTIONS, BESIDE = min(200, often(80)), 4


# A registry of files takes half a minute for each.
REAL = pytest.param("docker-registry", marks=pytest.mark.slow)


@pytest.fixture(params=[REAL, "layout", "strict OCI 1.1"])
def place(request: pytest.FixtureRequest, tmp_path: Path, repository: str) -> Iterator[str]:
    """A repository with three versions, where a ledger is to be kept."""
    if request.param == "layout":
        yield prepared(f"oci:{tmp_path / 'layout'}", tmp_path)
    elif request.param == "docker-registry":
        registry: DockerRegistry = request.getfixturevalue("registry")
        yield prepared(f"{registry.host}/{repository[:60].strip('-')}", tmp_path)
    else:
        with Double() as double:
            yield prepared(f"{double.host}/ml/fraud", tmp_path)


def prepared(place: str, folder: Path) -> str:
    with opened(place, folder) as store:
        for version in VERSIONS:
            push_model(store, version, version)
    return place


def demand_in_order(book: Book) -> None:
    """Every event stands behind all those that it names as its parents."""
    for line in book.lines.values():
        above = [book.lines[parent].seq for parent in line.parents]
        assert line.seq == 1 + max(above, default=0)


def demand_all(store: LedgerStore, told: list[Digest]) -> Book:
    book = read_book(store, whole=True)
    assert len(told) == len(set(told))
    assert {digest.hex[:16] for digest in told} <= book.lines.keys()
    demand_in_order(book)
    return book


def demand_settled(store: LedgerStore, book: Book) -> None:
    """Everything is shown: in the index, and by the stage's tag."""
    state = open_fold(book)
    light = open_fold(read_book(store))
    assert named(store, "prod") == state.stage("prod").value is not None
    assert (light.stages, light.count) == (state.stages, state.count)
    assert not {finding.kind for finding in audit(store, book, state)} & MENDED


def test_eight_processes_lose_nothing(place: str, tmp_path: Path) -> None:
    began = time.monotonic()

    processes = [start(place, f"writer{n}", EACH, tmp_path / "told") for n in range(WRITERS)]
    failed = [process for process in processes if process.wait(280)]

    took = time.monotonic() - began
    logs = "".join(file.read_text() for file in (tmp_path / "told").glob("*.log"))
    assert not failed, logs[-4000:]
    told = acknowledged(tmp_path / "told")
    assert len(told) == WRITERS * EACH
    with opened(place, tmp_path) as store:
        book = demand_all(store, told)
        assert len(book.lines) == WRITERS * EACH
        demand_settled(store, book)
    print(f"\n{WRITERS} x {EACH} on {place}: {took:.1f} s, {len(open_fold(book).heads)} heads")


@pytest.mark.parametrize("place", [REAL, "layout"], indirect=True)
def test_processes_that_are_killed_lose_nothing(place: str, tmp_path: Path) -> None:
    chance = random.Random(4)
    told, kills, began = tmp_path / "told", 0, time.monotonic()

    while len(acknowledged(told)) < PROMOTIONS:
        assert time.monotonic() - began < 280
        names = [f"{kills}-{number}" for number in range(BESIDE)]
        victims = [start(place, name, PROMOTIONS, told) for name in names]
        wait_for_some(told, victims, len(acknowledged(told)) + chance.randint(4, 40))
        for victim in victims:
            time.sleep(chance.uniform(0, 0.05))
            victim.kill()
            victim.wait()
            kills += 1

    with opened(place, tmp_path) as store:
        demand_all(store, acknowledged(told))
        first = repair(store, read_book(store), open_fold)
        demand_settled(store, demand_all(store, acknowledged(told)))
        assert repair(store, read_book(store), open_fold).actions == ()
        assign(store, store.resolve(VERSIONS[0]).digest)
        assert not open_fold(read_book(store)).forks
    done = len(acknowledged(told))
    took = time.monotonic() - began
    print(f"\n{done} promotions, {kills} kills on {place}: {took:.1f} s, mended: {first.actions}")


def wait_for_some(told: Path, victims: list[subprocess.Popen[bytes]], count: int) -> None:
    """Until so many promotions were acknowledged."""
    deadline = time.monotonic() + 60
    while len(acknowledged(told)) < count:
        assert time.monotonic() < deadline
        assert all(victim.poll() is None for victim in victims), "a writer gave up by itself"
        time.sleep(0.005)
