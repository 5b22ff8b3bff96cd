"""Tables fit the terminal they are read on, and are whole everywhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.command import Command
from parts.registry import DockerRegistry

from lading.cli.output import columns
from lading.cli.table import Prose, Table, View, indented, seen, table

DIGEST = "sha256:" + "0123456789abcdef" * 4
ADA = "Ada King, Countess of Lovelace <ada.lovelace@analytical-engines.example.com>"
REASON = "the board asked for a model that finds more, and this one does so without costing more"


def test_a_table_is_aligned_and_leaves_out_empty_columns() -> None:
    rows = [("a", "", "10 B"), ("long", "", "1 B")]

    lines = list(table(("NAME", "TAGS", "SIZE"), rows, right=frozenset({2})))

    assert lines == ["NAME  SIZE", "a     10 B", "long   1 B"]


def test_a_table_counts_columns_not_letters() -> None:
    lines = list(table(("NAME", "X"), [("模型", "1"), ("ab", "2")]))

    assert lines == ["NAME  X", "模型  1", "ab    2"]


@pytest.mark.parametrize("name", ["ที่", "हि", "e\u0301", "☎\ufe0f"])
def test_marks_above_a_letter_take_no_column(name: str) -> None:
    (head, *lines) = table(("N", "X"), [(name, "1"), ("ab", "2")])

    letters = len(name.rstrip("ี่\u0301\ufe0f"))
    assert columns(name) == letters
    assert (head, lines) == ("N   X", [name + " " * (4 - letters) + "1", "ab  2"])


@pytest.mark.parametrize("text", ["日" * 60_000, "e\u0301" * 30_000])
def test_a_word_without_end_is_broken_in_a_moment(text: str) -> None:
    began = time.perf_counter()
    lines = list(table(("A", "B"), [(text, "b" * 30)]).lines(View(80)))

    assert time.perf_counter() - began < 1.5
    assert "".join(letter for letter in "".join(lines) if letter in text) == text


def test_a_table_escapes_its_cells_before_it_measures_them() -> None:
    lines = list(table(("A", "B"), [("\x1b", "x"), ("long", "y")]))

    assert lines == ["A     B", "\\x1b  x", "long  y"]


def test_a_long_last_column_goes_below_its_row_on_a_terminal() -> None:
    shown = table(("WHO", "VERSION", "WHY"), [("Ada" * 18, "1.0.0", REASON), ("Bob", "1.1.0", "")])

    lines = list(shown.lines(View(80)))

    assert lines == [
        "WHO" + " " * 53 + "VERSION",
        "    WHY",
        "Ada" * 18 + "  1.0.0",
        "    the board asked for a model that finds more, and this one does so without",
        "    costing more",
        "Bob" + " " * 53 + "1.1.0",
    ]


def test_a_long_last_column_is_wrapped_in_its_place_where_there_is_some() -> None:
    lines = list(table(("VERSION", "WHY"), [("1.0.0", REASON)]).lines(View(60)))

    assert lines == [
        "VERSION  WHY",
        "1.0.0    the board asked for a model that finds more, and",
        "         this one does so without costing more",
    ]


def test_who_is_cut_and_dates_and_digests_stay_in_one_piece() -> None:
    rows = [("2026-11-21 10:22", ADA, DIGEST, "staging")]
    shown = table(("TIME (UTC)", "BY", "DIGEST", "STAGE"), rows, cut=frozenset({1}))

    lines = list(shown.lines(View(60)))

    assert lines[1] == "2026-11-21 10:22  Ada King, Countess…  0123456789ab  staging"


def test_who_asks_for_everything_gets_whole_digests_and_texts() -> None:
    shown = table(("BY", "DIGEST"), [(ADA, DIGEST)], cut=frozenset({0}))

    (_, line) = shown.lines(View(40, whole=True))

    assert line == f"{ADA}  {DIGEST}"


def test_digests_are_short_on_terminals_and_whole_elsewhere() -> None:
    shown = table(("DIGEST",), [(DIGEST,)])

    assert list(shown) == ["DIGEST", DIGEST]
    assert list(shown.lines(View(80))) == ["DIGEST", "0123456789ab"]


def test_words_are_broken_at_their_marks_and_nowhere_else_where_that_can_be_helped() -> None:
    rows = [("127.0.0.1:5917/ml/fraud", "1.0.0", "2026-11-21 10:22", "auc=0.93 auc@test=0.9312")]
    shown = table(("NAME", "VERSION", "CREATED (UTC)", "METRICS"), rows)

    lines = list(shown.lines(View(60)))

    assert lines[1].split() == ["127.0.0.1:5917/", "1.0.0", "2026-11-21", "10:22", "auc=0.93"]
    assert lines[2].split() == ["ml/fraud", "auc@test=0.9312"]


def test_what_is_indented_has_less_room() -> None:
    lines = list(seen(indented([table(("A", "B"), [("x" * 30, "y" * 30)]), "z"]), View(60)))

    assert max(map(len, lines)) <= 60
    assert all(line.startswith("  ") for line in lines)


def test_a_sentence_hangs_under_its_first_line() -> None:
    lines = list(Prose("MISSING  approvals: nobody said yes to it", hang=9).lines(View(30)))

    assert lines == ["MISSING  approvals: nobody", "         said yes to it"]
    assert list(Prose("a: b", hang=3).lines(View())) == ["a: b"]


_CELL = st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]) | st.just(" "), max_size=60)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table for people: numbers to the right, some columns cut."""
    number = draw(st.integers(1, 6))
    heads = [f"H{at}" for at in range(number)]
    rows = draw(st.lists(st.lists(_CELL, min_size=number, max_size=number), max_size=5))
    cut = draw(st.frozensets(st.integers(0, number - 1)))
    return table(heads, rows, cut=cut)


