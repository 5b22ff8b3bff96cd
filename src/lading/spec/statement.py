"""Everything that is said about a version: by a person, and by what was found out.

A statement becomes the fields of a document, all but its files. Values are plain JSON here: the
parts they come from were checked, and a push of a thousand files does not pay for checking twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from lading.spec.identity import Identity
from lading.spec.merge import laid_over

_SCHEMA_VERSION: Final = 1
# The order of lading.spec.document.Document, in which every document is written.
FIELDS: Final = (
    "schema_version",
    "name",
    "version",
    "description",
    "created",
    "authors",
    "licenses",
    "tags",
    "framework",
    "signature",
    "input_example",
    "metrics",
    "params",
    "lineage",
    "environment",
    "facts",
    "hazards",
    "card",
    "governance",
)

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person gave, and what was found out, as fields of a document."""

    identity: Identity = field(default_factory=Identity)
    given: Fields = field(default_factory=dict)
    captured: Fields = field(default_factory=dict)

    def document(self, created: str) -> dict[str, object]:
        """The fields of a new version's document, but for its files."""
        said = {
            "schema_version": _SCHEMA_VERSION,
            "created": created,
            **_said(self.identity, ("name", "version")),
        }
        return _ordered(laid_over(said | self._given(), self.captured))

    def document_over(self, known: Fields) -> dict[str, object]:
        """The fields as they would have been, had all this been said of an existing version.

        The time and whatever nobody gives now come from its document, in its order; what was
        captured now does not count. Nobody gives the name: it is the repository's, and versions
        may be copied.
        """
        said = _said(self.identity, ("version",))
        if not isinstance(known.get("name"), str):
            said |= _said(self.identity, ("name",))
        return laid_over(said | self._given(), known)

    def _given(self) -> dict[str, object]:
        own = _said(self.identity, ("description", "authors", "licenses", "tags"))
        return dict(self.given) | own


def _said(identity: Identity, names: Iterable[str]) -> dict[str, object]:
    values = {name: getattr(identity, name) for name in names}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value
    }


def _ordered(document: Mapping[str, object]) -> dict[str, object]:
    """The fields in the order of the model."""
    return {name: document[name] for name in FIELDS if name in document}
