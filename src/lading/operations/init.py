"""Write a ``lading.yaml`` for a folder: filled with what is found there, the rest as comments."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import Conflict, InvalidInput, LocalFailure
from lading.operations import stores
from lading.operations.publishing.captured import Capture, captured
from lading.operations.publishing.declared import declares
from lading.packing.ignore import DECLARATION_FILES
from lading.spec.plain import plain

if TYPE_CHECKING:
    from lading.settings import Settings

# JSON takes these as they are, YAML does not.
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_HEAD: Final = """\
# What is said of this model. Every field may be left out; flags of lading push win over it, and it
# wins over what lading finds out by itself. To use a line that begins with "# ", take that away.
"""


@dataclass(frozen=True, slots=True)
class InitResult:
    """The file that was written, and which fields were filled."""

    path: str
    filled: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    """A field with its comment, and an example for where nothing is found."""

    name: str
    comment: str
    example: str


_SECTIONS: Final = (
    _Section("description", "What it is, in a sentence.", '"Tells fraud from honest payments."'),
    _Section("authors", "Who made it.", '["Ada Lovelace <ada@example.com>"]'),
    _Section("licenses", "SPDX expressions.", '["Apache-2.0"]'),
    _Section("tags", "Free marks, to find it by.", '{"team": "risk"}'),
    _Section("metrics", "How well it did: NAME or NAME@SPLIT, and a number.", '{"auc@test": 0.93}'),
    _Section("params", "Hyperparameters.", '{"learning_rate": 0.01}'),
    _Section(
        "datasets",
        "The data it was made with.",
        '[{"uri": "s3://bucket/train.parquet", "split": "train", "license": "CC-BY-4.0"}]',
    ),
    _Section("parents", "The models it was made from.", '["ml/base:1.0.0"]'),
    _Section("training", "How it was trained.", '{"script": "train.py", "command": "make model"}'),
    _Section(
        "signature",
        "What goes in and comes out. lading push --input-example tells it from an example.",
        '{"inputs": [{"kind": "column", "name": "amount", "dtype": "float64"}],'
        ' "outputs": [{"kind": "column", "name": "fraud", "dtype": "bool"}]}',
    ),
    _Section("input_example", "A file with an input, beside this one.", '"example.json"'),
    _Section(
        "environment",
        "What it needs besides Python packages.",
        '{"system": ["libgomp1"], "images": {"serve": "registry.example.com/python:3.12-slim"}}',
    ),
    _Section(
        "card",
        "What a reader should know.",
        '{"task": "tabular-classification", "intended_use": "…", "limitations": "…"}',
    ),
    _Section(
        "governance",
        "What the technical documentation of the EU AI Act asks of people.",
        '{"intended_purpose": "…", "provider": {"name": "…"}, "oversight": "…", "risk": "…"}',
    ),
    _Section(
        "capture",
        "What lading shall not look for.",
        '{"environment": false, "code": false, "run": false}',
    ),
)


def init(
    path: str | Path = ".", *, force: bool = False, settings: Settings | None = None
) -> InitResult:
    """A commented ``lading.yaml`` in a folder, filled with what can be found there.

    Raises:
        Conflict: there is one already; it is left as it is.
        InvalidInput: there is no such folder.
    """
    settings = stores.settled(settings)
    folder = Path(path)
    if not folder.is_dir():
        raise InvalidInput(
            f"there is no folder {folder}", hint="lading init FOLDER, the one with the model"
        )
    present = [name for name in DECLARATION_FILES if (folder / name).exists()]
    if not present and not force and declares(folder / "pyproject.toml"):
        raise Conflict(
            f"pyproject.toml in {folder} says what the model is already, in [tool.lading]",
            cause="a lading.yaml beside it would count instead",
            hint="--force writes one all the same",
        )
    if present and not force:
        raise Conflict(
            f"there is a {present[0]} in {folder} already",
            hint="--force writes it anew",
        )
    target = folder / (present[0] if present else DECLARATION_FILES[0])
    found, notes = _found(folder, settings)
    text = written(found)
    _write(target, text)
    filled = tuple(section.name for section in _SECTIONS if found.get(section.name))
    return InitResult(str(target), filled, notes)


def written(found: Mapping[str, Any]) -> str:
    """The file's text: a section for each field, as a comment where nothing is found."""
    return "\n".join((_HEAD, *_lines(found)))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for section in _SECTIONS:
        value = found.get(section.name)
        yield f"# {section.comment}"
        if value:
            yield f"{section.name}: {_text(value)}"
        else:
            yield f"# {section.name}: {section.example}"
        yield ""


def _text(value: object) -> str:
    """A value as JSON, which is YAML too; one entry a line where there are several."""
    if isinstance(value, Mapping) and len(value) > 1:
        entries = [f"  {_text_of(name)}: {_text_of(part)}" for name, part in value.items()]
        return "\n" + "\n".join(entries)
    if isinstance(value, list) and len(value) > 1:
        return "\n" + "\n".join(f"  - {_text_of(part)}" for part in value)
    return _text_of(value)


def _text_of(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _found(folder: Path, settings: Settings) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a declaration could say, as far as it is found; facts of headers are never declared."""
    from lading.packing.scan import scan

    try:
        tree = scan(folder)
    except InvalidInput:
        # A folder that is empty still: the file says how to fill it.
        return {}, ()
    wanted = Capture(without=frozenset({"environment", "code", "hazards"}))
    seen = captured(tree, folder, wanted, settings, facts=None)
    fields = plain(seen.fields)
    lineage = fields.pop("lineage", {})
    fields |= {name: lineage.get(name) for name in ("parents", "datasets", "training")}
    # Said by the headers each time anew, and better there.
    fields.pop("signature", None)
    metrics = fields.get("metrics") or []
    if all(entry.keys() <= {"name", "value", "split", "source", "step"} for entry in metrics):
        fields["metrics"] = {_label(entry): entry["value"] for entry in metrics}
    return fields, tuple(seen.notes)


def _label(metric: Mapping[str, Any]) -> str:
    return f"{metric['name']}@{metric['split']}" if metric.get("split") else str(metric["name"])


def _write(target: Path, text: str) -> None:
    """The file under its name when it is whole."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            partial.write_text(text, "utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise LocalFailure(f"cannot write {target}", cause=error.strerror) from error