@given(tables(), st.integers(68, 120))
def test_a_table_of_text_never_is_wider_than_its_terminal(shown: Table, width: int) -> None:
    lines = list(shown.lines(View(width)))

    # Below a row words are not broken, so that they can be copied.
    long = {word for row in shown.rows for word in row[-1].split(" ") if columns(word) > width - 4}
    assert all(columns(line) <= width for line in lines if line.strip() not in long)


@given(tables(), st.integers(20, 120))
def test_what_is_wrapped_loses_no_letter(shown: Table, width: int) -> None:
    whole = Table(shown.heads, shown.rows)

    lines = list(whole.lines(View(width)))

    expected = sorted("".join(cell for row in shown.rows for cell in row).replace(" ", ""))
    used = [at for at, _ in enumerate(shown.heads) if any(row[at] for row in shown.rows)]
    heads = "".join(shown.heads[at] for at in used)
    assert sorted("".join(lines).replace(" ", "")) == sorted([*expected, *heads])


def on_a_terminal(lading: Command, *arguments: str, width: int = 80) -> list[str]:
    """What a person sees of a command's answer."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {k: v for k, v in lading.environment.items() if k != "COLUMNS"}
    with subprocess.Popen(
        lading.line(*arguments),
        cwd=lading.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as running:
        os.close(theirs)
        seen = bytearray()
        while piece := _piece(ours):
            seen += piece
        os.close(ours)
    assert running.returncode == 0
    return seen.decode().replace("\r\n", "\n").splitlines()


def _piece(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # a terminal ends with an error on Linux
        return b""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A model with a name, people and reasons as long as real ones."""
    lading = Command(tmp_path_factory.mktemp("busy"))
    model = "ml/payments/fraud-detector"
    for version in ("1.0.0", "1.1.0-rc.1", "1.1.0"):
        Path(lading.folder / "weights.bin").write_text(version)
        metrics = ("--metric", "auc@test=0.912345", "--metric", "precision@test=0.8812")
        lading("push", "weights.bin", f"{model}:{version}", *metrics, LADING_ACTOR=ADA)
    for words in (
        ("promote", f"{model}:1.0.0", "prod", "--because", REASON),
        ("promote", f"{model}:1.1.0", "prod", "--because", REASON),
        ("request", f"{model}:1.1.0", "--stage", "staging", "--because", REASON),
        ("approve", f"{model}:1.1.0", "--stage", "staging", "--because", REASON),
        ("deprecate", f"{model}:1.0.0", "--because", REASON),
        ("record", "deploy", f"{model}:prod", "--where", "eu-central-1/risk/fraud-detector"),
        ("evaluate", f"{model}:1.1.0", "--metric", "auc=0.93", "--dataset", "s3://risk/2026-10"),
        ("tag", f"{model}:1.1.0", "the-one-for-the-conference"),
        ("tag", f"{model}:1.1.0", "candidate"),
    ):
        done = lading(*words, LADING_ACTOR=ADA)
        assert done.returncode == 0, done.stderr
    return lading


