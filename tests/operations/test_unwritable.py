"""What cannot be written down is refused before anything is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from operations.team import Team

from lading.errors import InvalidInput
from lading.operations.deprecate import deprecate
from lading.operations.note import note
from lading.operations.record import record_deploy, record_measure


@pytest.mark.parametrize("verb", ["note", "deprecate", "deploy"])
def test_text_that_is_no_utf8_is_refused_and_nothing_is_written(local: Team, verb: str) -> None:
    ref, text, settings = "ml/fraud:1.0.0", "caf\udce9", local.settings
    before = local.events()
    ask: dict[str, Callable[[], object]] = {
        "note": lambda: note(ref, text, settings=settings),
        "deprecate": lambda: deprecate(ref, because=text, settings=settings),
        "deploy": lambda: record_deploy(ref, f"eu/prod/{text}", settings=settings),
    }

    with pytest.raises(InvalidInput):
        ask[verb]()

    assert local.events() == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400], ids=["nan", "inf", "huge"])
def test_what_is_no_finite_number_was_not_measured(local: Team, value: float) -> None:
    with pytest.raises(InvalidInput, match="no measurement"):
        record_measure("ml/fraud:1.0.0", {"psi": value}, settings=local.settings)
