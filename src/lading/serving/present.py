"""How many requests are here, which only the connections know before anybody asks the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Present:
    """Requests whose head has come and whose answer has not gone."""

    count: int = 0

    @property
    def alone(self) -> bool:
        """Whether whoever asks this is the only one, so that there is nobody to be asked with."""
        return self.count <= 1
