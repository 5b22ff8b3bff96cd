"""The bytes of arrays that joblib writes between the instructions of a pickle.

joblib's reader stops at such a place, reads as many bytes as shape and type say, and goes on with
the instructions behind them. Whoever counts otherwise reads data as instructions, or instructions
as data, so only what joblib itself writes is accepted here.
"""

from __future__ import annotations

import re
from typing import Final

from lading.hazards.machine import Machine
from lading.hazards.signs import DTYPE, Made, Table, Value
from lading.hazards.tape import Unfollowed

_TYPE: Final = re.compile(r"([biufcmMSUVO])(\d{1,9})")
_OBJECT_FLAG: Final = 1
# No instruction has a code this low: a plain unpickler ends at this byte at once.
_LOWEST_INSTRUCTION: Final = 0x28
_UNTOLD: Final = "an array stands in it whose length nobody can tell"


def follow_array(machine: Machine, state: Table) -> None:
    """Pass over the bytes of one array, or follow the pickle that stands in their place.

    Raises:
        Unfollowed: it is not what joblib writes.
    """
    entries = state.entries
    if entries is None:
        raise Unfollowed(_UNTOLD)
    if machine.tape.at < machine.frame_end:
        # The instructions of a frame are read ahead: joblib would find the array behind it.
        raise Unfollowed("an array stands in the middle of a frame")
    width = _width(entries.get("dtype"))
    count = _count(entries.get("shape"))
    if width is None:
        inner = Machine(machine.tape)
        inner.uses = machine.uses
        inner.run()
        return
    if "numpy_array_alignment_bytes" not in entries:
        raise Unfollowed("an old joblib wrote it, whose arrays cannot be told from instructions")
    padding = machine.tape.take(1)[0]
    if padding >= _LOWEST_INSTRUCTION:
        raise Unfollowed("an array begins like an instruction")
    machine.tape.skip(padding)
    machine.tape.skip(count * width)


def _count(shape: Value) -> int:
    """How many items an array has."""
    if not isinstance(shape, tuple):
        raise Unfollowed(_UNTOLD)
    count = 1
    for length in shape:
        if not isinstance(length, int) or length < 0:
            raise Unfollowed(_UNTOLD)
        count *= length
    return count


def _width(kind: Value) -> int | None:
    """How many bytes an item takes; None where items are objects, which are pickled."""
    if not isinstance(kind, Made) or kind.maker != DTYPE or kind.states != 1:
        raise Unfollowed(_UNTOLD)
    given, state = kind.arguments, kind.state
    if not isinstance(given, tuple) or not isinstance(state, tuple) or len(given) != 3:
        raise Unfollowed(_UNTOLD)
    match = _TYPE.fullmatch(given[0]) if isinstance(given[0], str) else None
    if match is None or len(state) < 8:
        raise Unfollowed(_UNTOLD)
    flags, stated = state[7], state[5]
    if not isinstance(flags, int) or not isinstance(stated, int):
        raise Unfollowed(_UNTOLD)
    if match[1] == "O" or flags & _OBJECT_FLAG:
        return None
    width = int(match[2]) * (4 if match[1] == "U" else 1)
    if stated not in (-1, width):
        raise Unfollowed(_UNTOLD)
    return width
