"""The facts of one file while they are gathered, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from lading.formats.bounds import Room, count, plain, text
from lading.spec.facts import FileFacts
from lading.spec.signature import DataType, Signature

_NOTES: Final = 16
_TYPES: Final = 64
_TYPE_NAME: Final = 64
_MODULES: Final = 256
_SPOKEN: Final[dict[str, DataType]] = {name: name for name in get_args(DataType)}
# As pickles of protocol 2, which Python 2 could read, call them.
_RENAMED: Final = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@dataclass(frozen=True, slots=True)
class Look:
    """What the header of a file says."""

    facts: FileFacts
    signature: Signature | None = None
    framework: str | None = None
    framework_version: str | None = None
    modules: frozenset[str] = frozenset()


@dataclass(slots=True)
class Draft:
    """What is known so far; every reader of a format fills one in."""

    path: str
    format: str
    framework: str | None = None
    framework_version: str | None = None
    producer: str | None = None
    architecture: str | None = None
    tensors: int | None = None
    quantization: str | None = None
    context_length: int | None = None
    opset: int | None = None
    signature: Signature | None = None
    modules: set[str] = field(default_factory=set)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    dtypes: Counter[str] = field(default_factory=Counter)
    counted: bool = False
    room: Room = field(default_factory=Room)

    def note(self, sentence: str) -> None:
        """Say what was wrong or left out; once, and only so often."""
        short = text(sentence) or ""
        if short not in self.notes and len(self.notes) < _NOTES:
            self.notes.append(short)

    def tell(self, **details: object) -> None:
        """Keep what else the format tells, cut to what is worth keeping."""
        for name, value in details.items():
            if value not in (None, "", [], {}, ()):
                self.details[name] = plain(value, self.room)

    def add(self, dtype: str, elements: int) -> None:
        """Count the elements of a tensor as parameters of that type."""
        self.counted = True
        name = dtype[:_TYPE_NAME] or "unknown"
        if name in self.dtypes or len(self.dtypes) < _TYPES:
            self.dtypes[name] += elements

    def name_module(self, module: str) -> None:
        """Remember the package that a module belongs to."""
        package = module.partition(".")[0]
        package = _RENAMED.get(package, package)
        if package.isidentifier() and len(package) <= 100 and len(self.modules) < _MODULES:
            self.modules.add(package)

    def look(self) -> Look:
        """The facts as they stand."""
        parameters = count(self.dtypes.total()) if self.counted else None
        framework, version = text(self.framework), text(self.framework_version)
        facts = FileFacts(
            path=self.path,
            format=self.format,
            framework=framework,
            framework_version=version,
            producer=text(self.producer),
            architecture=text(self.architecture),
            tensors=count(self.tensors),
            parameters=parameters,
            dtypes=dict(self.dtypes) if parameters else {},
            quantization=text(self.quantization),
            context_length=count(self.context_length),
            opset=count(self.opset),
            details=self.details,
            notes=tuple(self.notes),
        )
        return Look(facts, self.signature, framework, version, frozenset(self.modules))


def spoken(dtype: str | None) -> DataType | None:
    """The type, if signatures have a word for it."""
    return _SPOKEN.get(dtype or "")
