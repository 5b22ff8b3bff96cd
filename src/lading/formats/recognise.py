"""Which format a file has, by what it begins with first and by its name second.

Names lie more often than beginnings do. Some formats have nothing to be known by, so their names
must do. Only choosing happens here; reading costs an import of its own for every format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lading.ports import Window

HEAD: Final = 4096
ZIP: Final = b"PK\x03\x04"
_LFS: Final = b"version https://git-lfs.github.com/spec/"
# A pickle of a number that torch chose, with which the files of torch before 1.6 begin.
_OLD_TORCH: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

_MAGICS: Final = (
    (b"GGUF", "gguf"),
    (b"\x93NUMPY", "numpy"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"CBM1", "catboost"),
    (_OLD_TORCH, "pytorch-legacy"),
    # An object, whose first key has a length of eight bytes.
    (b"{L\0\0\0\0\0\0\0\x07learner", "xgboost-ubj"),
    (b"{L\0\0\0\0\0\0\0\x07version", "xgboost-ubj"),
    (b"tree\nversion=", "lightgbm"),
    (b"tree\r\nversion=", "lightgbm"),
)
_COMPRESSED: Final = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x5e", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
# What a name promises. A file that does not begin as it should is looked at no further.
_PROMISES: Final = {
    "cbm": "catboost",
    "gguf": "gguf",
    "h5": "hdf5",
    "keras": "keras",
    "npy": "numpy",
    "npz": "numpy",
    "pt2": "torch-export",
    "safetensors": "safetensors",
    "skops": "skops",
    "ubj": "xgboost-ubj",
}
_HUGGING_FACE: Final = {
    "adapter_config.json": "peft-adapter",
    "config_sentence_transformers.json": "sentence-transformers-config",
    "model_index.json": "diffusers-config",
    "tokenizer.json": "huggingface-tokenizer",
    "tokenizer_config.json": "huggingface-tokenizer-config",
}
_CONFIG: Final = "config.json"
_PICKLES: Final = frozenset({"pkl", "pickle", "joblib", "dill", "sav", "pth", "pt"})
_TORCH: Final = frozenset({"pth", "pt"})
_PROTOCOLS: Final = range(2, 6)
# What a pickle of protocol 2 to 5 may begin to make.
_FIRST: Final = frozenset(b"c(])}NX\x8c\x95\x8aKMJ\x88\x89GUCB\x8e\x96\x8f")
# The first codes of older ones.
_OLDER: Final = (b"(", b"c", b"]", b"}", b")", b"\x80")
_XGBOOST: Final = re.compile(rb'\A\s*\{\s*"(learner|version)"\s*:')
_LEARNER: Final = b'"learner"'
# Text that begins like a safetensors header would announce far more.
_ANNOUNCED: Final = 1 << 40
_CONFIG_HEAD: Final = 64 * 1024


def recognise(name: str, head: bytes, window: Window) -> str | None:
    """The format of a file that is no zip archive; None if it is none that is known."""
    return _by_beginning(name, head, window) or _by_name(name, head)


def promised(name: str) -> str | None:
    """The format that a name promises."""
    ending = name.rpartition(".")[2]
    return _PROMISES.get(ending) or ("pytorch" if ending in _TORCH else None)


def disappointment(head: bytes) -> str:
    """What is wrong with a file that does not begin as its name promises."""
    if not head:
        return "The file is empty."
    if head.startswith(_LFS):
        return "It is a pointer of Git LFS: the file itself was not fetched."
    return "It does not begin as a file of this format does."


def compression(head: bytes) -> str | None:
    """How a file that begins like that is compressed, if it is."""
    return next((method for magic, method in _COMPRESSED if head.startswith(magic)), None)


def begins_like_pickle(head: bytes) -> bool:
    """Whether this is the beginning of a pickle of protocol 2 or later."""
    return len(head) > 2 and head[0] == 0x80 and head[1] in _PROTOCOLS and head[2] in _FIRST


def _by_beginning(name: str, head: bytes, window: Window) -> str | None:
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            return kind
    if begins_like_pickle(head):
        return "pickle"
    if _begins_like_safetensors(head):
        return "safetensors"
    if head.lstrip()[:1] == b"{":
        return _json(name, head, window)
    method = compression(head)
    if method and (_is_named_pickle(name) or _holds_pickle(window, method)):
        return "pickle"
    return None


def _begins_like_safetensors(head: bytes) -> bool:
    """Whether this is a length and the beginning of an object."""
    return (
        len(head) >= 10
        and int.from_bytes(head[:8], "little") < _ANNOUNCED
        and head[8:9] == b"{"
        and head[9:].lstrip()[:1] in (b'"', b"}", b"")
    )


def _json(name: str, head: bytes, window: Window) -> str | None:
    if name in _HUGGING_FACE:
        return _HUGGING_FACE[name]
    if _XGBOOST.match(head) and (_LEARNER in head or _LEARNER in _tail(window)):
        return "xgboost-json"
    if name != _CONFIG:
        return None
    if b'"_class_name"' in head:
        return "diffusers-config"
    # Others use that name, too.
    head = window.read_at(0, _CONFIG_HEAD)
    known = b'"model_type"' in head or b'"architectures"' in head
    return "huggingface-config" if known else None


def _tail(window: Window) -> bytes:
    return window.read_at(max(0, window.size - HEAD), HEAD)


def _by_name(name: str, head: bytes) -> str | None:
    ending = name.rpartition(".")[2]
    if ending == "onnx":
        return "onnx"
    if name == "saved_model.pb":
        return "tensorflow"
    if _is_named_pickle(name) and head.startswith(_OLDER):
        return "pickle"
    if not head.lstrip().startswith(b"{") and (name in _HUGGING_FACE or name == _CONFIG):
        # No object: the reader says what is wrong.
        return _HUGGING_FACE.get(name, "huggingface-config")
    # Others use the endings of pickles, too; but nothing is in no format.
    nothing = not head and _is_named_pickle(name)
    return "broken" if ending in _PROMISES or nothing else None


def _is_named_pickle(name: str) -> bool:
    return not _PICKLES.isdisjoint(name.split(".")[1:])


def _holds_pickle(window: Window, method: str) -> bool:
    from lading.formats.compressed import decompressed
    from lading.formats.cursor import Broken

    try:
        return begins_like_pickle(decompressed(window, method).peek(16))
    except Broken:
        return False
