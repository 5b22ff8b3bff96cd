"""Keras's files: the ``.keras`` archive, and the HDF5 file of before.

Of HDF5 only what lies in plain sight near the beginning is read: following its trees would be a
library of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lading.formats.archive import Archive
from lading.formats.bounds import JSON_LIMIT, part, read_object, text
from lading.formats.draft import Draft

if TYPE_CHECKING:
    from lading.ports import Window

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_SMALL: Final = 64 * 1024
_IN_SIGHT: Final = 256 * 1024
_CUSTOM: Final = 64
_VERSION: Final = re.compile(rb"keras_version\x00.{0,96}?(\d{1,3}\.\d{1,3}\.\d{1,3})", re.DOTALL)
_CODE: Final = "Lambda"


def is_archive(archive: Archive) -> bool:
    """Whether this is a Keras model."""
    return METADATA in archive and CONFIG in archive


def look_at(archive: Archive, draft: Draft) -> None:
    """Fill in what the archive's two descriptions say.

    Raises:
        Broken: one cannot be read.
    """
    draft.framework = "keras"
    metadata = read_object(archive.read(METADATA, _SMALL), METADATA)
    draft.framework_version = text(metadata.get("keras_version"))
    draft.tell(date_saved=metadata.get("date_saved"))
    config = read_object(archive.read(CONFIG, JSON_LIMIT), CONFIG)
    _tell_config(config, draft)


def _tell_config(config: dict[str, Any], draft: Draft) -> None:
    draft.architecture = text(config.get("class_name"))
    classes, modules, custom = _classes(config)
    for module in modules:
        draft.name_module(module)
    draft.tell(
        name=part(config, "config", "name"),
        classes=sorted(classes),
        lambda_layers=_CODE in classes,
        custom_objects=sorted(custom)[:_CUSTOM],
    )


def _classes(config: object) -> tuple[set[str], set[str], set[str]]:
    """The classes that a configuration names, their modules, and those registered by people."""
    classes: set[str] = set()
    modules: set[str] = set()
    custom: set[str] = set()
    waiting: list[object] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            name = text(value.get("class_name"), 100)
            if name and len(classes) < 256:
                classes.add(name)
                module = text(value.get("module"), 100)
                modules.update([module] if module else [])
                if value.get("registered_name") and module != "builtins" and not _own(module):
                    custom.add(name)
    return classes, modules, custom


def _own(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] in ("keras", "tf_keras", "tensorflow")


def look_at_hdf5(window: Window, draft: Draft) -> None:
    """Fill in what lies in plain sight in an HDF5 file."""
    head = window.read_at(0, _IN_SIGHT)
    if b"keras_version" in head or b"model_weights" in head or b"model_config" in head:
        draft.framework = "keras"
        match = _VERSION.search(head)
        draft.framework_version = match[1].decode() if match else None
        draft.tell(lambda_layers=b'"class_name": "Lambda"' in head)
    draft.note("Of HDF5 files only the beginning is looked at; parameters are not counted.")
