"""Whether who uses one version can go on with another: for gates, by the schemas of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lading.errors import InvalidInput
from lading.spec.plain import table

if TYPE_CHECKING:
    from lading.spec.signature import Signature


def schema_compatible(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool | None:
    """Whether who uses one document's model can go on with another's; None where it is not known.

    For ``schema.compatible`` in gates; see :class:`lading.policy.Case`.
    """
    from lading.signatures.compatible import compatible

    try:
        found = compatible(_signature(old), _signature(new))
    except InvalidInput:
        return None
    return found.verdict != "breaking"


def _signature(document: Mapping[str, Any]) -> Signature | None:
    from pydantic import ValidationError

    from lading.spec.encoding import encode
    from lading.spec.signature import Signature

    said = table(document.get("signature"))
    if not said:
        return None
    try:
        return Signature.model_validate_json(encode(said))
    except ValidationError as error:
        raise InvalidInput("the document's signature is none", cause=str(error)[:200]) from error
