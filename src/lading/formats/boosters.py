"""Gradient boosting's own formats: XGBoost's JSON, LightGBM's text, CatBoost's binary.

XGBoost's binary JSON is read in :mod:`lading.formats.ubjson`. The trees, which are nearly all of
a file, are left out.
"""

from __future__ import annotations

import json
import re
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from lading.formats.bounds import JSON_LIMIT, MANY, decoded, part, read_object, text
from lading.formats.cursor import Broken
from lading.formats.draft import Draft

if TYPE_CHECKING:
    from lading.ports import Window

_HEAD: Final = 256 * 1024
_VERSION: Final = re.compile(rb'"version"\s*:\s*\[(\d{1,6}),\s*(\d{1,6}),\s*(\d{1,6})\]')
_PARAM: Final = re.compile(rb'"learner_model_param"\s*:\s*(?=\{)')
_OBJECTIVE: Final = re.compile(rb'"objective"\s*:\s*\{\s*"name"\s*:\s*"([\w:@.-]{1,100})"')
_BOOSTER: Final = re.compile(rb'"name"\s*:\s*"(gbtree|gblinear|dart)"')
_NAMES: Final = re.compile(rb'"feature_names"\s*:\s*(?=\[)')
_TREES: Final = re.compile(rb'"num_trees"\s*:\s*"(\d{1,9})"')
_KEY_VALUES: Final = 256
_INT: Final = struct.Struct("<i")


def look_at_xgboost(window: Window, draft: Draft) -> None:
    """Fill in what a model in JSON says: of a large one, its beginning and its end.

    Raises:
        Broken: it is no JSON.
    """
    if window.size <= JSON_LIMIT:
        tell_xgboost(read_object(window.read_at(0, window.size)), draft)
        return
    # The trees lie between the two; whatever describes them is short.
    ends = window.read_at(0, _HEAD), window.read_at(window.size - _HEAD, _HEAD)
    draft.note("It is large: only its beginning and its end were read.")
    tell_xgboost(_from_ends(*ends), draft)


def tell_xgboost(value: dict[str, Any], draft: Draft) -> None:
    """Fill in what XGBoost wrote down, by its own structure."""
    draft.framework = "xgboost"
    learner = value.get("learner")
    version = value.get("version")
    if isinstance(version, list) and all(type(number) is int for number in version):
        draft.framework_version = ".".join(str(number) for number in version[:3]) or None
    draft.architecture = text(part(learner, "gradient_booster", "name"))
    names = part(learner, "feature_names")
    model = part(learner, "gradient_booster", "model", "gbtree_model_param")
    draft.tell(
        objective=part(learner, "objective", "name"),
        num_feature=_number(part(learner, "learner_model_param", "num_feature")),
        num_class=_number(part(learner, "learner_model_param", "num_class")),
        num_trees=_number(part(model, "num_trees")),
        feature_names=names,
    )
    if isinstance(names, list) and len(names) > MANY:
        draft.note(f"Only the first {MANY} of {len(names):,} feature names were kept.")


