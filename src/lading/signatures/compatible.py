"""Whether a program written for one signature can go on with another, and what breaks if not.

One rule serves both sides: what is sent must be something that the receiver takes. Inputs are
sent by programs that know the old signature to a model that has the new one; outputs are sent by
the new model to programs that know the old one. Everything is decided here from the two values;
nothing is read.

What was decided where two answers are possible:

* a side of which the old signature said nothing was never promised: saying it now breaks nothing;
* an input that is removed breaks: validation refuses names that it does not know;
* an output that is added does not: programs that read results by name do not see it;
* an output of another type breaks, also where every value fits: buffers and tables are of one type;
* int64 to float64 counts as wider, though integers beyond 2**53 are rounded; int64 to float32 not;
* a default that changes is compatible: it is what nobody said;
* another time zone is compatible: any offset is taken; another unit is, if it is finer for inputs;
* descriptions do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from lading.signatures.forms import by_key, form_of
from lading.signatures.json_narrowing import narrowing
from lading.signatures.scalars import FLOATS, INTEGERS, NANOSECONDS
from lading.spec.signature import Column, FieldType, JsonField, Param, Signature, Tensor

Verdict = Literal["same", "compatible", "breaking"]
Bump = Literal["major", "minor", "patch"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is different, where, and whether a program written for the old one breaks."""

    where: str
    what: str
    breaking: bool
    why: str


@dataclass(frozen=True, slots=True)
class Compatibility:
    """All changes between two signatures, and what they come to."""

    changes: tuple[Change, ...]
    verdict: Verdict


def compatible(old: Signature | None, new: Signature | None) -> Compatibility:
    """What changed from one signature to another, and whether it breaks who uses the old one."""
    changes = tuple(_changes(old, new))
    if any(change.breaking for change in changes):
        return Compatibility(changes, "breaking")
    return Compatibility(changes, "compatible" if changes else "same")


def bump_for(compatibility: Compatibility) -> Bump:
    """The part of the version that the changes ask to be raised."""
    bumps: dict[Verdict, Bump] = {"breaking": "major", "compatible": "minor", "same": "patch"}
    return bumps[compatibility.verdict]


def _changes(old: Signature | None, new: Signature | None) -> Iterator[Change]:
    if old is None and new is None:
        return
    if old is None:
        yield Change("signature", "stated", False, "nothing was promised before")
        return
    if new is None:
        yield Change("signature", "removed", True, "it cannot be shown to be compatible")
        return
    yield from _Side("inputs").changes(old.inputs, new.inputs)
    yield from _Side("outputs").changes(old.outputs, new.outputs)
    yield from _params(old.params, new.params)


@dataclass(frozen=True, slots=True)
class _Side:
    """Inputs, sent in the old shape to the new model; or outputs, the other way round."""

    name: Literal["inputs", "outputs"]

    def changes(self, old: Sequence[FieldType], new: Sequence[FieldType]) -> Iterator[Change]:
        if not old and new:
            yield Change(self.name, "stated", False, "nothing was promised before")
            return
        forms = form_of(old), form_of(new)
        if new and forms[0] != forms[1]:
            yield Change(
                self.name,
                f"written as {_FORMS[forms[1]]}, not as {_FORMS[forms[0]]}",
                True,
                "values of the old form are not of the new one",
            )
            return
        before, after = by_key(old), by_key(new)
        for key, field in before.items():
            where = f"{self.name}.{key}"
            if key in after:
                yield from self._changed(where, field, after[key])
            else:
                yield self._removed(where, field)
        for key, field in after.items():
            if key not in before:
                yield self._added(f"{self.name}.{key}", field)

    def _removed(self, where: str, field: FieldType) -> Change:
        if self.name == "inputs":
            return Change(where, "removed", True, "values of this name are refused")
        if field.required:
            return Change(where, "removed", True, "who reads it finds nothing")
        return Change(where, "removed", False, "it could be missing before")

    def _added(self, where: str, field: FieldType) -> Change:
        if self.name == "outputs":
            return Change(where, "added", False, "who reads by name does not see it")
        if field.required:
            return Change(where, "added, required", True, "who calls as before does not give it")
        return Change(where, "added, optional", False, "it need not be given")

    def _changed(self, where: str, old: FieldType, new: FieldType) -> Iterator[Change]:
        if old.kind != new.kind:
            yield Change(where, f"{old.kind} is now {new.kind}", True, "written in another form")
            return
        for what, why in _differences(old, new, inputs=self.name == "inputs"):
            yield Change(where, what, bool(why), why or "all that was sent is still taken")


_FORMS: Final = {
    "anything": "anything",
    "table": "a table",
    "value": "one value without a name",
    "named": "values by name",
}

# What changed, and why the receiver does not take it; nothing where it does.
_Difference = tuple[str, str]


def _differences(old: FieldType, new: FieldType, *, inputs: bool) -> Iterator[_Difference]:
    if old.required != new.required:
        why = "it may be missing" if (new if inputs else old).required else ""
        yield "required" if new.required else "optional", why
    if isinstance(old, Column) and isinstance(new, Column):
        yield from _columns(old, new, *((old, new) if inputs else (new, old)))
    elif isinstance(old, Tensor) and isinstance(new, Tensor):
        yield from _tensors(old, new, *((old, new) if inputs else (new, old)))
    elif isinstance(old, JsonField) and isinstance(new, JsonField):
        yield from _schemas(old.json_schema, new.json_schema, inputs=inputs)


def _schemas(old: Any, new: Any, *, inputs: bool) -> Iterator[_Difference]:
    if repr(old) != repr(new):
        yield "its JSON Schema changed", narrowing(old, new) if inputs else narrowing(new, old)


