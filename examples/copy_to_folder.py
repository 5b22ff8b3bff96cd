"""Copy a version into a layout folder: a registry that fits on a USB stick.

Run it: python examples/copy_to_folder.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lading

with tempfile.TemporaryDirectory() as folder:
    weights = Path(folder) / "weights.bin"
    weights.write_bytes(b"\x00\x01\x02\x03" * 1000)
    pushed = lading.push(weights, "examples/stick:1.0.0")

    # oci:FOLDER:TAG is an OCI layout. skopeo, oras and crane read it too, and lading reads theirs.
    stick = f"oci:{folder}/stick:1.0.0"
    copied = lading.copy("examples/stick:1.0.0", stick)
    print("copied", copied.sent, "bytes")

    # On the other side of the air gap: the digest is the same, and so are the files.
    seen = lading.inspect(stick)
    print("same digest:", seen.digest == pushed.digest)

    target = Path(folder) / "unpacked"
    lading.pull(stick, target)
    print("same folder:", lading.verify(target, stick).equal)
