"""Follows the instructions of a pickle with signs instead of values.

The unpickler of Python is a small machine with a stack and a memo. This one has the same stack
and the same memo, but where the real one imports and calls, it only writes down what would be
imported and how it would be used. So no trick with the memo, the marks or the order of the
instructions hides a name: either this machine knows it exactly, or it says that it does not.

Where the real machine would stop with an error, this one stops too, or goes on: never the other
way round. What the names mean is decided in :mod:`lading.hazards.names`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lading.hazards import operands
from lading.hazards.memo import Memo
from lading.hazards.operands import number
from lading.hazards.signs import DTYPE, WRAPPER, Global, Made, Table, Use, Value, Way
from lading.hazards.tape import Malformed, Tape, Unfollowed

_STACK_LIMIT: Final = 500_000
_USES_LIMIT: Final = 10_000
_TUPLE_LIMIT: Final = 32
_DICT_LIMIT: Final = 32


# Array bytes that stand between the instructions: what reads them, given wrapper and state.
OnArray = Callable[["Machine", Table], None]


class Machine:
    """One pickle: run it once, then look at ``uses`` and ``finished``."""

    def __init__(self, tape: Tape, on_array: OnArray | None = None) -> None:
        self.tape = tape
        self.uses: dict[Use, None] = {}
        self.finished = False
        self.protocol = 0
        self.frame_end = 0
        self._on_array = on_array
        self._stack: list[Value] = []
        self._marks: list[list[Value]] = []
        self._depth = 0
        self._memo = Memo()
        self._shared: dict[Global | None, Made] = {}

    def run(self) -> None:
        """Follow the instructions to their end.

        Raises:
            Malformed: the real machine would stop with an error at this place.
            Unfollowed: the real machine might go on, but this one cannot follow it.
        """
        following = self.tape.next
        step = _STEPS
        while (code := following()) is not None:
            if code == 0x2E:  # STOP
                self._take()
                self.finished = True
                if self.tape.at < self.frame_end:
                    raise Unfollowed("it ends before its frame: some read on behind the frame")
                return
            action = step.get(code)
            if action is None:
                raise Malformed(f"0x{code:02x} is no instruction")
            action(self)
            if len(self._stack) > _STACK_LIMIT or self._depth > _STACK_LIMIT:
                raise Unfollowed("it piles up more than can be followed")
        raise Malformed("it has no end")

    # The stack.

    def _push(self, value: Value) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def _take(self) -> Value:
        if not self._stack:
            raise Malformed("it takes from an empty stack")
        return self._stack.pop()

    def _top(self) -> Value:
        if not self._stack:
            raise Malformed("it looks at an empty stack")
        return self._stack[-1]

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._depth += len(self._stack) + 1
        self._stack = []

    def _to_mark(self) -> list[Value]:
        if not self._marks:
            raise Malformed("a mark is missing")
        items = self._stack
        self._stack = self._marks.pop()
        self._depth -= len(self._stack) + 1
        return items

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def _pop_mark(self) -> None:
        self._to_mark()

    def _duplicate(self) -> None:
        self._push(self._top())

    # The memo.

    def _put(self, index: int) -> None:
        self._memo.put(index, self._top())

    def _memoize(self) -> None:
        self._memo.add(self._top())

    def _get(self, index: int) -> None:
        self._push(self._memo.get(index))

    # Imports and calls.

    def _use(self, what: Value, way: Way, arguments: tuple[Value, ...] = ()) -> None:
        """Write down what is imported or called."""
        target = what if isinstance(what, Global) else None
        simple = tuple(
            item if isinstance(item, Global) else isinstance(item, Made) for item in arguments[:4]
        )
        self.uses[Use(target, way, simple if way is Way.CALL else ())] = None
        if len(self.uses) > _USES_LIMIT:
            raise Unfollowed("it imports more than can be followed")

    def _find(self, module: Value, name: Value) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            self._use(None, Way.UNKNOWN)
            self._push(Made(None))
            return
        found = Global(module, name)
        self._use(found, Way.REFER)
        self._push(found)

    def _extension(self) -> None:
        """What a number means is known only to the program that loads."""
        self._use(None, Way.UNKNOWN)
        self._push(Made(None))

    def _result(self, maker: Value, arguments: Value) -> Value:
        if maker == DTYPE:
            return Made(DTYPE, arguments if isinstance(arguments, tuple) else ())
        known = maker if isinstance(maker, Global) else None
        return self._shared.setdefault(known, Made(known))

    def _call(self) -> None:
        arguments = self._take()
        function = self._take()
        # Arguments that nobody can tell may be anything.
        given = arguments if isinstance(arguments, tuple) else (Made(None),) * 4
        self._use(function, Way.CALL, given)
        self._push(self._result(function, arguments))

    def _make(self) -> None:
        self._take()
        maker = self._take()
        self._use(maker, Way.MAKE)
        self._push(self._result(maker, ()))

    def _make_with_names(self) -> None:
        self._take()
        self._make()

    def _instance(self) -> None:
        module, name = operands.name(self.tape), operands.name(self.tape)
        arguments = self._to_mark()
        self._use(Global(module, name), Way.CALL, tuple(arguments[:4]))
        self._push(self._result(Global(module, name), ()))

    def _construct(self) -> None:
        items = self._to_mark()
        if not items:
            raise Malformed("it calls nothing")
        self._use(items[0], Way.CALL, tuple(items[1:5]))
        self._push(self._result(items[0], ()))

    def _build(self) -> None:
        state = self._take()
        target = self._top()
        self._alter(target)
        if isinstance(target, Made) and target.maker == DTYPE:
            target.state = state
            target.states += 1
        if isinstance(state, Table):
            if self._on_array and isinstance(target, Made) and target.maker == WRAPPER:
                self._on_array(self, state)
            state.entries = None  # what it holds is not needed again
        elif isinstance(target, Made) and target.maker == WRAPPER:
            raise Unfollowed("an array stands in it whose length nobody can tell")

    def _alter(self, target: Value) -> None:
        """Honest pickles fill objects that they made; they never change what they imported."""
        if isinstance(target, Global):
            self._use(target, Way.ALTER)

    # Containers.

    def _empty_table(self) -> None:
        self._push(Table())

    def _table(self) -> None:
        items = self._to_mark()
        made = Table()
        self._fill(made, items)
        self._push(made)

    def _fill_in(self, target: Value) -> None:
        """Items go into containers; into anything else they go by calling its methods."""
        self._alter(target)
        if isinstance(target, Made):
            self._use(target.maker, Way.FILL)

    def _set_item(self) -> None:
        value, key = self._take(), self._take()
        self._fill(self._top(), [key, value])

    def _set_items(self) -> None:
        items = self._to_mark()
        self._fill(self._top(), items)

    def _fill(self, target: Value, items: list[Value]) -> None:
        self._fill_in(target)
        if not isinstance(target, Table) or target.entries is None:
            return
        for key, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(key, str):
                target.entries[key] = value
            if len(target.entries) > _DICT_LIMIT:
                target.entries = None
                return

    def _append(self) -> None:
        self._take()
        self._fill_in(self._top())

    def _append_all(self) -> None:
        self._to_mark()
        self._fill_in(self._top())

    def _collect(self) -> None:
        """A list or a set of everything down to the mark."""
        self._to_mark()
        self._push(None)

    def _tuple_to_mark(self) -> None:
        self._push_tuple(self._to_mark())

    def _tuple_of(self, count: int) -> None:
        items = [self._take() for _ in range(count)]
        self._push_tuple(items[::-1])

    def _push_tuple(self, items: list[Value]) -> None:
        # Longer ones are data. Tuples in tuples are cut off, so that none grows without bound.
        flat = (None if isinstance(item, tuple) and item else item for item in items)
        self._push(tuple(flat) if len(items) <= _TUPLE_LIMIT else None)

    def _persistent(self) -> None:
        self._take()
        self._push(Made(None))

    # Arguments.

    def _begin(self) -> None:
        self.protocol = self.tape.take(1)[0]
        if self.protocol > 5:
            raise Malformed(f"protocol {self.protocol} is not known")

    def _frame(self) -> None:
        length = number(self.tape, "<Q")
        self.frame_end = self.tape.at + length

    def _raw(self, length: int) -> None:
        self._push(operands.unread(self.tape, length))

    def _float_line(self) -> None:
        self.tape.value_line()
        self._push(None)

    def _global_lines(self) -> None:
        self._find(operands.name(self.tape), operands.name(self.tape))

    def _stack_global(self) -> None:
        name, module = self._take(), self._take()
        self._find(module, name)

    def _persistent_line(self) -> None:
        line = self.tape.value_line()
        if line is not None and not line.isascii():
            raise Malformed("the name of something kept elsewhere is not ASCII")
        self._push(Made(None))

    def _read_only(self) -> None:
        self._top()

    def _extension_of(self, length: int) -> None:
        self.tape.take(length)
        self._extension()


# The instructions by their code, as in pickletools; the handful that need an argument read it.
_STEPS: Final[dict[int, Callable[[Machine], None]]] = {
    ord("("): Machine._mark,
    ord("0"): Machine._pop,
    ord("1"): Machine._pop_mark,
    ord("2"): Machine._duplicate,
    ord("F"): Machine._float_line,
    ord("I"): lambda m: m._push(operands.number_line(m.tape)),
    ord("J"): lambda m: m._push(number(m.tape, "<i")),
    ord("K"): lambda m: m._push(m.tape.take(1)[0]),
    ord("L"): lambda m: m._push(operands.number_line(m.tape)),
    ord("M"): lambda m: m._push(number(m.tape, "<H")),
    ord("N"): lambda m: m._push(None),
    ord("P"): Machine._persistent_line,
    ord("Q"): Machine._persistent,
    ord("R"): Machine._call,
    ord("S"): lambda m: m._push(operands.quoted(m.tape)),
    ord("T"): lambda m: m._push(operands.old_text(m.tape, number(m.tape, "<i"))),
    ord("U"): lambda m: m._push(operands.old_text(m.tape, m.tape.take(1)[0])),
    ord("V"): lambda m: m._push(operands.escaped(m.tape)),
    ord("X"): lambda m: m._push(operands.text(m.tape, number(m.tape, "<I"))),
    ord("a"): Machine._append,
    ord("b"): Machine._build,
    ord("c"): Machine._global_lines,
    ord("d"): Machine._table,
    ord("}"): Machine._empty_table,
    ord("e"): Machine._append_all,
    ord("g"): lambda m: m._get(operands.place(m.tape)),
    ord("h"): lambda m: m._get(m.tape.take(1)[0]),
    ord("i"): Machine._instance,
    ord("j"): lambda m: m._get(number(m.tape, "<I")),
    ord("l"): Machine._collect,
    ord("]"): lambda m: m._push(None),
    ord("o"): Machine._construct,
    ord("p"): lambda m: m._put(operands.place(m.tape)),
    ord("q"): lambda m: m._put(m.tape.take(1)[0]),
    ord("r"): lambda m: m._put(number(m.tape, "<I")),
    ord("s"): Machine._set_item,
    ord("t"): Machine._tuple_to_mark,
    ord(")"): lambda m: m._push(()),
    ord("u"): Machine._set_items,
    ord("G"): lambda m: m._raw(8),
    0x80: Machine._begin,
    0x81: Machine._make,
    0x82: lambda m: m._extension_of(1),
    0x83: lambda m: m._extension_of(2),
    0x84: lambda m: m._extension_of(4),
    0x85: lambda m: m._tuple_of(1),
    0x86: lambda m: m._tuple_of(2),
    0x87: lambda m: m._tuple_of(3),
    0x88: lambda m: m._push(None),
    0x89: lambda m: m._push(None),
    0x8A: lambda m: m._push(operands.long(m.tape, m.tape.take(1)[0])),
    0x8B: lambda m: m._push(operands.long(m.tape, number(m.tape, "<i"))),
    ord("B"): lambda m: m._raw(number(m.tape, "<I")),
    ord("C"): lambda m: m._raw(m.tape.take(1)[0]),
    0x8C: lambda m: m._push(operands.text(m.tape, m.tape.take(1)[0])),
    0x8D: lambda m: m._push(operands.text(m.tape, number(m.tape, "<Q"))),
    0x8E: lambda m: m._raw(number(m.tape, "<Q")),
    0x8F: lambda m: m._push(None),
    0x90: Machine._append_all,
    0x91: Machine._collect,
    0x92: Machine._make_with_names,
    0x93: Machine._stack_global,
    0x94: Machine._memoize,
    0x95: Machine._frame,
    0x96: lambda m: m._raw(number(m.tape, "<Q")),
    0x97: lambda m: m._push(None),
    0x98: Machine._read_only,
}
