"""Push a folder into the store on this machine, and pull it back by version and by digest.

Run it: python examples/push_and_pull.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lading

with tempfile.TemporaryDirectory() as folder:
    model = Path(folder) / "model"
    model.mkdir()
    (model / "config.json").write_text('{"layers": 2}\n')
    (model / "weights.bin").write_bytes(bytes(range(256)) * 1000)

    # No host: the name lives in the store on this machine. With one, such as
    # registry.example.com/examples/first:0.1.0, everything else stays the same.
    pushed = lading.push(model, "examples/first:0.1.0")
    print("pushed", pushed.reference, pushed.digest)

    # A version never changes: the same content again is welcome and moves nothing.
    again = lading.push(model, "examples/first:0.1.0")
    print("again:", again.status)

    # Other content under the same version is refused, and the error says what to do.
    (model / "config.json").write_text('{"layers": 3}\n')
    try:
        lading.push(model, "examples/first:0.1.0")
    except lading.Conflict as conflict:
        print("refused:", conflict.what)

# Without a folder the files stay in the cache, read-only. By digest it is always this very model.
pulled = lading.pull(f"examples/first@{pushed.digest}")
print("files are at", pulled.path)
print((Path(pulled.path) / "config.json").read_text().strip())

for version in lading.list_versions("examples/first").versions:
    print(version.version, version.created, version.tags)
