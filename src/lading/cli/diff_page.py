"""The answer of ``lading diff`` as one page: a file to be attached, kept and printed.

Nothing in it is fetched and nothing in it runs, and a policy inside says so to the browser.
Everything that a registry said is escaped twice: what could deceive a reader, then HTML.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape as html_escape
from typing import Final

from lading.cli.diff_sections import Row, Section, sections, summary
from lading.cli.output import count, date, escape, size
from lading.operations.diff import DiffResult, Side

# A page with more lines than that is no page any more; `--json` has them all.
_MOST_ROWS: Final = 2000

_STYLE: Final = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --quiet: #59636e; --line: #d8dee4;
  --good: #1a6e36; --good-fill: #e3f5e8; --bad: #a8242e; --bad-fill: #fdeaea;
  --note: #7a4e00; --note-fill: #fdf3dc; --plain-fill: #e9edf2; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0e1116; --card: #161b22; --text: #e6eaef; --quiet: #9aa4af; --line: #2d343d;
  --good: #6fd08a; --good-fill: #12301d; --bad: #ff9a94; --bad-fill: #3d1619;
  --note: #f0c265; --note-fill: #33270d; --plain-fill: #232a33; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1.25rem; letter-spacing: -0.01em; }
h2 { font-size: 1.1rem; margin: 0; }
h2 small { font-weight: 400; color: var(--quiet); font-size: .875rem; margin-left: .5rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin-bottom: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .625rem;
  padding: 1rem 1.125rem; min-width: 0; }
.side strong { display: block; font-size: 1.05rem; overflow-wrap: anywhere; }
.side .which { color: var(--quiet); font-size: .8rem; font-weight: 600; }
.side p { margin: .25rem 0 0; color: var(--quiet); font-size: .875rem; }
code, td, th.name { overflow-wrap: anywhere; }
code { font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
ul.summary { margin: 0 0 1rem; padding: 1rem 1.125rem 1rem 2.25rem; }
ul.summary li::marker { color: var(--quiet); }
section.card { margin-top: 1rem; padding: 0; overflow: hidden; }
section > h2 { padding: .875rem 1.125rem; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem 1.125rem;
  border-top: 1px solid var(--line); }
thead th { color: var(--quiet); font-size: .8rem; font-weight: 600; white-space: nowrap; }
thead th:first-child { width: 34%; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { width: 8.5rem; white-space: nowrap; text-align: right; }
.tag { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .78rem;
  font-weight: 600; line-height: 1.6; background: var(--plain-fill); color: var(--quiet); }
.better, .added, .compatible { background: var(--good-fill); color: var(--good); }
.worse, .removed, .breaking { background: var(--bad-fill); color: var(--bad); }
.changed, .unknown { background: var(--note-fill); color: var(--note); }
details { border-top: 1px solid var(--line); }
summary { padding: .625rem 1.125rem; color: var(--quiet); font-size: .875rem; cursor: pointer; }
summary:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
details table { color: var(--quiet); }
footer { margin-top: 1.5rem; color: var(--quiet); font-size: .8rem; }
@media (max-width: 40rem) {
  main { padding: 1.25rem .75rem 3rem; }
  .sides { grid-template-columns: 1fr; gap: .75rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, th, td { display: block; }
  tr { border-top: 1px solid var(--line); padding: .625rem 1.125rem; position: relative; }
  tbody th, td { border: 0; padding: .125rem 0; }
  tbody th { padding-right: 6.5rem; font-weight: 600; }
  td, td.number { display: grid; grid-template-columns: 4.5rem 1fr; gap: .5rem;
    text-align: left; white-space: normal; }
  td.empty { display: none; }
  td::before { content: attr(data-head); color: var(--quiet); font-size: .8rem; }
  td.state { position: absolute; top: .625rem; right: 1.125rem; display: block; width: auto; }
  td.state::before { content: none; }
}
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --quiet: #444; --line: #bbb; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  tr, .card.side { break-inside: avoid; }
  thead { display: table-header-group; }
  details { display: none; }
}
"""


