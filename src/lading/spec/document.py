"""The document of a version: what it is, and which files it holds.

The shape of ``models/lading.json``, from which ``schemas/model.schema.json`` is made. Pydantic
costs more than the rest of a push together: only who wants a whole, checked document comes here.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, ValidationError

from lading.errors import InvalidInput
from lading.spec.card import Card, Governance
from lading.spec.encoding import check_depth, decode_object, encode
from lading.spec.environment import Environment
from lading.spec.facts import Facts, Hazards
from lading.spec.lineage import Lineage
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.spec.part import (
    Count,
    Json,
    Moment,
    Name,
    Number,
    OciDigest,
    Part,
    Sha256,
    Text,
)
from lading.spec.signature import Signature

SCHEMA_VERSION: Final = 1


class FileEntry(Part):
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
    layer: Annotated[OciDigest, Field(description="The layer that it comes in.")]


class Framework(Part):
    """What the model was made with, and how that loads it again."""

    name: Annotated[Text, Field(examples=["scikit-learn", "pytorch"])]
    version: str | None = None
    class_name: Annotated[
        str | None,
        Field(description="Of the model object.", examples=["sklearn.pipeline.Pipeline"]),
    ] = None
    loader: Annotated[
        str | None,
        Field(
            description="The entry point in lading.frameworks that saved it.", examples=["sklearn"]
        ),
    ] = None
    load: dict[str, Json] = Field(
        default_factory=dict, description="What the loader wrote down for itself."
    )


class Metric(Part):
    """How well the model did, and on what."""

    name: Name
    value: Number
    dataset: str | None = None
    split: Annotated[str | None, Field(examples=["test"])] = None
    group: Annotated[str | None, Field(description="Of the people or cases it is about.")] = None
    step: Count | None = None
    higher_is_better: bool | None = None
    source: Annotated[str | None, Field(description="Who said so, if no person did.")] = None

    @property
    def label(self) -> str:
        """The name with the split, as it is written on the command line: ``auc@test``."""
        return f"{self.name}@{self.split}" if self.split else self.name


class InputExample(Part):
    """An input that the model takes, and what it answered."""

    path: Annotated[Text, Field(description="Below models/.")]
    format: Annotated[str, Field(examples=["json", "npy", "npz"])]
    layout: Annotated[
        str | None,
        Field(
            description="What the value is: columns of a table, rows, one array, or named ones.",
            examples=["table", "records", "tensor", "tensors", "value"],
        ),
    ] = None
    predictions: Annotated[
        str | None, Field(description="The file of the version with the model's answer.")
    ] = None


class Document(Part):
    """A version, told to whoever does not want its weights."""

    schema_version: Annotated[int, Field(ge=1)]
    name: str | None = None
    version: str | None = None
    description: str | None = None
    created: Moment | None = None
    authors: tuple[str, ...] = ()
    licenses: Annotated[tuple[str, ...], Field(description="SPDX expressions.")] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    framework: Framework | None = None
    signature: Signature | None = None
    input_example: InputExample | None = None
    metrics: tuple[Metric, ...] = ()
    params: dict[str, Json] = Field(default_factory=dict)
    lineage: Lineage | None = None
    environment: Environment | None = None
    facts: Facts | None = None
    hazards: Hazards | None = None
    card: Card | None = None
    governance: Governance | None = None
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
        check_depth(value, "the document")
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
        return encode(self.as_json())
