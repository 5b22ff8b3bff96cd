"""Record what became of a version: where it was deployed, and what was measured there."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.operations.lifecycle.moments import stretch_of
from lading.operations.lifecycle.result import as_result
from lading.operations.lifecycle.telling import Told, tell
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings

_WHERE: Final = re.compile(r"[^\s/\x00-\x1f]+(/[^\s/\x00-\x1f]+){0,7}")
_MOST_METRICS: Final = 200
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class RecordDeployResult(Told):
    """The deployment as it is recorded."""

    where: str = ""


@dataclass(frozen=True, slots=True)
class RecordMeasureResult(Told):
    """The measurement as it is recorded."""

    metrics: Mapping[str, float] | None = None
    window: tuple[str, str] | None = None


def record_deploy(
    reference: str | Reference,
    where: str,
    *,
    because: str | None = None,
    settings: Settings | None = None,
) -> RecordDeployResult:
    """Record that a version was deployed at ``cluster/namespace/name``.

    Raises:
        InvalidInput: the place or the reference is wrong.
        NotFound: there is no such version.
    """
    if len(where) > 500 or _WHERE.fullmatch(where) is None:
        raise InvalidInput(
            f"not a place: {where[:80]!r}", hint="CLUSTER/NAMESPACE/NAME, as in eu-1/risk/fraud"
        )
    told = tell(reference, "deployed", where=where, reason=because, settings=settings)
    return as_result(RecordDeployResult, told, where=where)


def record_measure(
    reference: str | Reference,
    metrics: Mapping[str, float],
    *,
    window: str | tuple[str, str] | None = None,
    because: str | None = None,
    settings: Settings | None = None,
) -> RecordMeasureResult:
    """Record what production measured, against the exact version that produced it.

    ``window``: from and to, as dates or moments: ``2026-11-01/2026-11-07``.

    Raises:
        InvalidInput: there are no metrics, one is not a finite number, or the window is wrong.
        NotFound: there is no such version.
    """
    _demand_metrics(metrics)
    span = None if window is None else _window(window)
    told = tell(
        reference,
        "measured",
        metrics={name: float(value) for name, value in metrics.items()},
        window=span,
        reason=because,
        settings=settings,
    )
    return as_result(RecordMeasureResult, told, metrics=dict(metrics), window=span)


def _demand_metrics(metrics: Mapping[str, float]) -> None:
    if not 0 < len(metrics) <= _MOST_METRICS:
        raise InvalidInput(
            f"{len(metrics)} metrics are too many" if metrics else "nothing was measured",
            hint="--metric psi=0.12",
        )
    for name, value in metrics.items():
        if not name.strip() or len(name) > _LONGEST_NAME:
            raise InvalidInput(f"not the name of a metric: {name[:40]!r}", hint="--metric psi=0.12")
        if not _is_finite(value):
            raise InvalidInput(f"{name} is {value}, and that is no measurement")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False  # a whole number with hundreds of digits


def _window(window: str | tuple[str, str]) -> tuple[str, str]:
    start, _, end = window.partition("/") if isinstance(window, str) else (window[0], "", window[1])
    if not end:
        raise InvalidInput(
            f"not a window: {window!r}"[:80], hint="FROM/TO, as in 2026-11-01/2026-11-07"
        )
    if stretch_of(start)[0] > stretch_of(end)[1]:
        raise InvalidInput("the window ends before it begins", cause=f"{start} to {end}")
    return start, end
