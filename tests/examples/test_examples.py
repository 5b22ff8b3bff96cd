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
    "environment.py": ["equal ", " packages", "=="],
    "for_hopsworks_users.py": ["best auc 0.93", "files ['model.bin']"],
    "for_mlflow_users.py": ["champion is 1.0.0", "a reference: examples/mlflow:champion"],
    "push_and_pull.py": ["again: unchanged", "refused: ", '{"layers": 2}', "0.1.0 20"],
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
        "comes from: nobody said",
    ],
    "progress.py": ["push", "pull", "100 %", "weights.bin"],
}


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SAYS.keys()


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_and_runs_again(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, EXAMPLES / name],
            env=Command(tmp_path).environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        for text in SAYS[name]:
            assert text in done.stdout
