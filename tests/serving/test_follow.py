"""A stage that moves while requests come, and a shadow that answers nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.http_client import Client, ask
from prometheus_client.parser import text_string_to_metric_families
from serving.serving import EXAMPLE, MATRIX, digest, model, row_sums, serving

from lading.errors import InvalidInput, Unavailable, Unsupported
from lading.serving.follow import Backoff, Followed
from lading.serving.limits import Limits
from lading.serving.model import Model
from lading.serving.shadow import compared, quantiles
from lading.spec.signature import Signature, Tensor

NUMBERS = st.floats(-1e6, 1e6)


class Stage:
    """A stage whose model the test chooses; each answers with its own number."""

    def __init__(self) -> None:
        self.now = "a"
        self.away = False
        self.broken: dict[str, Callable[[], Model]] = {}
        self.loads: list[str] = []

    def look(self) -> str | None:
        if self.away:
            raise Unavailable("the registry does not answer")
        return digest(self.now) if self.now else None

    def load(self) -> Model:
        letter = self.now
        self.loads.append(letter)
        if letter in self.broken:
            return self.broken[letter]()
        number = float(ord(letter))
        return model(
            lambda data: np.full(len(data), number),
            letter=letter,
            example=EXAMPLE,
            version=f"1.0.{ord(letter)}",
        )

    def followed(self) -> Followed:
        return Followed(self.look, self.load, 0.05, "prod")


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def served(port: int) -> str:
    return ask(port, "GET", "/v2/health/ready").headers["x-model-digest"]


def test_models_are_swapped_under_load_and_every_answer_is_its_own_models() -> None:
    stage, stop = Stage(), threading.Event()
    wrong: list[Any] = []
    seen: set[str] = set()

    def many() -> None:
        with Client(server.port) as client:
            while not stop.is_set():
                told = client.ask("POST", "/predict", [[1, 2]])
                letter = told.headers["x-model-digest"][-1]
                seen.add(letter)
                if told.status != 200 or told.json["predictions"] != [float(ord(letter))]:
                    wrong.append(told)
                if told.json.get("digest") != told.headers["x-model-digest"]:
                    wrong.append(told)

    with serving(stage.load, followed=stage.followed()) as server:
        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for letter in "bcdef":
            stage.now = letter
            wait_for(lambda letter=letter: served(server.port) == digest(letter))  # type: ignore[misc]
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join(20)

    assert wrong == []
    assert seen == set("abcdef")
    assert [each["before"] for each in server.events("swapped")] == [digest(x) for x in "abcde"]


def refuse_to_load() -> Model:
    raise Unsupported("scikit-learn cannot load this model")


def fail_to_load() -> Model:
    raise RuntimeError("Ada's password")


def refuse_the_example() -> Model:
    def predict(data: Any) -> Any:
        raise InvalidInput("it does not take this")

    return model(predict, letter="b", example=EXAMPLE)


def crash_at_the_example() -> Model:
    def predict(data: Any) -> Any:
        raise SystemExit(1)

    return model(predict, letter="b", example=EXAMPLE)


def cancel_at_the_example() -> Model:
    def predict(data: Any) -> Any:
        raise asyncio.CancelledError

    return model(predict, letter="b", example=EXAMPLE)


@pytest.mark.parametrize(
    "broken",
    [
        refuse_to_load,
        fail_to_load,
        refuse_the_example,
        crash_at_the_example,
        cancel_at_the_example,
    ],
)
def test_the_old_one_serves_on_where_the_new_one_cannot(broken: Callable[[], Model]) -> None:
    stage = Stage()
    stage.broken["b"] = broken

    with serving(stage.load, followed=stage.followed()) as server:
        stage.now = "b"
        wait_for(lambda: bool(server.events("kept")))
        time.sleep(0.3)
        still = ask(server.port, "POST", "/predict", [[1, 2]])
        ready = ask(server.port, "GET", "/v2/health/ready").status
        metrics = ask(server.port, "GET", "/metrics").body.decode()
        stage.now = "c"
        wait_for(lambda: served(server.port) == digest("c"))

    (kept,) = server.events("kept")
    assert still.json["predictions"] == [float(ord("a"))]
    assert ready == 200
    assert kept["refused"] == digest("b")
    assert "Ada" not in "".join(server.lines)
    assert 'outcome="failed"' in metrics
    # Tried again later, and not at every look.
    assert stage.loads.count("b") == 1


def test_a_registry_that_is_away_and_a_stage_that_is_cleared_change_nothing() -> None:
    stage = Stage()

    with serving(stage.load, followed=stage.followed()) as server:
        stage.away = True
        wait_for(lambda: bool(server.events("look")))
        stage.away, stage.now = False, ""
        time.sleep(0.3)
        still = ask(server.port, "POST", "/predict", [[1, 2]])
        stage.now = "b"
        wait_for(lambda: served(server.port) == digest("b"))

    assert still.json["predictions"] == [float(ord("a"))]
    assert stage.loads == ["a", "b"]


def test_a_version_that_hangs_is_given_up_once_and_the_next_one_is_served() -> None:
    stage, over = Stage(), threading.Event()
    stage.broken["b"] = lambda: model(lambda data: over.wait(), letter="b", example=EXAMPLE)
    limits = Limits(answer=0.05)

    with serving(stage.load, followed=stage.followed(), limits=limits) as server:
        stage.now = "b"
        wait_for(lambda: bool(server.events("kept")))
        stage.now = "c"
        wait_for(lambda: served(server.port) == digest("c"))
        stage.now = "a"
        wait_for(lambda: served(server.port) == digest("a"))
        over.set()

    (kept,) = server.events("kept")
    assert "within 0.5 s" in kept["error"]
    assert "again_after" not in kept


def test_a_machine_without_files_left_keeps_what_it_serves() -> None:
    stage = Stage()
    followed = stage.followed()
    empty = threading.Event()

    def look() -> str | None:
        if empty.is_set():
            raise OSError(24, "Too many open files: /home/ada/secret")
        return followed.look()

    with serving(stage.load, followed=replace(followed, look=look)) as server:
        empty.set()
        wait_for(lambda: bool(server.events("look")))
        still = ask(server.port, "POST", "/predict", [[1, 2]])
        empty.clear()
        stage.now = "b"
        wait_for(lambda: served(server.port) == digest("b"))

    assert still.status == 200
    assert "ada" not in "".join(server.lines)


def test_what_failed_is_tried_again_later_each_time() -> None:
    first = Backoff.after(None, "d", 10.0, now=100.0)
    second = Backoff.after(first, "d", 10.0, now=200.0)
    other = Backoff.after(second, "e", 10.0, now=200.0)

    assert first.holds("d", 105.0)
    assert not first.holds("d", 111.0)
    assert not first.holds("e", 105.0)
    assert second.pause == 2 * first.pause
    assert other.pause == first.pause
    assert Backoff.forever("d").holds("d", 1e12)
    assert not Backoff.forever("d").holds("e", 0.0)


def figures(port: int, letter: str = "a") -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(ask(port, "GET", "/metrics").body.decode()):
        for sample in family.samples:
            if sample.name == "lading_shadow_total":
                found[sample.labels["outcome"]] = sample.value
            elif sample.name.startswith("lading_shadow_difference"):
                found[sample.name + sample.labels.get("quantile", "")] = sample.value
                assert sample.labels["digest"] == digest(letter)
                assert sample.labels["shadow_digest"] == digest("b")
    return found


def test_a_shadow_answers_nobody_and_its_differences_are_counted() -> None:
    def other() -> Model:
        return model(lambda data: row_sums(data) + (data[:, 0] > 1), letter="b", example=EXAMPLE)

    with serving(model(row_sums, example=EXAMPLE), shadow=other) as server:
        answers = [ask(server.port, "POST", "/predict", [[at, 1]]) for at in (1, 2, 3, 4)]
        wait_for(lambda: figures(server.port)["different"] == 3)
        found = figures(server.port)

    assert [each.json["predictions"] for each in answers] == [[2.0], [3.0], [4.0], [5.0]]
    assert {each.headers["x-model-digest"] for each in answers} == {digest("a")}
    assert (found["same"], found["failed"]) == (1, 0)
    assert found["lading_shadow_difference_count"] == 4
    assert found["lading_shadow_difference_sum"] == 3
    assert found["lading_shadow_difference0.5"] == 1.0


def test_a_shadow_is_compared_with_what_is_served_now() -> None:
    stage = Stage()
    beside = model(lambda data: np.full(len(data), float(ord("c"))), letter="b")

    with serving(stage.load, followed=stage.followed(), shadow=lambda: beside) as server:
        ask(server.port, "POST", "/predict", [[1, 1]])
        wait_for(lambda: figures(server.port)["different"] == 1)
        stage.now = "c"
        wait_for(lambda: served(server.port) == digest("c"))
        ask(server.port, "POST", "/predict", [[1, 1]])
        wait_for(lambda: figures(server.port, "c")["same"] == 1)
        found = figures(server.port, "c")

    assert found["different"] == 0


def test_a_shadow_that_fails_or_takes_something_else_is_counted_and_no_more() -> None:
    def predict(data: Any) -> Any:
        if data[0][0] == 13:
            raise RuntimeError("Ada")
        return row_sums(data)

    narrow = Signature(inputs=(Tensor(dtype="float64", shape=(1, 2)),), outputs=MATRIX.outputs)
    with serving(model(row_sums), shadow=lambda: model(predict, narrow, letter="b")) as server:
        for rows in ([[13, 1]], [[1, 1], [2, 2]], [[1, 1]]):
            assert ask(server.port, "POST", "/predict", rows).status == 200
        wait_for(lambda: figures(server.port)["same"] == 1)
        found = figures(server.port)

    assert found["failed"] == 2
    assert "Ada" not in "".join(server.lines)


def test_a_shadow_that_cannot_keep_up_is_left_out_and_holds_up_nobody() -> None:
    going_on = threading.Event()

    def slow(data: Any) -> Any:
        going_on.wait(20)
        return row_sums(data)

    with serving(model(row_sums), shadow=lambda: model(slow, letter="b")) as server:
        started = time.monotonic()
        with Client(server.port) as client:
            for _ in range(100):
                assert client.ask("POST", "/predict", [[1, 1]]).status == 200
        took = time.monotonic() - started
        found = figures(server.port)
        going_on.set()

    assert took < 10
    assert found["dropped"] > 0


@given(st.lists(NUMBERS, min_size=1, max_size=20), NUMBERS)
def test_the_largest_difference_is_found(numbers: list[float], more: float) -> None:
    other = [*numbers[:-1], numbers[-1] + more]

    found = compared({"y": numbers}, {"y": other})

    assert found.largest == abs(numbers[-1] - other[-1])
    assert compared(numbers, numbers).same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        ([1.0], [1.0, 2.0], False),
        ({"y": [1]}, {"z": [1]}, False),
        (["NaN"], ["NaN"], True),
    ],
)
def test_other_answers_are_the_same_or_not(one: Any, other: Any, same: bool) -> None:
    assert compared(one, other).same is same


@given(st.lists(NUMBERS, max_size=50))
def test_quantiles_are_among_the_numbers_and_in_order(numbers: list[float]) -> None:
    found = list(quantiles(sorted(numbers)).values())

    assert found == sorted(found)
    assert set(found) <= set(numbers)
    assert not numbers or found[-1] == max(numbers)
