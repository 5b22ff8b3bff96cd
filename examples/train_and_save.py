"""Train a model, save it with everything that is known about it, load it, check it.

Run it: pip install scikit-learn skops pandas && python examples/train_and_save.py
"""

from __future__ import annotations

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lading

payments = pd.DataFrame({"amount": [1.0, 950.0, 3.5, 870.0], "hour": [14, 3, 11, 2]})
fraud = pd.Series([0, 1, 0, 1], name="fraud")
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(payments, fraud)

# One call. The schema is inferred from the example and the answer to it; the packages that the
# model needs, git's commit and the hyperparameters are found out.
saved = lading.save(
    model,
    "examples/fraud:1.0.0",
    input_example=payments.head(2),
    metrics={"accuracy@train": float(model.score(payments, fraud))},
    datasets=["s3://example/payments.parquet"],
    description="Tells fraud from honest payments.",
)
print("saved", saved.reference, saved.status)

# Anybody who can read the registry has the model back, and its document with it.
loaded = lading.load("examples/fraud:1.0.0")
print("predicts", loaded.predict(payments).tolist())
print("accuracy", loaded.document.metrics[0].value)
if environment := loaded.document.environment:
    print("needs", *[pin for pin in environment.requirements if pin.startswith("scikit-learn")])

# Does it still answer as it did when it was saved? Is this environment the one it was saved in?
print("check:", lading.reproduce("examples/fraud:1.0.0", check=True).check)
print("environment:", lading.check_env("examples/fraud:1.0.0").verdict)
