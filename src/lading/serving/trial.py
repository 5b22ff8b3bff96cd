"""The first questions to a model: whether it answers its example, and what asking together brings.

Run before anybody is served, in the model's own thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.asker import Asker
from lading.serving.batching import profits
from lading.serving.live import cut
from lading.serving.protocol.given import Given, merged, part
from lading.serving.protocol.rows import plain_rows
from lading.signatures.answers import differences, plain_answer

# So many copies of the example are asked at once, if it is small.
_COPIES: Final = 8
_SMALL: Final = 64
_TIMES: Final = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    # Seconds for the example; None where there is none.
    seconds: float | None
    batches: bool
    notes: tuple[str, ...]


def trial(asker: Asker) -> Trial:
    """Ask the model its input example, as if somebody sent it.

    Raises:
        LadingError: it does not answer, or not in a way that can be sent.
    """
    example = asker.model.example
    if example is None:
        return Trial(None, False, ("the version has no input example: nothing was asked",))
    given = _given(asker)
    started = time.perf_counter()
    answer = asker.answer(given)
    seconds = time.perf_counter() - started
    asker.outputs.tensors(answer, None)
    plain = plain_answer(answer)
    notes = []
    if example.answer is not None and (found := differences(example.answer, plain)):
        notes.append(
            f"the model answers its input example otherwise than when it was saved,"
            f" in {len(found)} places or more"
        )
    return Trial(seconds, _may_batch(asker, given, plain), tuple(notes))


def _given(asker: Asker) -> Given:
    example = asker.model.example
    assert example is not None
    if asker.inputs.form == "anything":
        return Given(example.value, example.layout or "value")
    return plain_rows(asker.inputs, example.value)


def _may_batch(asker: Asker, given: Given, plain: Any) -> bool:
    """Whether rows are answered by themselves, as far as that shows, and together more quickly."""
    rows = given.rows or 0
    if not asker.model.by_row or given.kind is None or not 1 < rows <= _SMALL:
        return False
    if asker.model.example and asker.model.example.layout == "record":
        return False
    try:
        apart = _is_by_row(asker, given) and _stays_apart(asker, given, plain)
        return apart and _pays(asker, given)
    except InvalidInput:  # a graph that takes exactly so many rows
        return False


def _stays_apart(asker: Asker, given: Given, plain: Any) -> bool:
    """Whether the example is answered the same among others."""
    rows = given.rows or 0
    answers = cut(asker.answer(merged([given] * _COPIES)), [rows] * _COPIES)
    return answers is not None and not any(differences(plain, plain_answer(e)) for e in answers)


def _pays(asker: Asker, given: Given) -> bool:
    """Whether several are answered more quickly together.

    Of one row each, as those mostly have who ask at once: for each row more it saves less.
    """
    one = part(given, 0, 1)
    eight = merged([one] * _COPIES)
    alone = min(_timed(asker, one) for _ in range(_TIMES))
    return profits(alone, min(_timed(asker, eight) for _ in range(_TIMES)), _COPIES)


def _is_by_row(asker: Asker, given: Given) -> bool:
    """Whether the first row and the others, asked apart, are answered as they were together."""
    rows = given.rows or 0
    whole = cut(asker.answer(given), [1, rows - 1])
    apart = [asker.answer(part(given, 0, 1)), asker.answer(part(given, 1, rows))]
    if whole is None:
        return False
    return not any(
        differences(plain_answer(one), plain_answer(other))
        for one, other in zip(whole, apart, strict=True)
    )


def _timed(asker: Asker, given: Given) -> float:
    started = time.perf_counter()
    asker.answer(given)
    return time.perf_counter() - started
