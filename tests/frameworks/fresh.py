"""Loading where nothing is left of saving: another process, which knows the folder and how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lading.frameworks.adapter import Saved

SOURCE = Path(__file__).parents[2] / "src"
TESTS = Path(__file__).parents[1]

_CHILD = """
import importlib, json, sys
from pathlib import Path
from lading.frameworks.adapter import LoadOptions
from lading.frameworks.registry import adapter

task = json.load(sys.stdin)
data = task["data"]
if task["table"]:
    import pandas
    data = pandas.DataFrame(data)
options = task["options"]
if "into" in options:
    module, _, name = options["into"].partition(":")
    options["into"] = getattr(importlib.import_module(module), name)
found = adapter(task["name"])
model = found.load(Path(task["folder"]), task["how"], LoadOptions(**options))
answer = found.predict(model, data)
print("\\n" + json.dumps({
    "answer": answer.tolist() if hasattr(answer, "tolist") else answer,
    "class": type(model).__name__,
}))
"""


def loaded(
    name: str,
    folder: Path,
    saved: Saved,
    data: object,
    *,
    environment: Mapping[str, str] | None = None,
    **options: object,
) -> dict[str, Any]:
    """The model's class and answer, in a fresh process.

    Data is the columns of a table, or JSON; ``into`` is a class as "module:Class".
    """
    task = {
        "name": name,
        "folder": str(folder),
        # As the document keeps it.
        "how": json.loads(json.dumps(saved.how)),
        "data": data,
        "table": isinstance(data, dict),
        "options": options,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD],
        input=json.dumps(task),
        env={**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{TESTS}", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
