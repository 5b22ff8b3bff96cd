"""What experiment trackers left beside a model goes into its document: MLflow, W&B, DVC.

The files are written here as the trackers write them, so that none has to be installed.

Run it: python examples/trackers.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lading

RUN = "254dec5959cb42e690ec89f225ffa62e"
MLFLOW = {
    "MLmodel": f"run_id: {RUN}\n",
    "mlruns/1/meta.yaml": "experiment_id: '1'\nname: fraud\nlifecycle_stage: active\n",
    f"mlruns/1/{RUN}/meta.yaml": (
        f"run_id: {RUN}\nexperiment_id: '1'\nrun_name: first\nstatus: 3\nlifecycle_stage: active\n"
    ),
    f"mlruns/1/{RUN}/params/depth": "3",
    f"mlruns/1/{RUN}/metrics/auc": "1795265337946 0.91 1\n1795265337947 0.92 2\n",
}
WANDB = {
    "wandb/run-20261121_124859-k3v9x2ab/files/config.yaml": "lr:\n    value: 0.01\n",
    "wandb/run-20261121_124859-k3v9x2ab/files/wandb-summary.json": '{"_step": 9, "loss": 0.25}',
    "wandb/run-20261121_124859-k3v9x2ab/files/wandb-metadata.json": '{"codePath": "src/train.py"}',
}
DVC = {
    "dvc.lock": """\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: data/payments.csv
      md5: 22a1a2931c8370d3aeedd7183606fd7f
      size: 14
    params:
      params.yaml:
        epochs: 20
    outs:
    - path: model
      md5: 0cc175b9c0f1b6a831c399e269772661.dir
""",
    "dvc.yaml": "stages:\n  train:\n    cmd: python train.py\n    metrics:\n    - scores.json\n",
    "scores.json": '{"f1": 0.8}',
}

for tracker, files in {"mlflow": MLFLOW, "wandb": WANDB, "dvc": DVC}.items():
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model"
        for path, text in {"weights.bin": "weights", **files}.items():
            # The model's own files in its folder, the tracker's beside it.
            place = (model if path in ("weights.bin", "MLmodel") else Path(name)) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        lading.push(model, f"examples/{tracker}-run:1.0.0")

    with lading.open(f"examples/{tracker}-run:1.0.0") as version:
        document = version.document
    if lineage := document.lineage:
        print(*(f"{run.tracker} {run.id or run.name}" for run in lineage.runs))
        print("  params", dict(document.params))
        print("  metrics", *(f"{m.name}={m.value} at {m.step}" for m in document.metrics))
        print("  data", *(f"{data.name} {data.digest}" for data in lineage.datasets))
        print(
            "  made by", lineage.training and (lineage.training.script or lineage.training.command)
        )
