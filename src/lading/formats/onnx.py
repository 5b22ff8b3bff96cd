"""The header of an ONNX file: its versions, its graph's inputs and outputs, its initializers.

ONNX has no magic. The numbers of the fields are those of ``onnx.proto``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lading.formats.bounds import MANY, product
from lading.formats.cursor import Broken
from lading.formats.draft import Draft, spoken
from lading.formats.protobuf import Message, message, signed
from lading.spec.signature import Signature, Tensor

if TYPE_CHECKING:
    from lading.ports import Window

_PORTS: Final = 1024
_INITIALIZERS: Final = 100_000
_RANK: Final = 64
# The domain of ONNX's own operators, which files leave out.
_DEFAULT_DOMAIN: Final = "ai.onnx"

DATA_TYPES: Final = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
    24: "float8e8m0",
    25: "uint2",
    26: "int2",
    27: "float6e2m3",
    28: "float6e3m2",
}


@dataclass(slots=True)
class _Port:
    """An input or output of the graph; one that is no tensor has no type."""

    name: str = ""
    dtype: str | None = None
    shape: tuple[int, ...] | None = None


@dataclass(slots=True)
class _Graph:
    """What was seen of the model so far."""

    opsets: dict[str, int] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    inputs: list[_Port] = field(default_factory=list)
    outputs: list[_Port] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    external: set[str] = field(default_factory=set)
    nodes: int = 0
    tensors: int = 0


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the model says.

    Raises:
        Broken: it cannot be read on.
    """
    draft.framework = "onnx"
    graph = _Graph()
    try:
        _read_model(message(window), draft, graph)
    finally:
        _tell(graph, draft)


def _read_model(model: Message, draft: Draft, graph: _Graph) -> None:
    producer: dict[int, str] = {}
    for number, value in model.fields():
        if number == 1 and isinstance(value, int):
            draft.tell(ir_version=value)
        elif number in (2, 3) and isinstance(value, Message):
            producer[number] = value.text()
            draft.producer = " ".join(filter(None, (producer.get(2), producer.get(3))))
        elif number == 7 and isinstance(value, Message):
            _read_graph(value, draft, graph)
        elif number == 8 and isinstance(value, Message) and len(graph.opsets) < MANY:
            domain, version = _opset(value)
            graph.opsets[domain or _DEFAULT_DOMAIN] = version
        elif number == 14 and isinstance(value, Message) and len(graph.properties) < MANY:
            graph.properties.update([_pair(value)])


def _opset(value: Message) -> tuple[str, int]:
    domain, version = "", 0
    for number, part in value.fields():
        if number == 1 and isinstance(part, Message):
            domain = part.text()
        elif number == 2 and isinstance(part, int):
            version = part
    return domain, version


def _pair(value: Message) -> tuple[str, str]:
    """A key and a value, both text."""
    texts = {1: "", 2: ""}
    for number, part in value.fields():
        if number in texts and isinstance(part, Message):
            texts[number] = part.text()
    return texts[1], texts[2]


def _read_graph(value: Message, draft: Draft, graph: _Graph) -> None:
    for number, part in value.fields():
        if not isinstance(part, Message):
            continue
        if number == 1:
            graph.nodes += 1
        elif number == 2:
            draft.tell(graph=part.text())
        elif number == 5:
            _read_initializer(part, draft, graph)
        elif number == 11 and len(graph.inputs) < _PORTS:
            graph.inputs.append(_port(part))
        elif number == 12 and len(graph.outputs) < _PORTS:
            graph.outputs.append(_port(part))
        elif number == 15:
            draft.note("Sparse initializers were not counted as parameters.")


def _read_initializer(value: Message, draft: Draft, graph: _Graph) -> None:
    dims: list[int] = []
    kind = 0
    external: dict[str, str] = {}
    for number, part in value.fields():
        if number == 1:
            dims += part.numbers() if isinstance(part, Message) else [part]
        elif number == 2 and isinstance(part, int):
            kind = part
        elif number == 8 and isinstance(part, Message) and len(graph.initializers) < _INITIALIZERS:
            # Before IR version 4 every initializer is listed among the inputs, too.
            graph.initializers.add(part.text(128))
        elif number == 13 and isinstance(part, Message) and len(external) < MANY:
            external.update([_pair(part)])
        if len(dims) > _RANK:
            raise Broken("An initializer has more dimensions than any tensor.")
    graph.tensors += 1
    if (location := external.get("location")) and len(graph.external) < MANY:
        graph.external.add(location)
    draft.add(DATA_TYPES.get(kind, f"type {kind}"), product(map(signed, dims)))


def _port(value: Message) -> _Port:
    port = _Port()
    for number, part in value.fields():
        if number == 1 and isinstance(part, Message):
            port.name = part.text()
        elif number == 2 and isinstance(part, Message):
            port.dtype, port.shape = _type(part)
    return port


def _type(value: Message) -> tuple[str | None, tuple[int, ...] | None]:
    for number, part in value.fields():
        # The others are sequences, maps and sparse tensors.
        if number == 1 and isinstance(part, Message):
            return _tensor_type(part)
    return None, None


def _tensor_type(value: Message) -> tuple[str | None, tuple[int, ...] | None]:
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    for number, part in value.fields():
        if number == 1 and isinstance(part, int):
            dtype = DATA_TYPES.get(part)
        elif number == 2 and isinstance(part, Message):
            shape = tuple(_dim(dim) for n, dim in part.fields() if n == 1)[:_RANK]
    return dtype, shape


def _dim(value: int | Message) -> int:
    """A length, or -1 for one that has only a name."""
    if isinstance(value, Message):
        for number, part in value.fields():
            if number == 1 and isinstance(part, int):
                return max(-1, signed(part))
    return -1


def _tell(graph: _Graph, draft: Draft) -> None:
    draft.tensors = graph.tensors
    draft.opset = graph.opsets.get(_DEFAULT_DOMAIN)
    draft.tell(
        opsets=graph.opsets,
        nodes=graph.nodes,
        external_data=sorted(graph.external),
        metadata=graph.properties,
    )
    inputs = [port for port in graph.inputs if port.name[:128] not in graph.initializers]
    if graph.inputs or graph.outputs:
        draft.signature = Signature(
            inputs=_tensors(inputs, draft), outputs=_tensors(graph.outputs, draft)
        )


def _tensors(ports: list[_Port], draft: Draft) -> tuple[Tensor, ...]:
    """The ports as a signature has them; those that it cannot say are noted."""
    found: list[Tensor] = []
    for port in ports:
        dtype = spoken(port.dtype)
        if dtype is None or port.shape is None:
            draft.note(
                f"{port.name[:64]!r} is left out of the signature: no tensor it can tell of."
            )
            continue
        found.append(Tensor(name=port.name or None, dtype=dtype, shape=port.shape))
    return tuple(found)
