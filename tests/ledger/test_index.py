"""The index is a cache: it comes back as it was put, and lies in it hold until somebody looks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.histories import histories, put
from ledger.samples import (
    assign,
    draft,
    event,
    open_fold,
    put_event,
    write,
)

from lading.errors import InvalidInput
from lading.ledger.artifact import seal
from lading.ledger.audit import audit
from lading.ledger.book import Book
from lading.ledger.fold import State, fold
from lading.ledger.index import (
    BEFORE,
    CHECKPOINT,
    LEDGER_TYPE,
    SEGMENTS,
    Segment,
    border_after,
    build,
    read_index,
)
from lading.ledger.line import HINT, Line
from lading.ledger.read import read_book, reread
from lading.ledger.repair import repair
from lading.ledger.write import named, record, settle
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import SEQ_LIMIT, Recorded
from lading.spec.manifest import Index, parse
from lading.spec.tags import LEDGER
from lading.stores.memory import MemoryStore

SEGMENT = Segment("ledger-0001", Digest.of(b"a part"), 7)


def shown(index: Index) -> Index:
    """The index as it comes out of a registry."""
    found = parse(index.raw)
    assert isinstance(found, Index)
    return found


# --- round trips ----------------------------------------------------------------------------------


@given(histories(), st.sets(st.sampled_from(("dev", "prod"))))
def test_an_index_comes_back_as_it_was_built(lines: tuple[Line, ...], protected: set[str]) -> None:
    state = fold(lines, protected=protected)
    border = border_after(state)

    read = read_index(shown(build(lines, state, border, (SEGMENT,))))

    assert read.lines == tuple(sorted(lines, key=lambda line: line.order))
    assert read.stages == state.stages
    assert read.border == border
    assert read.segments == (SEGMENT,)


@given(histories(), st.randoms(use_true_random=False))
def test_the_same_events_give_the_same_index(lines: tuple[Line, ...], chance: Any) -> None:
    shuffled = list(lines)
    chance.shuffle(shuffled)

    assert build(shuffled, fold(shuffled)).raw == build(lines, fold(lines)).raw


def test_an_index_has_the_bytes_that_go_would_write() -> None:
    line = put("one", version=1)

    value = json.loads(build([line], fold([line])).raw)

    assert list(value) == ["schemaVersion", "mediaType", "artifactType", "manifests", "annotations"]
    assert list(value["manifests"][0]) == ["mediaType", "digest", "size", "annotations"]
    assert value["artifactType"] == LEDGER_TYPE


def test_an_index_names_no_other_index() -> None:
    """Old skopeo refuses an index inside an index, and could copy the repository no more."""
    line = put("one", version=1)

    index = build([line], fold([line]), None, (SEGMENT,))

    assert not any(child.is_index for child in index.manifests)
    assert "ledger-0001" in index.annotations[SEGMENTS]


# --- what is no index -----------------------------------------------------------------------------


def hinted(**lies: Any) -> Index:
    line = put("one", version=1)
    hint = json.loads(line.descriptor().annotations[HINT]) | lies
    entry = line.descriptor().with_annotations({HINT: json.dumps(hint)})
    annotations = build([line], fold([line])).annotations
    return Index.build((entry,), artifact_type=LEDGER_TYPE, annotations=annotations)


def annotated(name: str, text: str) -> Index:
    lines = [put("one", version=1)]
    state = fold(lines)
    index = build(lines, state, border_after(state), (SEGMENT,))
    said = {**index.annotations, name: text}
    return Index.build(index.manifests, artifact_type=LEDGER_TYPE, annotations=said)


def test_a_hint_may_say_what_nobody_knows_yet() -> None:
    assert read_index(hinted(mood="good")).lines == (put("one", version=1),)


@pytest.mark.parametrize(
    "lie",
    [
        {"seq": 0},
        {"seq": True},
        {"seq": SEQ_LIMIT},
        {"seq": 10**60},
        {"kind": "celebrated"},
        {"kind": None},
        {"stage": "1.2.0"},
        {"stage": "latest"},
        {"stage": "ledger"},
        {"parents": "abc"},
        {"parents": [1]},
        {"parents": ["0" * 16] * 65},
        {"subject": "sha256:short"},
        {"actor": ["ada"]},
    ],
    ids=str,
)
def test_a_hint_that_can_be_no_event_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        read_index(hinted(**lie))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (CHECKPOINT, "no JSON"),
        (CHECKPOINT, '{"stages":{"1.2.0":{"members":[]}}}'),
        (CHECKPOINT, '{"stages":{"prod":{"members":[{"digest":"x"}]}}}'),
        (CHECKPOINT, '{"a":' * 5000),
        (BEFORE, "[]"),
        (BEFORE, '{"seq":-1}'),
        (BEFORE, '{"seq":1,"head":"sha256:short","count":1,"stages":{},"marks":"0"}'),
        (SEGMENTS, "[{}]"),
        (SEGMENTS, '],"x":[' * 3),
    ],
)
def test_an_index_that_cannot_be_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        read_index(annotated(name, text))


def test_an_index_without_a_checkpoint_is_none_of_ours() -> None:
    with pytest.raises(InvalidInput, match="checkpoint is missing"):
        read_index(Index.build((), artifact_type=LEDGER_TYPE))


# --- lies, and who believes them ------------------------------------------------------------------


def list_anew(store: MemoryStore, *lines: Line, **more: Any) -> None:
    index = build(lines, fold(lines), **more)
    store.push(index.descriptor, BytesContent(index.raw), LEDGER)


def kinds(store: MemoryStore) -> set[str]:
    book = read_book(store, whole=True)
    return {finding.kind for finding in audit(store, book, book.state())} - {"unregistered"}


LIES: dict[str, Any] = {
    "another version": {"subject": Digest.of(b"eve's")},
    "another stage": {"stage": "dev"},
    "another kind": {"kind": "cleared"},
    "a later place": {"seq": 9},
    "a place at the very end": {"seq": SEQ_LIMIT - 1},
    "other parents": {"parents": ("0" * 16,)},
    "another actor": {"actor": "eve"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_no_lie_in_the_index_survives_a_whole_reading(
    store: MemoryStore, version: Descriptor, lie: dict[str, Any]
) -> None:
    assign(store, version.digest)
    (line,) = read_book(store, whole=True).lines.values()
    list_anew(store, replace(line, **lie))

    book = read_book(store, whole=True)

    assert list(book.lines.values()) == [line]
    assert open_fold(book).stage("prod").value == version.digest
    assert {"hint", "checkpoint"} & kinds(store) or lie.keys() == {"actor"}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_repair_leaves_no_lie_in_the_index(
    store: MemoryStore, version: Descriptor, lie: dict[str, Any]
) -> None:
    assign(store, version.digest)
    (line,) = read_book(store).lines.values()
    list_anew(store, replace(line, **lie))

    repair(store, read_book(store), open_fold)

    assert list(read_book(store).lines.values()) == [line]
    assert kinds(store) == set()


def alias(store: MemoryStore, recorded: Recorded, seq: int) -> str:
    """Another tag for an event, as anybody could set it who may write."""
    sealed, tag = seal(recorded.event), f"evt.{seq:08d}.{recorded.digest.hex[:16]}"
    store.push(sealed.descriptor, BytesContent(sealed.manifest.raw), tag)
    return tag


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("seq", [1, 2, 50])
def test_another_tag_hides_no_event(
    store: MemoryStore, version: Descriptor, other: Descriptor, seq: int, is_listed: bool
) -> None:
    for _ in range(3):
        assign(store, version.digest)
    before = read_book(store)
    last = assign(store, other.digest)
    if not is_listed:
        store.push(
            (was := build(before.lines.values(), before.state())).descriptor,
            BytesContent(was.raw),
            LEDGER,
        )
    tag = alias(store, last, seq)

    books = read_book(store), read_book(store, whole=True), reread(store, before)

    for book in books:
        assert open_fold(book).stage("prod").value == other.digest
        assert len(book.lines) == 4
        assert [(t.kind, tag in t.what) for t in book.troubles] == [("strange", True)]


def test_another_tag_hides_nothing_behind_a_border(
    store: MemoryStore, version: Descriptor, other: Descriptor, small: int
) -> None:
    first = assign(store, version.digest)
    for _ in range(3):
        last = assign(store, other.digest)
    assert read_book(store).border
    alias(store, last, 1)
    alias(store, first, 9)

    light, whole = read_book(store), read_book(store, whole=True)

    assert open_fold(light).stages == open_fold(whole).stages
    assert (open_fold(light).count, open_fold(whole).count) == (4, 4)
    assert [trouble.kind for trouble in whole.troubles] == ["strange", "strange"]
    assert not whole.unlisted


def test_with_another_tag_beside_it_a_lie_in_the_index_is_looked_at(
    store: MemoryStore, version: Descriptor, other: Descriptor
) -> None:
    lines = [assign(store, version.digest), assign(store, other.digest)]
    alias(store, lines[1], 1)
    first, second = sorted(read_book(store, whole=True).lines.values(), key=lambda line: line.order)
    list_anew(store, first, replace(second, seq=1, parents=()))

    book = read_book(store)

    assert {line.digest: line.seq for line in book.lines.values()} == {
        first.digest: 1,
        second.digest: 2,
    }


def test_a_hint_whose_place_is_not_that_of_the_tag_is_looked_at(
    store: MemoryStore, version: Descriptor
) -> None:
    assign(store, version.digest)
    (line,) = read_book(store).lines.values()
    list_anew(store, replace(line, seq=SEQ_LIMIT - 1))

    book = read_book(store)

    assert list(book.lines.values()) == [line]


def test_an_event_that_only_the_index_names_must_be_one(
    store: MemoryStore, version: Descriptor
) -> None:
    """Somebody lists an artifact that was never an event, so that others come after it."""
    invented = put("invented", version=1)
    list_anew(store, replace(invented, digest=version.digest, size=version.size))

    book = read_book(store)

    assert not book.lines
    assert [trouble.kind for trouble in book.troubles] == ["lost"]


def test_a_checkpoint_that_lies_is_found(
    store: MemoryStore, version: Descriptor, other: Descriptor
) -> None:
    assign(store, version.digest)
    (line,) = read_book(store).lines.values()
    lied = fold([replace(line, subject=other.digest)])
    index = build([line], lied)
    store.push(index.descriptor, BytesContent(index.raw), LEDGER)

    assert "checkpoint" in kinds(store)
    repair(store, read_book(store), open_fold)
    assert kinds(store) == set()


def test_a_border_that_lies_is_found_and_drawn_anew(
    store: MemoryStore, version: Descriptor, other: Descriptor
) -> None:
    assign(store, version.digest)
    (line,) = read_book(store).lines.values()
    part = build([line], fold([line]))
    store.push(part.descriptor, BytesContent(part.raw), "ledger-0001")
    lied = border_after(fold([replace(line, subject=other.digest)]))
    segments = (Segment("ledger-0001", part.descriptor.digest, 1),)
    index = build([], fold([], border=lied), lied, segments)
    store.push(index.descriptor, BytesContent(index.raw), LEDGER)

    assert open_fold(read_book(store)).stage("prod").value == other.digest
    assert open_fold(read_book(store, whole=True)).stage("prod").value == version.digest
    assert "border" in kinds(store)
    repair(store, read_book(store), open_fold)
    assert open_fold(read_book(store)).stage("prod").value == version.digest
    assert kinds(store) == set()


# --- parts that are put away ----------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Parts of three events."""
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 3)
    return 3


