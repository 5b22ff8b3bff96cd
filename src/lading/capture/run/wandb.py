"""What Weights & Biases wrote beside a model: the newest run's parameters, results and machine.

An offline run keeps its parameters and results in one binary file until it is synchronised: of it
only the run itself, and at times the machine, is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from lading.capture.run.findings import (
    Findings,
    Gathering,
    bounded,
    count,
    moment,
    script_name,
    short,
)
from lading.capture.run.ground import Ground, Unreadable, entries, is_folder, parsed
from lading.errors import InvalidInput

NAME: Final = "wandb"
_RUN: Final = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-([A-Za-z0-9_.-]{1,128})", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}", re.ASCII)


def find(ground: Ground, run_id: str | None = None) -> Findings:
    """What the run that holds the model, the run asked for, or else the newest says.

    Raises:
        InvalidInput: no run of the id that was asked for is near.
    """
    for place in ground.places:
        if _RUN.fullmatch(place.name) and run_id is None:
            return _read(ground, place, others=0)
    for place in ground.places:
        folder = place if place.name == NAME else place / NAME
        runs = _runs(folder) if ground.holds(folder) else []
        chosen = _chosen(folder, runs, run_id)
        if chosen:
            return _read(ground, folder / chosen, others=0 if run_id else len(runs) - 1)
    if run_id is not None:
        raise InvalidInput(
            f"there is no W&B run {run_id[:80]!r} near the model",
            hint="the id is the last part of the name of a folder wandb/run-…",
        )
    return Findings()


def _runs(folder: Path) -> list[str]:
    """The names of the run folders, oldest first."""
    matches = (_RUN.fullmatch(entry.name) for entry in entries(folder) if is_folder(entry))
    return [match[0] for match in sorted(filter(None, matches), key=lambda m: (m[1], m[0]))]


def _chosen(folder: Path, runs: list[str], run_id: str | None) -> str | None:
    if run_id is not None:
        return next((name for name in runs if _id(name) == run_id), None)
    try:
        latest = (folder / "latest-run").readlink().name
    except (OSError, ValueError):
        latest = ""
    return latest if latest in runs else runs[-1] if runs else None


def _id(name: str) -> str:
    match = _RUN.fullmatch(name)
    return match[2] if match else ""


def _read(ground: Ground, folder: Path, *, others: int) -> Findings:
    from lading.spec.lineage import Run, Training

    found = Gathering(NAME)
    files = folder / "files"
    config = _values(ground, files / "config.yaml", found, yaml=True)
    summary = _values(ground, files / "wandb-summary.json", found, yaml=False)
    metadata = _values(ground, files / "wandb-metadata.json", found, yaml=False) or {}
    if config is None:
        found.note(
            f"run {_id(folder.name)} is not synchronised, so its parameters and metrics are in "
            "a file that only wandb reads; see wandb sync"
        )
    if others > 0:
        found.note(f"the newest of {others + 1} runs was taken; --run wandb:ID chooses another")
    _params(found, config or {})
    _metrics(found, summary or {})
    started = moment(metadata.get("startedAt"))
    commit = _part(metadata, "git").get("commit")
    known = isinstance(commit, str) and _COMMIT.fullmatch(commit)
    found.runs.append(
        Run(
            tracker=NAME,
            id=_id(folder.name) or None,
            user=short(metadata.get("email")) or short(metadata.get("username")),
            started=started,
            tags={"git.commit": commit} if known else {},
        )
    )
    script, hardware = _script(metadata), _hardware(metadata)
    if script or hardware:
        found.training = Training(script=script, started=started, hardware=hardware)
    return found.finish()


def _values(ground: Ground, path: Path, found: Gathering, *, yaml: bool) -> dict[str, Any] | None:
    try:
        content = ground.file(path)
        return None if content is None else parsed(content, yaml=yaml)
    except Unreadable as error:
        found.note(f"{path.name} {error}")
        return {}


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}


def _params(found: Gathering, config: Mapping[str, Any]) -> None:
    """``{name: {value: …}}``; older releases add a description and their own version."""
    for name, entry in config.items():
        if not name.startswith("_") and isinstance(entry, Mapping) and "value" in entry:
            found.params({name: entry["value"]})


def _metrics(found: Gathering, summary: Mapping[str, Any]) -> None:
    step = summary.get("_step")
    for name, value in summary.items():
        # Pictures, tables and histograms are mappings that name their type.
        media = isinstance(value, Mapping) and "_type" in value
        if not name.startswith("_") and not media:
            found.metrics({name: value}, ".", step)


def _script(metadata: Mapping[str, Any]) -> str | None:
    """The program, by its path in the repository, else by its name."""
    inside = bounded(metadata.get("codePath"))
    if inside and not PurePosixPath(inside).is_absolute() and "\\" not in inside:
        return inside
    return script_name(metadata.get("program"))


def _hardware(metadata: Mapping[str, Any]) -> str | None:
    name, number = short(metadata.get("gpu")), count(metadata.get("gpu_count"))
    return f"{number} {name}" if name and number else name
