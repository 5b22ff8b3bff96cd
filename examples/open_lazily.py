"""Read one tensor and one line of a model, and leave the rest where it is.

Run it: python examples/open_lazily.py     (needs numpy and safetensors)
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy
from safetensors.numpy import save_file

import lading

with tempfile.TemporaryDirectory() as folder:
    model = Path(folder) / "model"
    model.mkdir()
    save_file(
        {
            "embed.weight": numpy.zeros((4000, 512), dtype="float32"),
            "head.weight": numpy.arange(12, dtype="float32").reshape(3, 4),
        },
        model / "model.safetensors",
    )
    (model / "labels.txt").write_text("cat\ndog\n")
    lading.push(model, "examples/lazy:1.0.0")

# From a registry this costs a few kilobytes and the tensor; the embedding stays there.
with lading.open("examples/lazy:1.0.0") as version:
    print("files:", ", ".join(file.path for file in version.files))

    for name, tensor in version.tensors.items():
        print(name, tensor.dtype, tensor.shape, tensor.nbytes, "bytes")

    head = version.tensors["head.weight"].numpy()
    print("sum of the head:", head.sum())

    # A whole file is verified; a file that is open can be read and sought in like any other.
    print("labels:", version.read("labels.txt").decode().split())
    with version.open("model.safetensors") as file:
        file.seek(-4, 2)
        print("last number:", numpy.frombuffer(file.read(4), dtype="float32")[0])
