"""The page of a difference: real tables, nothing that runs, nothing that deceives."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from lading.cli.diff_page import page
from lading.cli.output import escape
from lading.operations.comparing.differences import (
    FileChange,
    MetricChange,
    PackageChange,
    ValueChange,
)
from lading.operations.comparing.tensor_differences import TensorChange
from lading.operations.diff import DiffResult, Fetch, SchemaChange, SchemaDifferences, Side

DIGEST = "sha256:" + "a" * 64
_VOID = {"meta", "br"}


def side(reference: str = "ml/fraud:1.0.0") -> Side:
    return Side(reference, DIGEST, "ml/fraud", "1.0.0", "2026-03-01T12:00:00Z", 1000, 2)


def result(text: str = "plain", *, reference: str = "ml/fraud:1.0.0") -> DiffResult:
    """A difference that says this text wherever a registry can say something."""
    value = ValueChange(text, "changed", text, text)
    return DiffResult(
        a=side(reference),
        b=side(reference),
        equal=False,
        about=(value,),
        metrics=(
            MetricChange(text, "better", 0.5, 0.75, 0.25),
            MetricChange("same", "same", 1.0, 1.0, 0.0),
        ),
        params=(value,),
        signature=SchemaDifferences("breaking", True, (SchemaChange(text, text, True, text),)),
        environment=(value,),
        packages=(PackageChange(text, "added", None, text, True),),
        lineage=(value,),
        facts=(value,),
        files=(FileChange(text, "removed", 10, None),),
        tensors=(TensorChange(text, "unknown", text, text, 10),),
        tensor_bytes_read=0,
        fetch=Fetch(10, 1, 0),
        notes=(text,),
    )


class Seen(HTMLParser):
    """What a browser would make of a page: elements in order, their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.balanced = True
        self.feed(text)
        self.close()
        self.balanced &= not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self._open) and self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_every_table_has_heads_with_a_scope_and_every_row_a_name() -> None:
    seen = Seen(page(result()))

    assert seen.balanced
    scopes = [head.get("scope") for head in seen.all("th")]
    assert set(scopes) == {"col", "row"}
    assert scopes.count("row") == len(seen.all("tr")) - len(seen.all("thead"))
    assert len(seen.all("table")) == 11
    assert all(table.get("aria-labelledby") for table in seen.all("table"))


def test_the_page_forbids_everything_but_its_own_style() -> None:
    text = page(result())
    seen = Seen(text)

    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = (m["content"] for m in seen.all("meta") if "http-equiv" in m)
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_what_is_the_same_is_folded_away() -> None:
    seen = Seen(page(result()))

    assert "1 the same" in seen.text
    assert len(seen.all("details")) == 1


def test_a_table_of_very_many_lines_ends_and_says_so() -> None:
    many = tuple(ValueChange(f"p{n}", "added", None, n) for n in range(2500))
    from dataclasses import replace

    text = page(replace(result(), params=many))

    assert text.count("p1999<") == 1
    assert "p2000<" not in text
    assert "500 lines more" in text


_HOSTILE = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '" onmouseover="alert(1)',
            "</style><script>",
            "&lt;b&gt;",
            "\u202egnp.exe",
            "\x00\x1b[31m",
            "<!--",
            "]]>",
        ]
    ),
    st.text(max_size=40),
)


@given(_HOSTILE)
def test_whatever_a_registry_says_is_shown_and_not_obeyed(text: str) -> None:
    usual, hostile = Seen(page(result("x"))), Seen(page(result(text, reference=text)))

    assert hostile.balanced
    assert [tag for tag, _ in hostile.elements if tag != "td"] == [
        tag for tag, _ in usual.elements if tag != "td"
    ]
    assert {name for _, found in hostile.elements for name in found} == {
        name for _, found in usual.elements for name in found
    }
    assert escape(text) in "".join(hostile.text)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", page(result(text)))
