"""The document of a version: what it is, and which files it holds.

The shape of ``models/lading.json``, from which ``schemas/model.schema.json`` is made. Pydantic
costs more than the rest of a push together: only who wants a whole, checked document comes here.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lading.errors import InvalidInput
from lading.spec.encoding import decode_object, encode
from lading.spec.manifest import DOCUMENT_LIMIT

SCHEMA_VERSION: Final = 1

_DEEPEST: Final = 64

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
LayerDigest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")]


class _Part(BaseModel):
    # What a registry holds may have been written by a later Lading: its fields are kept.
    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class FileEntry(_Part):
    """A file of the version."""

    path: Annotated[str, Field(min_length=1, description="Below models/, with forward slashes.")]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[
        Sha256 | None,
        Field(description="Left out where the file's layer, which holds it alone, tells."),
    ] = None
    role: Annotated[
        str, Field(description="weights, config, code, doc or dataset.", examples=["weights"])
    ]
    format: Annotated[str | None, Field(examples=["safetensors"])] = None
    layer: Annotated[LayerDigest, Field(description="The layer that it comes in.")]


class Document(_Part):
    """A version, told to whoever does not want its weights.

    Further parts have their names already and are kept as they are: ``framework``,
    ``signature``, ``input_example``, ``metrics``, ``params``, ``lineage``, ``environment``,
    ``facts`` and ``card``.
    """

    schema_version: Annotated[int, Field(ge=1)]
    name: str | None = None
    version: str | None = None
    description: str | None = None
    created: Annotated[
        str | None, Field(description="RFC 3339.", examples=["2026-03-01T12:00:00Z"])
    ] = None
    authors: tuple[str, ...] = ()
    licenses: Annotated[tuple[str, ...], Field(description="SPDX expressions.")] = ()
    tags: Annotated[dict[str, str], Field(default_factory=dict)]
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1)]

    @classmethod
    def parse(cls, raw: bytes) -> Document:
        """The document in some bytes.

        Raises:
            InvalidInput: it is none: not JSON, too large, nested too deeply, or a field is wrong.
        """
        if len(raw) > DOCUMENT_LIMIT:
            raise InvalidInput("the document is larger than 16 MiB", cause=f"{len(raw)} bytes")
        value = decode_object(raw, "the document")
        _check_depth(value)
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise InvalidInput(
                "the document is not what a document must be",
                cause=f"{where}: {first['msg']}"[:200],
            ) from error

    def encode(self) -> bytes:
        """The bytes of this document; what is not known is left out.

        Only for documents that are new: a digest belongs to the bytes that were read.
        """
        return encode(_without_unknown(self.model_dump(mode="json")))


def _check_depth(value: object) -> None:
    """Refuse a bomb of brackets before anything walks it by recursion."""
    waiting: list[tuple[object, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > _DEEPEST:
            raise InvalidInput("the document is nested too deeply", cause=f"over {_DEEPEST} levels")
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting += ((part, depth + 1) for part in parts)


def _without_unknown(value: Any) -> Any:
    """A JSON value without fields that are null or empty."""
    if isinstance(value, dict):
        parts = {key: _without_unknown(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part not in (None, [], {}, ())}
    if isinstance(value, list):
        return [_without_unknown(part) for part in value]
    return value
