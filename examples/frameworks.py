"""Save and load models of four frameworks: the calls are the same, the files are each one's own.

Run it: pip install xgboost lightgbm catboost onnx onnxruntime && python examples/frameworks.py
"""

from __future__ import annotations

import tempfile

import numpy as np
from catboost import CatBoostRegressor
from lightgbm import LGBMRegressor
from onnx import TensorProto, helper, numpy_helper
from xgboost import XGBRegressor

import lading

X = np.random.default_rng(7).normal(size=(60, 2)).astype(np.float32)
y = X @ np.array([2.0, -1.0], np.float32)

# x @ w, as a graph: what exporters of other frameworks write is much longer, but no other thing.
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "line",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
    [numpy_helper.from_array(np.array([2.0, -1.0], np.float32), "w")],
)
onnx = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

xgboost = XGBRegressor(n_estimators=5).fit(X, y)
lightgbm = LGBMRegressor(n_estimators=5, verbose=-1).fit(X, y)
catboost = CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False).fit(X, y)
trained = [
    ("xgboost", xgboost, xgboost.predict(X)),
    ("lightgbm", lightgbm, lightgbm.predict(X)),
    ("catboost", catboost, catboost.predict(X)),
    ("onnx", onnx, y),
]

# A registry in a folder: CatBoost writes the moment into its file, so that no two are the same.
with tempfile.TemporaryDirectory() as registry:
    for name, model, answers in trained:
        reference = f"oci:{registry}/{name}:1.0.0"
        lading.save(model, reference, input_example=X[:2])
        loaded = lading.load(reference)
        files = [file.path for file in loaded.document.files if not file.path.startswith(".")]
        print(name, *files, "predicts the same:", np.allclose(loaded.predict(X), answers))
