"""What an audit says, of what it is silent, and what a repair does about it."""

from __future__ import annotations

from typing import Any

import pytest
from contract.samples import index_of, model, push_manifest, push_model
from ledger.samples import assign, draft, event, open_fold, put_event, write
from parts.turns import Turns

from lading.ledger.artifact import seal
from lading.ledger.audit import Finding, audit
from lading.ledger.read import read_book
from lading.ledger.remembered import Remembered
from lading.ledger.repair import repair
from lading.ledger.write import named, record
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index
from lading.spec.mediatypes import ROLE
from lading.spec.tags import LEDGER
from lading.stores.memory import MemoryStore


def findings(store: MemoryStore, remembered: Remembered | None = None) -> tuple[Finding, ...]:
    """What is said, by somebody who writes nothing."""
    eyes = Turns(store)
    book = read_book(eyes, whole=True)
    found = audit(eyes, book, open_fold(book), remembered)
    assert eyes.writes == 0
    assert len(found) == len(set(found))
    return found


def said(store: MemoryStore, remembered: Remembered | None = None) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity) for finding in findings(store, remembered)]


def put_name(store: MemoryStore, version: Descriptor, name: str) -> None:
    store.push(version, BytesContent(store._content[version.digest]), name)


def register(store: MemoryStore, version: Descriptor, name: str) -> None:
    write(store, draft("registered", version.digest, version=name))


@pytest.fixture
def told(store: MemoryStore, version: Descriptor, other: Descriptor) -> MemoryStore:
    """A ledger with nothing wrong: two versions, the second in prod."""
    register(store, version, "1.0.0")
    register(store, other, "1.1.0")
    assign(store, version.digest)
    assign(store, other.digest)
    return store


def mended(store: MemoryStore) -> tuple[str, ...]:
    """What a repair did; a second one did nothing."""
    first = repair(store, read_book(store), open_fold)
    hands = Turns(store)
    second = repair(hands, read_book(hands), open_fold)
    assert (hands.writes, second.actions) == (0, ())
    return first.actions


def test_of_a_ledger_with_nothing_wrong_nothing_is_said(told: MemoryStore) -> None:
    assert said(told) == []
    assert mended(told) == ()


def test_of_a_repository_without_a_ledger_nothing_is_said(store: MemoryStore) -> None:
    assert said(store) == []
    assert mended(store) == ()
    assert list(store.names()) == []


def test_a_version_that_nobody_registered_is_noted(told: MemoryStore) -> None:
    push_model(told, "three", "1.2.0")

    assert said(told) == [("unregistered", "note")]


def test_a_version_with_build_metadata_is_known_by_its_tag(store: MemoryStore) -> None:
    built = push_model(store, "built", "1.0.0_cu121")
    register(store, built, "1.0.0+cu121")

    assert said(store) == []


# --- stages ---------------------------------------------------------------------------------------


def test_a_stage_that_was_moved_by_hand_is_drift(told: MemoryStore, version: Descriptor) -> None:
    put_name(told, version, "prod")

    (finding,) = findings(told)

    assert (finding.kind, finding.severity) == ("drift", "error")
    assert finding.what.startswith(f"DRIFT: prod names {version.digest}")
    (action,) = mended(told)
    assert action.startswith(f"moved prod from {version.digest}")
    assert said(told) == []


def test_a_stage_whose_tag_is_gone_is_drift(told: MemoryStore, other: Descriptor) -> None:
    told.untag("prod")

    assert said(told) == [("drift", "error")]
    mended(told)
    assert named(told, "prod") == other.digest


def test_a_stage_that_was_cleared_and_is_there_again_is_drift(
    told: MemoryStore, version: Descriptor
) -> None:
    write(told, draft("cleared", version.digest, "prod"))
    assert named(told, "prod") is None
    put_name(told, version, "prod")

    assert said(told) == [("drift", "error")]
    mended(told)
    assert named(told, "prod") is None


def test_a_tag_that_no_event_ever_moved_is_no_drift(told: MemoryStore, version: Descriptor) -> None:
    put_name(told, version, "staging")

    assert said(told) == []
    mended(told)
    assert named(told, "staging") == version.digest


def test_a_stage_that_somebody_else_must_judge_is_left_alone(
    told: MemoryStore, version: Descriptor
) -> None:
    put_name(told, version, "prod")

    repair(told, read_book(told), open_fold, leave={"prod"})

    assert named(told, "prod") == version.digest


