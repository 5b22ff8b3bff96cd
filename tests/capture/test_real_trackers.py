"""The trackers themselves write, and what they wrote is found.

Each runs in a process of its own, as a person's script would: they leave threads and settings.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from capture.repositories import Repository

from lading.capture.run import find
from lading.spec.lineage import Dataset

pytestmark = pytest.mark.slow

MLFLOW = """
import sys, mlflow, pandas

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return model_input

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("fraud")
with mlflow.start_run(run_name="other"):
    mlflow.log_metric("auc", 0.1)
with mlflow.start_run(run_name="first") as run:
    mlflow.log_params({"lr": 0.01, "depth": 3, "shuffle": True, "nested/alpha": "adam w"})
    for step in range(3):
        mlflow.log_metric("auc", 0.9 + step / 100, step=step)
    mlflow.log_metric("eval/f1", 0.5, step=7)
    mlflow.log_metric("loss", float("nan"))
    table = pandas.DataFrame({"a": [1.0, 2.0]})
    data = mlflow.data.from_pandas(table, source="s3://bucket/train.parquet", name="train-set")
    mlflow.log_input(data, context="training")
    mlflow.set_tag("team", "risk")
    logged = mlflow.pyfunc.log_model(name="model", python_model=Model(), pip_requirements=[])
print(run.info.run_id, logged.model_id)
"""

DVCLIVE = """
from dvclive import Live
with Live(save_dvc_exp=False) as live:
    live.log_params({"lr": 0.01, "opt": {"name": "adam"}})
    for step in range(3):
        live.log_metric("train/loss", 1 / (step + 1))
        live.log_metric("acc", 0.5 + step / 10)
        live.next_step()
    live.log_metric("bad", float("nan"), plot=False)
"""

WANDB = """
import wandb
run = wandb.init(project="fraud", mode="offline", config={"lr": 0.01})
run.log({"loss": 0.5})
print("id", run.id)
run.finish()
"""

TRAIN = """
import json, os
os.makedirs("model", exist_ok=True)
open("model/weights.bin", "w").write("w")
json.dump({"auc": 0.9, "sub": {"f1": 0.5}}, open("metrics.json", "w"))
"""

PIPELINE = """
stages:
  train:
    cmd: python src/train.py
    deps: [data/raw, data/one.csv, src/train.py]
    params: [train, seed]
    outs: [model]
    metrics:
      - metrics.json:
          cache: false
"""


def run(project: Repository, *words: str) -> str:
    """What a program prints that this environment's Python runs in the project."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "DVC_NO_ANALYTICS": "true",
        "WANDB_SILENT": "true",
    }
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "project")


@pytest.mark.parametrize("store", ["file:./mlruns", "sqlite:///mlflow.db"])
def test_a_run_of_mlflow_is_found_from_the_model_that_it_logged(
    project: Repository, store: str
) -> None:
    project.write("train.py", MLFLOW)
    commit = project.commit()
    run_id, model_id = run(project, "train.py", store).split()[-2:]
    (model,) = project.folder.glob(f"mlruns/*/models/{model_id}/artifacts")

    found = find(model)

    (known,) = found.runs
    assert (known.id, known.name, known.experiment) == (run_id, "first", "fraud")
    assert (known.status, known.tags["team"]) == ("FINISHED", "risk")
    assert known.tags["flavors"] == ["python_function"]
    assert known.tags.get("git.commit") in (commit, None)  # only where GitPython is installed
    assert found.params == {"lr": 0.01, "depth": 3, "shuffle": True, "nested/alpha": "adam w"}
    assert {metric.name: (metric.value, metric.step) for metric in found.metrics} == {
        "auc": (0.92, 2),
        "eval/f1": (0.5, 7),
    }
    (data,) = found.datasets
    assert (data.name, data.uri, data.split, data.rows) == (
        *("train-set", "s3://bucket/train.parquet"),
        *("train", 2),
    )
    assert data.digest
    assert data.digest.startswith("mlflow:")
    assert found.training
    assert found.training.script == "train.py"


def test_of_two_runs_of_mlflow_one_may_be_chosen(project: Repository) -> None:
    project.write("train.py", MLFLOW)
    run_id = run(project, "train.py", "sqlite:///mlflow.db").split()[-2]

    unsure = find(project.folder)
    chosen = find(project.folder, run_id=f"mlflow:{run_id}")

    assert unsure.runs == ()
    assert unsure.notes[0].startswith("mlflow: 2 runs were found")
    assert [known.name for known in chosen.runs] == ["first"]


def test_the_values_of_dvclive_are_found(project: Repository) -> None:
    run(project, "-c", DVCLIVE)

    found = find(project.folder)

    assert found.params == {"lr": 0.01, "opt.name": "adam"}
    assert {metric.name: (metric.value, metric.step) for metric in found.metrics} == {
        "train/loss": (1 / 3, 2),
        "acc": (0.7, 2),
    }
    assert found.notes == ("dvclive: metrics that are no finite number were left out (1): bad",)


def test_an_offline_run_of_wandb_is_found(project: Repository) -> None:
    run_id = run(project, "-c", WANDB).split("id ")[1].split()[0]

    found = find(project.folder)

    assert [(known.tracker, known.id) for known in found.runs] == [("wandb", run_id)]
    assert "not synchronised" in found.notes[0]


def test_the_stage_and_the_data_of_dvc_are_found(project: Repository) -> None:
    project.write("data/raw/a.csv", "1,2\n")
    project.write("data/one.csv", "x\n")
    project.write("params.yaml", "train: {lr: 0.01, depth: 3}\nseed: 1\n")
    project.write("src/train.py", TRAIN)
    run(project, "-m", "dvc", "init", "--quiet")
    run(project, "-m", "dvc", "add", "--quiet", "data/raw", "data/one.csv")
    project.write("dvc.yaml", PIPELINE)
    run(project, "-m", "dvc", "repro", "--quiet")

    found = find(project.folder / "model")

    assert [(known.tracker, known.name) for known in found.runs] == [("dvc", "train")]
    assert found.params == {"train.lr": 0.01, "train.depth": 3, "seed": 1}
    assert {metric.name: metric.value for metric in found.metrics} == {"auc": 0.9, "sub.f1": 0.5}
    assert found.datasets == (
        Dataset(
            name="one.csv",
            uri="data/one.csv",
            digest="md5:401b30e3b8b5d629635a5c613cdb7919",
            size=2,
            source="dvc",
        ),
        Dataset(
            name="raw",
            uri="data/raw",
            digest="md5:9e8e9f1f6201e0720b8f35e7bfa647c8.dir",
            size=4,
            source="dvc",
        ),
    )
    assert found.training
    assert found.training.command == "python src/train.py"
    assert found.notes == ()
