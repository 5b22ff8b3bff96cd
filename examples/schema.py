"""Find out what a model takes and answers, ask what a change would break, tell other tools.

Run it: python examples/schema.py
"""

from __future__ import annotations

import json

import pandas as pd

import lading
from lading.signatures.json_schema import to_json_schema
from lading.signatures.mlflow import to_mlflow
from lading.signatures.validate import validate_example

X = pd.DataFrame(
    {
        "age": [34, 51],
        "income": [52_000.0, None],
        "plan": pd.Categorical(["basic", "plus"]),
        "joined": pd.to_datetime(["2024-02-01", "2025-11-20"]),
    }
)
y = pd.Series([0.12, 0.87], name="churn")

# Types, missing values, categories and units are read off the data itself.
signature = lading.infer_signature(X, y, params={"threshold": 0.5})
for field in signature.inputs:
    print(field.as_json())

# What does not fit is refused, with the column, what was expected, and the row.
try:
    validate_example(signature, X.assign(plan=["basic", "gold"]))
except lading.InvalidInput as refused:
    print("refused:", refused.cause)

# One more column that need not be given breaks nobody. A column that goes away does.
tenure = lading.Column(name="tenure", dtype="float32", required=False)
wider = signature.model_copy(update={"inputs": (*signature.inputs, tenure)})
narrower = lading.infer_signature(X.drop(columns="age"), y, params={"threshold": 0.5})
print("wider:", lading.compatible(signature, wider).verdict)
for change in lading.compatible(signature, narrower).changes:
    print("narrower:", change.where, change.what, "-", change.why)

# In other tools' words, and what those cannot say.
schema = to_json_schema(signature, "outputs").value
print(json.dumps(schema["$defs"]["record"]["properties"]["churn"]))
for loss in to_mlflow(signature).losses:
    print("MLflow:", loss)
