"""What dvclive wrote: the last values of a run, and its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.capture.run.findings import Findings, Gathering, count
from lading.capture.run.ground import Ground, Unreadable, entries, is_file, is_folder, parsed

if TYPE_CHECKING:
    from lading.spec.part import Json

NAME: Final = "dvclive"
_METRICS: Final = "metrics.json"
_PARAMS: Final = "params.yaml"
_MOST_PLOTS: Final = 1000


def find(ground: Ground) -> Findings:
    """What the nearest ``dvclive`` folder holds."""
    for place in ground.places:
        folder = place if place.name == NAME else place / NAME
        if ground.holds(folder) and _is_one(ground, folder):
            return _read(ground, folder)
    return Findings()


def _is_one(ground: Ground, folder: Path) -> bool:
    return ground.has(folder / _METRICS) or ground.has(folder / _PARAMS)


def _read(ground: Ground, folder: Path) -> Findings:
    from lading.spec.lineage import Run

    found = Gathering(NAME)
    metrics = _values(ground, folder / _METRICS, found, yaml=False)
    step = count(metrics.pop("step", None))
    # dvclive makes levels of the slashes in a metric's name.
    found.metrics(metrics, "/", step)
    found.params(_values(ground, folder / _PARAMS, found, yaml=True))
    plots = _plots(folder / "plots" / "metrics") if ground.holds(folder / "plots") else 0
    tags: dict[str, Json] = {}
    if step is not None:
        tags["step"] = step
    if plots:
        tags["plots"] = plots
    found.runs.append(Run(tracker=NAME, tags=tags))
    return found.finish()


def _values(ground: Ground, path: Path, found: Gathering, *, yaml: bool) -> dict[str, Any]:
    try:
        content = ground.file(path)
        return {} if content is None else parsed(content, yaml=yaml)
    except Unreadable as error:
        found.note(f"{path.name} {error}")
        return {}


def _plots(folder: Path) -> int:
    """How many metrics have a history."""
    waiting, plots = [folder], 0
    while waiting and plots < _MOST_PLOTS:
        inside = entries(waiting.pop(), _MOST_PLOTS)
        plots += sum(is_file(entry) and entry.name.endswith(".tsv") for entry in inside)
        waiting += [Path(entry.path) for entry in inside if is_folder(entry)][:_MOST_PLOTS]
    return plots
