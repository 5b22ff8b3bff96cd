"""The law of the room: what does something when it is loaded is never clean.

Pickles are composed of instructions and mutated from honest ones; each is scanned, and then
loaded in a sandbox by every unpickler there is. The payload makes an empty folder.
"""

from __future__ import annotations

import io
import pickle
import random
import struct
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hazards import sandbox
from hazards.crafted import imported, text, verdict

_ARRAY = np.arange(64.0).reshape(8, 8)
_OBJECTS = np.array([{"a": 1}, "text"], dtype=object)

# Ways to write the same call; each leaves the stack as it was.
PAYLOADS = [
    b"cposix\nmkdir\n(S'marker'\ntR0",
    b"cos\nmkdir\n" + text("marker") + b"\x85R0",
    text("posix") + text("mkdir") + b"\x93" + text("marker") + b"\x85R0",
    b"\x8c\x05posix\x94\x8c\x05mkdir\x94\x93\x94\x8c\x06marker\x94\x85R0",
    b"U\x05posixU\x05mkdir\x93U\x06marker\x85R0",
    b"Vposix\nVmkdir\n\x93Vmarker\n\x85R0",
    b"(S'marker'\niposix\nmkdir\n0",
    b"(cposix\nmkdir\nS'marker'\no0",
    text("posix") + b"q\x63" + text("mkdir") + b"q\x62" + b"00h\x63h\x62\x93"
    + text("marker") + b"\x85R0",
    imported("builtins", "list") + imported("builtins", "map") + imported("posix", "mkdir")
    + b"]" + text("marker") + b"a\x86R\x85R0",
    imported("builtins", "eval") + text("__import__('os').mkdir('marker')") + b"\x85R0",
    imported("functools", "partial") + imported("posix", "mkdir") + text("marker")
    + b"\x86R)R0",
]  # fmt: skip

# What may stand around it: every kind of instruction, in honest and dishonest use.
NOISE = [
    b"N", b"N0", b"]", b"}", b")", b"(", b"(1", b"(t", b"(l", b"(d", b"\x8f", b"2", b"0", b"1",
    b"\x94", b"q\x00", b"q\x05", b"p7\n", b"h\x00", b"g7\n", b"j\x05\x00\x00\x00", b"K\x01",
    b"I01\n", b"I5\n", b"L7L\n", b"F1.5\n", b"G" + bytes(8), b"J\xff\xff\xff\xff", b"\x88",
    b"\x8a\x02ab", b"M\x01\x02", b"S'x'\n", b"Vx\n", text("k") + b"Ns", b"C\x03abc",
    b"\x80\x02", b"\x80\x04", b"\x80\x05", b"a", b"e", b"s", b"u", b"\x85", b"\x86", b"\x87",
    b"ccollections\nOrderedDict\n", b"ccollections\nOrderedDict\n)R", b"}b", b"Nb", b")R",
    imported("numpy", "dtype") + text("f8") + b"\x89\x88\x87R",
    imported("numpy", "ndarray"), imported("builtins", "bytearray") + b")R",
    imported("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}b",
    b"\x95" + struct.pack("<Q", 3), b"\x95" + struct.pack("<Q", 40), b"\x95" + bytes(8),
    b"\x8c\x03abc", b"B\x02\x00\x00\x00ab", b"\x96" + struct.pack("<Q", 2) + b"ab", b"N.", b".",
    b"\xff", b"\x00", b"Pid\n", b"NQ", b"I0x10\n", b"p5\0x\n",
    b"g5\0x\n", b"]p5\n0", b"L0x7L\n", b"I\n", b"S x\n", b"\x95" + struct.pack("<Q", 60),
    b"\x97", b"\x98",
]  # fmt: skip


def _dumped(value: object, protocol: int) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, protocol=protocol)
    return file.getvalue()


