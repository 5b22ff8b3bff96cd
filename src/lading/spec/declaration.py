"""What a person declares of a model: ``lading.yaml``, ``[tool.lading]``, or the words of a call.

Short forms are written out first (``auc@test: 0.93`` is a metric with a split), then everything is
checked as the parts of a document are, with one difference: a field that nobody knows is a mistake.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, ValidationError

from lading.errors import InvalidInput
from lading.spec.card import Card, Governance
from lading.spec.document import Framework, Metric
from lading.spec.environment import Images
from lading.spec.identity import Identity
from lading.spec.lineage import Code, Dataset, Parent, Run, Training
from lading.spec.part import Json, Part, Text
from lading.spec.plain import plain
from lading.spec.signature import Signature
from lading.spec.statement import Statement
from lading.spec.written import Place, also, refusal

_NUMBERS: Final = {"type": "object", "additionalProperties": {"type": "number"}}
_TEXT: Final = {"type": "string"}
_ENTRY: Final = {"anyOf": [{"type": "string"}, {"type": "object"}]}
_TEXTS_TOO: Final = {"anyOf": [_ENTRY, {"type": "array", "items": _ENTRY}]}


class Needs(Part):
    """What the environment needs and no tool can find out."""

    system: Annotated[tuple[str, ...], Field(description="Packages of the operating system.")] = ()
    images: Annotated[Images | None, Field(description="Base images for serving.")] = None


class CaptureChoice(Part):
    """What is found out without being asked; false leaves it out."""

    facts: bool = True
    environment: bool = True
    code: bool = True
    run: bool = True
    author: bool = True
    hazards: bool = True


def _with_singular(schema: dict[str, Any]) -> None:
    """For the JSON Schema of the file: the singular words, which mean the same."""
    for one, several in _SINGULAR.items():
        schema["properties"][one] = schema["properties"][several]


# How people write it in the singular.
_SINGULAR: Final = {"license": "licenses", "author": "authors"}


class Declaration(Part):
    """A person's word on a model. Every field may be left out."""

    model_config = ConfigDict(json_schema_extra=_with_singular)

    description: Annotated[str | None, Field(description="What it is, in a sentence.")] = None
    authors: Annotated[tuple[Text, ...], Field(description="Who made it.", **also(_TEXT))] = ()
    licenses: Annotated[
        tuple[Text, ...],
        Field(description="SPDX expressions.", examples=[["Apache-2.0"]], **also(_TEXT)),
    ] = ()
    tags: dict[str, str] = Field(default_factory=dict, description="Free marks.")
    framework: Framework | None = None
    signature: Annotated[Signature | None, Field(description="What goes in and comes out.")] = None
    input_example: Annotated[
        str | None, Field(description="A file with an input; its path is taken from this file.")
    ] = None
    metrics: Annotated[
        tuple[Metric, ...],
        Field(description="NAME: VALUE, or NAME@SPLIT: VALUE.", **also(_NUMBERS)),
    ] = ()
    params: dict[str, Json] = Field(default_factory=dict, description="Hyperparameters.")
    parents: Annotated[
        tuple[Parent, ...],
        Field(description="References of the models it was made from.", **also(_TEXTS_TOO)),
    ] = ()
    datasets: Annotated[
        tuple[Dataset, ...], Field(description="Addresses of the data.", **also(_TEXTS_TOO))
    ] = ()
    code: Code | None = None
    runs: tuple[Run, ...] = ()
    training: Training | None = None
    environment: Needs | None = None
    card: Card | None = None
    governance: Governance | None = None
    capture: CaptureChoice | None = None

    def statement(self) -> Statement:
        """The fields of a document that this gives; a signature's and an example's files apart."""
        lineage = {
            "parents": plain(self.parents),
            "datasets": plain(self.datasets),
            "code": plain(self.code),
            "runs": plain(self.runs),
            "training": plain(self.training),
        }
        given = {
            "framework": plain(self.framework),
            "signature": plain(self.signature),
            "metrics": plain(self.metrics),
            "params": plain(self.params),
            "lineage": {name: value for name, value in lineage.items() if value},
            "environment": plain(self.environment),
            "card": plain(self.card),
            "governance": plain(self.governance),
        }
        identity = Identity(
            description=self.description,
            authors=self.authors,
            licenses=self.licenses,
            tags=self.tags,
        )
        return Statement(identity, given={name: value for name, value in given.items() if value})


