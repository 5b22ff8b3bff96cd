"""Decides by its bytes what something is, and has it looked into.

Names decide nothing but this: a file that calls itself a pickle has to be one to its end. One
file may be several things (a zip archive behind a pickle), so every reader that recognises it has
its turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from lading.hazards import (
    archives,
    graphs,
    keras,
    npy,
    pickles,
    skops,
    templates,
    unpacking,
    windows,
)
from lading.hazards.findings import DEEPEST, SUSPICIOUS, Exhausted, Search
from lading.hazards.tape import Malformed, beginning

_HEAD: Final = 4096
# The first letter of a zip archive is an instruction that no plain unpickler gets past, and
# whatever sets one up for it (torch) takes these four bytes for an archive first.
_ZIP: Final = b"PK\x03\x04"
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pck", ".pcl")
_CONFIGS: Final = re.compile(
    r"(config|tokenizer_config|model_index|processor_config|preprocessor_config|chat_template"
    r"|generation_config|adapter_config)\.json"
)

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies, and what is known of what it lies in."""

    path: str
    depth: int = 0
    script: bool = False
    keras: bool = False
    skops: bool = False
    # It may not be what its first bytes say, so that damage means nothing.
    guessed: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return re.split(r"[/!\\]", self.path)[-1]

    def inside(self, name: str, **known: bool) -> Place:
        """The place of an entry."""
        return replace(
            self, path=f"{self.path}!{name}", depth=self.depth + 1, guessed=False, **known
        )


def look(opener: Opener, place: Place, search: Search) -> None:
    """Look into something, and into what it holds; all limits end in a finding."""
    try:
        with closing(opener()) as stream:
            head = beginning(stream, _HEAD)
        if head:
            _by_name(opener, place, search, head)
            _by_content(opener, place, search, head)
    except Exhausted as error:
        search.add(place.path, "more than was looked at", SUSPICIOUS, str(error))
    except Malformed as error:
        if not place.guessed:
            search.add(place.path, "damaged content", SUSPICIOUS, str(error))


def _by_content(opener: Opener, place: Place, search: Search, head: bytes) -> None:
    if packing := unpacking.recognise(head):
        search.was_read = True
        _packed(opener, place, search, packing)
    if head.startswith(npy.MAGIC):
        search.was_read = True
        _forwards(opener, lambda stream: npy.look(stream, place.path, search))
    elif not head.startswith(_ZIP) and (pickles.may_begin(head) or _named(place)):
        search.was_read = True
        with closing(opener()) as stream:
            pickles.look(stream, place.path, search, named=_named(place, head), script=place.script)
    if head.startswith(b"GGUF"):
        search.was_read = True
        with closing(opener()) as stream:
            templates.look_gguf(stream, place.path, search)
    if head.startswith(_HDF5):
        search.was_read = True
        with closing(opener()) as stream:
            keras.look_bytes(stream, place.path, search)
    _archives(opener, place, search, head)


def _named(place: Place, head: bytes = b"") -> bool:
    """Whether it claims to be a pickle; what is packed claims so for what is in it."""
    if head and (unpacking.recognise(head) or head.startswith((_ZIP, _HDF5))):
        return False
    return place.name.lower().removesuffix("!").endswith(_PICKLES)


def _by_name(opener: Opener, place: Place, search: Search, head: bytes) -> None:
    """Formats that nothing but their name tells."""
    name = place.name.lower()
    if name.endswith(".onnx"):
        _anywhere(opener, lambda file: graphs.look_onnx(file, place.path, search))
    elif name == "saved_model.pb":
        _anywhere(opener, lambda file: graphs.look_saved_model(file, place.path, search))
    elif name == "keras_metadata.pb":
        _forwards(opener, lambda stream: keras.look_bytes(stream, place.path, search))
    elif place.keras and name == "config.json":
        _forwards(opener, lambda stream: keras.look_config(stream, place.path, search))
    elif place.skops and name == skops.SCHEMA:
        _forwards(opener, lambda stream: skops.look_schema(stream, place.path, search))
    elif _CONFIGS.fullmatch(name):
        _forwards(opener, lambda stream: templates.look_config(stream, place.path, search))
    elif name.endswith(".jinja"):
        _forwards(opener, lambda stream: templates.look_jinja(stream, place.path, search))
    else:
        return
    search.was_read = True


def _forwards(opener: Opener, action: Callable[[BinaryIO], None]) -> None:
    with closing(opener()) as stream:
        action(stream)


def _anywhere(opener: Opener, action: Callable[[BinaryIO], None]) -> None:
    """Give a reader a file it can move in; packed ones are unpacked for it."""
    with closing(opener()) as stream:
        if stream.seekable():
            action(stream)
            return
        with windows.spooled(stream) as file:
            action(file)


def _packed(
    opener: Opener, place: Place, search: Search, packing: tuple[str, unpacking.Maker | None]
) -> None:
    name, maker = packing
    if maker is None:
        why = f"packed with {name}, which cannot be looked into"
        search.add(place.path, "packed content", SUSPICIOUS, why)
        return
    if place.depth >= DEEPEST:
        search.add(place.path, "packed content", SUSPICIOUS, "it is nested too deeply")
        return
    # Numbers begin with these two or three bytes by chance, too. What comes out is looked at.
    inner = replace(place, depth=place.depth + 1, guessed=name in ("zlib", "lzma"))
    unpack = maker

    def plain() -> BinaryIO:
        return unpacking.unpacked(opener(), unpack, search)

    look(plain, inner, search)


def _archives(opener: Opener, place: Place, search: Search, head: bytes) -> None:
    """Zip and tar, both by their structure: a zip archive may begin anywhere in a file."""
    with closing(opener()) as stream:
        if stream.seekable():
            _archive(stream, place, search, head)
        elif head.startswith((_ZIP, b"PK\x05\x06")) or archives.is_tar(head):
            with windows.spooled(stream) as file:
                _archive(file, place, search, head)


def _archive(file: BinaryIO, place: Place, search: Search, head: bytes) -> None:
    zipped = archives.is_zip(file)
    if not zipped and head.startswith(_ZIP):
        search.add(place.path, "a damaged archive", SUSPICIOUS, "zip: it has no list of contents")
    tarred = archives.is_tar(head)
    if not zipped and not tarred:
        return
    search.was_read = True
    if place.depth >= DEEPEST:
        search.add(place.path, "an archive", SUSPICIOUS, "it is nested too deeply")
        return
    if zipped:
        _zip(file, place, search)
    if tarred:
        for entry in archives.tar_entries(file, place.path, search):
            _enter(entry, place.inside(entry.name), search)


def _zip(file: BinaryIO, place: Place, search: Search) -> None:
    entries = list(archives.zip_entries(file, place.path, search))
    names = {entry.name for entry in entries}
    # TorchScript has both, at the same height; Keras writes exactly these two.
    roots = {name.removesuffix("constants.pkl") for name in names if name.endswith("constants.pkl")}
    script = any(name.startswith(f"{root}code/") for root in roots for name in names)
    layers = {"config.json", "metadata.json"} <= names
    schema = skops.SCHEMA in names
    for entry in entries:
        inside = place.inside(entry.name, script=script, keras=layers, skops=schema)
        _enter(entry, inside, search)


def _enter(entry: archives.Entry, place: Place, search: Search) -> None:
    look(lambda: entry.open(search), place, search)