def test_a_full_part_is_put_away_and_nothing_changes(
    store: MemoryStore, version: Descriptor, other: Descriptor, small: int
) -> None:
    for number in range(10):
        assign(store, (version, other)[number % 2].digest)

    light, whole = read_book(store), read_book(store, whole=True)

    assert [segment.count for segment in light.listed.segments] == [3, 3, 3]  # type: ignore[union-attr]
    assert len(light.lines) == 1
    assert len(whole.lines) == 10
    assert open_fold(light).stages == open_fold(whole).stages
    assert open_fold(light).count == 10
    assert kinds(store) == set()


@pytest.mark.parametrize("is_first", [True, False])
def test_an_event_that_belongs_behind_the_border_is_seen(
    store: MemoryStore, version: Descriptor, other: Descriptor, small: int, is_first: bool
) -> None:
    first = assign(store, version.digest)
    early = read_book(store)
    for _ in range(3):
        assign(store, version.digest)
    bordered = read_book(store)
    parents = () if is_first else (first.digest,)
    said = {"kind": "assigned", "stage": "prod", "digest": other.digest}
    put_event(store, event(1 + len(parents), parents, **said))

    for book in (read_book(store), reread(store, bordered), reread(store, early)):
        assert open_fold(book).stage("prod").fork
    repair(store, read_book(store), open_fold)
    assert open_fold(read_book(store)).stage("prod").fork
    assert kinds(store) == {"fork"}


