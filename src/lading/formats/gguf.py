"""The header of a GGUF file: what llama.cpp and its kin are told about a model.

After the magic: a version, two counts, key-value pairs, and a description of every tensor. Long
arrays (a vocabulary has 150,000 texts) are walked over and not kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lading.formats.bounds import decoded, product
from lading.formats.cursor import BLOCK, Broken, Cursor, Near
from lading.formats.draft import Draft

if TYPE_CHECKING:
    from lading.ports import Window

MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_PAIRS: Final = 4096
_TENSORS: Final = 100_000
_DIMS: Final = 8
_KEY_LENGTH: Final = 1024
# Texts of arrays are walked one by one; a vocabulary and its merges are some 500,000.
_TEXTS: Final = 2_000_000

_TEXT, _ARRAY = 8, 9
_SCALARS: Final = {
    number: struct.Struct("<" + code)
    for number, code in {
        0: "B",
        1: "b",
        2: "H",
        3: "h",
        4: "I",
        5: "i",
        6: "f",
        7: "?",
        10: "Q",
        11: "q",
        12: "d",
    }.items()
}

TENSOR_TYPES: Final = {
    0: "float32",
    1: "float16",
    2: "q4_0",
    3: "q4_1",
    6: "q5_0",
    7: "q5_1",
    8: "q8_0",
    9: "q8_1",
    10: "q2_k",
    11: "q3_k",
    12: "q4_k",
    13: "q5_k",
    14: "q6_k",
    15: "q8_k",
    16: "iq2_xxs",
    17: "iq2_xs",
    18: "iq3_xxs",
    19: "iq1_s",
    20: "iq4_nl",
    21: "iq3_s",
    22: "iq2_s",
    23: "iq4_xs",
    24: "int8",
    25: "int16",
    26: "int32",
    27: "int64",
    28: "float64",
    29: "iq1_m",
    30: "bfloat16",
    34: "tq1_0",
    35: "tq2_0",
    39: "mxfp4",
    40: "nvfp4",
    41: "q1_0",
}
# What general.file_type says; the types that are no quantisation are left out.
FILE_TYPES: Final = {
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4_MOE",
    39: "NVFP4",
    40: "Q1_0",
}


@dataclass(frozen=True, slots=True)
class _Listed:
    """An array that was not kept, but for its length."""

    length: int


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the header says.

    Raises:
        Broken: it cannot be read on.
    """
    cursor = Cursor(Near(window))
    cursor.skip(len(MAGIC))
    version = cursor.u32()
    if version not in _VERSIONS:
        raise Broken("It is of a version of GGUF other than 2 and 3, or of the other byte order.")
    draft.framework = "llama.cpp"
    draft.tell(version=version)
    tensors, pairs = cursor.u64(), cursor.u64()
    if pairs > _PAIRS:
        raise Broken(f"It announces {pairs:,} keys; up to {_PAIRS:,} are read.")
    values: dict[str, Any] = {}
    try:
        _read_pairs(cursor, pairs, values)
    finally:
        _tell(values, draft)
    _count_tensors(cursor, tensors, draft)


def _read_pairs(cursor: Cursor, pairs: int, values: dict[str, Any]) -> None:
    walked = 0
    for _ in range(pairs):
        key = _short_text(cursor, _KEY_LENGTH)
        kind = cursor.u32()
        if kind != _ARRAY:
            values[key] = _scalar(cursor, kind)
            continue
        kind, length = cursor.u32(), cursor.u64()
        values[key] = _Listed(length)
        if kind == _TEXT:
            walked += length
            if walked > _TEXTS:
                raise Broken(f"It holds more than {_TEXTS:,} texts and was not read further.")
            _skip_texts(cursor, length)
        else:
            cursor.skip(length * _struct(kind).size)


def _scalar(cursor: Cursor, kind: int) -> Any:
    if kind == _TEXT:
        length = cursor.u64()
        raw = cursor.take(min(length, 4096))
        cursor.skip(length - len(raw))
        return decoded(raw)
    form = _struct(kind)
    return form.unpack(cursor.take(form.size))[0]


def _struct(kind: int) -> struct.Struct:
    form = _SCALARS.get(kind)
    if form is None:
        raise Broken(f"It holds a value of the unknown type {kind}.")
    return form


def _short_text(cursor: Cursor, limit: int) -> str:
    length = cursor.u64()
    if length > limit:
        raise Broken(f"A name of {length:,} bytes is announced.")
    return decoded(cursor.take(length))


def _skip_texts(cursor: Cursor, texts: int) -> None:
    """Walk over texts, a block at a time: this is where a header's time goes."""
    unpack = struct.Struct("<Q").unpack_from
    while texts:
        ahead = cursor.peek(BLOCK)
        at, end = 0, len(ahead) - 8
        while texts and at <= end:
            at += 8 + unpack(ahead, at)[0]
            texts -= 1
        if at == 0:
            raise Broken("It ends in the middle.")
        cursor.skip(at)


def _tell(values: dict[str, Any], draft: Draft) -> None:
    """Fill in what the key-value pairs say, as far as they were read."""
    architecture = values.get("general.architecture")
    if isinstance(architecture, str):
        draft.architecture = architecture
        length = values.get(f"{architecture}.context_length")
        draft.context_length = length if isinstance(length, int) else None
    file_type = values.get("general.file_type")
    if isinstance(file_type, int):
        draft.quantization = FILE_TYPES.get(file_type)
    template = values.get("tokenizer.chat_template")
    tokens = values.get("tokenizer.ggml.tokens")
    draft.tell(
        name=values.get("general.name"),
        license=values.get("general.license"),
        size_label=values.get("general.size_label"),
        tokenizer=values.get("tokenizer.ggml.model"),
        vocab_size=tokens.length if isinstance(tokens, _Listed) else None,
        chat_template=isinstance(template, str) or None,
        split_count=values.get("split.count"),
    )


def _count_tensors(cursor: Cursor, tensors: int, draft: Draft) -> None:
    if tensors > _TENSORS:
        raise Broken(f"It announces {tensors:,} tensors; up to {_TENSORS:,} are counted.")
    draft.tensors = tensors
    for _ in range(tensors):
        _short_text(cursor, _KEY_LENGTH)
        rank = cursor.u32()
        if rank > _DIMS:
            raise Broken(f"A tensor has {rank:,} dimensions.")
        elements = product(cursor.u64() for _ in range(rank))
        kind = cursor.u32()
        cursor.skip(8)
        draft.add(TENSOR_TYPES.get(kind, f"type {kind}"), elements)
