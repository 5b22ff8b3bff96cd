"""Messages into what ``protocol`` reads, and answers into messages. No network, no model.

A request becomes the object that it would be in JSON, with the bytes of its tensors behind it, so
that every rule and every refusal is the one that HTTP has.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.protocol import binary, datatypes, request
from lading.serving.protocol.datatypes import BYTES, Datatype
from lading.serving.protocol.outputs import OutputTensor
from lading.serving.protocol.request import InferRequest
from lading.serving.protocol.response import raw_of
from lading.serving.rpc.messages import inference

# The field of the contents that each datatype is written in; a number of 16 bits has none.
_CONTENTS: Final[Mapping[str, str]] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}
# Fields that hold larger numbers than the datatype does.
_NARROW: Final = frozenset({"INT8", "INT16", "UINT8", "UINT16"})
_SIZE: Final = "binary_data_size"


def read(message: Any) -> InferRequest:
    """What is asked.

    Raises:
        InvalidInput: a field is not what it should be; names it.
    """
    parts = _raw(message) if message.raw_input_contents else _typed(message)
    value = {
        "parameters": _parameters(message.parameters),
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
                "parameters": _parameters(tensor.parameters) | {_SIZE: len(part)},
            }
            for tensor, part in zip(message.inputs, parts, strict=True)
        ],
        "outputs": [
            {"name": each.name, "parameters": _parameters(each.parameters)}
            for each in message.outputs
        ],
        "id": message.id or None,
    }
    rest = parts[0] if len(parts) == 1 else b"".join(parts)
    return request.read(value, memoryview(rest))


def _raw(message: Any) -> Sequence[bytes]:
    raw, inputs = message.raw_input_contents, message.inputs
    if len(raw) != len(inputs):
        raise InvalidInput(
            f"raw_input_contents has {len(raw)} parts", cause=f"there are {len(inputs)} inputs"
        )
    for at, (tensor, part) in enumerate(zip(inputs, raw, strict=True)):
        where = _where(tensor, at)
        if tensor.HasField("contents"):
            raise InvalidInput(f"{where} has both contents and raw_input_contents")
        _demand_size(tensor, len(part), f"{where}: raw_input_contents[{at}]")
    return list(raw)


def _demand_size(tensor: Any, size: int, where: str) -> None:
    """Refuse another length than the shape says, in the words of this door."""
    kind = datatypes.DATATYPES.get(tensor.datatype)
    count = _count(tensor)
    if kind is None or kind.size is None or count is None:
        return  # said by whoever reads it
    if size != count * kind.size:
        raise InvalidInput(
            f"{where} has {size} bytes",
            cause=f"{str(count)[:40]} elements of {kind.name} are {str(count * kind.size)[:40]}",
        )


def _count(tensor: Any) -> int | None:
    """How many elements its shape says; None of a shape that whoever reads it refuses."""
    if len(tensor.shape) > request.MOST_DIMENSIONS or any(length < 0 for length in tensor.shape):
        return None
    count: int = math.prod(tensor.shape)
    return count


def _typed(message: Any) -> Sequence[bytes]:
    return [_packed(tensor, _where(tensor, at)) for at, tensor in enumerate(message.inputs)]


def _where(tensor: Any, at: int) -> str:
    return f"input {tensor.name[:100]!r}" if tensor.name else f"inputs[{at}]"


def _packed(tensor: Any, where: str) -> bytes:
    """The typed contents of an input as bytes."""
    kind = datatypes.datatype(tensor.datatype, where)
    field = _CONTENTS.get(kind.name)
    if field is None:
        raise InvalidInput(
            f"{where}: {kind.name} has no contents of its own", hint="send raw_input_contents"
        )
    others = [each.name for each, _ in tensor.contents.ListFields() if each.name != field]
    if others:
        raise InvalidInput(f"{where}: {kind.name} is written in {field}", cause=f"got {others[0]}")
    flat = getattr(tensor.contents, field)
    if kind.size is None:
        _demand_count(tensor, len(flat), where, field)
        return binary.joined(flat)
    if kind.name in _NARROW:
        flat = datatypes.checked(list(flat), kind, where)
    _demand_count(tensor, len(flat), where, field)
    return _bytes(flat, kind)


def _demand_count(tensor: Any, found: int, where: str, field: str) -> None:
    count = _count(tensor)
    if count is not None and found != count:
        raise InvalidInput(
            f"{where}: {field} has {found} elements",
            cause=f"its shape {list(tensor.shape)[:32]} says {str(count)[:40]}",
        )


def _bytes(flat: Sequence[Any], kind: Datatype) -> bytes:
    if kind.name == "BOOL":
        return bytes(flat)
    numbers = array(kind.code, flat)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _parameters(given: Any) -> dict[str, Any]:
    """Parameters as JSON has them; one that was given no value is none."""
    found: dict[str, Any] = {}
    for name, parameter in given.items():
        chosen = parameter.WhichOneof("parameter_choice")
        if chosen is not None:
            found[name] = getattr(parameter, chosen)
    return found


def answer(
    asked: InferRequest, name: str, version: str, tensors: Sequence[OutputTensor], *, raw: bool
) -> Any:
    """The response: in bytes where the request was, or asks for them, or a number has 16 bits."""
    made = inference()["ModelInferResponse"](model_name=name, model_version=version)
    if asked.id is not None:
        made.id = asked.id
    raw = raw or asked.binary or any(each.binary for each in asked.outputs or ())
    raw = raw or any(each.datatype.name not in _CONTENTS for each in tensors)
    for tensor in tensors:
        told = made.outputs.add(name=tensor.name, datatype=tensor.datatype.name)
        told.shape.extend(tensor.shape)
        if raw:
            made.raw_output_contents.append(raw_of(tensor))
        else:
            _fill(told.contents, tensor)
    return made


def _fill(contents: Any, tensor: OutputTensor) -> None:
    flat: Any = tensor.flat()
    if tensor.datatype.name == BYTES:
        flat = (str(each).encode("utf-8", "replace") for each in flat)
    getattr(contents, _CONTENTS[tensor.datatype.name]).extend(flat)
