"""What DVC knows of a model: the stage that made it, its data by digest, its metrics.

``dvc.lock`` says what the last run of each stage read and wrote; ``.dvc`` files say which data
is tracked. Neither is ever run or fetched.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.capture.remote_url import public_address
from lading.capture.run.findings import Findings, Gathering, bounded, public_uri, short
from lading.capture.run.ground import Ground, Unreadable, entries, is_file, parsed
from lading.capture.run.redaction import command_without_secrets, without_secrets

NAME: Final = "dvc"
_LOCK: Final = "dvc.lock"
_PIPELINE: Final = "dvc.yaml"
_PARAMS: Final = "params.yaml"
_MOST_STAGES: Final = 1000
_MOST_TRACKED: Final = 100
_MOST_DEPENDENCIES: Final = 1000
_MOST_METRICS: Final = 50
_MOST_ENTRIES: Final = 4000
# How DVC names the hash of content, on disk and of stores in the cloud.
_HASHES: Final = ("md5", "etag", "checksum")
# What stages depend on beside their data.
_CODE: Final = frozenset(
    {".py", ".ipynb", ".r", ".R", ".jl", ".sh", ".scala", ".java", ".sql", ".cpp", ".c", ".rs"}
)
_CODE_FOLDERS: Final = frozenset({"src", "code", "scripts", "notebooks", "lib"})
_SETTINGS: Final = frozenset({".yaml", ".yml", ".toml", ".lock", ".cfg", ".ini"})
_REMOTE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://", re.ASCII)


def find(ground: Ground) -> Findings:
    """What the nearest pipeline and the ``.dvc`` files around say."""
    return _Reading(ground, Gathering(NAME)).findings()


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of everything that DVC left on some ground."""

    ground: Ground
    found: Gathering

    def findings(self) -> Findings:
        """Everything that was found."""
        self._pipeline()
        for place in self.ground.places:
            self._tracked(place, "")
            if self.ground.holds(place / "data"):
                self._tracked(place / "data", "data/")
        return self.found.finish()

    def _pipeline(self) -> None:
        for place in self.ground.places:
            if self.ground.has(place / _LOCK) or self.ground.has(place / _PIPELINE):
                stage = self._stage(place)
                # What the lock says was used; the file may have been changed since.
                if not (stage and self._take(*stage)):
                    self.found.params(self._values(place / _PARAMS))
                self._metrics(place)
                return

    def _values(self, path: Path) -> dict[str, Any]:
        try:
            content = self.ground.file(path)
            return {} if content is None else parsed(content, yaml=path.suffix != ".json")
        except Unreadable as error:
            self.found.note(f"{path.name[:80]} {error}")
            return {}

    def _stage(self, place: Path) -> tuple[str, Mapping[str, Any]] | None:
        """The stage that made the model, else the last that made anything."""
        lock = self._values(place / _LOCK)
        # The first form of the file had the stages at its top.
        stages = lock.get("stages") if "schema" in lock else lock
        makers = [
            (name, stage)
            for name, stage in list(_mapping(stages).items())[:_MOST_STAGES]
            if any(True for _ in _listed(stage, "outs"))
        ]
        for name, stage in makers:
            if any(self._is_model(place, out.get("path")) for out in _listed(stage, "outs")):
                return name, stage
        if not makers:
            return None
        name, stage = makers[-1]
        shown = without_secrets(name)[:80]
        self.found.note(f"no stage of {_LOCK} makes this model; the last one, {shown!r}, was taken")
        return name, stage

    def _is_model(self, place: Path, out: Any) -> bool:
        """Whether an output is the model, holds it or lies in it."""
        if not isinstance(out, str) or not out or "\0" in out or _REMOTE.match(out):
            return False
        path = Path(os.path.normpath(place / out))
        model = self.ground.model
        return path == model or path in model.parents or model in path.parents

    def _take(self, name: str, stage: Mapping[str, Any]) -> bool:
        """Take what a stage used; whether its parameters are known."""
        from lading.spec.lineage import Run, Training

        self.found.runs.append(Run(tracker=NAME, name=short(name)))
        command = _command(stage.get("cmd"))
        if command:
            self.found.training = Training(command=command)
        elif stage.get("cmd"):
            self.found.note("the command of the stage is too long, or is no text")
        for data in _listed(stage, "deps"):
            if _is_data(data.get("path")):
                self._dataset(data, data.get("path"))
        params = _mapping(stage.get("params"))
        for values in params.values():
            self.found.params(values)
        return bool(params)

    def _dataset(self, data: Mapping[str, Any], path: Any, **said: Any) -> None:
        self.found.dataset(
            name=_name(path),
            uri=said.get("uri") or path,
            digest=_digest(data),
            size=data.get("size"),
            provenance=said.get("provenance"),
        )

    def _tracked(self, folder: Path, prefix: str) -> None:
        """Take the data of the ``.dvc`` files in a folder, but for the model itself."""
        names = [
            entry.name
            for entry in entries(folder, _MOST_ENTRIES)
            if entry.name.endswith(".dvc") and is_file(entry)
        ]
        if len(names) > _MOST_TRACKED:
            self.found.note(f"only {_MOST_TRACKED} of {len(names)} .dvc files were read")
        for name in names[:_MOST_TRACKED]:
            tracked = self._values(folder / name)
            source = _source(next(_listed(tracked, "deps"), {}))
            for out in _listed(tracked, "outs"):
                path = out.get("path")
                if not isinstance(path, str) or self._is_model(folder, path):
                    continue
                said = bounded(out.get("desc")) or bounded(tracked.get("desc"))
                self._dataset(out, prefix + path, uri=source, provenance=said)

    def _metrics(self, place: Path) -> None:
        """Take the metrics files that the pipeline names."""
        pipeline = self._values(place / _PIPELINE)
        paths = dict.fromkeys(_metrics_files(pipeline))
        for path in list(paths)[:_MOST_METRICS]:
            # dvclive's own is read by the room beside, with its steps.
            file = Path(os.path.normpath(place / path))
            if file.parent.name != "dvclive":
                self.found.metrics(self._values(file), ".")