def _number(value: object) -> int | None:
    """XGBoost writes numbers as texts; none of a class stands for no classes."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        return int(value) or None
    return value if type(value) is int and value else None


def _from_ends(head: bytes, tail: bytes) -> dict[str, Any]:
    """The model without its trees."""
    version = _last(_VERSION, head, tail)
    trees, booster = _last(_TREES, head, tail), _last(_BOOSTER, head, tail)
    objective = _last(_OBJECTIVE, head, tail)
    learner = {
        "feature_names": _value_after(_NAMES, head),
        "learner_model_param": _value_after(_PARAM, tail),
        "objective": {"name": objective[1].decode() if objective else None},
        "gradient_booster": {
            "name": booster[1].decode() if booster else None,
            "model": {"gbtree_model_param": {"num_trees": trees[1].decode() if trees else None}},
        },
    }
    numbers = [int(number) for number in version.groups()] if version else None
    return {"learner": learner, "version": numbers}


def _last(pattern: re.Pattern[bytes], head: bytes, tail: bytes) -> re.Match[bytes] | None:
    """The match that is nearest to the end."""
    found = deque(pattern.finditer(tail), maxlen=1)
    return found[0] if found else pattern.search(head)


def _value_after(pattern: re.Pattern[bytes], raw: bytes) -> Any:
    """The JSON value behind that; None if it does not end within these bytes."""
    match = pattern.search(raw)
    if match is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(decoded(raw[match.end() :], _HEAD))[0]
    except (ValueError, RecursionError):
        return None


def look_at_lightgbm(window: Window, draft: Draft) -> None:
    """Fill in what stands above the trees."""
    draft.framework = "lightgbm"
    head = window.read_at(0, 4 * _HEAD).replace(b"\r\n", b"\n")
    top, _, rest = head.partition(b"\n\n")
    if not rest:
        draft.note("What stands above the trees was not read to its end.")
    fields: dict[str, str] = {}
    for line in top.split(b"\n", MANY)[:MANY]:
        key, _, value = line.partition(b"=")
        fields[decoded(key, 64)] = decoded(value, 4 * _HEAD)
    names = fields.get("feature_names", "").split()
    objective, *_ = fields.get("objective", "").split() or [""]
    draft.tell(
        model_version=fields.get("version"),
        objective=objective,
        num_class=_number(fields.get("num_class")),
        num_feature=len(names) or None,
        max_feature_idx=_number(fields.get("max_feature_idx")),
        num_trees=len(fields.get("tree_sizes", "").split()) or None,
        feature_names=names,
    )
    if len(names) > MANY:
        draft.note(f"Only the first {MANY} of {len(names):,} feature names were kept.")


def look_at_catboost(window: Window, draft: Draft) -> None:
    """Fill in what the table of notes in a CatBoost model says.

    The file: a magic, a length, and a flatbuffer whose third field lists keys and values.

    Raises:
        Broken: the flatbuffer leads nowhere.
    """
    draft.framework = "catboost"
    tables = _Tables(window, start=8)
    core = tables.jump(0)
    notes = tables.field(core, 2)
    if notes is None:
        draft.note("It says nothing about itself.")
        return
    known: dict[str, str] = {}
    for place in tables.vector(notes):
        key, value = tables.field(place, 0), tables.field(place, 1)
        if key is not None and value is not None:
            known[tables.text(key, 64)] = tables.text(value, 64 * 1024)
    _tell_catboost(known, draft)


def _tell_catboost(known: dict[str, str], draft: Draft) -> None:
    version = re.search(
        r"\bv?(\d{1,3}\.\d{1,3}(?:\.\d{1,3})?)\b", known.get("catboost_version_info", "")
    )
    draft.framework_version = version[1] if version else None
    draft.tell(trained=known.get("train_finish_time"), guid=known.get("model_guid"))
    if "params" not in known:
        return
    params = read_object(known["params"].encode(), "The parameters")
    loss = part(params, "loss_function", "type")
    draft.tell(objective=loss, iterations=part(params, "boosting_options", "iterations"))


class _Tables:
    """As much of a flatbuffer as is needed to find a text in it; every place is checked."""

    def __init__(self, window: Window, start: int) -> None:
        self._window = window
        self._start = start

    def jump(self, place: int) -> int:
        """Where the offset at that place leads."""
        return place + self._int(place)

    def field(self, table: int, index: int) -> int | None:
        """The place that a field of a table leads to, if the table has it."""
        directory = table - self._int(table)
        size, slot = self._short(directory), 4 + 2 * index
        offset = self._short(directory + slot) if slot + 2 <= size else 0
        return self.jump(table + offset) if offset else None

    def vector(self, place: int) -> list[int]:
        """The places that a list of tables leads to."""
        length = self._int(place)
        if not 0 <= length <= _KEY_VALUES:
            raise Broken("It has more notes than are read.")
        return [self.jump(place + 4 + 4 * index) for index in range(length)]

    def text(self, place: int, limit: int) -> str:
        """The text at that place, cut."""
        length = max(0, self._int(place))
        return decoded(self._window.read_at(self._start + place + 4, min(length, limit)), limit)

    def _int(self, place: int) -> int:
        return int(_INT.unpack(self._bytes(place, 4))[0])

    def _short(self, place: int) -> int:
        return int.from_bytes(self._bytes(place, 2), "little")

    def _bytes(self, place: int, length: int) -> bytes:
        data = self._window.read_at(self._start + place, length) if place >= 0 else b""
        if len(data) != length:
            raise Broken("An offset leads out of the file.")
        return data
