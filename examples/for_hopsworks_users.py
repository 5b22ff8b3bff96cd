"""The calls of Hopsworks' model registry, on any container registry.

Run it: python examples/for_hopsworks_users.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from lading.exchange.hopsworks import ModelSchema, Registry, Schema

# With a place, such as Registry("registry.example.com/ml"), the models live there.
registry = Registry()

with tempfile.TemporaryDirectory() as name:
    folder = Path(name) / "model"
    folder.mkdir()
    for attempt, auc in enumerate((0.88, 0.93, 0.91)):
        (folder / "model.bin").write_bytes(bytes([attempt]))
        model = registry.sklearn.create_model(
            "examples/hopsworks",
            metrics={"auc": auc},
            model_schema=ModelSchema(Schema([{"amount": 1.5}]), Schema([True])),
            input_example=[{"amount": 1.5}],
        )
        model.save(folder)
        print("saved", model.version)

best = registry.get_best_model("examples/hopsworks", "auc", "max")
print("best auc", best.training_metrics["auc"])
print("files", sorted(path.name for path in Path(best.download()).glob("*.bin")))
