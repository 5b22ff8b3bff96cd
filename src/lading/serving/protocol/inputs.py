"""Tensors of a request into what the signature of a model says, and every reason why they are not.

A tensor is what the model's metadata says of it (``GET /v2/models/NAME``): its datatype exactly,
its shape but for lengths of -1. A column of a table may come with or without its second dimension.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.errors import InvalidInput
from lading.serving.protocol.datatypes import BYTES, DATATYPES, nested
from lading.serving.protocol.given import Given, WrongInput, rows_of
from lading.serving.protocol.request import InferRequest, InputTensor, loads
from lading.signatures.forms import Form, by_key, form_of
from lading.signatures.inference_protocol import to_v2_metadata
from lading.signatures.npy import can_hold
from lading.signatures.scalars import from_text
from lading.signatures.validate import Problem, validate
from lading.spec.signature import Column, FieldType, JsonField, Signature, Tensor

# Text in the protocol, something else in Lading's own JSON form.
_WRITTEN_AS_TEXT = frozenset({"duration"})


@dataclass(frozen=True, slots=True)
class Taken:
    """One input as the protocol knows it."""

    # The name in the protocol, and the key of the value.
    name: str
    key: str
    field: FieldType
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs of a model; made once for each model."""

    signature: Signature
    form: Form
    taken: Mapping[str, Taken]
    # Whether its inputs are arrays of numbers and nothing else, and whether rows are their first
    # dimension: what a request is held against, found out once.
    numeric: bool
    in_rows: bool

    @classmethod
    def of(cls, signature: Signature | None) -> Inputs:
        """Those of a signature; without one anything is taken."""
        signature = signature or Signature()
        described = to_v2_metadata(signature, name="model").value["inputs"]
        pairs = zip(by_key(signature.inputs).items(), described, strict=True)
        taken = {
            told["name"]: Taken(told["name"], key, field, told["datatype"], tuple(told["shape"]))
            for (key, field), told in pairs
        }
        form = form_of(signature.inputs)
        return cls(
            signature,
            form,
            taken,
            numeric=form in ("value", "named") and all(map(_is_numeric, taken.values())),
            in_rows=all(isinstance(f, Tensor) and f.shape[:1] == (-1,) for f in signature.inputs),
        )

    def rows_of_tensors(self, inputs: Sequence[InputTensor]) -> int:
        """How many rows a request says that it has, before any of them is looked at."""
        if not self._has_rows:
            return 0
        return max((each.shape[0] for each in inputs if each.shape), default=0)

    def rows_of_value(self, value: Any) -> int:
        """The same of plain rows."""
        if not self._has_rows:
            return 0
        parts: Sequence[Any] = (value,)
        if isinstance(value, Mapping):
            # A list in a record is one value of its column.
            table = self.form == "table"
            parts = (value.get("data"),) if table and "columns" in value else ()
            parts = parts if table else tuple(value.values())
        return max((len(part) for part in parts if isinstance(part, list)), default=0)

    @property
    def _has_rows(self) -> bool:
        return self.form == "table" or (self.in_rows and self.form != "anything")

    def given(self, request: InferRequest) -> Given:
        """The input of a request.

        Raises:
            WrongInput: it is not what the signature says.
            InvalidInput: it sets a parameter that the model would have to be told.
        """
        self._refuse_params(request.parameters or {})
        if self.numeric and self._plainly_fit(request.inputs):
            return self._of_numbers(request.inputs)
        if self.form == "anything":
            return _anything(request.inputs)
        problems = [*self._names(request.inputs), *self._types(request.inputs)]
        if problems:
            raise WrongInput(problems[:20])
        return self._filled({each.name: each for each in request.inputs})

    def _plainly_fit(self, inputs: Sequence[InputTensor]) -> bool:
        """Whether every array is there, and is what the signature says; False says: find out why.

        No two inputs of a request have one name.
        """
        return len(inputs) == len(self.taken) and all(
            (taken := self.taken.get(each.name)) is not None
            and taken.datatype == each.datatype.name
            and _is_within(taken.shape, each.shape)
            for each in inputs
        )

    def _of_numbers(self, inputs: Sequence[InputTensor]) -> Given:
        """Arrays that are known to fit: nothing is left to be checked."""
        if self.form == "value":
            only = inputs[0].array()
            return Given(only, "tensor", only.shape[0] if self.in_rows else None)
        arrays = {each.name: each.array() for each in inputs}
        # In the signature's order, in which others' are, too: they may be asked together.
        values = {taken.key: arrays[name] for name, taken in self.taken.items()}
        return Given(values, "tensors", self._rows(values, "tensors"))

    def _refuse_params(self, parameters: Mapping[str, Any]) -> None:
        for param in self.signature.params:
            if param.name in parameters:
                raise InvalidInput(
                    f"the parameter {param.name!r} cannot be set here",
                    cause="the server asks the model with its own defaults",
                )

    def _names(self, inputs: Sequence[InputTensor]) -> list[Problem]:
        there = {each.name for each in inputs}
        unknown = [
            Problem(each.name[:200], f"one of {_listed(self.taken)}", "an input of another name")
            for each in inputs
            if each.name not in self.taken
        ]
        missing = [
            Problem(each.name, f"{each.datatype} of shape {list(each.shape)}", "nothing")
            for each in self.taken.values()
            if each.field.required and each.name not in there
        ]
        return unknown + missing

    def _types(self, inputs: Sequence[InputTensor]) -> list[Problem]:
        problems = []
        for each in inputs:
            taken = self.taken.get(each.name)
            if taken is None:
                continue
            if each.datatype.name != taken.datatype:
                problems.append(Problem(each.name, taken.datatype, each.datatype.name))
            elif not _fits(taken, each.shape):
                problems.append(
                    Problem(each.name, f"shape {list(taken.shape)}", f"shape {list(each.shape)}")
                )
        return problems

    def _filled(self, inputs: Mapping[str, InputTensor]) -> Given:
        values = {
            taken.key: _value(taken, inputs[name], table=self.form == "table")
            for name, taken in self.taken.items()
            if name in inputs
        }
        if self.form == "table":
            return self.checked(_table(values), "table")
        if self.form == "value":
            (value,) = values.values()
            tensor = isinstance(self.signature.inputs[0], Tensor)
            return self.checked(value, "tensor" if tensor else "value")
        return self.checked(values, "tensors")

    def checked(self, value: Any, layout: Any) -> Given:
        """A value in its JSON form, held against the signature.

        Raises:
            WrongInput: it is not what the signature says.
        """
        if problems := validate(self.signature, value):
            only = next(iter(self.taken.values())) if self.form == "value" else None
            raise WrongInput([_renamed(each, only) for each in problems])
        return Given(value, layout, self._rows(value, layout))

    def _rows(self, value: Any, layout: str) -> int | None:
        if layout == "table":
            return len(value["data"])
        if layout == "records":
            return len(value)
        return rows_of(value) if self.in_rows else None


