"""Bells: rung from any thread, stopped from anywhere, a signal handler included."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from lading.hooks.bell import Bell, Ended


def test_who_waits_hears_all_that_was_rung_for() -> None:
    bell = Bell()
    for name in ("a", "b", "a"):
        bell.ring(name)

    assert bell.wait(5) == {"a", "b"}
    assert bell.wait(0.01) == frozenset()
    bell.ring("a")
    assert bell.wait(5) == {"a"}


def test_a_flood_fills_no_memory() -> None:
    bell = Bell()
    for _ in range(10_000):
        bell.ring("a")

    assert bell._queue.qsize() == 1


def test_no_ring_is_lost_between_threads() -> None:
    bell = Bell()
    heard: list[str] = []

    def ring(ringer: int) -> None:
        for number in range(500):
            bell.ring(f"{ringer} {number}")

    ringers = [threading.Thread(target=ring, args=(number,)) for number in range(4)]
    for ringer in ringers:
        ringer.start()
    deadline = time.monotonic() + 20
    while len(heard) < 2000 and time.monotonic() < deadline:
        heard += bell.wait(0.2)
    for ringer in ringers:
        ringer.join()

    assert len(heard) == len(set(heard)) == 2000


def test_a_signal_ends_the_waiting_at_once() -> None:
    bell = Bell()
    before = signal.signal(signal.SIGALRM, lambda *_: bell.stop())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        began = time.monotonic()
        assert bell.wait(30) == frozenset()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert time.monotonic() - began < 5
    assert bell.wait(30) == frozenset()
    with pytest.raises(Ended):
        bell.pause(30)
