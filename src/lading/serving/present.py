"""What all connections of a server know together: requests that are here, answers not yet read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Present:
    """Requests whose head has come and whose answer has not gone."""

    count: int = 0

    @property
    def alone(self) -> bool:
        """Whether whoever asks this is the only one, so that there is nobody to be asked with."""
        return self.count <= 1


@dataclass(slots=True)
class Unread:
    """Answers that lie here since their clients read slowly, or not at all."""

    # So many bytes may lie here in all.
    most: int
    # Where they go, whoever has waited for longest first.
    _held: dict[asyncio.Transport, None] = field(default_factory=dict)

    def hold(self, transport: asyncio.Transport) -> None:
        """Count what lies there, and hang up on whom it has lain for longest if it is too much."""
        self.let_go(transport)
        self._held[transport] = None
        sizes = [(each, each.get_write_buffer_size()) for each in self._held]
        over = sum(size for _, size in sizes) - self.most
        for each, size in sizes[:-1]:
            if over <= 0:
                return
            over -= size
            self.let_go(each)
            each.abort()

    def let_go(self, transport: asyncio.Transport) -> None:
        """It is read, or gone."""
        self._held.pop(transport, None)
