"""skops files: a zip archive whose schema.json names every class that makes up the object.

The schema of a large forest is long, so its classes are matched while it streams by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lading.formats.archive import Archive
from lading.formats.cursor import BLOCK, Cursor
from lading.formats.draft import Draft
from lading.formats.pickles import FRAMEWORKS

SCHEMA: Final = "schema.json"
_CLASS: Final = re.compile(
    rb'"__class__": "([\w.<>\[\] ]{1,200})",\s{0,200}"__module__": "([\w.]{1,200})"'
)
_VERSIONS: Final = re.compile(
    rb'"_sklearn_version": \{[^{}]{0,400}"content": "\\"([\w.+-]{1,64})\\""'
)
_PROTOCOL: Final = re.compile(rb'"protocol": (\d{1,9}),\s{0,40}"_skops_version": "([\w.+-]{1,64})"')
# Longer than whatever is matched.
_OVERLAP: Final = 1024
_CLASSES: Final = 256


def look_at(archive: Archive, draft: Draft) -> None:
    """Fill in what the schema says.

    Raises:
        Broken: it cannot be read to its end.
    """
    classes: dict[str, None] = {}
    versions: dict[str, str] = {}
    try:
        with archive.open(SCHEMA) as cursor:
            for stretch in _stretches(cursor):
                _find(stretch, classes, versions, draft)
    finally:
        _tell(classes, versions, draft)
    if "protocol" not in versions:
        draft.note("The schema does not say by which version of skops it was written.")


def _stretches(cursor: Cursor) -> Iterator[bytes]:
    """The bytes in pieces that overlap, so that nothing is cut in two."""
    while len(stretch := cursor.peek(BLOCK + _OVERLAP)) > BLOCK:
        yield stretch
        cursor.skip(BLOCK)
    yield stretch


def _find(stretch: bytes, classes: dict[str, None], versions: dict[str, str], draft: Draft) -> None:
    for match in _CLASS.finditer(stretch):
        name, module = match[1].decode(errors="replace"), match[2].decode(errors="replace")
        if not classes:
            draft.architecture = name
            draft.framework = FRAMEWORKS.get(module.partition(".")[0])
        if len(classes) < _CLASSES:
            classes.setdefault(f"{module}.{name}")
        draft.name_module(module)
    if sklearn := _VERSIONS.search(stretch):
        versions["scikit-learn"] = sklearn[1].decode()
    if skops := _PROTOCOL.search(stretch):
        versions["protocol"], versions["skops"] = skops[1].decode(), skops[2].decode()


def _tell(classes: dict[str, None], versions: dict[str, str], draft: Draft) -> None:
    if "protocol" in versions:
        draft.producer = f"skops {versions['skops']}"
        draft.tell(protocol=int(versions["protocol"]))
    if draft.framework == "scikit-learn":
        draft.framework_version = versions.get("scikit-learn")
    draft.tell(
        sklearn_version=versions.get("scikit-learn"),
        classes=[name for name in classes if not name.startswith("builtins.")],
    )
