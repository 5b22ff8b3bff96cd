"""Compare two versions without downloading them, and ask where one comes from.

Run it: python examples/compare.py     (needs numpy and safetensors)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy
from safetensors.numpy import save_file

import lading

with tempfile.TemporaryDirectory() as folder:
    model = Path(folder) / "model"
    model.mkdir()
    weights = {
        "embed": numpy.zeros((1000, 64), dtype="float32"),
        "head": numpy.zeros((2, 64), dtype="float32"),
    }
    save_file(weights, model / "model.safetensors")
    (model / "config.json").write_text('{"layers": 2}\n')
    lading.push(model, "examples/compare:1.0.0")

    # Another head on the same embedding.
    save_file(weights | {"head": numpy.ones((2, 64), dtype="float32")}, model / "model.safetensors")
    lading.push(model, "examples/compare:1.1.0")

result = lading.diff("examples/compare:1.0.0", "examples/compare:1.1.0")

for file in result.files:
    print("file", file.path, file.status)
for tensor in result.tensors:
    print("tensor", tensor.name, tensor.after, tensor.status)
print("to fetch:", result.fetch.layers, "layer of", result.fetch.layers + result.fetch.shared)
print("breaks callers:", result.signature.breaking)

# The same as JSON, for a program, and as a page, for a person who has to agree.
print("as JSON:", *json.loads(json.dumps(asdict(result))))
with tempfile.TemporaryDirectory() as folder:
    page = Path(folder) / "diff.html"
    versions = ("examples/compare:1.0.0", "examples/compare:1.1.0")
    line = [sys.executable, "-m", "lading", "--quiet", "diff", *versions, "--html", str(page)]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    print("as a page:", page.read_text().splitlines()[0])

# Nobody said yet what it was made from; a parent would be here, and a parent's parents.
lineage = lading.lineage("examples/compare:1.1.0")
print("comes from:", [node.label for node in lineage.nodes[1:]] or "nobody said")