def _columns(old: Column, new: Column, sender: Column, receiver: Column) -> Iterator[_Difference]:
    if old.dtype != new.dtype:
        yield f"{old.dtype} is now {new.dtype}", _retyped(old, sender, receiver)
    if old.nullable != new.nullable:
        what = "may be null" if new.nullable else "may no longer be null"
        yield what, "" if receiver.nullable else "null is not taken"
    before, after = _keys(old.enum), _keys(new.enum)
    if before != after:
        sent, taken = _keys(sender.enum), _keys(receiver.enum)
        refused = not sent or bool(sent - taken)
        yield _enum_change(old, new), "other values are not taken" if taken and refused else ""
    if old.timezone != new.timezone:
        mixed = (sender.timezone is None) != (receiver.timezone is None)
        why = "a time is written with an offset, or without" if mixed else ""
        yield f"time zone {old.timezone} is now {new.timezone}", why
    if old.unit != new.unit:
        yield f"unit {old.unit} is now {new.unit}", _coarser(sender, receiver)


def _keys(values: Iterable[Any]) -> set[str]:
    return {repr(value) for value in values}


def _enum_change(old: Column, new: Column) -> str:
    added = [value for value in new.enum if repr(value) not in _keys(old.enum)]
    removed = [value for value in old.enum if repr(value) not in _keys(new.enum)]
    if not old.enum:
        return "only some values are possible now"
    if not new.enum:
        return "any value is possible now"
    words = (("added", added), ("removed", removed))
    return "possible values " + ", ".join(
        f"{word}: {', '.join(map(repr, values[:5]))}{' …' if len(values) > 5 else ''}"
        for word, values in words
        if values
    )


def _coarser(sender: Column, receiver: Column) -> str:
    """A duration is a number of its unit; of times the finer part would be lost."""
    if "duration" in (sender.dtype, receiver.dtype):
        return "the same number would mean another duration"
    if sender.unit is None or receiver.unit is None:
        return ""
    coarser = NANOSECONDS[receiver.unit] > NANOSECONDS[sender.unit]
    return f"finer parts than {receiver.unit} would be lost" if coarser else ""


def _tensors(old: Tensor, new: Tensor, sender: Tensor, receiver: Tensor) -> Iterator[_Difference]:
    if old.dtype != new.dtype:
        yield f"{old.dtype} is now {new.dtype}", _retyped(old, sender, receiver)
    if old.shape != new.shape:
        what = f"shape {list(old.shape)} is now {list(new.shape)}"
        yield what, _shape_narrows(sender.shape, receiver.shape)


def _shape_narrows(sent: tuple[int, ...], taken: tuple[int, ...]) -> str:
    if len(sent) != len(taken):
        return "the number of dimensions is another"
    fixed = any(want not in (-1, got) for got, want in zip(sent, taken, strict=True))
    return "other lengths are not taken" if fixed else ""


# The integers that a float holds exactly, but for the 64 bits that float64 is forgiven.
_EXACT: Final = {"float16": 8, "bfloat16": 8, "float32": 16, "float64": 64}
_FLOATS_IN: Final = {
    "float16": ("float32", "float64"),
    "bfloat16": ("float32", "float64"),
    "float32": ("float64",),
    "float64": (),
}


def _retyped(old: Column | Tensor, sender: Column | Tensor, receiver: Column | Tensor) -> str:
    """Why another type breaks somebody: of an output any does, also one that holds less."""
    of_an_output = receiver is old
    expected = f"who reads it expects {old.dtype}" if of_an_output else ""
    return _narrows(sender.dtype, receiver.dtype) or expected


def _narrows(sent: str, taken: str) -> str:
    """Why values of one type do not fit into another; nothing if all do."""
    if sent in INTEGERS and taken in INTEGERS:
        inside = INTEGERS[taken][0] <= INTEGERS[sent][0] and INTEGERS[sent][1] <= INTEGERS[taken][1]
        return "" if inside else f"not every {sent} is in the range of {taken}"
    if sent in INTEGERS and taken in FLOATS:
        bits = int(sent.rpartition("int")[2])
        return "" if bits <= _EXACT[taken] else f"{taken} does not hold every {sent}"
    if sent in FLOATS and taken in FLOATS:
        return "" if taken in _FLOATS_IN[sent] else f"{taken} does not hold every {sent}"
    return f"{sent} is no {taken}"


def _params(old: Sequence[Param], new: Sequence[Param]) -> Iterator[Change]:
    before: Mapping[str, Param] = {param.name: param for param in old}
    after: Mapping[str, Param] = {param.name: param for param in new}
    for name, param in before.items():
        where = f"params.{name}"
        if name not in after:
            yield Change(where, "removed", True, "who gives it is refused")
            continue
        for what, why in _param(param, after[name]):
            yield Change(where, what, bool(why), why or "all that was given is still taken")
    for name, param in after.items():
        if name not in before:
            known = param.default is not None
            why = "it has a default" if known else "who calls as before does not give it"
            yield Change(f"params.{name}", "added", not known, why)


def _param(old: Param, new: Param) -> Iterator[_Difference]:
    if old.dtype != new.dtype:
        yield f"{old.dtype} is now {new.dtype}", _narrows(old.dtype, new.dtype)
    if old.shape != new.shape:
        why = "one value is no list"
        if old.shape is not None and new.shape is not None:
            why = _shape_narrows(old.shape, new.shape)
        yield f"shape {_shape(old)} is now {_shape(new)}", why
    if repr(old.default) != repr(new.default):
        lost = old.default is not None and new.default is None
        yield "its default changed", "it must be given now" if lost else ""


def _shape(param: Param) -> str:
    return "of one value" if param.shape is None else str(list(param.shape))
