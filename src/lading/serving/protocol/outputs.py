"""What a model answered, as tensors of the protocol.

Answers are looked at by what they can do (``dtype``, ``tolist``), so that no framework is imported
for them. Their names, and numeric types where the model was not exact, are the signature's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from lading.errors import InvalidInput, Unsupported
from lading.serving.protocol.datatypes import BY_DTYPE, BYTES, DATATYPES, Datatype
from lading.serving.protocol.request import WantedOutput
from lading.signatures.answers import plain_answer
from lading.signatures.inference_protocol import to_v2_metadata
from lading.signatures.layouts import array_form
from lading.signatures.scalars import FLOATS, INTEGERS, NON_FINITE
from lading.spec.signature import Signature

_KINDS: Final = frozenset("biuf")
_BF16: Final = DATATYPES["BF16"]


class ModelFailed(Unsupported):
    """The model answered something that it never should: nothing the caller can mend."""


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """One output: an array of its framework, or the elements as a flat list."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: Any

    def flat(self) -> list[Any]:
        """The elements as Python's own values."""
        if isinstance(self.values, list):
            return self.values
        found: list[Any] = self.values.ravel().tolist()
        return found

    def raw(self) -> bytes:
        """The numbers as bytes, little-endian, in C order."""
        array = self.values
        if self.datatype is _BF16:
            return bytes(_upper_halves(array))
        found: bytes = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        return found


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of a model by name; made once for each model."""

    names: tuple[str, ...]
    datatypes: Mapping[str, str]
    columns: bool

    @classmethod
    def of(cls, signature: Signature | None) -> Outputs:
        """Those of a signature; without one they are named by the answer."""
        described = to_v2_metadata(signature or Signature(), name="model").value["outputs"]
        table = bool(signature and signature.outputs) and all(
            field.kind == "column" for field in (signature.outputs if signature else ())
        )
        return cls(
            tuple(told["name"] for told in described),
            {told["name"]: told["datatype"] for told in described},
            table,
        )

    def check(self, wanted: Sequence[WantedOutput] | None) -> None:
        """Refuse outputs that the model does not have, before it is asked.

        Raises:
            InvalidInput: there is no such output.
        """
        for each in wanted or ():
            if self.names and each.name not in self.names:
                raise InvalidInput(
                    f"there is no output {each.name[:100]!r}", cause=f"{_listed(self.names)}"
                )

    def tensors(self, answer: Any, wanted: Sequence[WantedOutput] | None) -> list[OutputTensor]:
        """The outputs that are wanted, in the order in which they are.

        Raises:
            InvalidInput: there is no such output.
            ModelFailed: the answer has no form in the protocol.
        """
        parts = self.parts(answer)
        if wanted is None:
            return [self._tensor(name, part) for name, part in parts.items()]
        missing = next((each.name for each in wanted if each.name not in parts), None)
        if missing is not None:
            raise InvalidInput(
                f"there is no output {missing[:100]!r}", cause=f"{_listed(tuple(parts))}"
            )
        return [self._tensor(each.name, parts[each.name]) for each in wanted]

    def parts(self, answer: Any) -> dict[str, Any]:
        """The answer by name."""
        if type(answer).__module__ == "numpy":
            return {self.names[0] if self.names else "output-0": answer}
        if hasattr(answer, "columns") and hasattr(answer, "to_dict"):  # a frame
            answer = {str(name): answer[name] for name in answer.columns}
        if not isinstance(answer, Mapping):
            return self._unnamed(answer)
        if len(self.names) == 1 and self.names[0] not in answer and len(answer) != 1:
            return {self.names[0]: answer}
        named = {str(name): part for name, part in answer.items()}
        if len(self.names) == len(named) and set(self.names) != set(named):
            return dict(zip(self.names, named.values(), strict=True))
        return named

    def _unnamed(self, answer: Any) -> dict[str, Any]:
        several = isinstance(answer, (list, tuple)) and len(answer) == len(self.names) > 1
        if several:
            return dict(zip(self.names, answer, strict=True))
        return {self.names[0] if self.names else "output-0": answer}

    def _tensor(self, name: str, part: Any) -> OutputTensor:
        # What is an array of numbers already is not asked what else it might be.
        part = part if type(part).__module__ == "numpy" else _dense(part)
        numeric = _is_numeric(part)
        found = self._numbers(name, part) if numeric else _of_lists(name, plain(with_times(part)))
        if self.columns and len(found.shape) == 1:
            return OutputTensor(name, found.datatype, (*found.shape, 1), found.values)
        return found

    def _numbers(self, name: str, array: Any) -> OutputTensor:
        declared = DATATYPES.get(self.datatypes.get(name, ""))
        kind = _datatype_of(array.dtype)
        if _BF16 in (declared, kind):
            # Only ml_dtypes has such arrays; one of float32 holds all of their values.
            flat = _rounded(array.astype("float32").ravel())
            array, kind = flat.reshape(array.shape), _BF16
        numeric = declared is not None and declared.name not in (BYTES, "BF16")
        if numeric and declared is not None and (kind is None or kind != declared):
            array = as_declared(name, array, declared)
            kind = declared
        if kind is None:
            return _of_lists(name, plain(array))
        shape = tuple(map(int, array.shape))
        # What answers with a single number answers with an array of one.
        return OutputTensor(name, kind, shape or (1,), array)


def as_declared(name: str, array: Any, declared: Datatype) -> Any:
    """Numbers as the type that the signature says; of whole ones every value stays what it is.

    Raises:
        ModelFailed: one of them is none that this type has.
    """
    if declared.dtype in FLOATS:
        return array.astype(declared.dtype)
    low, high = INTEGERS.get(declared.dtype, (0, 1))
    fitting = (array >= low) & (array <= high)
    if fitting.all():
        found = array.astype(declared.dtype)
        fitting = found == array
        if fitting.all():
            return found
    other = array[~fitting].ravel()[0]
    raise ModelFailed(
        "the model's answer is not what its signature says",
        cause=f"{other} in the output {name!r}, which has the type {declared.dtype}"[:300],
        hint="save it again with an example that it answers with all kinds of values",
    )


def with_times(array: Any) -> Any:
    """An array, but for times of nanoseconds, of which Python would make numbers: as text."""
    if getattr(getattr(array, "dtype", None), "name", "") == "datetime64[ns]":
        return array_form(array)
    return array


def _is_numeric(part: Any) -> bool:
    dtype = getattr(part, "dtype", None)
    known = getattr(dtype, "kind", "") in _KINDS or getattr(dtype, "name", "") == _BF16.dtype
    return known and hasattr(part, "ravel")


def _rounded(array: Any) -> Any:
    """A flat array of float32 as values that BF16 has: the nearest, the even one of two."""
    bits = array.view("uint32") + 0x7FFF + (array.view("uint32") >> 16 & 1)
    # What is no number has its bits anywhere, and stays what it is.
    no_number = array != array  # noqa: PLR0124  only these differ from themselves
    bits[no_number] = 0x7FC00000
    return ((bits >> 16) << 16).astype("uint32").view("float32")


def _upper_halves(array: Any) -> memoryview:
    """The first two bytes of each float32, little-endian."""
    return memoryview((array.view("uint32") >> 16).astype("<u2").tobytes())


def _listed(names: Sequence[str]) -> str:
    return f"the outputs are {', '.join(names[:20])}"


@lru_cache(maxsize=64)
def _datatype_of(dtype: Any) -> Datatype | None:
    """NumPy puts the name of a type together anew each time that it is asked."""
    return BY_DTYPE.get(dtype.name)


def _dense(part: Any) -> Any:
    if hasattr(part, "toarray"):  # SciPy's sparse matrices
        return part.toarray()
    if hasattr(part, "to_numpy"):  # a column of a frame
        part = part.to_numpy()
    return with_times(part)


def plain(part: Any) -> Any:
    """A part of an answer as lists, objects, numbers and text.

    Raises:
        ModelFailed: it has no such form.
    """
    try:
        return plain_answer(part)
    except InvalidInput as error:
        raise ModelFailed("the model's answer has no form in JSON", cause=error.what) from error


def _of_lists(name: str, value: Any) -> OutputTensor:
    """Nested lists of one shape as a tensor; anything else as one JSON text."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and all(isinstance(each, list) for each in level):
        lengths = {len(each) for each in level}
        if len(lengths) > 1:
            return OutputTensor(name, DATATYPES[BYTES], (1,), [_json(value)])
        shape.append(lengths.pop())
        level = [each for inner in level for each in inner]
    return _flat(name, level, tuple(shape) or (1,))


def _flat(name: str, flat: list[Any], shape: tuple[int, ...]) -> OutputTensor:
    types = set(map(type, flat))
    if types == {bool}:
        return OutputTensor(name, DATATYPES["BOOL"], shape, flat)
    if types == {int} and all(-(2**63) <= each < 2**63 for each in flat):
        return OutputTensor(name, DATATYPES["INT64"], shape, flat)
    if float in types and all(type(each) in (int, float) or each in NON_FINITE for each in flat):
        return OutputTensor(name, DATATYPES["FP64"], shape, [float(each) for each in flat])
    texts = [each if isinstance(each, str) else _json(each) for each in flat]
    return OutputTensor(name, DATATYPES[BYTES], shape, texts)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
