"""An input example on its way into a version: read, checked against the signature, encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.packing.record import EXAMPLE_FOLDER
from lading.spec.plain import plain
from lading.spec.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lading.spec.signature import FieldType


@dataclass(frozen=True, slots=True)
class CheckedExample:
    """The files of an example, what the document says of it, and the signature it tells."""

    files: Mapping[str, bytes]
    input_example: dict[str, Any]
    # None where one was known, and the example was held against it.
    signature: dict[str, Any] | None


def checked(example: object, known: Mapping[str, Any] | None) -> CheckedExample:
    """The example of a version; ``known`` is the signature that is given, or that headers tell.

    Raises:
        InvalidInput: it cannot be read, or is not what the signature says.
    """
    from lading.signatures.example import encode_example
    from lading.signatures.example_files import example_from_file
    from lading.signatures.infer import infer_signature
    from lading.signatures.validate import validate_example

    signature = Signature.model_validate(known, strict=False) if known else Signature()
    given = signature if signature.inputs else None
    value = example_from_file(example, given) if isinstance(example, Path) else example
    told: dict[str, Any] | None = None
    if given is None:
        inferred = infer_signature(value)
        told = plain(inferred) | {k: v for k, v in plain(signature).items() if k != "inputs"}
        signature = inferred
    value = _named(value, signature.inputs)
    validate_example(signature, value)
    encoded = encode_example(value, signature)
    files = {path: raw for path, raw in encoded.files.items() if path.startswith(EXAMPLE_FOLDER)}
    return CheckedExample(files, plain(encoded.example), told)


def _named(value: object, fields: Sequence[FieldType]) -> object:
    """A value for the one tensor that a graph takes, under its name."""
    single = len(fields) == 1 and fields[0].name is not None and fields[0].kind != "column"
    if single and not isinstance(value, Mapping) and not hasattr(value, "columns"):
        return {fields[0].name: value}
    return value
