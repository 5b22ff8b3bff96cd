"""MLflow's words for a model registry, where they mean the same.

Run it: python examples/for_mlflow_users.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from lading.exchange import mlflow

with tempfile.TemporaryDirectory() as name:
    folder = Path(name) / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")

    version = mlflow.register_model(folder, "examples/mlflow", version="1.0.0")
    mlflow.set_alias("examples/mlflow", "champion", version.version)

found = mlflow.get_model_version_by_alias("examples/mlflow", "champion")
print("champion is", found.version)
print("a reference:", mlflow.reference("models:/examples/mlflow@champion"))