def test_a_dispute_is_said_and_no_repair_decides_it(told: MemoryStore, version: Descriptor) -> None:
    last = read_book(told).state().heads[0]
    for nonce, subject in (("a", version.digest), ("b", Digest.of(b"gone"))):
        put_event(
            told,
            event(5, (last.digest,), kind="assigned", stage="prod", digest=subject, nonce=nonce),
        )
    repair(told, read_book(told), open_fold)

    (finding, *_) = [f for f in findings(told) if f.kind == "fork"]

    assert finding.severity == "error"
    assert "prod is in dispute: 2 moves did not know of each other" in finding.what
    assert finding.hint is not None
    assert "lading promote REF prod" in finding.hint


def test_a_version_that_a_stage_names_and_that_is_gone_cannot_be_shown(
    told: MemoryStore, other: Descriptor
) -> None:
    told.untag("1.1.0")
    told.untag("prod")
    del told._manifests[other.digest]

    assert set(said(told)) == {("drift", "error"), ("gone", "error")}
    done = repair(told, read_book(told), open_fold)
    assert done.actions == ()
    assert "the tag prod cannot follow the ledger" in done.left[0]


# --- versions -------------------------------------------------------------------------------------


def test_a_version_that_moved_is_an_error(told: MemoryStore, other: Descriptor) -> None:
    put_name(told, other, "1.0.0")

    (finding,) = findings(told)

    assert (finding.kind, finding.severity) == ("moved", "error")
    assert "versions never move" in finding.what


def test_a_version_that_was_registered_twice_as_something_else_is_an_error(
    told: MemoryStore, other: Descriptor
) -> None:
    register(told, other, "1.0.0")

    assert said(told) == [("moved", "error")]


def test_a_version_that_is_gone_is_noted(told: MemoryStore, version: Descriptor) -> None:
    told.untag("1.0.0")

    (finding,) = findings(told)

    assert (finding.kind, finding.severity) == ("gone", "note")
    assert "has lost its tag" in finding.what


def test_a_version_that_was_in_a_protected_stage_must_stay(
    told: MemoryStore, version: Descriptor, other: Descriptor
) -> None:
    assign(told, version.digest, "prod", protected=True)
    assign(told, other.digest, "prod", protected=True)
    told.untag("1.0.0")

    (finding,) = findings(told)

    assert (finding.kind, finding.severity) == ("gone", "error")


def test_a_version_that_was_compressed_on_the_way_did_not_move(store: MemoryStore) -> None:
    inside = model(store, "model")
    push_manifest(store, inside)
    was = index_of(inside)
    entry = inside.descriptor.with_annotations({ROLE: "model"})
    there = push_manifest(store, Index.build((entry,)), "1.0.0")
    put_name(store, there, "prod")
    sent: dict[str, Any] = {"digest": was.descriptor.digest, "model": inside.descriptor.digest}
    first = put_event(store, event(kind="registered", version="1.0.0", **sent))
    put_event(store, event(2, (first.descriptor.digest,), kind="assigned", stage="prod", **sent))
    repair(store, read_book(store), open_fold)

    assert [finding.kind for finding in findings(store)] == ["recompressed", "recompressed"]
    assert named(store, "prod") == there.digest


# --- events and the index -------------------------------------------------------------------------


def test_an_event_that_was_committed_and_not_shown_is_said(
    told: MemoryStore, version: Descriptor
) -> None:
    record(told, read_book(told), draft("assigned", version.digest, "prod"), fold=open_fold)

    assert said(told) == [("unlisted", "note"), ("drift", "error")]
    assert len(mended(told)) == 2
    assert said(told) == []
    assert named(told, "prod") == version.digest


def test_an_event_that_has_lost_its_tag_gets_it_back(told: MemoryStore) -> None:
    tag = next(line.tag for line in read_book(told).lines.values())
    told.untag(tag)

    assert said(told) == [("untagged", "note")]
    assert mended(told) == (f"put its event back under {tag}",)
    assert said(told) == []


def test_a_tag_that_somebody_put_over_an_event_is_said(
    told: MemoryStore, version: Descriptor
) -> None:
    tag = next(line.tag for line in read_book(told).lines.values())
    put_name(told, version, tag)

    assert ("strange", "error") in said(told)
    assert mended(told) == (f"put its event back under {tag}",)
    assert said(told) == []


