"""Chat templates: Jinja that is run over whatever a person types.

Loaders run templates in a sandbox, and sandboxes have had holes. What reaches for them is
reported; that there is a template is not.
"""

from __future__ import annotations

import io
import json
import re
import struct
from typing import BinaryIO, Final

from lading.hazards.findings import SUSPICIOUS, Search
from lading.hazards.tape import Malformed, Tape

_LONGEST: Final = 64 * 1024
_READ_LIMIT: Final = 1024 * 1024
_BLOCK: Final = re.compile(r"\{[{%].*?(?:[}%]\}|\Z)", re.DOTALL)
_SIGNS: Final = (
    (re.compile(r"__\s*[a-z]+\w*?\s*__"), "an attribute of Python's own"),
    (re.compile(r"['\"]_{1,2}['\"]\s*[~+]"), "a name put together from underscores"),
    (re.compile(r"\\(x5f|u005f|137)", re.IGNORECASE), "an underscore in disguise"),
    (re.compile(r"\{%-?\s*(import|from|include|extends)\b"), "another template or module"),
    (re.compile(r"\b(cycler|joiner|lipsum|self|request|config)\s*[.\[]"), "the engine's objects"),
    (re.compile(r"\|\s*attr\s*\(|\bmro\b|\bfunc_globals\b|\bgi_frame\b"), "attributes by name"),
    (re.compile(r"\b(popen|os\.system|subprocess|eval|exec)\b"), "a way to run commands"),
)
_GGUF_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_GGUF_KEYS: Final = 100_000
_GGUF_TEXTS: Final = 20_000_000


def judge_template(text: str, where: str, search: Search) -> None:
    """Report what a template has no need of."""
    if len(text) > _LONGEST:
        search.add(where, "a chat template", SUSPICIOUS, f"it has {len(text)} characters")
    blocks = "\n".join(block[0] for block in _BLOCK.finditer(text[:_READ_LIMIT]))
    for pattern, what in _SIGNS:
        if match := pattern.search(blocks):
            search.add(where, "a chat template", SUSPICIOUS, f"it reaches for {what}: {match[0]!r}")
            return


def look_gguf(stream: BinaryIO, where: str, search: Search) -> None:
    """Find the chat templates among the keys of a GGUF file."""
    tape = Tape(stream)
    try:
        _follow_gguf(tape, where, search)
    except (Malformed, struct.error) as error:
        search.add(where, "a broken GGUF file", SUSPICIOUS, str(error))


def _follow_gguf(tape: Tape, where: str, search: Search) -> None:
    tape.skip(4)
    version, _, keys = struct.unpack("<IQQ", tape.take(20))
    if version < 2:
        return  # from before there were templates
    if keys > _GGUF_KEYS:
        raise Malformed("it has more keys than can be followed")
    for _ in range(keys):
        key = _gguf_text(tape, 1024)
        (kind,) = struct.unpack("<I", tape.take(4))
        if kind == 8 and key.startswith("tokenizer.chat_template"):
            judge_template(_gguf_text(tape, _READ_LIMIT), f"{where}!{key}", search)
        else:
            _gguf_skip(tape, kind)


def _gguf_text(tape: Tape, limit: int) -> str:
    (length,) = struct.unpack("<Q", tape.take(8))
    raw = tape.take(min(length, limit))
    tape.skip(length - len(raw))
    return raw.decode("utf-8", "replace")


def _gguf_skip(tape: Tape, kind: int) -> None:
    if kind == 9:
        inner, count = struct.unpack("<IQ", tape.take(12))
        if inner == 8 and count <= _GGUF_TEXTS:
            for _ in range(count):
                tape.skip(struct.unpack("<Q", tape.take(8))[0])
            return
        if inner not in _GGUF_SIZES:
            raise Malformed("it has arrays of arrays")
        tape.skip(count * _GGUF_SIZES[inner])
    elif kind == 8:
        tape.skip(struct.unpack("<Q", tape.take(8))[0])
    elif kind in _GGUF_SIZES:
        tape.skip(_GGUF_SIZES[kind])
    else:
        raise Malformed(f"a value has the kind {kind}")


def look_jinja(stream: BinaryIO, where: str, search: Search) -> None:
    """A template in a file of its own."""
    judge_template(stream.read(_READ_LIMIT).decode("utf-8", "replace"), where, search)


def look_config(stream: BinaryIO, where: str, search: Search) -> None:
    """The settings of a Hugging Face folder: code that it asks to be loaded, and templates."""
    raw = stream.read(16 * _READ_LIMIT)
    try:
        value = json.load(io.BytesIO(raw))
    except (ValueError, RecursionError):
        return  # not JSON: no library reads it either
    if not isinstance(value, dict):
        return
    for files in _code(value):
        why = f"loads the code in {files} where remote code is trusted"
        search.add(where, "auto_map", SUSPICIOUS, why)
    if value.get("trust_remote_code") is True:
        search.add(where, "trust_remote_code", SUSPICIOUS, "it asks for its code to be trusted")
    for name, text in _templates(value.get("chat_template")):
        judge_template(text, f"{where}!{name}", search)


def _code(value: dict[str, object]) -> list[str]:
    """The files with code that the settings name."""
    names: list[str] = []
    for key in ("auto_map", "custom_pipelines"):
        waiting = [value.get(key)]
        seen = 0
        while waiting and (seen := seen + 1) < 1000:
            item = waiting.pop()
            if isinstance(item, str) and "." in item:
                repository, _, place = item.rpartition("--")
                file = place.rpartition(".")[0].replace(".", "/") + ".py"
                names.append(f"{file} of {repository}" if repository else file)
            elif isinstance(item, dict):
                waiting += [item.get("impl")] if "impl" in item else list(item.values())
            elif isinstance(item, list):
                waiting += item
    found = sorted(set(names))[:20]
    if not found and (value.get("auto_map") or value.get("custom_pipelines")):
        return ["the folder"]
    return [", ".join(found)] if found else []


def _templates(value: object) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [("chat_template", value)]
    if not isinstance(value, list):
        return []
    return [
        (f"chat_template.{item.get('name')}", item["template"])
        for item in value[:100]
        if isinstance(item, dict) and isinstance(item.get("template"), str)
    ]
