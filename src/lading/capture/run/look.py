"""What experiment trackers recorded around a model, put together.

No tracker is run, imported or asked over a network: their files are read. Where two of them give
the same name, dvclive goes before MLflow, that before W&B, and that before DVC: who wrote the
value itself goes before who copied it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.capture.run import dvc, dvclive, mlflow, wandb
from lading.capture.run.findings import Findings, listed
from lading.capture.run.ground import around
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.spec.document import Metric
    from lading.spec.lineage import Dataset, Run, Training
    from lading.spec.part import Json

_CHOOSABLE: Final = (mlflow.NAME, wandb.NAME)
_SHORT: Final = 12


def find(
    folder: Path,
    *,
    near: Path | None = None,
    run_id: str | None = None,
    commit: str | None = None,
) -> Findings:
    """Runs, parameters, metrics and data that trackers recorded near a model.

    Looked into are the model's folder and up to four above it, no further than the one under git,
    and likewise the folder ``near``. ``run_id`` chooses a run: ``mlflow:ID`` or ``wandb:ID``, and
    an id alone is MLflow's. Of a run that was made at another ``commit`` a note says so.

    Raises:
        InvalidInput: the run that was asked for is not there.
    """
    asked = _asked(run_id)
    ground = around(folder, near)
    return _together(
        [
            dvclive.find(ground),
            mlflow.find(ground, asked.get(mlflow.NAME)),
            wandb.find(ground, asked.get(wandb.NAME)),
            dvc.find(ground),
        ],
        commit,
    )


def _asked(run_id: str | None) -> dict[str, str]:
    if run_id is None:
        return {}
    tracker, colon, name = run_id.partition(":")
    if not colon:
        tracker, name = mlflow.NAME, run_id
    if tracker not in _CHOOSABLE or not name:
        raise InvalidInput(
            f"no run can be called {run_id[:80]!r}", hint="write mlflow:ID or wandb:ID"
        )
    return {tracker: name}


def _together(every: list[Findings], commit: str | None) -> Findings:
    params: dict[str, Json] = {}
    metrics: dict[str, Metric] = {}
    notes: list[str] = []
    for found in every:
        notes += found.notes
        notes += _overruled(found, params, metrics)
        params = {**found.params, **params}
        metrics = {metric.name: metric for metric in found.metrics} | metrics
    runs = tuple(run for found in every for run in found.runs)
    notes += _elsewhere(runs, commit)
    return Findings(
        runs=runs,
        params=params,
        metrics=tuple(metrics.values()),
        datasets=_datasets(data for found in every for data in found.datasets),
        training=_training(found.training for found in every),
        notes=tuple(notes),
    )


def _overruled(
    found: Findings, params: dict[str, Json], metrics: dict[str, Metric]
) -> Iterable[str]:
    """Say where a tracker differs from one that goes before it."""
    other = [
        name for name, value in found.params.items() if name in params and params[name] != value
    ]
    other += [
        metric.name
        for metric in found.metrics
        if metric.name in metrics and metrics[metric.name].value != metric.value
    ]
    if other and found.runs:
        yield (
            f"{found.runs[0].tracker}: values that another tracker gives differently were not "
            f"taken: {listed(other)}"
        )


def _elsewhere(runs: Iterable[Run], commit: str | None) -> Iterable[str]:
    for run in runs:
        made_at = run.tags.get("git.commit")
        if commit and isinstance(made_at, str) and made_at != commit:
            yield (
                f"{run.tracker}: the run was made at commit {made_at[:_SHORT]}, the code is now at "
                f"{commit[:_SHORT]}"
            )


def _datasets(every: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Each dataset once: the first of each digest and use, or of each place where none is known."""
    known: dict[tuple[str | None, ...], Dataset] = {}
    for data in every:
        key = (data.digest, data.split) if data.digest else (None, data.uri, data.name, data.split)
        known.setdefault(key, data)
    return tuple(known.values())


def _training(every: Iterable[Training | None]) -> Training | None:
    """How it was trained: each field from the first tracker that knows it."""
    fields: dict[str, object] = {}
    for training in every:
        if training is not None:
            fields = training.as_json() | fields
    if not fields:
        return None
    from lading.spec.lineage import Training

    return Training.model_validate(fields)
