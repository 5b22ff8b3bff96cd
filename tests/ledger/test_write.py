"""Two writers, and every place at which the second may come in between; or the first may die."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.samples import push_model
from ledger.samples import assign, draft, open_fold
from ledger.writers import opened
from parts.registry import DockerRegistry
from parts.turns import Turns, one_by_one

from lading.errors import InvalidInput, LadingError
from lading.ledger.audit import audit
from lading.ledger.read import read_book
from lading.ledger.repair import repair
from lading.ledger.write import Settled, named, record, settle
from lading.spec.descriptor import Descriptor
from lading.spec.event import SEQ_LIMIT
from lading.spec.tags import LEDGER
from lading.stores.memory import MemoryStore

# More than any writing takes.
CALLS = range(18)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are for one thread each."""
    for room in ("read", "audit"):
        monkeypatch.setattr(f"lading.ledger.{room}.run", one_by_one)


@pytest.fixture
def begun(store: MemoryStore, version: Descriptor) -> MemoryStore:
    """A ledger with one event."""
    assign(store, version.digest)
    return store


@pytest.fixture
def slow(begun: MemoryStore, other: Descriptor) -> Iterator[Turns]:
    """Somebody who is about to put another version into prod."""
    writer = Turns(begun)
    writer.begin(lambda: assign(writer, other.digest))
    yield writer
    if writer.busy:
        writer.die()


def demand_settled(store: MemoryStore, count: int) -> None:
    """All that happened is listed, and the stage's tag names what follows from it."""
    book = read_book(store)
    state = open_fold(book)
    assert (len(book.lines), book.unlisted) == (count, ())
    assert named(store, "prod") == state.stage("prod").value
    whole = read_book(store, whole=True)
    found = audit(store, whole, open_fold(whole))
    assert {finding.kind for finding in found} <= {"fork", "unregistered"}


@pytest.mark.parametrize("calls", CALLS)
def test_who_comes_in_between_is_shown_too(begun: MemoryStore, slow: Turns, calls: int) -> None:
    third = push_model(begun, "three", "1.2.0")
    slow.go(calls)

    assign(begun, third.digest)
    slow.go()

    demand_settled(begun, 3)


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("later", [1, 3])
def test_so_is_who_comes_in_between_and_dies(
    begun: MemoryStore, slow: Turns, calls: int, later: int
) -> None:
    """Died after the event was there and before it was shown: the other shows it."""
    third = push_model(begun, "three", "1.2.0")
    slow.go(calls)
    recorded = record(
        begun, read_book(begun), draft("assigned", third.digest, "prod"), fold=open_fold
    )

    slow.go()
    for _ in range(later):
        assign(begun, third.digest, "dev")

    book = read_book(begun)
    assert recorded.digest.hex[:16] in book.lines
    demand_settled(begun, len(book.lines))


@pytest.mark.parametrize("calls", CALLS)
def test_who_dies_at_any_moment_is_rolled_forward(
    begun: MemoryStore, slow: Turns, calls: int
) -> None:
    slow.go(calls)
    if slow.busy:
        slow.die()

    repair(begun, read_book(begun), open_fold)

    demand_settled(begun, len(read_book(begun, whole=True).lines))
    hands = Turns(begun)
    assert repair(hands, read_book(hands), open_fold).actions == ()
    assert hands.writes == 0


@pytest.mark.parametrize("calls", CALLS)
def test_a_repair_that_dies_at_any_moment_is_gone_on_with(
    begun: MemoryStore, other: Descriptor, calls: int
) -> None:
    recorded = record(
        begun, read_book(begun), draft("assigned", other.digest, "prod"), fold=open_fold
    )
    begun.untag(LEDGER)
    begun.untag(next(name for name in begun.names() if name.startswith("evt.00000001.")))
    hands = Turns(begun)
    hands.begin(lambda: repair(hands, read_book(hands), open_fold))
    hands.go(calls)
    if hands.busy:
        hands.die()

    repair(begun, read_book(begun), open_fold)

    demand_settled(begun, 2)
    assert named(begun, "prod") == recorded.event.digest


