"""What a push finds out by itself (headers, git, a tracker's run), and how to leave it out.

Run it: python examples/what_is_found_out.py
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path

import lading


def safetensors(path: Path) -> None:
    """One tensor of 2 x 3 numbers, as the library of that name would write it."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(24))


with tempfile.TemporaryDirectory() as name:
    project = Path(name)
    model = project / "model"
    model.mkdir()
    safetensors(model / "model.safetensors")
    (model / "README.md").write_text("---\nlicense: mit\npipeline_tag: text-classification\n---\n")
    # What dvclive leaves beside a training script.
    (project / "dvclive").mkdir()
    (project / "dvclive" / "metrics.json").write_text('{"accuracy": 0.97, "step": 3}')
    (project / "dvclive" / "params.yaml").write_text("learning_rate: 0.01\n")
    (project / "train.py").write_text("print('training')\n")
    for line in (
        ("init", "-q"),
        ("add", "train.py"),
        ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "Train"),
        ("remote", "add", "origin", "https://ada:secret@git.example.com/ml/text.git"),
    ):
        subprocess.run(["git", "-C", project, *line], check=True)

    lading.push(model, "examples/found:1.0.0")
    document = lading.inspect("examples/found:1.0.0").document
    print("parameters", document["facts"]["parameters"], document["facts"]["precision"])
    print("licence", document["licenses"], "task", document["card"]["task"])
    print("metric", document["metrics"][0]["name"], document["metrics"][0]["value"])
    print("learning rate", document["params"]["learning_rate"])
    # Credentials are taken out of the address.
    print("code", document["lineage"]["code"]["repository"])

    # What was not committed yet is known to be missing; with_diff takes it along as a patch.
    (project / "train.py").write_text("print('training longer')\n")
    lading.push(model, "examples/found:1.1.0", capture=lading.Capture(with_diff=True))
    with lading.open("examples/found:1.1.0") as version:
        if (lineage := version.document.lineage) and (code := lineage.code) and code.patch:
            print("dirty", code.dirty, "in", code.patch)
            print(version.read(code.patch).decode().splitlines()[-1])

    # Each part can be left out: here, in lading.yaml, or by LADING_WITHOUT.
    os.chdir(project)
    silent = lading.Capture(without=frozenset({"code", "run"}))
    lading.push(model, "examples/found:2.0.0", capture=silent)
    print("left out:", "lineage" not in lading.inspect("examples/found:2.0.0").document)
    os.chdir("/")
