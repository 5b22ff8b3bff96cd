"""Messages of protocol buffers that hold messages, walked down to the few that somebody wants.

Without recursion, with a bound to the depth, and without reading what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING, Final

from lading.formats.cursor import Broken
from lading.formats.protobuf import Message, message

if TYPE_CHECKING:
    from lading.ports import Window

# Where messages hold messages: the message, the field, and the message in it.
Tree = Mapping[str, Mapping[int, str]]

_DEEPEST: Final = 64
_FIELDS_LIMIT: Final = 5_000_000
_END: Final[tuple[int, Message | None]] = (0, None)


def nested(window: Window, tree: Tree, wanted: Set[str]) -> Iterator[tuple[str, Message]]:
    """Every wanted message in a file that is a ``model``, with what it is; before those in it.

    Raises:
        Broken: the file is no such message, is nested too deeply, or has too many fields.
    """
    waiting = [("model", message(window, _FIELDS_LIMIT).messages())]
    while waiting:
        name, fields = waiting[-1]
        number, value = next(fields, _END)
        if value is None:
            waiting.pop()
            continue
        below = tree.get(name, {}).get(number)
        if below is None:
            continue
        if below in wanted:
            yield below, value
        if below in tree:
            if len(waiting) > _DEEPEST:
                raise Broken("It is nested too deeply.")
            waiting.append((below, value.messages()))


def last(found: Message) -> Mapping[int, Message]:
    """The fields of a message, by number; of several with one number the last, which counts.

    Raises:
        Broken: this is no message.
    """
    return dict(found.messages())