def declaration(value: object, where: str) -> Declaration:
    """The declaration in a plain value; ``where`` says which file or call it is from.

    Raises:
        InvalidInput: a field is unknown or wrong; says which, and what was meant perhaps.
    """
    if value is None:
        return Declaration()
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where} is no list of fields", cause=f"got {type(value).__name__}")
    written_out = {name: _WRITTEN_OUT.get(name, _as_is)(part) for name, part in _known_by(value)}
    parts = (
        f"{json.dumps(name)}: {_json(name, part, where)}" for name, part in written_out.items()
    )
    try:
        return Declaration.model_validate_json(f"{{{', '.join(parts)}}}", extra="forbid")
    except ValidationError as error:
        raise refusal(
            error,
            where,
            Declaration,
            as_written=partial(_as_written, value),
            forms=_FORMS,
            elsewhere=_ELSEWHERE,
        ) from error


def _json(name: object, part: object, where: str) -> str:
    try:
        return json.dumps(plain(part), allow_nan=False, default=_unwrapped)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{where}: {name} holds what cannot be written down",
            cause=str(error),
            hint="numbers must be finite; give plain numbers, text, lists and objects",
        ) from error


def _unwrapped(value: object) -> object:
    """The number in an array's scalar: metrics often are such, and not of a class JSON knows."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return item()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def metric(text: str) -> dict[str, object]:
    """The metric in ``NAME=VALUE``, ``NAME@SPLIT=VALUE`` or ``NAME=VALUE@SPLIT``.

    Raises:
        InvalidInput: it is written otherwise.
    """
    label, equals, value = text.rpartition("=")
    value, at, split = value.partition("@")
    label = f"{label}@{split}" if at and split else label
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not equals or not label or not math.isfinite(number):
        raise InvalidInput(
            f"not a metric: {text!r}", hint="NAME=NUMBER or NAME@SPLIT=NUMBER, as in auc@test=0.93"
        )
    return _metric(label, number)


def _metric(label: str, value: object) -> dict[str, object]:
    name, at, split = label.rpartition("@")
    return (
        {"name": name, "split": split, "value": value}
        if at and name
        else {
            "name": label,
            "value": value,
        }
    )


def _as_is(value: object) -> object:
    return value


def _metrics(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return [_metric(str(label), number) for label, number in value.items()]


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _named(field: str) -> Any:
    def written_out(value: object) -> object:
        entries = [value] if isinstance(value, (str, Mapping)) else value
        if not isinstance(entries, Iterable):
            return value
        return [{field: entry} if isinstance(entry, str) else entry for entry in entries]

    return written_out


_WRITTEN_OUT: Final[Mapping[str, Any]] = {
    "authors": _several,
    "licenses": _several,
    "metrics": _metrics,
    "parents": _named("reference"),
    "datasets": _named("uri"),
}


def _known_by(value: Mapping[Any, Any]) -> Iterator[tuple[str, object]]:
    for name, part in value.items():
        plural = _SINGULAR.get(name, name)
        yield (plural if plural not in value else name), part


def _as_written(value: Mapping[Any, Any], place: Place) -> Place:
    """The place of a mistake as the person wrote it: a metric by its name."""
    metrics = value.get("metrics")
    if place[:1] == ["metrics"] and len(place) > 1 and isinstance(metrics, Mapping):
        return ["metrics", list(metrics)[int(place[1])]]
    return place


# What fields look like, for who wrote one in another way.
_FORMS: Final = {
    "metrics": "metrics: {auc@test: 0.93}",
    "params": "params: {learning_rate: 0.01}",
    "tags": "tags: {team: risk}, with text for values",
    "datasets": "datasets: [{uri: s3://data/train, split: train}]",
    "parents": "parents: [ml/base:1.0.0]",
    "authors": "authors: [Ada Lovelace]",
    "licenses": "licenses: [Apache-2.0]",
}
# What a document has, and a declaration has in another place or not at all.
_ELSEWHERE: Final = {
    "lineage": "its parts stand by themselves: parents, datasets, code, runs, training",
    "name": "the name is the repository's: lading push PATH NAME:VERSION",
    "version": "the version is the tag: lading push PATH NAME:VERSION",
    "schema": "did you mean signature?",
    "files": "the folder that is pushed says which files there are",
}