@pytest.mark.parametrize("has_alias", [True, False])
@pytest.mark.parametrize("seq", [1, 2, 5, SEQ_LIMIT // 2, SEQ_LIMIT - 1, SEQ_LIMIT, 10**40])
def test_a_border_that_is_drawn_elsewhere_loses_no_event(
    store: MemoryStore, version: Descriptor, other: Descriptor, seq: int, has_alias: bool
) -> None:
    for _ in range(3):
        last = assign(store, version.digest)
    whole = read_book(store, whole=True)
    drawn = border_after(open_fold(whole))
    assert drawn is not None
    forged = replace(drawn, seq=seq, stages={}, moved={})
    index = build((), fold((), border=forged), forged)
    store.push(index.descriptor, BytesContent(index.raw), LEDGER)
    if has_alias and seq < SEQ_LIMIT:
        alias(store, last, seq)

    acknowledged = assign(store, other.digest)

    assert acknowledged.event.seq == 4
    for book in (read_book(store), read_book(store, whole=True)):
        assert open_fold(book).stage("prod").value == other.digest
        assert not {trouble.kind for trouble in book.troubles} & {"seq", "index"}


def test_a_border_whose_heads_tag_is_gone_is_still_believed(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    for _ in range(3):
        last = assign(store, version.digest)
    store.untag(seal(last.event).tag)

    book = read_book(store)

    assert book.border
    assert not book.whole


def test_an_event_is_seen_whose_parent_behind_the_border_has_no_tag(
    store: MemoryStore, version: Descriptor, other: Descriptor, small: int
) -> None:
    first = assign(store, version.digest)
    for _ in range(3):
        assign(store, version.digest)
    assert open_fold(read_book(store)).border
    said = {"kind": "assigned", "stage": "prod", "digest": other.digest}
    second = put_event(store, event(2, (first.digest,), **said))
    third = put_event(store, event(3, (second.descriptor.digest,), **said))
    put_event(store, event(4, (third.descriptor.digest,), **said))
    store.untag(second.tag)
    store.untag(third.tag)

    assert open_fold(read_book(store)).stage("prod").fork


def test_behind_a_border_too_an_event_has_its_place(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    for _ in range(3):
        last = assign(store, version.digest)
    assert open_fold(read_book(store)).border
    put_event(store, event(77, (last.digest,)))

    book = read_book(store)

    assert (book.lines, [trouble.kind for trouble in book.troubles]) == ({}, ["seq"])


def test_a_part_whose_tag_is_gone_keeps_its_name(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    for _ in range(6):
        assign(store, version.digest)
    store.untag("ledger-0002")

    for _ in range(3):
        assign(store, version.digest)

    listed = read_book(store).listed
    assert listed is not None
    assert [s.tag for s in listed.segments] == ["ledger-0001", "ledger-0002", "ledger-0003"]
    repair(store, read_book(store), open_fold)
    assert kinds(store) == set()


@pytest.mark.parametrize("events", [1, 10])
def test_parents_that_never_were_are_not_looked_for_without_end(
    store: MemoryStore, version: Descriptor, events: int
) -> None:
    lost = assign(store, version.digest)
    last = assign(store, version.digest)
    for nonce in range(events):
        nowhere = tuple(Digest.of(f"nowhere {nonce} {n}".encode()) for n in range(64))
        put_event(store, event(1000 + nonce, nowhere))
    store.untag(seal(lost.event).tag)
    store.untag(LEDGER)
    eyes = Counting(store)

    book = read_book(eyes, whole=True)

    nowhere_asked = [name for name in eyes.asked if ":" in name]
    assert len(nowhere_asked) == min(256, 64 * events + 1)
    assert ("many" in {trouble.kind for trouble in book.troubles}) == (events == 10)
    assert seal(last.event).mark in book.lines
    assert (seal(lost.event).mark in book.lines) == (events == 1)


class Counting(MemoryStore):
    """Counts what it is asked to resolve."""

    def __init__(self, inner: MemoryStore) -> None:
        vars(self).update(vars(inner))
        self.asked: list[str] = []

    def resolve(self, name: str) -> Descriptor:
        self.asked.append(name)
        return super().resolve(name)


def test_a_part_that_is_named_many_times_is_read_once(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    for _ in range(4):
        assign(store, version.digest)
    book = read_book(store)
    assert book.listed is not None
    ((segment,), border) = book.listed.segments, book.border
    for segments in ((segment,) * 1000, (replace(segment, tag="ledger-0009"), segment)):
        index = build(book.lines.values(), open_fold(book), border, segments)
        store.push(index.descriptor, BytesContent(index.raw), LEDGER)
        eyes = Counting(store)

        whole = read_book(eyes, whole=True)

        assert len(whole.lines) == 4
        assert {trouble.kind for trouble in whole.troubles} == {"segment"}
        assert eyes.asked.count(segment.digest) == 1
    repair(store, read_book(store), open_fold)
    assert kinds(store) == set()


def test_a_part_that_counts_otherwise_is_another(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    for _ in range(4):
        assign(store, version.digest)
    book = read_book(store)
    assert book.listed is not None
    wrong = (replace(book.listed.segments[0], count=2),)
    index = build(book.lines.values(), open_fold(book), book.border, wrong)
    store.push(index.descriptor, BytesContent(index.raw), LEDGER)

    whole = read_book(store, whole=True)

    assert len(whole.lines) == 4
    assert [trouble.kind for trouble in whole.troubles] == ["segment"]


def test_parts_that_are_large_beyond_all_events_are_not_read(
    store: MemoryStore, version: Descriptor, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        assign(store, version.digest)
    monkeypatch.setattr("lading.ledger.put_away._ROOM_FOR_EACH", 0)
    monkeypatch.setattr("lading.ledger.put_away._ROOM", store.resolve("ledger-0001").size + 9)

    whole = read_book(store, whole=True)

    assert len(whole.lines) == 7
    assert [trouble.kind for trouble in whole.troubles] == ["segment"]
    assert "ledger-0002" in whole.troubles[0].what


@pytest.mark.parametrize(
    "segments",
    [
        (SEGMENT,) * 1001,
        (replace(SEGMENT, tag="prod"),),
        (replace(SEGMENT, count=-1),),
        (replace(SEGMENT, count=10**40),),
    ],
    ids=["too many", "another's tag", "less than none", "more than there can be"],
)
def test_a_list_of_parts_that_cannot_be_is_refused(segments: tuple[Segment, ...]) -> None:
    with pytest.raises(InvalidInput):
        read_index(shown(build((), fold(()), None, segments)))


def test_parts_are_never_larger_than_registries_take(
    store: MemoryStore, version: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.ledger.listing._ROOM", 3500)
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 12)
    for _ in range(12):
        assign(store, version.digest)

    listed = read_book(store).listed

    assert listed is not None
    assert sum(segment.count for segment in listed.segments) == 12
    assert max(store.resolve(segment.tag).size for segment in listed.segments) <= 3500
    assert kinds(store) == set()


def test_it_is_seen_although_another_one_has_lost_its_tag(
    store: MemoryStore, version: Descriptor, other: Descriptor, small: int
) -> None:
    """As many events as were put away are not yet the same events."""
    first = assign(store, version.digest)
    for _ in range(3):
        assign(store, version.digest)
    store.untag(seal(first.event).tag)
    put_event(store, event(1, kind="assigned", stage="prod", digest=other.digest, nonce="late"))

    assert open_fold(read_book(store)).stage("prod").fork


def test_a_move_that_was_refused_and_is_surpassed_makes_no_border_wrong(
    store: MemoryStore, version: Descriptor, other: Descriptor, small: int
) -> None:
    """A policy is asked about the moves that decide; about this one only while it did."""
    assign(store, version.digest)
    bad = assign(store, other.digest).digest

    def judging(book: Book) -> State:
        return book.state(refused={bad})

    book = read_book(store)
    recorded = record(store, book, draft("noted", version.digest), fold=judging)
    settle(store, book, fold=judging, wrote=[recorded], stages={"prod"})
    light = read_book(store)
    assert light.border is not None
    assert open_fold(light).stage("prod").value == version.digest

    assign(store, version.digest)

    assert kinds(store) == set()
    assert repair(store, read_book(store), open_fold).actions == ()


def test_a_part_that_is_gone_is_listed_anew(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    for _ in range(5):
        assign(store, version.digest)
    part = store.resolve("ledger-0001")
    store.untag("ledger-0001")
    del store._manifests[part.digest]

    repair(store, read_book(store), open_fold)

    light, whole = read_book(store), read_book(store, whole=True)
    assert open_fold(light).stages == open_fold(whole).stages
    assert open_fold(light).count == len(whole.lines) == 5


def test_a_gap_does_not_keep_parts_from_being_put_away(
    store: MemoryStore, version: Descriptor, small: int
) -> None:
    gone = Digest.of(b"long gone")
    put_event(store, event(5, (gone,)))
    for _ in range(6):
        assign(store, version.digest)

    light = read_book(store)

    assert len(light.lines) < 6
    assert open_fold(light).stage("prod").value == version.digest


def test_an_index_is_never_larger_than_registries_take(
    store: MemoryStore, version: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While something is in dispute nothing can be put away."""
    monkeypatch.setattr("lading.ledger.listing._ROOM", 3000)
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 3)
    for nonce in ("one", "other"):
        subject = Digest.of(nonce.encode())
        put_event(store, event(kind="assigned", stage="dev", digest=subject, nonce=nonce))
    for _ in range(8):
        assign(store, version.digest)

    light, whole = read_book(store), read_book(store, whole=True)

    assert store.resolve(LEDGER).size <= 3000
    assert 0 < len(light.listed.lines) < 10  # type: ignore[union-attr]
    assert light.lines == whole.lines
    assert named(store, "prod") == version.digest


# --- reading --------------------------------------------------------------------------------------


def test_an_event_that_nothing_names_but_its_child_is_found(
    store: MemoryStore, version: Descriptor
) -> None:
    first = assign(store, version.digest)
    write(store, draft("noted", version.digest))
    store.untag(seal(first.event).tag)
    store.untag(LEDGER)

    assert len(read_book(store).lines) == 1
    assert len(read_book(store, whole=True).lines) == 2
    repair(store, read_book(store), open_fold)
    assert len(read_book(store).lines) == 2
    assert kinds(store) == set()


def test_an_event_whose_parents_are_gone_may_not_use_numbers_up(
    store: MemoryStore, version: Descriptor
) -> None:
    put_event(store, event(SEQ_LIMIT - 1, (Digest.of(b"nowhere"),)))

    book = read_book(store)

    assert not book.lines
    assert [trouble.kind for trouble in book.troubles] == ["seq"]
    assert assign(store, version.digest).event.seq == 1


def test_an_event_under_the_tag_of_another_does_not_count(
    store: MemoryStore, version: Descriptor
) -> None:
    put_event(store, event(), tag="evt.00000001." + "a" * 16)

    for whole in (False, True):
        book = read_book(store, whole=whole)
        assert (book.lines, [trouble.kind for trouble in book.troubles]) == ({}, ["strange"])


def test_a_trouble_is_told_once(store: MemoryStore, version: Descriptor) -> None:
    put_event(store, event(7))
    store.push(version, BytesContent(store._content[version.digest]), "evt.00000001." + "0" * 16)
    book = read_book(store)

    for _ in range(3):
        book = reread(store, book)

    assert [trouble.kind for trouble in book.troubles] == ["seq", "strange"]


def test_what_a_shelf_holds_is_verified(store: MemoryStore, version: Descriptor) -> None:
    recorded = assign(store, version.digest)

    class Shelf:
        def blob(self, _digest: Digest) -> bytes | None:
            return seal(event(actor="eve")).manifest.raw

        def keep(self, descriptor: Descriptor, raw: bytes) -> None:
            assert Digest.of(raw) == descriptor.digest

    book = read_book(store, whole=True, shelf=Shelf())

    assert list(book.records.values()) == [recorded]
