"""Save a PyTorch module's weights, and fill a module of the same class with them.

Run it: pip install torch numpy && python examples/torch_state_dict.py
"""

from __future__ import annotations

import torch

import lading


class Classifier(torch.nn.Module):  # type: ignore[misc]  # torch is not read for types
    def __init__(self) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(4, 8)
        self.last = torch.nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.hidden(x)))


torch.manual_seed(7)
model = Classifier().eval()
lading.save(model, "examples/torch:1.0.0")

# The weights are safetensors and run nothing. The class is code, and code is yours: without one
# you get the tensors by name, with one a module that holds them.
weights = lading.load("examples/torch:1.0.0").model
print(*weights)
loaded = lading.load("examples/torch:1.0.0", into=Classifier)

x = torch.ones(1, 4)
with torch.no_grad():
    print(type(loaded.model).__name__, "answers the same:", torch.equal(model(x), loaded.model(x)))
