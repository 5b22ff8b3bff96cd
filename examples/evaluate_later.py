"""Evaluate a version after it was pushed: what is found out hangs on it, and goes where it goes.

Run it: python examples/evaluate_later.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import lading

with tempfile.TemporaryDirectory() as folder:
    weights = Path(folder) / "weights.bin"
    weights.write_bytes(b"\x00\x01\x02\x03" * 1000)
    pushed = lading.push(weights, "examples/evaluated:1.0.0")
    version = f"examples/evaluated@{pushed.digest}"

    # Once a month on fresh data. A job that was killed may run again: this is recorded once.
    lading.evaluate(version, {"auc": 0.91}, dataset="s3://data/2026-10", split="test")
    again = lading.evaluate(version, {"auc": 0.91}, dataset="s3://data/2026-10", split="test")
    print("again:", again.status)

    # What a tool wrote is read in its own shape, here MLflow's.
    written = Path(folder) / "metrics.json"
    written.write_text(json.dumps([{"key": "f1", "value": 0.8, "step": 3, "timestamp": 0}]))
    lading.attach(version, written, type="evaluation")

    # Anything else hangs there as it is.
    report = Path(folder) / "fairness.md"
    report.write_text("# Fair enough\n")
    lading.attach(version, report, type="report")

    # The version has the digest it had. A copy takes along what hangs on it.
    stick = f"oci:{folder}/stick:1.0.0"
    lading.copy(version, stick, referrers=True)
    for piece in sorted(lading.evidence(stick).evidence, key=lambda piece: piece.type):
        metrics = {m["name"]: m["value"] for m in piece.content.get("metrics", ())}
        print(piece.type, metrics or piece.title)
        if piece.type == "report":
            fetched = lading.fetch_evidence(stick, piece.digest, Path(folder) / "fetched.md")
            print(Path(fetched.path).read_text().strip())
