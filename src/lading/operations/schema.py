"""Say what goes into a version and what comes out, in Lading's words or another tool's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from lading.errors import InvalidInput, NotFound
from lading.operations.open import open as open_version
from lading.signatures.compatible import Bump, Change, Verdict, bump_for, compatible
from lading.signatures.converted import Converted
from lading.spec.reference import Reference
from lading.spec.signature import Signature

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.document import Document

Format = Literal["lading", "json-schema", "mlflow", "v2"]
FORMATS: tuple[str, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class SchemaResult:
    """A version's signature, and what the chosen words could not say."""

    reference: str
    digest: str
    format: str
    schema: dict[str, Any]
    losses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchemaCompareResult:
    """What changed from one version's signature to another's, and what it comes to."""

    reference: str
    against: str
    verdict: Verdict
    bump: Bump
    changes: tuple[Change, ...]


def schema(
    reference: str | Reference,
    *,
    format: str = "lading",  # noqa: A002  the word of the option
    settings: Settings | None = None,
) -> SchemaResult:
    """The signature of a version.

    Args:
        reference: the version.
        format: ``lading``, ``json-schema`` (one for each side), ``mlflow``, or ``v2``, the
            metadata of the Open Inference Protocol.
        settings: what holds here; what holds everywhere where None is given.

    Raises:
        InvalidInput: it is no model, or there is no such format.
        NotFound: there is no such version, or it does not say what goes in and comes out.
    """
    if format not in FORMATS:
        raise InvalidInput(f"there is no format {format!r}", hint=f"one of {', '.join(FORMATS)}")
    with open_version(reference, settings=settings) as opened:
        document = opened.document
    if document.signature is None:
        raise NotFound(
            f"{opened.reference} does not say what goes in and comes out",
            hint="lading.infer_signature(X, y) reads it off data",
        )
    converted = _converted(document, document.signature, format)
    return SchemaResult(opened.reference, opened.digest, format, converted.value, converted.losses)


def compare(
    reference: str | Reference, against: str | Reference, *, settings: Settings | None = None
) -> SchemaCompareResult:
    """Whether who uses one version (``against``) can go on with another (``reference``).

    Raises:
        InvalidInput: one is no model.
        NotFound: there is no such version.
    """
    with (
        open_version(reference, settings=settings) as new,
        open_version(against, settings=settings) as old,
    ):
        found = compatible(old.document.signature, new.document.signature)
    return SchemaCompareResult(
        new.reference, old.reference, found.verdict, bump_for(found), found.changes
    )


def _converted(document: Document, signature: Signature, words: str) -> Converted[dict[str, Any]]:
    if words == "json-schema":
        return _json_schemas(signature)
    if words == "mlflow":
        from lading.signatures.mlflow import to_mlflow

        converted = to_mlflow(signature)
        return Converted(dict(converted.value), converted.losses)
    if words == "v2":
        from lading.signatures.inference_protocol import to_v2_metadata

        name = document.name or "model"
        return to_v2_metadata(signature, name=name, version=document.version)
    return Converted(signature.as_json())


def _json_schemas(signature: Signature) -> Converted[dict[str, Any]]:
    from lading.signatures.json_schema import params_schema, to_json_schema

    inputs = to_json_schema(signature, "inputs")
    outputs = to_json_schema(signature, "outputs")
    value = {"inputs": inputs.value, "outputs": outputs.value}
    if signature.params:
        value["params"] = params_schema(signature)
    return Converted(value, inputs.losses + outputs.losses)
