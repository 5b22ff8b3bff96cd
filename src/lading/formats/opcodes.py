"""A walk over a pickle's opcodes that makes nothing but notes of what would be made.

Globals are names here, calls are remembered instead of made, and everything that is kept is
counted: steps, containers, texts. What a pickle would do when loaded is not judged here; that is
the business of ``lading.hazards``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from lading.formats.cursor import Broken, Cursor
from lading.formats.pickled import UNKNOWN, Global, Made, Persistent

STEPS: Final = 1_000_000
_STACK: Final = 100_000
_MARKS: Final = 10_000
_MEMO: Final = 200_000
_CONTAINERS: Final = 80_000
_ITEMS: Final = 256
_TEXT: Final = 256
_TEXTS: Final = 4 * 1024 * 1024
_NESTED: Final = 64
_NAME: Final = re.compile(r"[^\x00-\x20]{1,255}")


Values = list[Any]


class Walk:
    """A walk over the pickles that follow each other in one file."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.protocol = 0
        self.globals: dict[Global, None] = {}
        # The last value that was stored under each of these names, wherever it was.
        self.watched: dict[str, object] = {"_sklearn_version": UNKNOWN}
        # What was made first: whatever holds everything else, since it is made before its parts.
        self.first: Made | None = None
        # Called for every call, and for every object that gets its state.
        self.on_made: Callable[[Made], None] = _ignore
        self.on_built: Callable[[Made], bool] = _is_plain
        self._steps = STEPS
        self._containers = _CONTAINERS
        self._texts = _TEXTS
        self._stack: Values = []
        self._marks: list[Values] = []
        self._memo: dict[int, Any] = {}
        self._memoized = 0
        self._outer: list[tuple[Values, list[Values], dict[int, Any], int]] = []

    def run(self) -> object:
        """Walk to the end of one pickle; what would come of it.

        Raises:
            Broken: it is no pickle, or it is longer or deeper than is walked.
        """
        self._stack, self._marks, self._memo, self._memoized = [], [], {}, 0
        cursor, steps = self.cursor, _STEPS
        while True:
            code = cursor.byte()
            if code == _STOP:
                value = self._pop()
                if not self._outer:
                    return value
                self._leave()
                continue
            step = steps.get(code)
            if step is None:
                raise Broken(f"It is no pickle from byte {cursor.position - 1:,} on.")
            step(self)
            self._steps -= 1
            if not self._steps & 127:
                self._check()

    def enter(self) -> None:
        """A pickle of its own follows, whose value is what was built just now.

        Raises:
            Broken: too many lie in each other.
        """
        if len(self._outer) >= _NESTED:
            raise Broken("Pickles lie in each other too deeply.")
        self._outer.append((self._stack, self._marks, self._memo, self._memoized))
        self._stack, self._marks, self._memo, self._memoized = [], [], {}, 0

    def _leave(self) -> None:
        self._stack, self._marks, self._memo, self._memoized = self._outer.pop()

    def _check(self) -> None:
        if self._steps <= 0:
            raise Broken(f"It has more than {STEPS:,} steps and was not walked further.")
        if len(self._stack) > _STACK or len(self._memo) > _MEMO:
            raise Broken("It keeps more values at once than are followed.")

    # What the steps do.

    def _pop(self) -> Any:
        if not self._stack:
            raise Broken("It takes a value where there is none.")
        return self._stack.pop()

    def _peek(self) -> Any:
        if not self._stack:
            raise Broken("It takes a value where there is none.")
        return self._stack[-1]

    def _pop_to_mark(self) -> Values:
        if not self._marks:
            raise Broken("It goes back to a mark where there is none.")
        values, self._stack = self._stack, self._marks.pop()
        return values

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _push_container(self, value: object) -> None:
        self._containers -= 1
        self._stack.append(value if self._containers >= 0 else UNKNOWN)

    def _push_text(self, length: int) -> None:
        """Keep a text if it is short: names are, and only they matter."""
        if length > _TEXT or self._texts < length:
            self.cursor.skip(length)
            self._stack.append(UNKNOWN)
            return
        self._texts -= length
        self._stack.append(self.cursor.take(length).decode(errors="replace"))

    def _skip(self, length: int) -> None:
        self.cursor.skip(length)
        self._stack.append(UNKNOWN)

    def _push_global(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            self._stack.append(UNKNOWN)
            return
        if not _NAME.fullmatch(module):
            raise Broken("It names a module that cannot be.")
        found = Global(module, name)
        if len(self.globals) < _ITEMS * 16:
            self.globals.setdefault(found)
        self._stack.append(found)

    def _push_made(self, maker: object, arguments: object) -> None:
        known = arguments if isinstance(arguments, tuple) else ()
        if isinstance(maker, Global) and (maker.module, maker.name) in _MAKERS and known:
            maker, known = known[0], known[1:]
        made = Made(maker, known)
        self.first = self.first or made
        self._push_container(made)
        self.on_made(made)

    def _mark(self) -> None:
        if len(self._marks) >= _MARKS:
            raise Broken("It sets more marks than are followed.")
        self._marks.append(self._stack)
        self._stack = []

    def _drop_to_mark(self) -> None:
        self._pop_to_mark()

    def _frozen_set(self) -> None:
        self._pop_to_mark()
        self._push(UNKNOWN)

    def _float_line(self) -> None:
        self._line()
        self._push(UNKNOWN)

    def _pop_one(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_to_mark()

    def _tuple(self, values: Values) -> None:
        self._push_container(tuple(values) if len(values) <= _ITEMS else UNKNOWN)

    def _tuple_of(self, length: int) -> None:
        values = [self._pop() for _ in range(length)]
        self._tuple(values[::-1])

    def _append(self, values: Values) -> None:
        target = self._peek()
        if isinstance(target, list):
            target += values[: _ITEMS - len(target)]

    def _append_one(self) -> None:
        value = self._pop()
        self._append([value])

    def _set_items(self, values: Values) -> None:
        target = self._peek()
        for key, value in zip(values[::2], values[1::2], strict=False):
            if not isinstance(key, str):
                continue
            if key in self.watched:
                self.watched[key] = value
            if isinstance(target, dict) and len(target) < _ITEMS:
                target[key] = value

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _build(self) -> None:
        state, target, stack = self._pop(), self._peek(), self._stack
        if isinstance(target, Made):
            target.state = state
            # Whoever is asked may enter another pickle, which has a stack of its own.
            if not self.on_built(target):
                stack[-1] = UNKNOWN

    def _reduce(self) -> None:
        arguments, maker = self._pop(), self._pop()
        self._push_made(maker, arguments)

    def _new_with_names(self) -> None:
        self._pop()
        self._reduce()

    def _inst(self) -> None:
        module, name = self._line(), self._line()
        values = self._pop_to_mark()
        self._push_global(module, name)
        self._push_made(self._pop(), tuple(values[:_ITEMS]))

    def _obj(self) -> None:
        values = self._pop_to_mark()
        if not values:
            raise Broken("It takes a value where there is none.")
        self._push_made(values[0], tuple(values[1:_ITEMS]))

    def _global(self) -> None:
        module, name = self._line(), self._line()
        self._push_global(module, name)

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._push_global(module, name)

    def _line(self) -> str:
        return self.cursor.line().decode(errors="replace")

    def _text_line(self) -> None:
        raw = self.cursor.line(1024 * 1024)
        self._push(raw.strip(b"'\"").decode(errors="replace") if len(raw) <= _TEXT else UNKNOWN)

    def _number_line(self) -> None:
        raw = self.cursor.line(1024 * 1024).rstrip(b"L")
        self._push(int(raw) if len(raw) <= 20 and raw.isdigit() else UNKNOWN)

    def _long(self, length: int) -> None:
        if length > 16:
            self._skip(length)
            return
        self._push(int.from_bytes(self.cursor.take(length), "little", signed=True))

    def _get(self, key: int) -> None:
        self._push(self._memo.get(key, UNKNOWN))

    def _put(self, key: int) -> None:
        self._memo[key] = self._peek()
        self._memoized = len(self._memo)

    def _memoize(self) -> None:
        self._put(self._memoized)

    def _memo_line(self) -> int:
        raw = self.cursor.line(32)
        return int(raw) if raw.isdigit() else -1

    def _set_protocol(self) -> None:
        self.protocol = self.cursor.byte()

    def _number(self, length: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.cursor.take(length), "little", signed=signed)


def _ignore(made: Made) -> None:
    """Nobody watches."""


def _is_plain(made: Made) -> bool:
    """An object stays what it is when it gets its state."""
    return True


_STOP: Final = ord(".")
# Functions that only call their first argument.
_MAKERS: Final = {
    ("copyreg", "_reconstructor"),
    ("copy_reg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("copyreg", "__newobj_ex__"),
}

_STEPS: Final[dict[int, Callable[[Walk], None]]] = {
    ord(code): step
    for code, step in {
        "(": Walk._mark,
        "0": Walk._pop_one,
        "1": Walk._drop_to_mark,
        "2": lambda walk: walk._push(walk._peek()),
        "F": Walk._float_line,
        "I": Walk._number_line,
        "J": lambda walk: walk._push(walk._number(4, signed=True)),
        "K": lambda walk: walk._push(walk.cursor.byte()),
        "L": Walk._number_line,
        "M": lambda walk: walk._push(walk._number(2)),
        "N": lambda walk: walk._push(None),
        "P": lambda walk: walk._push(Persistent(walk._line())),
        "Q": lambda walk: walk._push_container(Persistent(walk._pop())),
        "R": Walk._reduce,
        "S": Walk._text_line,
        "T": lambda walk: walk._push_text(walk._number(4)),
        "U": lambda walk: walk._push_text(walk.cursor.byte()),
        "V": Walk._text_line,
        "X": lambda walk: walk._push_text(walk._number(4)),
        "a": Walk._append_one,
        "b": Walk._build,
        "c": Walk._global,
        "d": lambda walk: walk._push_container(_pairs(walk._pop_to_mark())),
        "}": lambda walk: walk._push_container({}),
        "e": lambda walk: walk._append(walk._pop_to_mark()),
        "g": lambda walk: walk._get(walk._memo_line()),
        "h": lambda walk: walk._get(walk.cursor.byte()),
        "i": Walk._inst,
        "j": lambda walk: walk._get(walk._number(4)),
        "l": lambda walk: walk._push_container(walk._pop_to_mark()[:_ITEMS]),
        "]": lambda walk: walk._push_container([]),
        "o": Walk._obj,
        "p": lambda walk: walk._put(walk._memo_line()),
        "q": lambda walk: walk._put(walk.cursor.byte()),
        "r": lambda walk: walk._put(walk._number(4)),
        "s": Walk._set_item,
        "t": lambda walk: walk._tuple(walk._pop_to_mark()),
        ")": lambda walk: walk._push(()),
        "u": lambda walk: walk._set_items(walk._pop_to_mark()),
        "G": lambda walk: walk._skip(8),
        "\x80": Walk._set_protocol,
        "\x81": Walk._reduce,
        "\x82": lambda walk: walk._skip(1),
        "\x83": lambda walk: walk._skip(2),
        "\x84": lambda walk: walk._skip(4),
        "\x85": lambda walk: walk._tuple_of(1),
        "\x86": lambda walk: walk._tuple_of(2),
        "\x87": lambda walk: walk._tuple_of(3),
        "\x88": lambda walk: walk._push(True),
        "\x89": lambda walk: walk._push(False),
        "\x8a": lambda walk: walk._long(walk.cursor.byte()),
        "\x8b": lambda walk: walk._long(walk._number(4)),
        "B": lambda walk: walk._skip(walk._number(4)),
        "C": lambda walk: walk._skip(walk.cursor.byte()),
        "\x8c": lambda walk: walk._push_text(walk.cursor.byte()),
        "\x8d": lambda walk: walk._push_text(walk._number(8)),
        "\x8e": lambda walk: walk._skip(walk._number(8)),
        "\x8f": lambda walk: walk._push(UNKNOWN),
        "\x90": lambda walk: walk._append(walk._pop_to_mark()),
        "\x91": Walk._frozen_set,
        "\x92": Walk._new_with_names,
        "\x93": Walk._stack_global,
        "\x94": Walk._memoize,
        # How long the frame is matters only to who reads it in one piece.
        "\x95": lambda walk: walk.cursor.skip(8),
        "\x96": lambda walk: walk._skip(walk._number(8)),
        "\x97": lambda walk: walk._push(UNKNOWN),
        "\x98": lambda walk: None,
    }.items()
}


def _pairs(values: Values) -> dict[str, Any]:
    """The dictionary of keys and values in turn."""
    pairs = zip(values[: 2 * _ITEMS : 2], values[1 : 2 * _ITEMS : 2], strict=False)
    return {key: value for key, value in pairs if isinstance(key, str)}
