"""Every example runs as it is, twice: the second time everything is there already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from parts.command import Command

EXAMPLES = Path(__file__).parents[2] / "examples"

SAYS = {
    "what_is_found_out.py": [
        "parameters 6 float32",
        "licence ['MIT'] task text-classification",
        "metric accuracy 0.97",
        "code https://git.example.com/ml/text.git",
        "dirty True in .lading/code.patch",
        "+print('training longer')",
        "left out: True",
    ],
    "next_version.py": ["patch 1.0.1 and major 2.0.0", "breaking because", "made from 2 others"],
    "train_and_save.py": ["predicts [", "check: same", "environment: equal", "needs scikit-learn"],
    "describe_a_folder.py": [
        "'split': 'test'",
        "'team': 'orchard'",
        "did you mean value?",
        "strict: --strict refuses a version that does not say",
    ],
    "environment.py": ["equal ", " packages", "==", "python: 3.", "name: line"],
    "frameworks.py": [
        "xgboost model.ubj predicts the same: True",
        "lightgbm model.skops predicts the same: True",
        "catboost model.cbm predicts the same: True",
        "onnx model.onnx predicts the same: True",
    ],
    "exports.py": [
        "input country string",
        'json-schema {"inputs": {"$schema"',
        '"name": "amount", "datatype": "FP64"',
        "mlflow loses: country: its 2 possible values are lost",
        "v2 loses: age: it is optional",
    ],
    "trackers.py": [
        "mlflow 254dec5959cb42e690ec89f225ffa62e\n  params {'depth': 3}\n  metrics auc=0.92 at 2",
        "wandb k3v9x2ab\n  params {'lr': 0.01}\n  metrics loss=0.25 at 9",
        "dvc train\n  params {'epochs': 20}\n  metrics f1=0.8",
        "data payments.csv md5:22a1a2931c8370d3aeedd7183606fd7f",
        "made by src/train.py",
    ],
    "for_hopsworks_users.py": ["best auc 0.93", "files ['model.bin']"],
    "for_mlflow_users.py": ["champion is 1.0.0", "a reference: examples/mlflow:champion"],
    "push_and_pull.py": ["again: unchanged", "refused: ", '{"layers": 2}', "0.1.0 20"],
    "evaluate_later.py": [
        "again: unchanged",
        "evaluation {'auc': 0.91}",
        "evaluation {'f1': 0.8}",
        "report fairness.md\n# Fair enough",
    ],
    "copy_to_folder.py": ["same digest: True", "same folder: True"],
    "scan.py": ["honest: clean", "posix.system", "refused: loading this model", "again: dangerous"],
    "own_adapter.py": ["the same: True", "{'EU': 9.0}"],
    "schema.py": [
        "'name': 'income', 'dtype': 'float64', 'nullable': True",
        "refused: plan: expected one of 'basic', 'plus', got 'gold' in row 1",
        "wider: compatible",
        "narrower: inputs.age removed",
        "MLflow: joined: the unit us is lost",
    ],
    "open_lazily.py": ["sum of the head: 66.0", "['cat', 'dog']", "last number: 11.0"],
    "compare.py": [
        "file model.safetensors changed",
        "tensor embed float32[1000, 64] same",
        "tensor head float32[2, 64] changed",
        "to fetch: 1 layer of 2",
        "as JSON: a b equal about metrics params signature",
        "as a page: <!doctype html>",
        "comes from: nobody said",
    ],
    "receive_webhook.py": [
        "program: assigned 1.0.0 for prod by digest: examples/watched@sha256:",
        "webhook: assigned genuine: True",
        "refused: the signature is wrong",
        "a stranger's exit code: 4",
        "prod is 1.0.0",
    ],
    "serve.py": ["the same: True", "answered by sha256:", "tensor [0, 1]"],
    "progress.py": ["push", "pull", "100 %", "weights.bin"],
}


# What needs frameworks of gigabytes.
LARGE_SAY = {
    "torch_state_dict.py": [
        "hidden.bias hidden.weight last.bias last.weight",
        "Classifier answers the same: True",
    ],
    "hugging_face.py": [
        "BertForSequenceClassification answers the same: True",
        "labels refused granted",
        "parameters 4746",
    ],
}


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SAYS.keys() | LARGE_SAY.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE_SAY)
def test_an_example_of_a_large_framework_runs_and_runs_again(tmp_path: Path, name: str) -> None:
    _runs_twice(tmp_path, name, LARGE_SAY[name], HF_HUB_OFFLINE="1")


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_and_runs_again(tmp_path: Path, name: str) -> None:
    _runs_twice(tmp_path, name, SAYS[name])


def _runs_twice(folder: Path, name: str, says: list[str], **environment: str) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, EXAMPLES / name],
            env=Command(folder).environment | environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        for text in says:
            assert text in done.stdout
