"""A signature as model metadata of the Open Inference Protocol, version 2 (KServe, Triton, …)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lading.signatures.converted import Converted
from lading.signatures.forms import by_key
from lading.spec.signature import Column, FieldType, JsonField, Signature, Tensor

_DATATYPES: Final = {
    "bool": "BOOL",
    **{f"{u}int{bits}": f"{u.upper()}INT{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)},
    "float16": "FP16",
    "bfloat16": "BF16",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
    "binary": "BYTES",
}
_PLATFORM: Final = "lading"


def to_v2_metadata(
    signature: Signature, *, name: str, version: str | None = None, platform: str = _PLATFORM
) -> Converted[dict[str, Any]]:
    """What ``GET v2/models/NAME`` answers, and what it cannot say.

    A column is a tensor of one value for each row, shape ``[-1, 1]``; JSON is text in BYTES.
    """
    losses: list[str] = []
    metadata: dict[str, Any] = {"name": name}
    if version:
        metadata["versions"] = [version]
    metadata |= {
        "platform": platform,
        "inputs": _tensors(signature.inputs, "input", losses),
        "outputs": _tensors(signature.outputs, "output", losses),
    }
    losses += [f"parameter {param.name}: it has no place there" for param in signature.params]
    return Converted(metadata, tuple(losses))


def _tensors(fields: Sequence[FieldType], word: str, losses: list[str]) -> list[dict[str, Any]]:
    tensors = []
    for key, field in by_key(fields).items():
        name = field.name or f"{word}-{key}"
        if field.name is None:
            losses.append(f"{name}: it has no name; the protocol wants one")
        if not field.required:
            losses.append(f"{name}: it is optional; the protocol demands every input")
        datatype, shape = _typed(field, name, losses)
        tensors.append({"name": name, "datatype": datatype, "shape": shape})
    return tensors


def _typed(field: FieldType, name: str, losses: list[str]) -> tuple[str, list[int]]:
    if isinstance(field, JsonField):
        losses.append(f"{name}: JSON is written as text; its schema is lost")
        return "BYTES", [-1] if field.name is None else [-1, 1]
    datatype = _DATATYPES.get(field.dtype)
    if datatype is None:
        losses.append(f"{name}: {field.dtype} is written as text")
    elif field.dtype == "binary":
        losses.append(f"{name}: BYTES does not tell binary from text")
    if isinstance(field, Tensor):
        if not field.shape:
            losses.append(f"{name}: a single value is written as an array of one")
        return datatype or "BYTES", list(field.shape) or [1]
    losses += _of_column(field, name)
    return datatype or "BYTES", [-1, 1]


def _of_column(field: Column, name: str) -> list[str]:
    losses = []
    if field.nullable:
        losses.append(f"{name}: it may be null; a tensor has no null")
    if field.enum:
        losses.append(f"{name}: its {len(field.enum)} possible values are lost")
    return losses
