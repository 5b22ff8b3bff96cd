"""Which packages a model was made with, and whether this environment has them.

Run it: pip install scikit-learn skops && python examples/environment.py
"""

from __future__ import annotations

from sklearn.linear_model import LinearRegression

import lading

model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
lading.save(model, "examples/line:1.0.0")

# Equal, differs (but that hardly matters), or incompatible; and what would mend it.
checked = lading.check_env("examples/line:1.0.0")
print(checked.verdict, len(checked.packages), "packages")
for command in checked.fix:
    print("to mend it:", command)

# For pip, for conda, for MLflow: the lock in the form that another tool reads.
print(lading.lock("examples/line:1.0.0", format="requirements").text.splitlines()[0])
print(lading.lock("examples/line:1.0.0", format="yaml").text.splitlines()[0])
print(lading.lock("examples/line:1.0.0", format="conda").text.splitlines()[0])