def _renamed(problem: Problem, only: Taken | None) -> Problem:
    """The one value of a model has no name of its own, but it has one in the protocol."""
    if only is None or problem.where not in ("", "inputs"):
        return problem
    return Problem(only.name, problem.expected, problem.got, problem.row)


def _listed(names: Mapping[str, object]) -> str:
    shown = ", ".join(list(names)[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def _fits(taken: Taken, shape: tuple[int, ...]) -> bool:
    if isinstance(taken.field, Column | JsonField):
        return len(shape) in (1, 2) and (len(shape) == 1 or shape[1] == 1)
    if taken.field.shape == () and shape == ():
        return True
    return _is_within(taken.shape, shape)


def _is_within(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    if len(wanted) != len(shape):
        return False
    # A loop, since this is asked of every request: a generator would cost more than its work.
    for most, length in zip(wanted, shape, strict=True):  # noqa: SIM110  see above
        if most not in (-1, length):
            return False
    return True


def _is_numeric(taken: Taken) -> bool:
    """Whether what the protocol has of it is, unchanged, what the signature says."""
    field, kind = taken.field, DATATYPES[taken.datatype]
    return (
        isinstance(field, Tensor)
        and bool(field.shape)
        and field.shape == taken.shape
        and kind.dtype == field.dtype
        and can_hold(field.dtype)
    )


def _value(taken: Taken, given: InputTensor, *, table: bool) -> Any:
    """The JSON form of one input."""
    field = taken.field
    if isinstance(field, Tensor):
        if given.datatype.name != BYTES:
            array = given.array()
            return array if field.shape else array.tolist() if not array.shape else given.flat()[0]
        flat = [_text(each, field.dtype, taken.name, at) for at, each in enumerate(given.flat())]
        return nested(flat, given.shape if field.shape else ())
    if isinstance(field, Column):
        if given.datatype.name != BYTES:
            return given.flat()
        return [_text(each, field.dtype, taken.name, at) for at, each in enumerate(given.flat())]
    values = [_json(each, taken.name, at) for at, each in enumerate(given.flat())]
    if table:
        return values
    if len(values) != 1:
        raise WrongInput([Problem(taken.name, "one JSON value", f"{len(values)} of them")])
    return values[0]


def _text(element: str | bytes, dtype: str, name: str, at: int) -> Any:
    if dtype == "binary" and isinstance(element, bytes):
        return base64.b64encode(element).decode()
    text = _decoded(element, name, at)
    if dtype not in _WRITTEN_AS_TEXT:
        return text
    try:
        return from_text(text, dtype)
    except InvalidInput as error:
        raise WrongInput([Problem(name, dtype, repr(text)[:80], at)]) from error


def _decoded(element: str | bytes, name: str, at: int) -> str:
    if isinstance(element, str):
        return element
    try:
        return element.decode()
    except UnicodeDecodeError as error:
        raise WrongInput([Problem(name, "text in UTF-8", "other bytes", at)]) from error


def _json(element: str | bytes, name: str, at: int) -> Any:
    try:
        return loads(_decoded(element, name, at).encode())
    except InvalidInput as error:
        if isinstance(error, WrongInput):
            raise
        raise WrongInput([Problem(name, "a JSON value as text", "other text", at)]) from error


def _table(columns: Mapping[str, list[Any]]) -> Any:
    lengths = {name: len(values) for name, values in columns.items()}
    first, rows = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != rows:
            raise WrongInput([Problem(name, f"{rows} rows, as {first} has", f"{length}")])
    return {"columns": list(columns), "data": list(map(list, zip(*columns.values(), strict=True)))}


def _anything(inputs: Sequence[InputTensor]) -> Given:
    """Without a signature: the one array that there is, or all of them by name."""
    values = {each.name: _plainly(each) for each in inputs}
    if len(values) == 1:
        return Given(next(iter(values.values())), "tensor")
    return Given(values, "tensors")


def _plainly(given: InputTensor) -> Any:
    if given.datatype.name != BYTES:
        return given.array()
    texts = [_decoded(each, given.name, at) for at, each in enumerate(given.flat())]
    return nested(texts, given.shape)
