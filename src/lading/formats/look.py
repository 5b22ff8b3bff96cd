"""One file: what its header says.

Every format's reader fills in a draft; what it raises over a header becomes a note beside the
facts that were found. Which reader is asked is decided in :mod:`lading.formats.recognise`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from lading.formats.cursor import Broken
from lading.formats.draft import Draft, Look
from lading.formats.recognise import HEAD, ZIP, disappointment, promised, recognise

if TYPE_CHECKING:
    from lading.formats.archive import Archive
    from lading.ports import Window

__all__ = ["Look", "look"]


class _Reader(Protocol):
    """Fills in what a header says, and raises :class:`Broken` where it cannot be read on."""

    def __call__(self, window: Window, draft: Draft, /) -> None: ...


# Where each format is read: imported when it is met, since a folder holds one or two of them.
_READERS: Final = {
    "catboost": "boosters.look_at_catboost",
    "diffusers-config": "huggingface.look_at_diffusers",
    "gguf": "gguf.look_at",
    "hdf5": "keras.look_at_hdf5",
    "huggingface-config": "huggingface.look_at_config",
    "huggingface-tokenizer": "huggingface.look_at_tokenizer",
    "huggingface-tokenizer-config": "huggingface.look_at_tokenizer_config",
    "lightgbm": "boosters.look_at_lightgbm",
    "numpy": "arrays.look_at",
    "onnx": "onnx.look_at",
    "peft-adapter": "huggingface.look_at_adapter",
    "pickle": "pickles.look_at",
    "pytorch-legacy": "torch.look_at_old",
    "safetensors": "safetensors.look_at",
    "sentence-transformers-config": "huggingface.look_at_sentence_transformers",
    "tensorflow": "savedmodel.look_at",
    "xgboost-json": "boosters.look_at_xgboost",
    "xgboost-ubj": "ubjson.look_at",
}


def look(path: str, window: Window) -> Look | None:
    """What the header of a file says; None for a file of no format that is known.

    What is wrong with the header is a note in the facts. What the window itself raises, because a
    disk or a registry does not answer, goes through.
    """
    head = window.read_at(0, HEAD)
    name = path.rpartition("/")[2].lower()
    if head.startswith(ZIP):
        return _look_into_archive(path, name, window)
    kind = recognise(name, head, window)
    if kind is None:
        return None
    if kind not in _READERS:
        draft = Draft(path, promised(name) or "pickle")
        draft.note(disappointment(head))
        return draft.look()
    draft = Draft(path, kind)
    try:
        _reader(kind)(window, draft)
    except Broken as broken:
        draft.note(str(broken))
    return draft.look()


def _reader(kind: str) -> _Reader:
    module, _, function = _READERS[kind].partition(".")
    return cast(_Reader, getattr(import_module(f"lading.formats.{module}"), function))


def _look_into_archive(path: str, name: str, window: Window) -> Look | None:
    from lading.formats.archive import opened

    draft = Draft(path, promised(name) or "zip")
    try:
        with opened(window) as archive:
            if not _read_archive(archive, draft):
                return None
    except Broken as broken:
        draft.note(str(broken))
    return draft.look()


def _read_archive(archive: Archive, draft: Draft) -> bool:
    """Fill in what an archive tells; whether it is one of ours."""
    from lading.formats import arrays, keras, skops, torch

    if torch.is_export(archive):
        draft.format, read = "torch-export", torch.look_at_export
    elif archive.find("data.pkl"):
        draft.format, read = "pytorch", torch.look_at_archive
    elif keras.is_archive(archive):
        draft.format, read = "keras", keras.look_at
    elif skops.SCHEMA in archive:
        draft.format, read = "skops", skops.look_at
    elif arrays.is_archive(archive):
        draft.format, read = "numpy", arrays.look_at_archive
    else:
        return False
    read(archive, draft)
    return True
