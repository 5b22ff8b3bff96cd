"""Whatever somebody puts into a registry: a reader passes it over, and never falls."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ledger.histories import after, put
from ledger.samples import assign, event, open_fold
from parts.laws import tries

from lading.errors import LadingError
from lading.ledger.artifact import EMPTY, EMPTY_CONFIG, EVENT
from lading.ledger.audit import audit
from lading.ledger.envelope import PLAIN
from lading.ledger.fold import fold
from lading.ledger.index import (
    BEFORE,
    CHECKPOINT,
    SEGMENTS,
    Segment,
    border_after,
    build,
    read_index,
)
from lading.ledger.line import HINT
from lading.ledger.read import read_book
from lading.ledger.repair import repair
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import Event
from lading.spec.manifest import Index, Manifest
from lading.spec.tags import LEDGER, event_tag
from lading.stores.memory import MemoryStore

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(("sha256:" + "0" * 64, "prod", "1.0.0", "assigned", "0" * 16)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
LINES = (one := put("one", version=1), two := put("two", one, version=2), after("three", two))


@st.composite
def twisted(draw: st.DrawFn, value: Any) -> Any:
    """The value with one part of it exchanged for anything, or gone, or with one more."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(value)))
        fate = draw(st.integers(0, 5))
        rest = {key: part for key, part in value.items() if key != name}
        if fate == 0:
            return rest
        if fate == 1:
            return {**value, draw(st.text(max_size=8)): draw(JSON)}
        return {**rest, name: draw(twisted(value[name]))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(twisted(value[at])), *value[at + 1 :]]
    return draw(JSON)


def statement() -> Any:
    said = event(2, (Digest.of(b"a"),), kind="assigned", stage="prod", metrics={"auc": 0.5})
    return json.loads(said.encode())


@tries(300)
@given(twisted(statement()))
def test_a_statement_is_an_event_or_is_refused(value: Any) -> None:
    raw = json.dumps(value).encode()

    try:
        parsed = Event.parse(raw)
    except LadingError:
        return

    assert Event.parse(parsed.encode()) == parsed


def index_of_three() -> dict[str, Any]:
    state = fold(LINES)
    segments = (Segment("ledger-0001", Digest.of(b"a"), 3),)
    index = build(LINES, state, border_after(state), segments)
    hints = [json.loads(child.annotations[HINT]) for child in index.manifests]
    said = {name: json.loads(index.annotations[name]) for name in (CHECKPOINT, BEFORE, SEGMENTS)}
    return {"hints": hints, **said}


@tries(300)
@given(twisted(index_of_three()))
def test_an_index_is_read_or_is_refused(value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("hints"), list):
        return
    children = tuple(
        line.descriptor().with_annotations({HINT: json.dumps(hint)})
        for line, hint in zip(LINES, value.pop("hints"), strict=False)
    )
    index = Index.build(
        children, annotations={name: json.dumps(part) for name, part in value.items()}
    )

    try:
        read = read_index(index)
    except LadingError:
        return

    # What is read can be worked with: everything a reader does next.
    state = fold(read.lines, border=read.border)
    assert read_index(build(read.lines, state, read.border, read.segments)).stages == state.stages


@tries(100)
@given(st.lists(twisted(statement()), min_size=1, max_size=3), st.data())
def test_a_ledger_with_strange_things_in_it_is_read_and_written_on(
    strange: list[Any], data: st.DataObject
) -> None:
    store = MemoryStore()
    store.push(EMPTY_CONFIG, BytesContent(EMPTY))
    root = Manifest.build(EMPTY_CONFIG, (), artifact_type="application/vnd.example")
    store.push(root.descriptor, BytesContent(root.raw), "1.0.0")
    first = assign(store, root.descriptor.digest)
    for value in strange:
        raw = json.dumps(value).encode()
        layer = Descriptor(PLAIN, Digest.of(raw), len(raw), data=raw)
        store.push(layer, BytesContent(raw))
        manifest = Manifest.build(EMPTY_CONFIG, (layer,), artifact_type=EVENT)
        seq = data.draw(st.integers(0, 99_999_999))
        tag = data.draw(
            st.sampled_from((event_tag(seq, manifest.descriptor.digest), LEDGER, "ledger-0001"))
        )
        store.push(manifest.descriptor, BytesContent(manifest.raw), tag)

    for whole in (False, True):
        assert first.digest.hex[:16] in read_book(store, whole=whole).lines
    repair(store, read_book(store), open_fold)
    second = assign(store, root.descriptor.digest, "dev")

    book = read_book(store, whole=True)
    assert {first.digest.hex[:16], second.digest.hex[:16]} <= book.lines.keys()
    assert "index" not in {finding.kind for finding in audit(store, book, open_fold(book))}
