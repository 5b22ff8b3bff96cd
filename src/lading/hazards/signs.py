"""Signs for what stands on a pickle's stack, and for what it does with what it imports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Way(Enum):
    """How a pickle uses what it imports, from the least to the most that can come of it."""

    REFER = "refers to"
    MAKE = "makes"
    CALL = "calls"
    FILL = "fills"
    ALTER = "alters"
    UNKNOWN = "imports"


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle imports."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Made:
    """An object that came of a call; what it is made of only where that matters later."""

    __slots__ = ("arguments", "maker", "state", "states")

    def __init__(self, maker: Global | None, arguments: Value = None) -> None:
        self.maker = maker
        self.arguments = arguments
        self.state: Value = None
        self.states = 0


class Table:
    """A dictionary, of which a few entries under text keys are remembered."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[str, Value] | None = {}


# None stands for every value that does not matter here.
Value = str | int | tuple["Value", ...] | Global | Made | Table | None


@dataclass(frozen=True, slots=True)
class Use:
    """An import or a call, and what is done with it.

    Of the first arguments of a call: a name, or whether it may be something that can be called.
    """

    what: Global | None
    way: Way
    arguments: tuple[Global | bool, ...] = ()


WRAPPER: Final = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
DTYPE: Final = Global("numpy", "dtype")
