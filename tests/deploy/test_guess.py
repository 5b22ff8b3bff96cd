"""What is guessed of a model's needs: soberly, and never less than its weights."""

from __future__ import annotations

import re

import pytest
from deploy.given import facts
from hypothesis import given

from lading.deploy.guess import GIB, MIB, guess
from lading.deploy.wish import Facts, checked_quantity


def size(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()  # type: ignore[union-attr]
    return int(number) * (MIB if unit == "Mi" else GIB)


@given(facts)
def test_there_is_room_for_the_weights_and_an_interpreter(known: Facts) -> None:
    found = guess(known)

    assert known.size * 1.2 + 128 * MIB <= size(found.memory) <= size(found.memory_limit)
    assert size(found.memory_limit) >= known.size * 2 + 256 * MIB
    assert size(found.memory) <= known.size * 1.2 + 3 * GIB
    assert size(found.room) >= known.size * 2
    assert checked_quantity(found.cpu, "cpu")
    assert checked_quantity(found.memory, "memory")


@pytest.mark.parametrize(
    ("files", "framework", "memory", "limit"),
    [
        (12_000, "scikit-learn", "320Mi", "576Mi"),
        (500 * MIB, "onnx", "768Mi", "1280Mi"),
        (14 * GIB, "transformers", "18Gi", "30Gi"),
        (0, None, "512Mi", "1Gi"),
    ],
)
def test_a_guess_is_what_a_person_would_write(
    files: int, framework: str | None, memory: str, limit: str
) -> None:
    found = guess(Facts(files, framework))

    assert (found.memory, found.memory_limit) == (memory, limit)