_MODEL = "ml/payments/fraud-detector"
_LOOKS = [
    ("history", _MODEL),
    ("history", _MODEL, "--stage", "prod", "--at", "2100-01-01"),
    ("status", _MODEL),
    ("list", _MODEL),
    ("search",),
    ("search", "metrics.auc@test > 0.1 and tags.x is null"),
    ("best", _MODEL, "--metric", "auc"),
    ("evidence", f"{_MODEL}:1.1.0"),
    ("ledger", "show", _MODEL),
    ("policy", "check", f"{_MODEL}:1.1.0", "--stage", "prod"),
    ("gc", _MODEL),
    ("gc", _MODEL, "--keep-last", "0"),
    ("cache", "ls"),
    ("diff", f"{_MODEL}:1.0.0", f"{_MODEL}:1.1.0"),
]


@pytest.mark.parametrize("words", _LOOKS, ids=" ".join)
def test_answers_fit_a_terminal_of_80_columns(busy: Command, words: tuple[str, ...]) -> None:
    lines = on_a_terminal(busy, *words)

    # What diff compares is named whole, to be copied, and so is a folder.
    short = [line.replace(str(busy.folder), "") for line in lines]
    long = [line for line in short if len(line) > 80 and words[0] != "diff"]
    assert lines
    assert long == []


def test_nothing_is_cut_where_nobody_looks(busy: Command) -> None:
    piped = busy("history", _MODEL, COLUMNS="80").stdout

    assert piped.count(ADA) == len(piped.splitlines()) - 1
    assert "…" not in piped
    assert f"{REASON}\n" in piped


def test_a_search_on_a_terminal_says_once_on_which_registry_all_is(
    busy: Command, registry: DockerRegistry
) -> None:
    busy("copy", f"{_MODEL}:1.1.0", f"{registry.host}/table/fraud:1.1.0")
    pattern = f"{registry.host}/table/*"

    seen = on_a_terminal(busy, "search", pattern)
    whole = on_a_terminal(busy, "search", pattern, "--no-trunc")
    quiet = on_a_terminal(busy, "--quiet", "search", pattern)

    assert seen[1].split()[:2] == ["table/fraud", "1.1.0"]
    assert whole[1].split()[:2] == [f"{registry.host}/table/fraud", "1.1.0"]
    assert any(registry.host in line for line in quiet)


def test_no_trunc_shows_whole_digests_and_names(busy: Command) -> None:
    piped = busy("list", _MODEL, "--no-trunc").stdout
    seen = on_a_terminal(busy, "history", _MODEL, "--no-trunc")
    evidence = on_a_terminal(busy, "evidence", f"{_MODEL}:1.1.0", "--no-trunc")

    assert piped.count("sha256:") == 3
    assert ADA in seen[1]
    assert "sha256:" in evidence[1]
