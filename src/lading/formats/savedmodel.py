"""The header of a TensorFlow SavedModel: ``saved_model.pb``.

The numbers of the fields are those of ``saved_model.proto`` and the files that it names. The
values of the variables lie in other files; their shapes are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lading.formats.bounds import MANY, product
from lading.formats.cursor import Broken
from lading.formats.draft import Draft, spoken
from lading.formats.protobuf import Message, message, signed
from lading.spec.signature import Signature, Tensor

if TYPE_CHECKING:
    from lading.ports import Window

_DEFAULT: Final = "serving_default"
_PORTS: Final = 1024
_RANK: Final = 64
_VARIABLES: Final = 20_000
_UNNAMED: Final = ("", "Variable")

_TYPES: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    14: "bfloat16",
    15: "qint16",
    16: "quint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}


@dataclass(slots=True)
class _Found:
    tags: list[str] = field(default_factory=list)
    signatures: dict[str, Message] = field(default_factory=dict)
    variables: int = 0
    counted: set[tuple[str, str | None, tuple[int, ...]]] = field(default_factory=set)


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the model says.

    Raises:
        Broken: it cannot be read on.
    """
    draft.framework = "tensorflow"
    found = _Found()
    for graph in _parts(message(window), 2):
        for number, part in graph.fields():
            if not isinstance(part, Message):
                continue
            if number == 1:
                _read_info(part, draft, found)
            elif number == 5:
                _keep_signature(part, found)
            elif number == 7:
                _count_variables(part, draft, found)
    _tell(found, draft)


def _parts(whole: Message, wanted: int) -> Iterator[Message]:
    """The fields of that number, which are messages or texts."""
    for number, part in whole.fields():
        if number == wanted and isinstance(part, Message):
            yield part


def _read_info(info: Message, draft: Draft, found: _Found) -> None:
    for number, part in info.fields():
        if not isinstance(part, Message):
            continue
        if number == 4 and len(found.tags) < MANY:
            found.tags.append(part.text())
        elif number == 5:
            draft.framework_version = part.text()


def _keep_signature(entry: Message, found: _Found) -> None:
    name, value = _entry(entry)
    if value is not None and len(found.signatures) < MANY:
        found.signatures[name] = value


def _entry(entry: Message) -> tuple[str, Message | None]:
    """A name and what it stands for, of a map."""
    name: str = ""
    value: Message | None = None
    for number, part in entry.fields():
        if number == 1 and isinstance(part, Message):
            name = part.text()
        elif number == 2 and isinstance(part, Message):
            value = part
    return name, value


def _count_variables(objects: Message, draft: Draft, found: _Found) -> None:
    """Count what the object graph calls variables."""
    for node in _parts(objects, 1):
        for variable in _parts(node, 7):
            _count_variable(variable, draft, found)


def _count_variable(variable: Message, draft: Draft, found: _Found) -> None:
    name, dtype, shape = _variable(variable)
    # Names and tables are kept in variables, too; they are no parameters.
    if shape is None or -1 in shape or dtype in ("string", "resource"):
        return
    # Keras lists its variables twice. TensorFlow calls all "Variable" that nobody named.
    if (name, dtype, shape) in found.counted:
        return
    if name not in _UNNAMED and found.variables < _VARIABLES:
        found.counted.add((name, dtype, shape))
    found.variables += 1
    draft.add(dtype or "unknown", product(shape))


def _variable(variable: Message) -> tuple[str, str | None, tuple[int, ...] | None]:
    name = ""
    dtype: str | None = None
    # A scalar's shape is an empty message, which some writers leave out.
    shape: tuple[int, ...] | None = ()
    for number, part in variable.fields():
        if number == 1 and isinstance(part, int):
            dtype = _TYPES.get(part)
        elif number == 2 and isinstance(part, Message):
            shape = _shape(part)
        elif number == 6 and isinstance(part, Message):
            name = part.text(200)
    return name, dtype, shape


def _shape(value: Message) -> tuple[int, ...] | None:
    """The lengths, -1 for any; None where not even the rank is known."""
    dims: list[int] = []
    for number, part in value.fields():
        if number == 3 and part == 1:
            return None
        if number == 2 and isinstance(part, Message):
            dims.append(_length(part))
        if len(dims) > _RANK:
            raise Broken("A shape has more dimensions than any tensor.")
    return tuple(dims)


def _length(dim: Message) -> int:
    sizes = [part for number, part in dim.fields() if number == 1 and isinstance(part, int)]
    return max(-1, signed(sizes[-1])) if sizes else 0


def _tell(found: _Found, draft: Draft) -> None:
    draft.tensors = found.variables or None
    draft.tell(tags=sorted(set(found.tags)), signatures=sorted(found.signatures))
    served = found.signatures.get(_DEFAULT)
    if served is not None:
        inputs, outputs = _tensors(served, 1, draft), _tensors(served, 2, draft)
        draft.signature = Signature(inputs=inputs, outputs=outputs)


def _tensors(signature: Message, wanted: int, draft: Draft) -> tuple[Tensor, ...]:
    """The inputs or outputs, by name: a map is written in any order."""
    found: dict[str, Tensor] = {}
    for entry in _parts(signature, wanted):
        name, info = _entry(entry)
        said, shape = _tensor_info(info)
        dtype = spoken(said)
        if dtype is None or shape is None or len(found) >= _PORTS:
            draft.note(f"{name[:64]!r} is left out of the signature: no tensor it can tell of.")
            continue
        found[name] = Tensor(name=name or None, dtype=dtype, shape=shape)
    return tuple(found[name] for name in sorted(found))


def _tensor_info(info: Message | None) -> tuple[str | None, tuple[int, ...] | None]:
    """The type and shape in a TensorInfo."""
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    for number, part in info.fields() if info else ():
        if number == 2 and isinstance(part, int):
            dtype = _TYPES.get(part)
        elif number == 3 and isinstance(part, Message):
            shape = _shape(part)
    return dtype, shape
