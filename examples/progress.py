"""Follow a transfer: every step of every piece is told to a function of yours.

Run it: python examples/progress.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lading


def show(event: lading.Progress) -> None:
    """Say what ended; called from the threads that move the bytes, one call at a time."""
    if event.kind in ("finished", "skipped"):
        percent = 100 * event.total_done // max(1, event.total_size)
        print(f"{percent:3d} % {event.kind} {event.label} ({event.size} bytes)")


with tempfile.TemporaryDirectory() as folder:
    model = Path(folder) / "model"
    model.mkdir()
    # Files of four megabytes and more travel on their own, smaller ones together.
    (model / "weights.bin").write_bytes(bytes(5_000_000))
    (model / "tokenizer.json").write_text("{}\n")

    print("push")
    lading.push(model, "examples/progress:1.0.0", on_progress=show)

    print("pull")
    lading.pull("examples/progress:1.0.0", Path(folder) / "there", on_progress=show)
