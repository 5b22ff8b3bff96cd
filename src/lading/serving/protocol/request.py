"""An inference request: parsed from bytes, every field checked, no model known yet."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import InvalidInput
from lading.serving.protocol import binary, datatypes
from lading.serving.protocol.datatypes import BYTES, Datatype
from lading.signatures.npy import Array

# More dimensions than any array has, more tensors than any model.
MOST_DIMENSIONS: Final = 32
_MOST_TENSORS: Final = 4096
# Lengths multiplied without the zeros among them: what arrays of no elements are bounded by.
_MOST_ELEMENTS: Final = 2**40
# Rows of a tensor that has no elements, for all of which lists would be made.
_MOST_HOLLOW: Final = 100_000
_LONGEST_NAME: Final = 512


@dataclass(frozen=True, slots=True)
class InputTensor:
    """One input; numbers that came in binary are an ``Array``, everything else is a flat list."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: Array | list[Any]

    def flat(self) -> list[Any]:
        """The elements as a flat list."""
        if isinstance(self.values, list):
            return self.values
        count = math.prod(self.shape)
        found: list[Any] = Array(self.values.dtype, (count,), self.values.data).tolist()
        return found

    def array(self) -> Array:
        """The numbers as an array."""
        if isinstance(self.values, Array):
            return self.values
        return datatypes.packed(self.values, self.datatype, self.shape)


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """An output that is asked for, and how; None where the request as a whole decides."""

    name: str
    binary: bool | None = None


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What is asked."""

    inputs: tuple[InputTensor, ...]
    id: str | None = None
    parameters: Mapping[str, Any] | None = None
    # None for all of them.
    outputs: tuple[WantedOutput, ...] | None = None
    binary: bool = False


def parse(body: bytes, header_length: str | None = None) -> InferRequest:
    """The request in a body, with or without binary tensors.

    Raises:
        InvalidInput: it is none; names the field.
    """
    raw, rest = binary.split(body, header_length)
    value = loads(raw)
    if not isinstance(value, dict):
        raise InvalidInput("the request is no JSON object")
    return read(value, rest)


def read(value: Mapping[str, Any], rest: memoryview) -> InferRequest:
    """The request in a JSON object, and in the bytes that came with it.

    Raises:
        InvalidInput: it is none; names the field.
    """
    parameters = _parameters(value, "the request")
    tail = binary.Tail(rest)
    inputs = _inputs(value, tail)
    tail.demand_empty()
    return InferRequest(
        inputs=inputs,
        id=_id(value),
        parameters=parameters,
        outputs=_outputs(value),
        binary=_flag(parameters, "binary_data_output", "the request") or False,
    )


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON; write the text {name!r} where a number is due")


_decoder: Final = json.JSONDecoder(parse_constant=_constant)


def loads(raw: bytes) -> Any:
    """A JSON value that a stranger sent.

    Raises:
        InvalidInput: it is none.
    """
    try:
        value = _decoder.decode(raw.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput("the request is not UTF-8", cause=f"at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(
            "the request is not JSON", cause=f"{error.msg} at character {error.pos}"
        ) from error
    except RecursionError as error:
        raise InvalidInput("the request is nested too deeply") from error
    except ValueError as error:
        raise InvalidInput("the request is not JSON", cause=str(error)[:200]) from error
    return value


def _inputs(value: Mapping[str, Any], tail: binary.Tail) -> tuple[InputTensor, ...]:
    listed = value.get("inputs")
    if not isinstance(listed, list) or not listed:
        raise InvalidInput("the request has no inputs", hint='"inputs": [{"name": …}]')
    if len(listed) > _MOST_TENSORS:
        raise InvalidInput(f"the request has {len(listed)} inputs", cause=f"over {_MOST_TENSORS}")
    inputs = tuple(_input(each, at, tail) for at, each in enumerate(listed))
    _refuse_twice([each.name for each in inputs], "input")
    return inputs


def _refuse_twice(names: list[str], word: str) -> None:
    if len(set(names)) < len(names):
        counts = Counter(names)
        twice = next(name for name in names if counts[name] > 1)
        raise InvalidInput(f"the {word} {twice[:100]!r} is there twice")


def _input(value: Any, at: int, tail: binary.Tail) -> InputTensor:
    if not isinstance(value, dict):
        raise InvalidInput(f"inputs[{at}] is no object")
    name = _name(value, f"inputs[{at}]")
    where = f"input {name!r}"
    kind = datatypes.datatype(value.get("datatype"), where)
    shape, count = _shape(value.get("shape"), where)
    parameters = _parameters(value, where)
    if "shared_memory_region" in parameters:
        raise InvalidInput(f"{where} lies in shared memory", cause="this server reads none")
    size = parameters.get("binary_data_size")
    if size is None:
        if "data" not in value:
            raise InvalidInput(f"{where} has neither data nor binary_data_size")
        flat = datatypes.flattened(value["data"], shape, count, where)
        return InputTensor(name, kind, shape, datatypes.checked(flat, kind, where))
    if "data" in value:
        raise InvalidInput(f"{where} has both data and binary_data_size")
    _check_size(size, kind, count, where)
    return InputTensor(name, kind, shape, _read(tail.take(size, where), kind, shape, where))


def _check_size(size: Any, kind: Datatype, count: int, where: str) -> None:
    if type(size) is not int:
        raise InvalidInput(f"{where}: binary_data_size is no whole number")
    if kind.size is not None and size != count * kind.size:
        raise InvalidInput(
            f"{where}: binary_data_size says {size} bytes",
            cause=f"{count} elements of {kind.name} are {count * kind.size}",
        )


def _read(raw: memoryview, kind: Datatype, shape: tuple[int, ...], where: str) -> Array | list[Any]:
    if kind.name == BYTES:
        return list(binary.elements(raw, math.prod(shape), where))
    try:
        return datatypes.unpacked(raw, kind, shape)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.what}", cause=error.cause) from error


def _shape(value: Any, where: str) -> tuple[tuple[int, ...], int]:
    if not isinstance(value, list) or any(type(each) is not int or each < 0 for each in value):
        raise InvalidInput(f"{where}: its shape is no list of whole numbers, none negative")
    whole = math.prod(filter(None, value)) if len(value) <= MOST_DIMENSIONS else _MOST_ELEMENTS
    if whole >= _MOST_ELEMENTS:
        raise InvalidInput(f"{where}: its shape is larger than any tensor")
    if 0 in value and math.prod(value[: value.index(0)]) > _MOST_HOLLOW:
        raise InvalidInput(f"{where}: its shape has millions of rows without elements")
    return tuple(value), 0 if 0 in value else whole


def _outputs(value: Mapping[str, Any]) -> tuple[WantedOutput, ...] | None:
    listed = value.get("outputs")
    if listed is None:
        return None
    if not isinstance(listed, list) or len(listed) > _MOST_TENSORS:
        raise InvalidInput("outputs is no list of at most 4096")
    wanted = tuple(_output(each, at) for at, each in enumerate(listed))
    _refuse_twice([each.name for each in wanted], "output")
    # An empty list asks for nothing in particular.
    return wanted or None


def _output(value: Any, at: int) -> WantedOutput:
    if not isinstance(value, dict):
        raise InvalidInput(f"outputs[{at}] is no object")
    name = _name(value, f"outputs[{at}]")
    where = f"output {name!r}"
    parameters = _parameters(value, where)
    for unknown in ("classification", "shared_memory_region"):
        if unknown in parameters:
            raise InvalidInput(f"{where} asks for {unknown}", cause="this server has none")
    return WantedOutput(name, _flag(parameters, "binary_data", where))


def _name(value: Mapping[str, Any], where: str) -> str:
    name = value.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidInput(f"{where} has no name")
    return name


def _id(value: Mapping[str, Any]) -> str | None:
    found = value.get("id")
    if found is not None and (not isinstance(found, str) or len(found) > _LONGEST_NAME):
        raise InvalidInput(f"the id is no text of at most {_LONGEST_NAME} characters")
    return found


def _parameters(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    found = value.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidInput(f"{where}: parameters is no object")
    return found


def _flag(parameters: Mapping[str, Any], name: str, where: str) -> bool | None:
    found = parameters.get(name)
    if found is not None and type(found) is not bool:
        raise InvalidInput(f"{where}: {name} is neither true nor false")
    return found
