"""Write a remark on a version into its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.errors import InvalidInput
from lading.operations.lifecycle.result import as_result
from lading.operations.lifecycle.telling import Told, tell
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class NoteResult(Told):
    """The remark as it is recorded."""


def note(reference: str | Reference, text: str, *, settings: Settings | None = None) -> NoteResult:
    """Write a remark on a version into its history.

    Raises:
        InvalidInput: there is no text, or the reference is no version.
        NotFound: there is no such version.
    """
    if not text.strip():
        raise InvalidInput("an empty note says nothing", hint='lading note REF "what happened"')
    return as_result(NoteResult, tell(reference, "noted", reason=text, settings=settings))
