"""An inference response as bytes: JSON, and the bytes of tensors behind it where wanted."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.serving.protocol import binary
from lading.serving.protocol.datatypes import BYTES
from lading.serving.protocol.outputs import OutputTensor
from lading.serving.protocol.request import InferRequest

_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Encoded:
    """A response's body; how much of it is JSON, where there is more."""

    body: bytes
    header_length: int | None = None


def encode(
    request: InferRequest, name: str, version: str, tensors: Sequence[OutputTensor]
) -> Encoded:
    """The response to a request."""
    wanted = {each.name: each.binary for each in request.outputs or ()}
    outputs: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for tensor in tensors:
        told: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype.name,
            "shape": list(tensor.shape),
        }
        chosen = wanted.get(tensor.name)
        if request.binary if chosen is None else chosen:
            raw = raw_of(tensor)
            told["parameters"] = {"binary_data_size": len(raw)}
            tail.append(raw)
        else:
            told["data"] = tensor.flat()
        outputs.append(told)
    head: dict[str, Any] = {"model_name": name, "model_version": version}
    if request.id is not None:
        head["id"] = request.id
    text = dumps({**head, "outputs": outputs})
    return Encoded(b"".join([text, *tail]), len(text)) if tail else Encoded(text)


def raw_of(tensor: OutputTensor) -> bytes:
    """The bytes of a tensor, as the binary extension has them."""
    if tensor.datatype.name == BYTES:
        return binary.joined(str(each).encode("utf-8", "replace") for each in tensor.flat())
    if not isinstance(tensor.values, list):
        return tensor.raw()
    return struct.pack(f"<{len(tensor.values)}{tensor.datatype.code}", *tensor.values)


def dumps(value: Any) -> bytes:
    """A value as JSON; a number that JSON does not have is written as its name."""
    try:
        return _encode(value).encode()
    except ValueError:
        return _encode(_named(value)).encode()


def _named(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _named(part) for name, part in value.items()}
    return [_named(part) for part in value] if isinstance(value, list) else value
