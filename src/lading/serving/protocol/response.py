"""An inference response as bytes: JSON, and the bytes of tensors behind it where wanted."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from lading.serving.protocol import binary
from lading.serving.protocol.datatypes import BYTES, DATATYPES
from lading.serving.protocol.outputs import OutputTensor
from lading.serving.protocol.request import InferRequest

_NUMBERS: Final = frozenset({*DATATYPES} - {BYTES, "BOOL"})
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
    outputs: list[str] = []
    tail: list[bytes] = []
    for tensor in tensors:
        chosen = wanted.get(tensor.name)
        if request.binary if chosen is None else chosen:
            raw = raw_of(tensor)
            told = f'"parameters":{{"binary_data_size":{len(raw)}}}'
            tail.append(raw)
        else:
            told = f'"data":{_data(tensor)}'
        outputs.append(f"{_head(tensor.name, tensor.datatype.name)}{list(tensor.shape)},{told}}}")
    asked = "" if request.id is None else f'"id":{_encode(request.id)},'
    text = f'{_model(name, version)}{asked}"outputs":[{",".join(outputs)}]}}'.encode()
    return Encoded(b"".join([text, *tail]), len(text)) if tail else Encoded(text)


# A server writes the same few names again and again.


@lru_cache(maxsize=64)
def _model(name: str, version: str) -> str:
    return f'{{"model_name":{_encode(name)},"model_version":{_encode(version)},'


@lru_cache(maxsize=256)
def _head(name: str, datatype: str) -> str:
    return f'{{"name":{_encode(name)},"datatype":"{datatype}","shape":'


def _data(tensor: OutputTensor) -> str:
    """The elements as JSON."""
    if tensor.datatype.name not in _NUMBERS:
        return dumps(tensor.flat()).decode()
    # Python writes a list of numbers as JSON does, and more quickly than its encoder, but for
    # those that JSON does not have: "nan" and "inf" are the only ones with this letter.
    text = repr(tensor.flat())
    return dumps(tensor.flat()).decode() if "n" in text else text.replace(" ", "")


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
