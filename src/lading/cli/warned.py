"""What loading a model warns of, in a verb's own words and not in Python's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lading.operations.warning import EnvironmentWarning


@contextmanager
def warned(say: Callable[[str], None]) -> Iterator[None]:
    """Say what loading warns of, in whichever thread; other warnings are shown as they are."""
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, EnvironmentWarning):
            say(str(message))
        else:
            shown(message, category, *place)

    warnings.showwarning = show  # type: ignore[assignment]  # the place is handed on as it came
    try:
        yield
    finally:
        warnings.showwarning = shown
