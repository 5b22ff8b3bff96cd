"""What every part of a document is: frozen, strict about types, open to fields it does not know."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lading.spec.plain import plain

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=512)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
OciDigest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")]
# Of data, by whatever tool hashed it: DVC writes md5 of folders, git sha1.
AnyDigest = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_.-]+$", examples=["md5:9a03…"]),
]
Moment = Annotated[str, Field(description="RFC 3339.", examples=["2026-03-01T12:00:00Z"])]
Json = JsonValue

# The field that tells parts of one list apart, and is therefore always written.
KIND: Final = "kind"


class Part(BaseModel):
    """A part of a document.

    What a registry holds may have been written by a later Lading, so unknown fields are kept; what
    a person writes is read with ``extra="forbid"``.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, defer_build=True)

    def as_json(self) -> dict[str, Any]:
        """The fields that say something, as JSON values, in the order of the model."""
        value: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            part = plain(getattr(self, name))
            # Only what the model itself leaves out: free values may well hold empty ones.
            unsaid = part in (None, [], {}) or part == field.default
            if field.is_required() or name == KIND or not unsaid:
                value[name] = part
        return value | {name: plain(part) for name, part in (self.model_extra or {}).items()}
