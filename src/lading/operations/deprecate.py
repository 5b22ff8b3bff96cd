"""Say that a version should not be used any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.operations.lifecycle.result import as_result
from lading.operations.lifecycle.telling import Told, demand_reason, tell
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class DeprecateResult(Told):
    """The deprecation as it is recorded."""


def deprecate(
    reference: str | Reference, *, because: str, settings: Settings | None = None
) -> DeprecateResult:
    """Say that a version should not be used any more, and why.

    It stays where it is, and stages that name it go on naming it; protected stages do not take it
    again.

    Raises:
        InvalidInput: the reason is empty, or the reference is no version.
        NotFound: there is no such version.
    """
    demand_reason(because, "a deprecation")
    told = tell(reference, "deprecated", reason=because, settings=settings)
    return as_result(DeprecateResult, told)
