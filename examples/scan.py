"""Find out what a pickle would run before anybody loads it.

Run it: python examples/scan.py
"""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path

import lading


class Backdoor:
    """What a model from a stranger may hold: loading it would run a command."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("echo 'I could have done anything'",)


with tempfile.TemporaryDirectory() as folder:
    honest = Path(folder) / "honest.pkl"
    honest.write_bytes(pickle.dumps({"weights": [0.1, 0.2, 0.3]}))
    # "clean" says that nothing was found. No scan can promise more.
    print("honest:", lading.scan(honest).verdict)

    # The name does not matter: what a file is, its bytes say.
    model = Path(folder) / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(pickle.dumps(Backdoor()))
    result = lading.scan(model)
    for finding in result.findings:
        print(f"{finding.severity}: {finding.what} in {finding.path} ({finding.why})")

    # A version is scanned by its reference; it is fetched into the cache, and nothing is loaded.
    pushed = lading.push(model, "examples/backdoor:0.1.0")
    again = lading.scan(pushed.reference)
    print("again:", again.verdict, again.digest)

    if again.verdict != "clean":
        print("refused: loading this model would run", again.findings[0].what)
