"""MLflow's file store: ``mlruns/EXPERIMENT/RUN/{meta.yaml,params,metrics,tags,inputs}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.capture.run.findings import LONGEST_TEXT, MOST
from lading.capture.run.ground import (
    Unreadable,
    entries,
    is_file,
    is_folder,
    parsed,
    read,
    read_tail,
)
from lading.capture.run.mlflow_record import MOST_COUNTED, DatasetRecord, RunRecord, is_id

# Enough for the last steps of any metric; a history may have millions.
_TAIL: Final = 64 * 1024
_MOST_FILES: Final = MOST + 1
_MOST_INPUTS: Final = 200
_DEEPEST: Final = 8
# Beside the runs of an experiment.
_NO_RUNS: Final = frozenset({"datasets", "models", "traces", "tags", ".trash"})


@dataclass(frozen=True, slots=True)
class FileStore:
    """A folder ``mlruns``, known to lie inside the ground."""

    folder: Path

    def run(self, run_id: str) -> RunRecord | None:
        """A run by its id.

        Raises:
            Unreadable: what says what the run is cannot be read.
        """
        for experiment in self._experiments():
            folder = experiment / run_id
            meta = _meta(folder)
            if meta is not None:
                return _record(experiment, folder, run_id, meta)
        return None

    def maker(self, model_id: str) -> str | None:
        """The id of the run that logged a model.

        Raises:
            Unreadable: what says where the model comes from cannot be read.
        """
        for experiment in self._experiments():
            meta = _meta(experiment / "models" / model_id)
            if meta is not None:
                maker = meta.get("source_run_id")
                return maker if is_id(maker) else None
        return None

    def runs(self) -> list[str]:
        """The ids of the runs that are not deleted, up to a number."""
        found: list[str] = []
        for experiment in self._experiments():
            for entry in entries(experiment, MOST):
                if len(found) >= MOST_COUNTED:
                    return found
                if entry.name not in _NO_RUNS and is_folder(entry) and _is_run(Path(entry.path)):
                    found.append(entry.name)
        return found

    def _experiments(self) -> Iterator[Path]:
        for entry in entries(self.folder, MOST):
            if is_folder(entry) and not entry.name.startswith("."):
                yield Path(entry.path)


def _is_run(folder: Path) -> bool:
    try:
        meta = _meta(folder)
    except Unreadable:
        return False
    return meta is not None and "run_id" in meta and meta.get("lifecycle_stage") != "deleted"


def _meta(folder: Path) -> dict[str, Any] | None:
    if folder.is_symlink():
        return None
    content = read(folder / "meta.yaml")
    return None if content is None else parsed(content, yaml=True)


def _record(experiment: Path, folder: Path, run_id: str, meta: Mapping[str, Any]) -> RunRecord:
    record = RunRecord(
        id=run_id,
        name=meta.get("run_name"),
        experiment=_experiment_name(experiment),
        user=meta.get("user_id"),
        status=meta.get("status"),
        started=meta.get("start_time"),
        ended=meta.get("end_time"),
    )
    for name, path in _files(folder / "params"):
        _keep_param(record, name, path)
    for name, path in _files(folder / "metrics"):
        _keep_metric(record, name, path)
    for name, path in _files(folder / "tags"):
        _keep_tag(record, name, path)
    record.datasets = list(_datasets(experiment, folder))
    return record


def _experiment_name(experiment: Path) -> Any:
    try:
        return (_meta(experiment) or {}).get("name")
    except Unreadable:
        return None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder by their names with slashes; links are not followed."""
    if folder.is_symlink():
        return
    waiting = [("", folder, 0)]
    found = 0
    while waiting:
        above, place, depth = waiting.pop()
        for entry in entries(place, _MOST_FILES):
            name = above + entry.name
            if is_folder(entry) and depth < _DEEPEST:
                waiting.append((f"{name}/", Path(entry.path), depth + 1))
            elif is_file(entry):
                found += 1
                if found > _MOST_FILES:
                    return
                yield name, Path(entry.path)


def _keep_param(record: RunRecord, name: str, path: Path) -> None:
    try:
        record.params.append((name, read(path, LONGEST_TEXT)))
    except Unreadable:
        record.unreadable.append(name)


def _keep_tag(record: RunRecord, name: str, path: Path) -> None:
    try:
        record.tags[name] = read(path, LONGEST_TEXT)
    except Unreadable:
        # MLflow's own log of models, mostly: a tag is no fact that anybody misses.
        record.tags.pop(name, None)


def _keep_metric(record: RunRecord, name: str, path: Path) -> None:
    try:
        tail = read_tail(path, _TAIL) or b""
    except Unreadable:
        record.unreadable.append(name)
        return
    lines = tail.decode("utf-8", "replace").splitlines()
    # Where the file is longer than the tail, its first line is a part of one.
    points = [point for line in lines[len(tail) == _TAIL :] if (point := _point(line)) is not None]
    if not points:
        record.unreadable.append(name)
        return
    step, _, value = max(points, key=lambda point: point[:2])
    record.metrics.append((name, value, step))


def _point(line: str) -> tuple[int, int, float] | None:
    """Step, time and value of ``TIME VALUE STEP …``; the step came with MLflow 1."""
    words = line.split(" ")
    try:
        return int(words[2]) if len(words) > 2 else 0, int(words[0]), float(words[1])
    except (IndexError, ValueError):
        return None


def _datasets(experiment: Path, folder: Path) -> Iterator[DatasetRecord]:
    for entry in entries(folder / "inputs", _MOST_INPUTS):
        try:
            given = (_meta(Path(entry.path)) if is_folder(entry) else None) or {}
            source = given.get("source_id")
            if given.get("source_type") != "DATASET" or not is_id(source):
                continue
            meta = _meta(experiment / "datasets" / str(source)) or {}
        except Unreadable:
            continue
        tags = given.get("tags")
        yield DatasetRecord(
            name=meta.get("name"),
            digest=meta.get("digest"),
            source=meta.get("source"),
            profile=meta.get("profile"),
            context=tags.get("mlflow.data.context") if isinstance(tags, dict) else None,
        )
