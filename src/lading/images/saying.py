"""What builders say: lines out of events, and how much they were sent."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lading.images.build import BuildFailed

OnLine = Callable[[str], None]

LONGEST_LINE: Final = 4096
_KEPT: Final = 400
_MIB: Final = 1024 * 1024
_STRETCH: Final = 256 * _MIB
_DIGEST: Final = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})\b")


@contextlib.contextmanager
def closing_answers(api: Any) -> Iterator[None]:
    """Close what the engine answers, however far it was read: that is what ends a build early.

    The SDK hands out streams without the answers that they come from.
    """
    answers: list[Any] = []
    hooks = api.hooks["response"]
    hook = lambda answer, *_arguments, **_options: answers.append(answer)  # noqa: E731
    hooks.append(hook)
    try:
        yield
    finally:
        hooks.remove(hook)
        for answer in answers:
            answer.close()


def lines_of(events: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """What is said, in lines: what a step prints comes in pieces, and a piece is no line."""
    left = ""
    for event in events:
        text = left + str(event.get("stream") or status_line(event))
        *lines, left = text.split("\n")
        yield from lines
        if "error" in event:
            yield left
            raise BuildFailed(str(event["error"]))
    yield left


class Sent:
    """Says now and then how much of a large context has gone."""

    def __init__(self, on_line: OnLine, size: int) -> None:
        self._on_line = on_line
        self._size = size
        self._done = 0
        self._next = _STRETCH

    def __call__(self, count: int) -> None:
        """Count what was sent."""
        self._done += count
        if self._done >= self._next:
            self._next = self._done + _STRETCH
            self._on_line(f"sent {self._done // _MIB} of {self._size // _MIB} MiB to the builder")


class Said:
    """The last lines of a build, handed on as they come."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._on_line = on_line
        self.lines: list[str] = []

    def take(self, line: str) -> None:
        """Keep a line, and hand it on."""
        plain = line.rstrip()[:LONGEST_LINE]
        if not plain:
            return
        self.lines.append(plain)
        if len(self.lines) > 2 * _KEPT:
            del self.lines[:_KEPT]
        if self._on_line:
            self._on_line(plain)


def status_line(event: Mapping[str, Any]) -> str:
    """What a pull or a push tells, but for how far it is."""
    status, about = event.get("status"), event.get("id")
    if not status or "progress" in event:
        return ""
    return f"{about}: {status}\n" if about else f"{status}\n"


def pushed_digest(event: Mapping[str, Any]) -> str | None:
    """The digest that a push says, in a field of its own or, as Podman does, in words."""
    aside = event.get("aux")
    said = aside.get("Digest") if isinstance(aside, dict) else None
    found = _DIGEST.search(f"digest: {said}" if said else str(event.get("status") or ""))
    return found[1] if found else None
