"""An input example on its way into a version: read, checked against the signature, encoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lading.packing.record import EXAMPLE_FOLDER
from lading.spec.plain import plain
from lading.spec.signature import Signature

if TYPE_CHECKING:
    from lading.packing.plan import Plan
    from lading.spec.statement import Statement


def with_example(plan: Plan, statement: Statement, example: object) -> tuple[Plan, Statement]:
    """The plan with the example's files, and the statement with its place.

    Where no signature is given the example tells one; that counts as found out.

    Raises:
        InvalidInput: it cannot be read, or is not what the signature says.
    """
    from lading.signatures.example import encode_example, example_from_file
    from lading.signatures.infer import infer_signature
    from lading.signatures.validate import validate_example

    given = statement.given.get("signature")
    signature = Signature.model_validate(given, strict=False) if given else None
    value = example_from_file(example) if isinstance(example, Path) else example
    captured = dict(statement.captured)
    if signature is None:
        signature = infer_signature(value)
        captured["signature"] = plain(signature)
    validate_example(signature, value)
    encoded = encode_example(value, signature)
    fields = dict(statement.given) | {"input_example": plain(encoded.example)}
    files = {path: raw for path, raw in encoded.files.items() if path.startswith(EXAMPLE_FOLDER)}
    return plan.with_written(files), replace(statement, given=fields, captured=captured)
