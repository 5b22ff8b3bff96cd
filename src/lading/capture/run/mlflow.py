"""What MLflow recorded of the run that made a model.

Which run: the one asked for, else the one that the model's ``MLmodel`` names, else the one in
whose artifacts the model lies, else the only one there is. Among several that nothing ties to the
model none is taken. The model's signature, which ``MLmodel`` holds as well, is not read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.capture.run.findings import (
    Findings,
    Gathering,
    bounded,
    moment_of_milliseconds,
    script_name,
    short,
)
from lading.capture.run.ground import Ground, Unreadable, parsed
from lading.capture.run.mlflow_database import DatabaseStore
from lading.capture.run.mlflow_files import FileStore
from lading.capture.run.mlflow_record import (
    MOST_COUNTED,
    DatasetRecord,
    RunRecord,
    Store,
    is_id,
    status,
)
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.spec.part import Json

NAME: Final = "mlflow"
_FOLDER: Final = "mlruns"
_DATABASES: Final = ("mlflow.db", "mlruns.db")
_MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}", re.ASCII)
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}", re.ASCII)
_MOST_FLAVORS: Final = 50
_MOST_TAGS: Final = 100
# MLflow's words for how data was used, where another word is usual.
_SPLITS: Final = {"training": "train", "testing": "test", "evaluation": "test"}
_ADDRESSES: Final = ("uri", "url", "delta_table_name", "table_name")


def find(ground: Ground, run_id: str | None = None) -> Findings:
    """What MLflow knows of the model's run.

    Raises:
        InvalidInput: no store near the model knows the run that was asked for.
    """
    return _Search(ground, Gathering(NAME)).find(run_id)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for one model's run."""

    ground: Ground
    found: Gathering

    def find(self, asked: str | None) -> Findings:
        """Everything that is known of the run.

        Raises:
            InvalidInput: no store near the model knows the run that was asked for.
        """
        declared = self._declared()
        stores = list(self._stores())
        if not stores and not declared and asked is None:
            return self.found.finish()
        named = asked or self._named(declared, stores)
        record = self._record(stores, named) if named else None
        if asked and record is None:
            raise InvalidInput(
                f"there is no MLflow run {asked[:80]!r} near the model",
                cause=f"{_number(self._count(stores))} runs were found",
                hint="start lading in the folder that holds mlruns or mlflow.db",
            )
        if named is None:
            record = self._only(stores)
        if record:
            self._take(record, declared)
        elif named:
            self.found.note(f"run {named} is in no store near the model, so only its id is known")
            self._take(RunRecord(id=named), declared)
        return self.found.finish()

    def _declared(self) -> dict[str, Any]:
        """What the model's own ``MLmodel`` says."""
        try:
            content = self.ground.file(self.ground.folder / "MLmodel")
            return {} if content is None else parsed(content, yaml=True)
        except Unreadable as error:
            self.found.note(f"MLmodel {error}")
            return {}

    def _stores(self) -> Iterator[Store]:
        for place in self.ground.places:
            folder = place / _FOLDER
            if self.ground.holds(folder):
                yield FileStore(folder)
            elif self.ground.has(folder):
                self.found.note(f"{_FOLDER} leads out of the project and was not read")
            for name in _DATABASES:
                if self.ground.has(place / name):
                    yield DatabaseStore(place / name)

    def _named(self, declared: Mapping[str, Any], stores: list[Store]) -> str | None:
        """The run that the model names, or that its place does."""
        if is_id(declared.get("run_id")):
            return str(declared["run_id"])
        folders = self.ground.model.parts[:-1][::-1]
        for name, below in zip(folders, (self.ground.model.name, *folders), strict=False):
            if below == "artifacts" and _MODEL_ID.fullmatch(name):
                return next(filter(None, (self._maker(store, name) for store in stores)), None)
            if below == "artifacts" and _RUN_ID.fullmatch(name):
                return name
        return None

    def _maker(self, store: Store, model_id: str) -> str | None:
        try:
            return store.maker(model_id)
        except Unreadable as error:
            self._complain(store, error)
            return None

    def _record(self, stores: list[Store], run_id: str) -> RunRecord | None:
        for store in stores if is_id(run_id) else ():
            try:
                record = store.run(run_id)
            except Unreadable as error:
                self._complain(store, error)
                continue
            if record:
                return record
        return None

    def _only(self, stores: list[Store]) -> RunRecord | None:
        runs = self._count(stores)
        if len(runs) == 1:
            self.found.note("the only run near the model was taken; nothing ties it to the model")
            return self._record(stores, runs[0])
        if runs:
            self.found.note(
                f"{_number(runs)} runs were found and none was taken, for nothing ties one to "
                "the model; --run mlflow:ID chooses"
            )
        return None

    def _count(self, stores: list[Store]) -> list[str]:
        runs: dict[str, None] = {}
        for store in stores:
            try:
                runs |= dict.fromkeys(store.runs())
            except Unreadable as error:
                self._complain(store, error)
        return list(runs)

    def _complain(self, store: Store, error: Unreadable) -> None:
        place = store.file if isinstance(store, DatabaseStore) else Path(_FOLDER)
        self.found.note(f"{place.name} {error}")

    def _take(self, record: RunRecord, declared: Mapping[str, Any]) -> None:
        from lading.spec.lineage import Run

        started = moment_of_milliseconds(record.started)
        ended = moment_of_milliseconds(record.ended)
        self.found.runs.append(
            Run(
                tracker=NAME,
                id=record.id,
                name=short(record.name) or short(record.tags.get("mlflow.runName")),
                experiment=short(record.experiment),
                user=short(record.tags.get("mlflow.user")) or short(record.user),
                status=status(record.status),
                started=started,
                ended=ended,
                tags=self._tags(record) | _model_tags(declared),
            )
        )
        for name, value in record.params:
            self.found.param(name, as_python(value) if isinstance(value, str) else value)
        for name, value, step in record.metrics:
            self.found.metric(name, value, step)
        for name in record.unreadable:
            self.found.leave_out("values that are too large or cannot be read", name)
        for dataset in record.datasets:
            self._dataset(dataset)
        self._training(record, started, ended)

    def _dataset(self, dataset: DatasetRecord) -> None:
        source, profile = _object(dataset.source), _object(dataset.profile)
        digest, context = short(dataset.digest), short(dataset.context)
        uri = next((source[name] for name in _ADDRESSES if name in source), None)
        if uri is None and isinstance(source.get("path"), str):
            # A data set of Hugging Face's, by its name there.
            uri = f"hf://datasets/{source['path']}"
        self.found.dataset(
            name=dataset.name,
            uri=uri,
            digest=f"{NAME}:{digest}" if digest else None,
            split=_SPLITS.get(context or "", context),
            rows=profile.get("num_rows"),
        )

    def _training(self, record: RunRecord, started: str | None, ended: str | None) -> None:
        from lading.spec.lineage import Training

        script = script_name(record.tags.get("mlflow.source.name"))
        if script:
            self.found.training = Training(script=script, started=started, ended=ended)

    def _tags(self, record: RunRecord) -> dict[str, Json]:
        """The tags that people gave, and the commit and the parent that MLflow noted."""
        tags: dict[str, Json] = {}
        for name, value in sorted(record.tags.items()):
            key, content = short(name), bounded(value)
            if not key or not content or name.startswith("mlflow.") or len(tags) >= _MOST_TAGS:
                continue
            if not self.found.hides(key, content):
                tags[key] = content
        commit = record.tags.get("mlflow.source.git.commit")
        if isinstance(commit, str) and _COMMIT.fullmatch(commit):
            tags["git.commit"] = commit
        parent = record.tags.get("mlflow.parentRunId")
        if isinstance(parent, str) and is_id(parent):
            tags["mlflow.parentRunId"] = parent
        return tags


def _number(runs: list[str]) -> str:
    return str(len(runs)) if len(runs) < MOST_COUNTED else f"{MOST_COUNTED} or more"


def as_python(value: str) -> Json:
    """A parameter as it was before MLflow made text of it.

    Only where nothing is lost: the text must be exactly what Python writes for the value.
    """
    if value in ("True", "False"):
        return value == "True"
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        if repr(number) == value and value not in ("inf", "-inf", "nan"):
            return number
    return value


def _model_tags(declared: Mapping[str, Any]) -> dict[str, Json]:
    tags: dict[str, Json] = {}
    for name in ("mlflow_version", "model_uuid", "utc_time_created"):
        if value := short(declared.get(name)):
            tags[name] = value
    flavors = declared.get("flavors")
    if isinstance(flavors, Mapping):
        names = filter(None, map(short, list(flavors)[:_MOST_FLAVORS]))
        tags["flavors"] = list(names)
    return tags


def _object(value: Any) -> dict[str, Any]:
    """A JSON object that was stored as text; an empty one for anything else."""
    try:
        return parsed(value, yaml=False) if isinstance(value, str) else {}
    except (Unreadable, json.JSONDecodeError):
        return {}
