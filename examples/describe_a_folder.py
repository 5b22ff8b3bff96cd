"""Say what a folder of files is in a lading.yaml, and refuse to push what does not say enough.

Run it: python examples/describe_a_folder.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lading

with tempfile.TemporaryDirectory() as name:
    model = Path(name) / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(bytes(range(256)))

    # A file with every field as a comment, and what is found in the folder filled in.
    written = lading.init(model)
    print("wrote", Path(written.path).name)

    (model / "lading.yaml").write_text(
        "description: Tells ripe fruit from unripe.\n"
        "license: Apache-2.0\n"
        "metrics: {accuracy@test: 0.97}\n"
        "datasets: [{uri: 's3://example/fruit.parquet', split: train}]\n"
        "signature:\n"
        "  inputs: [{kind: column, name: sugar, dtype: float64}]\n"
        "  outputs: [{kind: column, name: ripe, dtype: bool}]\n"
    )

    # What a call says wins over the file; the file wins over what is found out.
    lading.push(model, "examples/fruit:1.0.0", tags={"team": "orchard"})
    document = lading.inspect("examples/fruit:1.0.0").document
    print(document["metrics"], document["tags"])

    # A field that nobody knows is refused, with the nearest name.
    try:
        lading.push(model, "examples/fruit:2.0.0", metrics=[{"name": "accuracy", "valu": 1}])
    except lading.InvalidInput as error:
        print("refused:", error.what, "-", error.hint)

    # A team that wants more than that sets `strict`: metrics, schema, lock and code by default.
    try:
        lading.push(model, "examples/fruit:2.0.0", strict=True)
    except lading.PolicyRefused as error:
        print("strict:", error.what)
