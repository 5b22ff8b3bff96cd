"""PyTorch's files: zip archives around a pickle, TorchScript, ``torch.export``, and the old kind.

A tensor in the pickle is a call that names its storage, its shape and its type; the bytes lie in
other members of the archive, which nobody needs to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lading.formats.archive import Archive
from lading.formats.bounds import product, read_object
from lading.formats.cursor import Cursor, Near
from lading.formats.draft import Draft
from lading.formats.opcodes import Walk
from lading.formats.pickled import Global, Made, Persistent
from lading.formats.pickles import tell

if TYPE_CHECKING:
    from lading.ports import Window

_BEFORE_OBJECT: Final = 3
_SMALL: Final = 4096
_WEIGHTS_CONFIG: Final = 2 * 1024 * 1024
_RANK: Final = 64
# Where the export of a model lies, by the layout of its archive.
_EXPORTED: Final = ("models/model.json", "serialized_exported_program.json")

_STORAGES: Final = {
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
}
# The numbers that torch.export gives to types.
_SCALAR_TYPES: Final = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
    28: "uint16",
    29: "float8_e4m3fn",
    30: "float8_e5m2",
}


class _Tensors:
    """The tensors that a pickle makes, each place in a storage counted once."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._seen: set[tuple[object, object, object]] = set()

    def add(self, made: Made) -> None:
        """Count it, if it is a tensor."""
        maker, arguments = made.maker, made.arguments
        if not isinstance(maker, Global) or not maker.name.startswith("_rebuild_tensor"):
            return
        if not maker.module.startswith("torch.") or len(arguments) < 3:
            return
        storage, offset, shape = arguments[:3]
        if not isinstance(storage, Persistent) or not _is_shape(shape):
            return
        dtype, key = _storage(storage)
        if type(offset) is not int or (key, offset, shape) in self._seen:
            return
        self._seen.add((key, offset, shape))
        self._draft.tensors = len(self._seen)
        self._draft.add(dtype, product(shape))


def _is_shape(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) > _RANK:
        return False
    return all(type(length) is int for length in value)


def _storage(storage: Persistent) -> tuple[str, str]:
    """The type of what lies in a storage, and the storage's name."""
    parts = storage.key if isinstance(storage.key, tuple) else ()
    kind, key = parts[1:3] if len(parts) >= 3 else (None, None)
    name = kind.name if isinstance(kind, Global) else ""
    return _STORAGES.get(name, "unknown"), key if isinstance(key, str) else ""


def look_at_archive(archive: Archive, draft: Draft) -> None:
    """Fill in what an archive with ``data.pkl`` tells.

    Raises:
        Broken: it cannot be read on.
    """
    draft.framework = "pytorch"
    name = archive.find("data.pkl") or ""
    folder = name.removesuffix("data.pkl")
    draft.tell(
        file_version=_word(archive, f"{folder}version"),
        byteorder=_word(archive, f"{folder}byteorder"),
    )
    if any(member.startswith(f"{folder}code/") for member in archive.names):
        draft.format = "torchscript"
    with archive.open(name) as cursor:
        _walk(cursor, draft)


def look_at_export(archive: Archive, draft: Draft) -> None:
    """Fill in what an archive of ``torch.export`` tells.

    Raises:
        Broken: it cannot be read on.
    """
    draft.framework = "pytorch"
    draft.tell(
        archive_version=_found_word(archive, "archive_version"),
        byteorder=_found_word(archive, "byteorder"),
    )
    config = archive.find("model_weights_config.json")
    if config is None:
        return
    value = read_object(archive.read(config, _WEIGHTS_CONFIG), "The list of weights")
    weights = value.get("config")
    for weight in weights.values() if isinstance(weights, dict) else ():
        _add_exported(weight, draft)


def _add_exported(weight: object, draft: Draft) -> None:
    meta = weight.get("tensor_meta") if isinstance(weight, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("sizes"), list):
        return
    sizes = [size.get("as_int") if isinstance(size, dict) else None for size in meta["sizes"]]
    if len(sizes) <= _RANK and all(type(size) is int for size in sizes):
        draft.tensors = (draft.tensors or 0) + 1
        dtype = meta.get("dtype")
        known = _SCALAR_TYPES.get(dtype) if isinstance(dtype, int) else None
        draft.add(known or "unknown", product(size for size in sizes if size is not None))


def is_export(archive: Archive) -> bool:
    """Whether torch.export made this archive."""
    return any(archive.find(name) for name in _EXPORTED)


def look_at_old(window: Window, draft: Draft) -> None:
    """Fill in what a file of torch before 1.6 tells: pickles that follow each other.

    Raises:
        Broken: they cannot be followed.
    """
    draft.framework = "pytorch"
    draft.note("It is in the format of torch before 1.6; torch.save writes another one today.")
    _walk(Cursor(Near(window)), draft, before=_BEFORE_OBJECT)


def _walk(cursor: Cursor, draft: Draft, before: int = 0) -> None:
    """Walk over the object, behind so many other pickles."""
    walk = Walk(cursor)
    for _ in range(before):
        walk.run()
    walk.on_made = _Tensors(draft).add
    root: object = None
    try:
        root = walk.run()
    finally:
        tell(walk, root if isinstance(root, Made) else None, draft)
        # The classes of TorchScript are in the archive.
        draft.modules.discard("__torch__")
        # A state dict says nothing of the model that it belongs to.
        if draft.architecture == "OrderedDict":
            draft.architecture = None


def _word(archive: Archive, name: str) -> str | None:
    """The short text that a member is, if there is one."""
    if name not in archive:
        return None
    return archive.read(name, _SMALL).decode(errors="replace").strip()


def _found_word(archive: Archive, ending: str) -> str | None:
    name = archive.find(ending)
    return _word(archive, name) if name else None
