"""Input examples as files of a version: written when it is saved, read when it is served.

A value is one JSON file, in the form that ``layouts`` gives it. Arrays above 64 KiB are files of
their own beside it, in numpy's format: ``input.npy`` for the value itself, ``NAME.npy`` for an
entry of a dictionary, where letters that a file system may not take are written as ``%xx``. The
JSON is UTF-8 and the same for the same value; it never holds NaN or Infinity but as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput, NotFound
from lading.signatures import npy
from lading.signatures.layouts import LaidOut, lay_out
from lading.signatures.npy import Array
from lading.spec.document import InputExample
from lading.spec.encoding import DEEPEST
from lading.spec.signature import Signature

FOLDER: Final = ".lading/example/"
_JSON: Final = FOLDER + "input.json"
_NPY: Final = FOLDER + "input.npy"
_LARGE: Final = 64 * 1024
_NOTHING: Final = -1
# An example is something to try a model with; this is a data set.
LIMIT: Final = 64 * 1024 * 1024
_LONGEST_FILE_NAME: Final = 120
# What cannot stand in a file's name; the second where only the case tells two names apart.
_ESCAPED: Final = (r"[^A-Za-z0-9_-]", r"[^0-9_-]")


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """The files of an example, and what the document says about it."""

    files: Mapping[str, bytes]
    example: InputExample


def encode_example(value: Any, signature: Signature | None = None) -> EncodedExample:
    """The files of an input example.

    With a signature, cells are written as its types say; without one every array is written in
    numpy's format, which says its type. The same value gives the same bytes.

    Raises:
        InvalidInput: the value has no form in JSON, or is larger than 64 MiB.
    """
    laid = lay_out(value, signature.inputs if signature else ())
    files = _files(laid, _LARGE if signature else _NOTHING)
    if (size := sum(map(len, files.values()))) > LIMIT:
        raise InvalidInput(
            "the input example is larger than 64 MiB",
            cause=f"{size:,} bytes",
            hint="a few rows will do: X.head()",
        )
    path = _NPY if files.keys() == {_NPY} else _JSON
    form = "npy" if path == _NPY else "json"
    return EncodedExample(files, InputExample(path=path, format=form, layout=laid.layout))


def _files(laid: LaidOut, large: int) -> dict[str, bytes]:
    if isinstance(laid.value, Array):
        if len(laid.value.data) > large:
            return {_NPY: npy.write(laid.value)}
        return {_JSON: _json(_list(laid.value))}
    if laid.layout != "tensors":
        return {_JSON: _json(laid.value)}
    names = _file_names(laid.value)
    apart = {
        name: part
        for name, part in laid.value.items()
        if isinstance(part, Array) and len(part.data) > large and name in names
    }
    rest = {
        name: _list(part) if isinstance(part, Array) else part
        for name, part in laid.value.items()
        if name not in apart
    }
    return {_JSON: _json(rest)} | {names[name]: npy.write(part) for name, part in apart.items()}


def _list(array: Array) -> Any:
    """Nested lists; what is no number is written as text."""
    from lading.signatures.layouts import plain

    return plain(array.tolist(), in_tensor=True)


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise InvalidInput("the input example holds half a character", cause=str(error)) from error


def _file_names(names: Mapping[str, Any]) -> dict[str, str]:
    """A file for each name, told apart also where a file system does not tell a from A."""
    files: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        for escaped in _ESCAPED:
            safe = re.sub(escaped, _escape, name)
            if safe.casefold() not in taken and 0 < len(safe) <= _LONGEST_FILE_NAME:
                taken.add(safe.casefold())
                files[name] = f"{FOLDER}{safe}.npy"
                break
    return files


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in match[0].encode())


def read_example(files: Mapping[str, bytes]) -> Any:
    """The value in the files of an example, in its JSON form; arrays as :class:`npy.Array`.

    ``restore.restore`` makes of it what it was.

    Raises:
        NotFound: no file of an example is among them.
        InvalidInput: a file is damaged, or larger than 64 MiB.
    """
    if too_large := next((path for path, raw in files.items() if len(raw) > LIMIT), None):
        raise InvalidInput(f"{too_large} is larger than 64 MiB")
    if _JSON not in files:
        if _NPY not in files:
            raise NotFound("the version has no input example", cause=f"no {_JSON}")
        return npy.read(files[_NPY], _NPY)
    value = parse_json(files[_JSON], _JSON)
    arrays = {path: raw for path, raw in files.items() if path.endswith(".npy")}
    if not arrays:
        return value
    if not isinstance(value, dict):
        raise InvalidInput(f"{_JSON} is no object, and there are arrays beside it")
    return value | {_name(path): npy.read(raw, path) for path, raw in sorted(arrays.items())}


def _name(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path.rpartition("/")[2].removesuffix(".npy"))


def parse_json(raw: bytes, what: str) -> Any:
    """A JSON value that a person wrote or a registry holds.

    Raises:
        InvalidInput: it is not JSON, has halves of characters, or is nested too deeply.
    """
    try:
        value = json.loads(raw.decode(), parse_constant=_refused)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} is not JSON", cause=str(error)[:200]) from error
    _check_depth(value, what)
    return value


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON; write null, or the text {name!r}")


def _check_depth(value: Any, what: str) -> None:
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise InvalidInput(f"{what} is nested too deeply", cause=f"over {DEEPEST} levels")
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting += ((part, depth + 1) for part in parts)
