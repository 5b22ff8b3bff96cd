"""What stands beside a file that is not finished: what it is about, and how far it is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from lading.errors import Conflict

_VERSION: Final = 1
_HINT: Final = "--fresh throws away what is there and begins anew"


@dataclass(frozen=True, slots=True)
class Frame:
    """How far a run is: everything before it is whole, and is not done again."""

    # Of the model, the input and the options, in words: equal where the same is asked.
    about: Mapping[str, str]
    # Rows of the input that are done.
    rows: int = 0
    batches: int = 0
    # Rows that were written, and rows that were wrong.
    written: int = 0
    rejected: int = 0
    # Bytes of the output and of the rejects.
    size: int = 0
    rejects_size: int = 0
    # What the model's outputs are called; None while nobody knows.
    outputs: tuple[str, ...] | None = None

    def encode(self) -> bytes:
        """As it is written."""
        return json.dumps({"version": _VERSION, **asdict(self)}).encode() + b"\n"

    @classmethod
    def parse(cls, raw: bytes, where: str) -> Frame:
        """As it was written.

        Raises:
            Conflict: it is damaged, or of another Lading.
        """
        try:
            value = json.loads(raw)
            if value.pop("version") != _VERSION:
                raise ValueError("it was written by another Lading")
            about = {str(name): str(text) for name, text in value.pop("about").items()}
            outputs = value.pop("outputs")
            counts = {name: int(count) for name, count in value.items()}
            if min(counts.values()) < 0:
                raise ValueError("a number is negative")
            return cls(about, outputs=None if outputs is None else tuple(outputs), **counts)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Conflict(
                f"{where} cannot be gone on with", cause=str(error)[:200], hint=_HINT
            ) from error

    def demand_same(self, about: Mapping[str, str], output: str) -> None:
        """Refuse to go on with something else.

        Raises:
            Conflict: model, input or options are others than before.
        """
        names = dict.fromkeys((*self.about, *about))
        other = [name for name in names if self.about.get(name) != about.get(name)]
        if other:
            before, now = self.about.get(other[0]), about.get(other[0])
            more = f"; {', '.join(other[1:])} as well" if other[1:] else ""
            raise Conflict(
                f"{output} was begun with another {other[0]}",
                cause=f"{before or 'nothing'} before, {now or 'nothing'} now{more}",
                hint=f"{_HINT}; or repeat what was asked, to go on at row {self.rows + 1}",
            )


def broken(output: str, cause: str) -> Conflict:
    """The error for what is less than its frame says."""
    return Conflict(f"what there is of {output} cannot be gone on with", cause=cause, hint=_HINT)
