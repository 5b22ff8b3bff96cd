"""Run by itself: loads mutated skops files, and tells what the interpreter was asked to do."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from frameworks.chains import archive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lading.errors import LadingError
from lading.frameworks.adapter import LoadOptions
from lading.frameworks.sklearn import Sklearn
from lading.frameworks.skops_file import _nodes as objects
from lading.frameworks.skops_schema import _HELD as KINDS
from lading.frameworks.skops_schema import LISTED, schema_of

ADAPTER = Sklearn()
FOREIGN = (
    "sklearn.callback._progressbar.ProgressBar",
    "sklearn.callback._scoring_monitor.ScoringMonitor",
    "sklearn.callback._transport.ListenerHandle",
    "sklearn.datasets._openml.fetch_openml",
    "sklearn.linear_model._stochastic_gradient._ValidationScoreCallback",
    "sklearn.metrics._dist_metrics.PyFuncDistance64",
    "sklearn.tests.test_docstrings.FUNCTION_DOCSTRING_IGNORE_LIST",
    "sklearn.utils._testing.TempMemmap",
    "sklearn.utils.parallel.Parallel",
    "numpy.memmap",
    "numpy.fromfile",
    "pandas.io.pickle.read_pickle",
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
)
LOUD = (
    "socket.",
    "subprocess.",
    "os.",
    "shutil.",
    "exec",
    "import",
    "ctypes.",
    "pickle.",
    "urllib.",
)
QUIET = ("os.listdir", "os.scandir", "os.putenv", "os.fwalk", "os.walk")

watching = False
events: list[str] = []


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not watching:
        return
    if event == "open":
        mode, flags = str(arguments[1]), arguments[2]
        if set(mode) & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            events.append(f"open {arguments[0]}")
    elif event.startswith(LOUD) and event not in QUIET:
        events.append(f"{event} {arguments}"[:200])


def load(folder: Path, options: LoadOptions) -> bool:
    """Whether it loads; while it does, events are seen."""
    global watching  # noqa: PLW0603
    watching = True
    try:
        ADAPTER.load(folder, {"format": "skops"}, options)
    except LadingError:
        return False
    finally:
        watching = False
    return True


def sound(folder: Path) -> list[tuple[Any, dict[str, bytes]]]:
    """Schemas of real models, with their files."""
    import zipfile

    import skops.io

    x = np.random.default_rng(4).normal(size=(40, 2))
    y = (x[:, 0] > 0).astype(int)
    models = [
        make_pipeline(
            ColumnTransformer([("s", StandardScaler(), [0, 1])]), LogisticRegression()
        ).fit(x, y),
        GradientBoostingClassifier(n_estimators=2).fit(x, y),
        HistGradientBoostingClassifier(max_iter=1).fit(x, y),
        KNeighborsClassifier(3).fit(x, y),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring="f1", cv=2).fit(x, y),
        IsotonicRegression().fit(x[:, 0], y),
    ]
    found = []
    for model in models:
        skops.io.dump(model, folder / "model.skops")
        with zipfile.ZipFile(folder / "model.skops") as read:
            files = {name: read.read(name) for name in read.namelist() if name != "schema.json"}
        found.append((schema_of(folder / "model.skops"), files))
        ADAPTER.load(folder, {}, LoadOptions())
    return found


def mutate(schema: Any, data: st.DataObject) -> None:
    parts = [part for part in objects(schema) if "__loader__" in part]
    for _ in range(data.draw(st.integers(1, 3))):
        part = data.draw(st.sampled_from(parts))
        how = data.draw(st.sampled_from(["name", "loader", "number", "swap", "foreign"]))
        if how in ("name", "foreign"):
            pool = sorted(LISTED) if how == "name" else FOREIGN
            module, _, name = data.draw(st.sampled_from(pool)).rpartition(".")
            part["__module__"], part["__class__"] = module, name
        elif how == "loader":
            part["__loader__"] = data.draw(st.sampled_from([*KINDS, "CachedNode", "NoNode"]))
        elif how == "number":
            part["__id__"] = data.draw(st.sampled_from(parts)).get("__id__", 1)
        elif isinstance(content := part.get("content"), dict) and content:
            key = data.draw(st.sampled_from(sorted(content)))
            content[key] = json.loads(json.dumps(data.draw(st.sampled_from(parts))))


def main(folder: Path) -> None:
    os.chdir(folder)
    models = sound(folder)
    for name in LISTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name.rpartition(".")[0])
    counts = {True: 0, False: 0}

    @settings(
        max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        schema, files = data.draw(st.sampled_from(models))
        schema = json.loads(json.dumps(schema))
        mutate(schema, data)
        (folder / "model.skops").write_bytes(archive(schema, files))
        counts[load(folder, LoadOptions())] += 1

    sys.addaudithook(hook)
    attempt()
    mutants = list(events)
    events.clear()
    control(folder)
    print(
        json.dumps(
            {
                "mutants": mutants[:20],
                "loaded": counts[True],
                "refused": counts[False],
                "control": events[:20],
            }
        )
    )


def control(folder: Path) -> None:
    """A file that writes, by consent."""
    import skops.io

    skops.io.dump(("marker", "uint8", "w+", 0, 4), folder / "model.skops")
    schema = schema_of(folder / "model.skops")
    extra = {key: schema.pop(key) for key in ("protocol", "_skops_version")}
    call = {"__class__": "memmap", "__module__": "numpy", "content": schema, **extra}
    call["__loader__"] = "ConstructorFromReduceNode"
    (folder / "model.skops").write_bytes(archive(call, {}))
    load(folder, LoadOptions(allow_pickle=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
