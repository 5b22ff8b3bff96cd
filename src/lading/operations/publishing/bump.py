"""Which part of the next version a change of the signature asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lading.errors import InvalidInput
from lading.packing.artifact import recognise
from lading.spec.document import Document
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.signature import Signature
from lading.spec.version import Bump, Version
from lading.transfer import read

if TYPE_CHECKING:
    from lading.ports import Source


def proposed(store: Source, highest: Version, signature: Mapping[str, Any] | None) -> Bump:
    """The bump from the highest release to a model with this signature.

    A breaking change is a major one, but before 1.0.0 a minor one, as is the custom.

    Raises:
        InvalidInput: one of both has no signature, so nothing can be told.
    """
    from lading.signatures.compatible import bump_for, compatible

    root = store.resolve(highest.tag)
    artifact = recognise(store, root, str(highest))
    known = artifact.document and read(store, artifact.document, limit=DOCUMENT_LIMIT)
    before = Document.parse(known).signature if known else None
    if before is None or signature is None:
        raise InvalidInput(
            "--bump auto cannot choose",
            cause=f"{highest if before is None else 'the new model'} has no signature",
            hint="choose patch, minor or major this once: the next push has one to compare with"
            if before is None
            else "--schema FILE or --input-example FILE gives it one; or choose by yourself",
        )
    now = Signature.model_validate(signature, strict=False)
    part: Bump = bump_for(compatible(before, now))
    return "minor" if part == "major" and highest.major == 0 else part
