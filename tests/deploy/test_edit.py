"""Values that are changed where they stand: everything else keeps its bytes."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lading.deploy.edit import Path, Text, load
from lading.errors import InvalidInput

WRITTEN = """\
# Asked for in TICKET-7
metadata:
  name: 'one'   # not two
  annotations:
    a: "x"
    b: plain # why

spec: {image: first, other: [1, "two"]}
---
list:
- name: model
  image: old
"""


def test_only_what_is_another_value_changes() -> None:
    text = Text.parse(WRITTEN)

    made = text.changed(
        {
            (0, "metadata", "name"): "it's",
            (0, "metadata", "annotations", "a"): 'y"z',
            (0, "spec", "other", 1): "three",
            (1, "list", 0, "image"): "1e3",
        }
    )

    changed = WRITTEN.replace("'one'", "'it''s'").replace('"x"', '"y\\"z"')
    assert made == changed.replace('"two"', '"three"').replace("image: old", 'image: "1e3"')


def test_what_has_its_value_already_keeps_every_byte() -> None:
    odd = WRITTEN.replace("\n", "\r\n").removesuffix("\r\n")
    text = Text.parse(odd)

    assert text.changed(dict(text.values())) == odd


def test_an_entry_comes_and_goes_with_its_line() -> None:
    text = Text.parse(WRITTEN)

    less = text.changed({(0, "metadata", "annotations", "b"): None})
    more = text.changed({(0, "metadata", "annotations", each): each for each in ("c", "d")})

    assert less == WRITTEN.replace("    b: plain # why\n", "")
    assert more == WRITTEN.replace("# why\n", "# why\n    c: c\n    d: d\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_new_last_line_ends_as_the_others_do(end: str) -> None:
    raw = f"a:{end}  b: c"

    made = Text.parse(raw + end).changed({(0, "a", "d"): "e"})
    without = Text.parse(raw).changed({(0, "a", "d"): "e"})

    assert made == f"{raw}{end}  d: e{end}"
    assert yaml.safe_load(without) == {"a": {"b": "c", "d": "e"}}


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({(0, "spec", "more"): "x"}, "by itself"),
        ({(0, "spec", "image"): None}, "by itself"),
        ({(0, "metadata", "more"): "x"}, "no place"),
        ({(1, "list", 1): "x"}, "by itself"),
        ({(0, "metadata", "name"): "a\nb"}, "cannot become"),
        ({(0, "nowhere", "x"): "y"}, "by itself"),
    ],
)
def test_what_cannot_be_changed_by_itself_is_refused(
    wanted: dict[Path, str | None], why: str
) -> None:
    text = Text.parse(WRITTEN)

    with pytest.raises(InvalidInput, match=why):
        text.changed(wanted)


def test_the_only_entry_does_not_go() -> None:
    with pytest.raises(InvalidInput, match="nothing would be left"):
        Text.parse("a:\n  b: c\n").changed({(0, "a", "b"): None})


def test_a_text_of_several_lines_is_not_changed() -> None:
    with pytest.raises(InvalidInput, match="several lines"):
        Text.parse("a: |\n  b\n").changed({(0, "a"): "c"})


@pytest.mark.parametrize(
    "raw",
    [
        "a: &x 1\nb: *x\n",
        "a: !!python/object:os.system x\n",
        "a: !!str 1\n",
        "a: 1\na: 2\n",
        "{a: b}: c\n",
        "a: [b\n",
        "[" * 100 + "]" * 100,
        "a: " + "x" * 300_000,
        "\x00",
    ],
)
def test_what_no_such_document_needs_is_refused(raw: str) -> None:
    with pytest.raises(InvalidInput):
        Text.parse(raw)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput):
        load("a: 2026-02-30\n")


words = st.text("abz019.:/@-_ #'\"", min_size=1, max_size=12)
styles = st.sampled_from([None, "'", '"'])
entries = st.dictionaries(st.text("abc", min_size=1, max_size=4), words, min_size=1, max_size=5)


@given(entries, styles, st.data())
def test_what_was_changed_is_read_back_and_nothing_else_is_another(
    said: dict[str, str], style: str | None, data: st.DataObject
) -> None:
    raw = yaml.safe_dump({"top": {"in": said}, "after": "x"}, default_style=style)
    raw = raw.replace('!!str "', '"')
    key = data.draw(st.sampled_from(sorted(said)))
    value = data.draw(words)

    made = Text.parse(raw).changed({(0, "top", "in", key): value})

    assert yaml.safe_load(made)["top"]["in"][key] == value
    assert Text.parse(made).values() == Text.parse(raw).values() | {(0, "top", "in", key): value}
    assert Text.parse(made).changed({(0, "top", "in", key): said[key]}).split() == raw.split() or (
        # Quotes that a value had to have stay, whatever it becomes.
        yaml.safe_load(made) != yaml.safe_load(raw)
    )
