"""Rows as tables, JSON, CSV and Markdown: whatever a registry says, it stays a cell."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.cli.formats import Cell, Rows, as_csv, as_json, as_markdown, as_table, checked, whole
from lading.cli.table import View, seen
from lading.errors import InvalidInput

TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "=1+1",
        "+A1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        '"=1"',
        "a\nb",
        "a|b",
        "\uff1d1",
        "'=",
    ]
)
CELLS: st.SearchStrategy[Cell] = (
    TEXT | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.lists(TEXT)
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.builds(
        Rows,
        st.tuples(*[TEXT] * width),
        st.lists(st.tuples(*[CELLS] * width), max_size=5),
    )
)
# What makes a spreadsheet run a cell, after any space it may drop.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")


@given(TABLES)
def test_no_text_in_csv_is_a_formula_and_numbers_stay_numbers(rows: Rows) -> None:
    lines = list(as_csv(rows))

    found = list(csv.reader(io.StringIO("\n".join(lines))))
    # A row of one empty cell is an empty line to csv's reader.
    wide = [line for line in found if line] if len(rows.heads) == 1 else found
    assert len(lines) == 1 + len(rows.rows)
    assert len(found) == len(lines)
    for written, row in zip(found[1:], rows.rows, strict=True):
        for text, cell in zip(written, row, strict=False):
            if type(cell) is int:
                assert int(text) == cell
            elif type(cell) is float:
                assert float(text) == cell
            else:
                assert not FORMULA.match(text)
    assert all(len(line) == len(rows.heads) for line in wide)
    assert not any(FORMULA.match(head) for head in found[0])


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("-5", "'-5"),
        (-5.5, "-5.5"),
        (1e-7, "1e-07"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("two\nlines", "two\\nlines"),
        (None, ""),
        (True, "true"),
        (("prod", "dev"), '"prod, dev"'),
    ],
)
def test_cells_of_csv(cell: Cell, written: str) -> None:
    assert list(as_csv(Rows(("x", "y"), [(cell, 1)])))[1] == f"{written},1"


@given(TABLES)
def test_every_line_of_markdown_has_as_many_cells(rows: Rows) -> None:
    lines = list(as_markdown(rows))

    assert len(lines) == 2 + len(rows.rows)
    for line in lines:
        assert "\n" not in line
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == len(rows.heads) + 1


def test_markdown_is_text_and_no_link_or_html() -> None:
    rows = Rows(("name",), [("[free](http://evil) <img src=x> `a|b` *x*",)])

    *_, line = as_markdown(rows)

    assert line == r"| \[free\](http://evil) \<img src=x\> \`a\|b\` \*x\* |"


@given(TABLES)
def test_json_holds_the_values_themselves(rows: Rows) -> None:
    found = json.loads(as_json(rows))

    expected = [dict(zip(rows.heads, row, strict=True)) for row in rows.rows]
    assert found == json.loads(json.dumps(expected))


def test_a_table_has_numbers_on_the_right_and_nothing_for_no_rows() -> None:
    rows = Rows(("name", "metrics.auc"), [("a", 0.5), ("bb", 0.25)])

    assert list(seen(as_table(rows), View())) == [
        "NAME  metrics.auc",
        "a             0.5",
        "bb           0.25",
    ]
    assert list(as_table(Rows(("name",), []))) == []


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput):
        checked("yaml")


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "9" * 20, "\u0663"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        whole(text, "--limit")

    assert whole("20", "--limit") == 20
    assert whole(None, "--limit") is None