def page(result: DiffResult) -> str:
    """The whole page."""
    title = f"{result.a.reference} → {result.b.reference}"
    return "".join(_page(result, title))


def _page(result: DiffResult, title: str) -> Iterator[str]:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield "<!doctype html>\n"
    yield '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield f"<title>{_safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield "<h1>What changed from A&nbsp;to&nbsp;B</h1>\n"
    yield f'<div class="sides">\n{_side("A", result.a)}{_side("B", result.b)}</div>\n'
    yield '<ul class="card summary">\n'
    yield from (f"<li>{_safe(line)}</li>\n" for line in (*summary(result), *result.notes))
    yield "</ul>\n"
    for number, section in enumerate(sections(result)):
        yield from _section(section, f"s{number}")
    yield "<footer>Written by <code>lading diff</code>. Digests say exactly what was compared."
    yield "</footer>\n</main>\n</body>\n</html>\n"


def _side(which: str, side: Side) -> str:
    told = (
        f"{_safe(date(side.created))} UTC" if side.created else "",
        f"{size(side.size)} in {count(side.files, 'file')}",
    )
    return (
        f'<div class="card side"><span class="which">{which}</span>'
        f"<strong>{_safe(side.reference)}</strong><code>{_safe(side.digest)}</code>"
        f"<p>{' · '.join(filter(None, told))}</p></div>\n"
    )


def _section(section: Section, id_: str) -> Iterator[str]:
    differing = section.differing
    same = [row for row in section.rows if not row.differs]
    told = count(len(differing), "difference") if differing else "no difference"
    yield f'<section class="card" aria-labelledby="{id_}">\n'
    yield f'<h2 id="{id_}">{_safe(section.title)} <small>{told}</small></h2>\n'
    yield from _table(section, differing, id_)
    if same:
        yield f"<details><summary>{len(same):,} the same</summary>\n"
        yield from _table(section, same, id_)
        yield "</details>\n"
    yield "</section>\n"


def _table(section: Section, rows: Iterable[Row], id_: str) -> Iterator[str]:
    rows = tuple(rows)
    if not rows:
        return
    yield f'<table role="table" aria-labelledby="{id_}">\n<thead role="rowgroup"><tr role="row">'
    for at, head in enumerate((*section.heads, "STATUS")):
        kind = "state" if at == len(section.heads) else "number" if at in section.right else ""
        yield f'<th scope="col" role="columnheader"{_class(kind)}>{_safe(_head(head))}</th>'
    yield '</tr></thead>\n<tbody role="rowgroup">\n'
    for row in rows[:_MOST_ROWS]:
        yield from _row(section, row)
    yield "</tbody>\n</table>\n"
    if len(rows) > _MOST_ROWS:
        more = count(len(rows) - _MOST_ROWS, "line")
        yield f"<p>and {more} more; <code>lading diff --json</code> has all.</p>\n"


def _row(section: Section, row: Row) -> Iterator[str]:
    name, *cells = row.cells
    yield f'<tr role="row"><th scope="row" role="rowheader" class="name">{_safe(name)}</th>'
    for at, cell in enumerate(cells, 1):
        kind = " ".join(
            filter(None, ("number" if at in section.right else "", "" if cell else "empty"))
        )
        head = _safe(_head(section.heads[at]))
        yield f'<td role="cell" data-head="{head}"{_class(kind)}>{_safe(cell)}</td>'
    status = _safe(row.status)
    yield f'<td role="cell" class="state"><span class="tag {status}">{status}</span></td></tr>\n'


def _head(text: str) -> str:
    return text if len(text) == 1 else text.capitalize()


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _safe(text: str) -> str:
    """Text for a page: controls and bidirectional marks as escapes, then nothing that is HTML."""
    return html_escape(escape(text), quote=True)
