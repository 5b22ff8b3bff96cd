"""Let the change of the schema choose the next version, and follow where a model came from.

Run it: python examples/next_version.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lading

amount = lading.Column(name="amount", dtype="float64")
country = lading.Column(name="country", dtype="string")

with tempfile.TemporaryDirectory() as name:
    weights = Path(name) / "weights.bin"
    # A registry of its own, in a folder, so that this begins anew each time.
    model = f"oci:{name}/registry"

    def push(content: bytes, *inputs: lading.Column, parents: tuple[str, ...] = ()) -> str:
        """The version that the push chose."""
        weights.write_bytes(content)
        signature = lading.Signature(inputs=inputs)
        pushed = lading.push(weights, model, bump="auto", signature=signature, parents=parents)
        return pushed.version

    weights.write_bytes(b"first")
    lading.push(weights, f"{model}:1.0.0", signature=lading.Signature(inputs=(amount,)))

    # The same schema: a patch. One more input that every caller must give: a major version.
    patch = push(b"second", amount, parents=(f"{model}:1.0.0",))
    major = push(b"third", amount, country, parents=(f"{model}:{patch}",))
    print("patch", patch, "and major", major)

    # A schema that was wider than the next one is a major version again.
    narrower = lading.compatible(
        lading.Signature(inputs=(amount,)), lading.Signature(inputs=(amount, country))
    )
    print(narrower.verdict, "because", narrower.changes[0].why)

    upstream = lading.lineage(f"{model}:{major}")
    print("made from", len(upstream.nodes) - 1, "others")
