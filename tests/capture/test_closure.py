"""What is needed in turn: laws over graphs, and cases of markers and extras."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lading.capture.closure import closure
from lading.capture.interpreter import Interpreter

HERE = Interpreter.of(None).markers
NAMES = st.sampled_from("abcdefghij")
NONE: frozenset[str] = frozenset()
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=10)


@given(graph=GRAPHS, roots=st.frozensets(NAMES, max_size=3))
def test_the_closure_is_exactly_what_is_reached(
    graph: dict[str, list[str]], roots: frozenset[str]
) -> None:
    found = closure(dict.fromkeys(roots, NONE), graph.get, HERE)

    reached = set(roots)
    while more := {n for name in reached for n in graph.get(name, ())} - reached:
        reached |= more
    assert set(found.names) == reached & graph.keys()
    assert len(found.notes) == len(reached - graph.keys())
    assert list(found.names) == sorted(set(found.names))


@given(graph=GRAPHS, roots=st.frozensets(NAMES, max_size=3), more=NAMES)
def test_more_roots_never_need_less(
    graph: dict[str, list[str]], roots: frozenset[str], more: str
) -> None:
    fewer = closure(dict.fromkeys(roots, NONE), graph.get, HERE)

    whole = closure(dict.fromkeys(roots | {more}, NONE), graph.get, HERE)

    assert set(fewer.names) <= set(whole.names)


def test_markers_are_those_of_the_interpreter() -> None:
    wishes = {"a": ["b; python_version < '3'", "c; sys_platform != 'nowhere'"], "b": [], "c": []}

    found = closure({"a": NONE}, wishes.get, HERE)

    assert found.names == ("a", "c")


def test_extras_count_only_where_they_are_asked_for() -> None:
    wishes = {
        "a": ['b; extra == "fast"', 'c ; extra == "slow" or python_version > "3"', "d[deep]>=1"],
        "b": [],
        "c": [],
        "d": ['e; extra == "deep"', 'f; extra == "other"'],
        "e": ["d"],
        "f": [],
    }

    plain = closure({"a": NONE}, wishes.get, HERE)
    fast = closure({"a": frozenset({"fast"})}, wishes.get, HERE)

    assert plain.names == ("a", "c", "d", "e")
    assert fast.names == ("a", "b", "c", "d", "e")


def test_what_is_needed_and_not_there_is_a_note() -> None:
    found = closure({"a": NONE}, {"a": ["Missing_Thing>=2", "???"]}.get, HERE)

    assert found.names == ("a",)
    assert found.notes == (
        "missing-thing is needed by a and not installed",
        "a needs '???', which is no requirement",
    )