def test_a_tag_that_names_no_event_is_said_and_never_removed(
    told: MemoryStore, version: Descriptor
) -> None:
    tag = "evt.00000009." + "a" * 16
    put_name(told, version, tag)

    assert said(told) == [("strange", "error")]
    assert mended(told) == ()
    assert tag in told.names()


def test_an_event_at_a_place_that_is_not_its_own_is_said(told: MemoryStore) -> None:
    put_event(told, event(77))

    assert said(told) == [("seq", "error")]
    assert mended(told) == ()


def test_an_event_that_is_gone_is_a_gap(told: MemoryStore) -> None:
    first = min(read_book(told).lines.values(), key=lambda line: line.order)
    told.untag(first.tag)
    told.untag(LEDGER)
    del told._manifests[first.digest]
    mended(told)

    gaps = [finding for finding in findings(told) if finding.kind == "gap"]

    assert [gap.severity for gap in gaps] == ["error"]
    assert first.mark in gaps[0].what


def test_an_event_that_is_listed_and_gone_is_lost(told: MemoryStore) -> None:
    first = min(read_book(told).lines.values(), key=lambda line: line.order)
    told.untag(first.tag)
    del told._manifests[first.digest]

    assert {("lost", "error"), ("gap", "error")} <= set(said(told))


@pytest.mark.parametrize("damage", ["gone", "not an index", "not ours"])
def test_an_index_that_is_gone_or_damaged_is_put_anew(
    told: MemoryStore, version: Descriptor, damage: str
) -> None:
    before = told.resolve(LEDGER)
    told.untag(LEDGER)
    if damage == "not an index":
        put_name(told, version, LEDGER)
    elif damage == "not ours":
        push_manifest(told, index_of(), LEDGER)

    assert [kind for kind, _ in said(told)] == ["index"]
    assert mended(told) == ("put the index anew: it lists 4 events",)
    assert told.resolve(LEDGER) == before


def test_a_damaged_index_of_nothing_is_put_anew(store: MemoryStore, version: Descriptor) -> None:
    put_name(store, version, LEDGER)
    assert said(store) == [("index", "error"), ("unregistered", "note")]

    assert mended(store) == ("put the index anew: it lists 0 events",)
    assert said(store) == [("unregistered", "note")]


# --- what was seen before -------------------------------------------------------------------------


def test_a_registry_that_was_set_back_is_noticed(told: MemoryStore) -> None:
    remembered = Remembered.of(read_book(told).state())
    assert said(told, remembered) == []
    last = max(read_book(told).lines.values(), key=lambda line: line.order)
    told.untag(last.tag)
    told.untag(LEDGER)
    repair(told, read_book(told), open_fold)

    (finding,) = [f for f in findings(told, remembered) if f.kind == "rolled back"]

    assert finding.severity == "error"
    assert "the number 3, and 4 was seen before" in finding.what


def test_one_that_was_set_back_and_went_on_is_noticed(
    told: MemoryStore, version: Descriptor
) -> None:
    book = read_book(told)
    last = max(book.lines.values(), key=lambda line: line.order)
    remembered = Remembered.of(book.state())
    told.untag(last.tag)
    told.untag(LEDGER)
    for _ in range(3):
        assign(told, version.digest)

    (finding,) = [f for f in findings(told, remembered) if f.kind == "rolled back"]

    assert str(last.digest) in finding.what


def test_an_event_that_is_gone_behind_its_tag_is_noticed(told: MemoryStore) -> None:
    state = read_book(told).state()
    told.untag(LEDGER)
    del told._manifests[state.heads[0].digest]

    behind = Remembered.of(state).rolled_back(read_book(told))

    assert behind == "its last event has the number 3, and 4 was seen before"


def test_one_that_went_on_was_not_set_back(
    told: MemoryStore, version: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what was seen is put away by now."""
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 2)
    remembered = Remembered.of(read_book(told).state())

    for _ in range(5):
        assign(told, version.digest)

    light = read_book(told)
    assert light.border is not None
    assert remembered.rolled_back(light) is None
    assert remembered.rolled_back(read_book(told, whole=True)) is None


def test_what_is_remembered_is_what_nothing_came_after(told: MemoryStore) -> None:
    state = read_book(told).state()

    remembered = Remembered.of(state)

    assert (remembered.seq, remembered.heads) == (4, (state.heads[0].digest,))
    assert seal(event()).recorded.digest not in remembered.heads
