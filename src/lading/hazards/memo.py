"""What a pickle puts away under a number and fetches again, within bounds."""

from __future__ import annotations

from typing import Final

from lading.hazards.signs import Global, Made, Table, Value
from lading.hazards.tape import Malformed, Unfollowed

_LIMIT: Final = 3_000_000
_SPARSE_LIMIT: Final = 50_000
_KEPT_LIMIT: Final = 100_000


class Memo:
    """Values by number: those from 0 on without a gap, and a few behind gaps."""

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._sparse: dict[int, Value] = {}
        self._kept = 0

    def put(self, index: int, value: Value) -> None:
        """Put a value away.

        Raises:
            Malformed: there is no such place.
            Unfollowed: it is more than can be followed.
        """
        value = self._keepable(value)
        values = self._values
        if 0 <= index < len(values):
            values[index] = value
        elif index == len(values):
            values.append(value)
            while self._sparse and len(values) in self._sparse:
                values.append(self._sparse.pop(len(values)))
        elif index < 0:
            raise Malformed("a place in the memo is negative")
        else:
            self._sparse[index] = value
        if len(values) > _LIMIT or len(self._sparse) > _SPARSE_LIMIT:
            raise Unfollowed("it remembers more than can be followed")

    def add(self, value: Value) -> None:
        """Put a value away under the number of all that were put away before."""
        self.put(len(self._values) + len(self._sparse), value)

    def get(self, index: int) -> Value:
        """The value under a number.

        Raises:
            Malformed: there is none.
        """
        if 0 <= index < len(self._values):
            return self._values[index]
        if index in self._sparse:
            return self._sparse[index]
        raise Malformed("it fetches what was never put away")

    def _keepable(self, value: Value) -> Value:
        """The value, or nothing where too much is remembered already: then it is unknown."""
        if value is None or isinstance(value, (int, Global)):
            return value
        if isinstance(value, Made) and value.arguments is None:
            return value
        self._kept += 1
        if self._kept <= _KEPT_LIMIT:
            return value
        if isinstance(value, Table):
            unknown = Table()
            unknown.entries = None
            return unknown
        return Made(None) if isinstance(value, Made) else None
