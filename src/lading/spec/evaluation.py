"""An evaluation: how well a version did, found out after it was pushed.

Evidence of its own kind, and JSON. What people and tools write of an evaluation has many shapes;
they are all read into this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from lading.errors import InvalidInput
from lading.spec.declaration import declaration
from lading.spec.document import Metric
from lading.spec.encoding import check_depth, encode
from lading.spec.event import moment
from lading.spec.evidence import CONTENT_LIMIT
from lading.spec.part import Moment, Name, OciDigest, Part, Text
from lading.spec.plain import plain
from lading.spec.written import in_words

EVALUATION_VERSION: Final = 1

_SHAPES: Final = (
    '{"auc": 0.91, "f1@test": 0.8}, {"metrics": {…}, "dataset": …, "split": …},'
    ' or a list of {"name": …, "value": …}'
)
_SAID: Final = ("dataset", "split", "tool", "notes", "created")
# MLflow has other names for some fields of a metric, and fields that say nothing here.
_NAMES: Final = {"key": "name", "dataset_name": "dataset"}
_LEFT_OUT: Final = frozenset({"timestamp", "run_id", "model_id", "dataset_digest"})


class EvaluatedVersion(Part):
    """The version that was evaluated."""

    index: Annotated[OciDigest, Field(description="The version's digest.")]
    model: Annotated[
        OciDigest | None,
        Field(description="Its model manifest's, which survives a copy that was compressed."),
    ] = None


class Evaluation(Part):
    """How well a version did, found out after it was pushed."""

    schema_version: Annotated[int, Field(ge=1)]
    subject: EvaluatedVersion
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=1000)]
    dataset: Annotated[
        Text | None, Field(description="On what, where a metric does not say it itself.")
    ] = None
    split: Annotated[Text | None, Field(examples=["test"])] = None
    created: Moment
    actor: Annotated[Name, Field(description="Who says so; claimed, unless it is signed.")]
    tool: Annotated[Text | None, Field(description="What measured it.")] = None
    notes: str | None = None

    def encode(self) -> bytes:
        """The bytes of this evaluation.

        Raises:
            InvalidInput: it is larger than anybody reads.
        """
        raw = encode(self.as_json())
        if len(raw) > CONTENT_LIMIT:
            raise InvalidInput("the evaluation is larger than 1 MiB", cause=f"{len(raw)} bytes")
        return raw


def evaluation(
    value: object, where: str, *, subject: EvaluatedVersion, created: str, actor: str
) -> Evaluation:
    """The evaluation in whatever shape somebody wrote it.

    What it says itself of its moment and its actor holds; what it says of its subject must be true.

    Raises:
        InvalidInput: it is none, or of another version; says what was expected.
    """
    check_depth(value, where)
    said = _said(value, where)
    _demand_subject(said.get("subject"), subject, where)
    metrics = declaration({"metrics": said["metrics"]}, where).metrics
    if not metrics:
        raise InvalidInput(f"{where} has no metrics", hint=f"write {_SHAPES}")
    fields = {name: said[name] for name in (*_SAID, "actor") if said.get(name) is not None}
    whole = {
        "schema_version": EVALUATION_VERSION,
        "subject": plain(subject),
        "metrics": plain(metrics),
        "created": created,
        "actor": actor,
    }
    try:
        made = Evaluation.model_validate_json(json.dumps(whole | fields), extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(
            f"{where} is not right", cause=f"{place}: {in_words(first)[0]}"
        ) from error
    moment(made.created)
    return made


def _said(value: object, where: str) -> Mapping[str, Any]:
    """The fields of an evaluation, ``metrics`` among them, out of any shape."""
    if isinstance(value, Mapping) and "metrics" in value:
        known = {"metrics", "subject", "schema_version", "actor", *_SAID}
        if strange := sorted(str(name) for name in value if name not in known):
            raise InvalidInput(
                f"{where} has a field that is not known: {strange[0][:60]!r}",
                hint=f"known are: {', '.join(sorted(known))}",
            )
        return {**value, "metrics": _metrics(value["metrics"], where)}
    return {"metrics": _metrics(value, where)}


def _metrics(value: object, where: str) -> object:
    if isinstance(value, Mapping):
        for name, number in value.items():
            if isinstance(number, (bool, str, Mapping, list, type(None))):
                raise InvalidInput(
                    f"{where}: {str(name)[:60]!r} is not a number",
                    cause=f"got {str(number)[:60]}",
                    hint=f"write {_SHAPES}; other files are attached as they are: --type report",
                )
        return value
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return _last_of_each([_metric(entry) for entry in value])
    raise InvalidInput(f"{where} is not an evaluation", hint=f"write {_SHAPES}")


def _metric(entry: object) -> object:
    """A metric as Lading calls its fields."""
    if not isinstance(entry, Mapping):
        return plain(entry)
    return {
        _NAMES.get(name, name): part
        for name, part in entry.items()
        if name not in _LEFT_OUT and part is not None
    }


def _last_of_each(metrics: list[object]) -> list[object]:
    """Of a metric that was logged step by step, the last one."""
    kept: dict[str, object] = {}
    for place, metric in enumerate(metrics):
        name = str(place)
        if isinstance(metric, Mapping) and isinstance(metric.get("step"), int):
            name = json.dumps(
                [metric.get(word) for word in ("name", "dataset", "split", "group")], default=str
            )
            before = kept.get(name)
            if isinstance(before, Mapping) and before["step"] > metric["step"]:
                continue
        kept[name] = metric
    return list(kept.values())


def _demand_subject(said: object, subject: EvaluatedVersion, where: str) -> None:
    """An evaluation of another version is not hung on this one."""
    if said is None:
        return
    index = said.get("index") if isinstance(said, Mapping) else None
    model = said.get("model") if isinstance(said, Mapping) else None
    if index != subject.index and (model is None or model != subject.model):
        raise InvalidInput(
            f"{where} is of another version",
            cause=f"it says {str(index)[:80]}, this is {subject.index}",
            hint="leave out its subject if it is of this one all the same",
        )