def _metrics_files(pipeline: Mapping[str, Any]) -> Iterator[str]:
    """The names of the metrics files, from the pipeline's folder on."""
    whole = [("", pipeline.get("metrics"))]
    for stage in list(_mapping(pipeline.get("stages")).values())[:_MOST_STAGES]:
        part = _mapping(stage)
        folder = part.get("wdir")
        whole.append((folder if isinstance(folder, str) else "", part.get("metrics")))
    for folder, named in whole:
        for entry in named if isinstance(named, list) else []:
            # With options, a file is the one key of a mapping.
            path = next(iter(entry), None) if isinstance(entry, dict) else entry
            if isinstance(path, str) and path.endswith((".json", ".yaml", ".yml")):
                whole_path = posixpath.join(folder, path)
                if "${" not in whole_path and "\0" not in whole_path:
                    yield whole_path


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """The mappings of a list, as far as anybody would write one."""
    items = _mapping(value).get(name)
    for item in (items if isinstance(items, list) else [])[:_MOST_DEPENDENCIES]:
        if isinstance(item, Mapping):
            yield item


def _command(value: Any) -> str | None:
    """One command, or several one after the other."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = " && ".join(value)
    command = bounded(value)
    return command and command_without_secrets(command)


def _name(path: Any) -> str | None:
    """What data is called: the end of where it lies, less what may be a secret."""
    if not isinstance(path, str):
        return None
    place = public_uri(path) if _REMOTE.match(path) else re.split(r"[?#]", path, maxsplit=1)[0]
    name = posixpath.basename((place or "").rstrip("/"))
    # A person and a password before a host.
    return None if "@" in name and ":" in name else name


def _is_data(path: Any) -> bool:
    """Whether a stage's dependency is data, as far as its name tells."""
    if not isinstance(path, str) or not path:
        return False
    first, suffix = path.split("/", 1)[0], posixpath.splitext(path)[1]
    return suffix not in _CODE | _SETTINGS and first not in _CODE_FOLDERS


def _digest(data: Mapping[str, Any]) -> str | None:
    for name in _HASHES:
        value = data.get(name)
        if isinstance(value, str) and value:
            return f"{name}:{value}"
    return None


def _source(dependency: Mapping[str, Any]) -> str | None:
    """Where imported data comes from: an address, or a path in another repository."""
    repository = _mapping(dependency.get("repo")).get("url")
    if isinstance(repository, str):
        return public_address(repository)
    path = dependency.get("path")
    return path if isinstance(path, str) and _REMOTE.match(path) else None
