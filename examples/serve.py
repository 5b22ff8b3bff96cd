"""Train, save, serve, ask: the server answers as the notebook did."""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression

import lading

rows = pd.DataFrame({"amount": [1.0, 20.0, 3.0, 40.0] * 10, "age": [20, 30, 40, 50] * 10})
model = LogisticRegression().fit(rows, [0, 1, 0, 1] * 10)
lading.save(model, "examples/served:1.0.0", input_example=rows.head())

# A notebook serves in a thread; a container runs `lading serve examples/served:1.0.0`.
ready, until = threading.Event(), threading.Event()
urls: list[str] = []


def on_ready(result: Any) -> None:
    """Called when the model has answered its own input example."""
    urls.append(result.url)
    ready.set()


server = threading.Thread(
    target=lading.serve,
    args=("examples/served:1.0.0",),
    kwargs={"port": 0, "on_ready": on_ready, "until": until},
)
server.start()
ready.wait(60)


def ask(path: str, body: object) -> tuple[Any, str]:
    """The answer, and the digest of who gave it."""
    with urllib.request.urlopen(urls[0] + path, json.dumps(body).encode()) as answer:
        return json.load(answer), answer.headers["X-Model-Digest"]


# Plain rows, as pandas writes them.
told, digest = ask("/predict", json.loads(rows.head(4).to_json(orient="records")))
print("the same:", told["predictions"] == model.predict(rows.head(4)).tolist())
print("answered by", digest)

# The Open Inference Protocol: a tensor for each column.
inputs = [
    {"name": "amount", "datatype": "FP64", "shape": [2], "data": [1.0, 40.0]},
    {"name": "age", "datatype": "INT64", "shape": [2], "data": [20, 50]},
]
told, _ = ask("/v2/models/served/infer", {"inputs": inputs})
print("tensor", told["outputs"][0]["data"])

until.set()
server.join()