def test_one_writing_takes_no_more_calls_than_were_promised(
    begun: MemoryStore, other: Descriptor
) -> None:
    """Pushing the statement is two requests on a registry, and reading after resolving none."""
    asked: list[str] = []

    class Counting(Turns):
        def _turn(self) -> None:
            asked.append("call")

        def exists(self, descriptor: Descriptor) -> bool:
            raise AssertionError("nobody asks for what a push finds out")

        def fetch(self, descriptor: Descriptor, offset: int = 0):  # type: ignore[no-untyped-def]
            return begun.fetch(descriptor, offset)

    assign(Counting(begun), other.digest)

    assert len(asked) == 11


def test_on_a_registry_one_writing_takes_eleven_requests(
    registry: DockerRegistry, repository: str, tmp_path: Path
) -> None:
    """The twelfth of a promotion is its version's manifest, which whoever promotes has read."""
    with opened(f"{registry.host}/{repository}", tmp_path) as remote:
        versions = [push_model(remote, v, f"1.{v}.0").digest for v in "01"]
        assign(remote, versions[0])
    with opened(f"{registry.host}/{repository}", tmp_path) as remote:
        remote.resolve(versions[1])
        registry.forget_requests()

        assign(remote, versions[1])

        wait_for_log(registry)
        assert len(registry.requests()) == 11


def wait_for_log(registry: DockerRegistry) -> None:
    """Until the registry has written down what it was asked."""
    count, deadline = -1, time.monotonic() + 5
    while len(registry.requests()) != count and time.monotonic() < deadline:
        count = len(registry.requests())
        time.sleep(0.1)


def test_an_event_that_a_registry_does_not_list_yet_is_shown(
    begun: MemoryStore, other: Descriptor
) -> None:
    class Late(Turns):
        def names(self) -> Iterator[str]:
            return (name for name in begun.names() if not name.startswith("evt.00000002."))

    assign(Late(begun), other.digest)

    assert named(begun, "prod") == other.digest
    demand_settled(begun, 2)


def test_a_lost_config_of_all_events_is_put_again(begun: MemoryStore, other: Descriptor) -> None:
    config = next(digest for digest, raw in begun._content.items() if raw == b"{}")
    del begun._content[config]

    assign(begun, other.digest)

    demand_settled(begun, 2)


def test_a_ledger_without_numbers_says_which_event_took_them(
    begun: MemoryStore, monkeypatch: pytest.MonkeyPatch, other: Descriptor
) -> None:
    monkeypatch.setattr("lading.ledger.write.SEQ_LIMIT", 2)

    with pytest.raises(InvalidInput, match="no more numbers"):
        assign(begun, other.digest)

    assert len(read_book(begun).lines) == 1
    assert SEQ_LIMIT > 2


def test_where_tags_cannot_be_removed_an_empty_stage_is_told_of(
    begun: MemoryStore, version: Descriptor
) -> None:
    class Keeping:
        """A store that cannot untag."""

        def __init__(self) -> None:
            self.resolve, self.fetch, self.exists = begun.resolve, begun.fetch, begun.exists
            self.push, self.names = begun.push, begun.names

    store = Keeping()
    book = read_book(store)
    recorded = record(store, book, draft("cleared", version.digest, "prod"), fold=open_fold)
    settled: Settled = settle(store, book, fold=open_fold, wrote=[recorded])

    assert [trouble.kind for trouble in settled.troubles] == ["tag"]
    assert named(begun, "prod") == version.digest


def test_a_stage_that_another_policy_judges_is_left_alone(
    begun: MemoryStore, version: Descriptor, other: Descriptor
) -> None:
    book = read_book(begun)
    recorded = record(begun, book, draft("assigned", other.digest, "prod"), fold=open_fold)

    settle(begun, book, fold=open_fold, wrote=[recorded], leave={"prod"})

    assert named(begun, "prod") == version.digest
    assert read_book(begun).unlisted == ()


def test_what_a_registry_refuses_did_not_happen(begun: MemoryStore, other: Descriptor) -> None:
    class Full(Turns):
        def push(self, *_arguments: object) -> None:
            raise InvalidInput("no room")

    with pytest.raises(LadingError, match="no room"):
        assign(Full(begun), other.digest)

    demand_settled(begun, 1)
