"""A model's schema for other tools: JSON Schema, MLflow, the Open Inference Protocol.

Run it: python examples/exports.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import lading

# What a team agreed upon long before: a JSON Schema of the input.
AGREED = {
    "type": "object",
    "properties": {
        "amount": {"type": "number"},
        "country": {"type": "string", "enum": ["DE", "FR"]},
        "age": {"type": "integer"},
    },
    "required": ["amount", "country"],
}

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "schema.json").write_text(json.dumps(AGREED))
    (folder / "weights.bin").write_bytes(b"weights")
    # It is taken as the version's signature, and goes along with the model.
    pushed = lading.push(
        folder / "weights.bin", "examples/exports:1.0.0", signature=folder / "schema.json"
    )
    print("pushed", pushed.status)

for field in lading.schema("examples/exports:1.0.0").schema["inputs"]:
    print("input", field["name"], field["dtype"])

# And back again, in the words of whoever asks; what those cannot say is told.
for words in ("json-schema", "mlflow", "v2"):
    exported = lading.schema("examples/exports:1.0.0", format=words)
    print(words, json.dumps(exported.schema)[:400])
    for loss in exported.losses:
        print(words, "loses:", loss)
