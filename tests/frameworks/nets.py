"""Modules that a test saves in one process and fills in another. Importing this needs torch."""

# TorchScript reads annotations as they are, so they are no strings here.

import torch


class Net(torch.nn.Module):  # type: ignore[misc]
    """Two layers that share their weights, and a view into them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(2, 2)
        self.second = torch.nn.Linear(2, 2)
        self.second.weight = self.first.weight
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The answer."""
        return self.dropout(self.second(self.first(x)))


class Writing(torch.nn.Module):  # type: ignore[misc]
    """TorchScript that writes a file while it is loaded."""

    path: str

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.weight = torch.ones(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The answer."""
        return x + self.weight

    @torch.jit.export  # type: ignore[untyped-decorator]
    def __getstate__(self) -> tuple[torch.Tensor, str, bool]:
        return self.weight, self.path, self.training

    @torch.jit.export  # type: ignore[untyped-decorator]
    def __setstate__(self, state: tuple[torch.Tensor, str, bool]) -> None:
        self.weight = state[0]
        self.path = state[1]
        self.training = state[2]
        torch.save(state[0], state[1])
