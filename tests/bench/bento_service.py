"""The models for BentoML: what its documentation teaches one to write, at the same address."""

from __future__ import annotations

import os
from typing import Any

import bentoml
import numpy as np


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": True})
class Served:
    """One of both models, which the environment names."""

    def __init__(self) -> None:
        path = os.environ["BENCH_MODEL"]
        self.graph = path.endswith(".onnx")
        if self.graph:
            import onnxruntime

            self.model = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        else:
            import joblib

            self.model = joblib.load(path)

    @bentoml.api(route="/v2/models/m/infer")  # type: ignore[untyped-decorator]  # BentoML lives in an environment of its own
    def infer(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Answer one request."""
        tensor = inputs[0]
        data = np.array(tensor["data"], dtype="f4" if self.graph else "f8")
        data = data.reshape(tensor["shape"])
        found = self.model.run(None, {"x": data})[0] if self.graph else self.model.predict(data)
        told = {"name": "y", "datatype": "FP32" if self.graph else "INT64"}
        output = {**told, "shape": list(found.shape), "data": found.ravel().tolist()}
        return {"model_name": "m", "outputs": [output]}