HONEST = [
    *(pickle.dumps([{"a": 1}, ["b"], (1, 2.5), b"bytes", "text"], n) for n in range(6)),
    *(pickle.dumps([_ARRAY, _OBJECTS], n) for n in (0, 2, 5)),
    *(_dumped({"a": _ARRAY, "b": [_ARRAY, _OBJECTS]}, n) for n in (2, 4, 5)),
    _dumped([np.zeros(40, "u1"), np.zeros(3, [("a", "f8"), ("b", "i4")])], 4),
]

composed = st.lists(st.sampled_from(NOISE), max_size=12).flatmap(
    lambda before: st.tuples(
        st.sampled_from(PAYLOADS), st.lists(st.sampled_from(NOISE), max_size=6)
    ).map(lambda rest: b"".join(before) + rest[0] + b"".join(rest[1]) + b"N.")
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An honest pickle with the payload somewhere in it, and a few bytes changed."""
    raw = bytearray(draw(st.sampled_from(HONEST)))
    at = draw(st.integers(0, len(raw)))
    payload = draw(st.sampled_from(PAYLOADS))
    if draw(st.booleans()):
        raw[at:at] = payload
    else:  # over the bytes of arrays, say, so that all lengths stay right
        raw[at : at + len(payload)] = payload
    for place, value in draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=2)
    ):
        raw[place] = value
    cut = draw(st.integers(0, len(raw))) if draw(st.booleans()) else None
    return bytes(raw[:cut] + raw[cut:] if cut is None else raw[:cut])


def did_something(pickles: list[bytes], folder: Path) -> list[bytes]:
    for number, raw in enumerate(pickles):
        (folder / str(number)).write_bytes(raw)
    names = [str(folder / str(number)) for number in range(len(pickles))]
    done = subprocess.run(
        [sys.executable, str(sandbox.__file__), *names],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return [pickles[int(name)] for name in done.stdout.split()]


def check(pickles: list[bytes], folder: Path) -> int:
    """How many did something; all of those are found, whatever they are called."""
    guilty = did_something(pickles, folder)
    for raw in guilty:
        for name in ("model.pkl", "weights.bin"):
            assert verdict(folder, raw, name) != "clean", raw
    return len(guilty)


def test_the_sandbox_sees_what_every_payload_does(tmp_path: Path) -> None:
    pickles = [b"\x80\x04" + payload + b"N." for payload in PAYLOADS]

    assert did_something([*pickles, HONEST[0]], tmp_path) == pickles


@given(st.lists(composed, min_size=10, max_size=30))
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
def test_no_composed_pickle_that_does_something_is_clean(
    tmp_path: Path, pickles: list[bytes]
) -> None:
    check(pickles, tmp_path)


@given(st.lists(mutated(), min_size=10, max_size=30))
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
def test_no_mutated_pickle_that_does_something_is_clean(
    tmp_path: Path, pickles: list[bytes]
) -> None:
    check(pickles, tmp_path)


def _shuffled(chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        raw = bytearray(chance.choice(HONEST))
        payload = chance.choice(PAYLOADS)
        at = chance.randrange(len(raw))
        raw[at : at + len(payload) * chance.randrange(2)] = payload
        for _ in range(chance.randrange(3)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        return bytes(raw)
    before = b"".join(chance.choices(NOISE, k=chance.randrange(8)))
    after = b"".join(chance.choices(NOISE, k=chance.randrange(4)))
    return before + chance.choice(PAYLOADS) + after + b"N."


@pytest.mark.parametrize("seed", [1])
def test_the_law_meets_pickles_that_do_something(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)

    assert check([_shuffled(chance) for _ in range(100)], tmp_path) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_the_law_holds_for_thousands_more(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)

    assert check([_shuffled(chance) for _ in range(500)], tmp_path) > 100


@pytest.mark.parametrize("raw", HONEST)
def test_what_the_mutations_begin_with_is_clean(tmp_path: Path, raw: bytes) -> None:
    assert verdict(tmp_path, raw) == "clean"
