"""Pickles in a stream: one, several one after the other, or none at all."""

from __future__ import annotations

import re
from typing import BinaryIO, Final

from lading.hazards.arrays import follow_array
from lading.hazards.findings import SUSPICIOUS, Search
from lading.hazards.machine import Machine
from lading.hazards.names import Judgement, judge
from lading.hazards.signs import Way
from lading.hazards.tape import Malformed, Tape, Unfollowed

# torch's old files hold five before the raw numbers begin.
_MOST_IN_A_ROW: Final = 10_000
# Names whose loaders unpickle, and import on the way, although such a file may be plain numbers.
_UNPICKLED: Final = (".bin", ".ckpt", ".dat", ".data", ".model", ".p", ".pt", ".pth", ".th")
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# The instructions that a pickle can begin with and get anywhere; most files end here.
_BEGINNINGS: Final = frozenset(b"(FIJKLMNPSTUVXc]}l)gBCG\x80\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d"
                               b"\x8e\x8f\x95\x96\x97")  # fmt: skip


def may_begin(head: bytes) -> bool:
    """Whether the first byte can be an instruction at all."""
    return head[:1] in {bytes([code]) for code in _BEGINNINGS}


def look(stream: BinaryIO, where: str, search: Search, *, named: bool, script: bool) -> None:
    """Find what the pickles in a stream import and call.

    ``named`` says that the file claims to be a pickle: then it has to be one to its end.
    ``script`` says that it lies in an archive of TorchScript, whose own classes are expected.
    """
    tape = Tape(stream)
    for number in range(_MOST_IN_A_ROW):
        machine = Machine(tape, follow_array)
        start = tape.at
        try:
            machine.run()
        except Malformed as error:
            if tape.at == start and number:
                return  # the stream ends with the pickle before
            certain = isinstance(error, Unfollowed) or (named and not number)
            _broken(machine, str(error), where, search, named=certain, script=script)
            return
        _report(machine, where, search, script)
    search.add(where, "pickles without end", SUSPICIOUS, f"more than {_MOST_IN_A_ROW} in a row")


def _broken(
    machine: Machine, why: str, where: str, search: Search, *, named: bool, script: bool
) -> None:
    """What ends in an error still ran until there; bytes that are no pickle ran nothing."""
    judgements = _judged(machine, script)
    if not named and not machine.protocol and not _does_something(machine, judgements, where):
        return
    if judgements or machine.uses or named:
        _report(machine, where, search, script)
        search.add(where, "a broken pickle", SUSPICIOUS, f"it cannot be read to its end: {why}")


def _does_something(machine: Machine, judgements: list[Judgement], where: str) -> bool:
    """Whether a stream that does not claim to be a pickle is one after all.

    Plain text may begin with a ``c``, which imports the rest of its first lines; it then calls
    nothing, and no module has such a name. One byte in a hundred imports what some number stands
    for in the program that loads, which is nothing unless that is called afterwards.
    """
    importable = [
        use
        for use in machine.uses
        if (_MODULE.fullmatch(use.what.module) if use.what else use.way is not Way.UNKNOWN)
    ]
    called = any(use.way is not Way.REFER for use in importable)
    if importable and where.lower().endswith(_UNPICKLED):
        return True
    return called or any(item.severity != SUSPICIOUS for item in judgements if importable)


def _report(machine: Machine, where: str, search: Search, script: bool) -> None:
    for judgement in _judged(machine, script):
        search.add(where, *judgement)


def _judged(machine: Machine, script: bool) -> list[Judgement]:
    return [
        judgement
        for use in machine.uses
        if not (script and use.what and use.what.module.partition(".")[0] == "__torch__")
        and (judgement := judge(use, machine.protocol))
    ]
