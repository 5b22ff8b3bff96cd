"""What the parts of one server share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from lading.serving.body import Bodies
from lading.serving.failures import TooLarge
from lading.serving.journal import Journal
from lading.serving.limits import Limits
from lading.serving.metrics import Metrics
from lading.serving.present import Present
from lading.serving.shadow import Shadow
from lading.serving.slot import Slot


@dataclass(slots=True)
class House:
    """What the application works with."""

    # Whose answers these are before it is loaded, as far as that is known.
    expected: str
    slot: Slot
    limits: Limits
    journal: Journal
    metrics: Metrics
    shadow: Shadow | None = None
    # What is counted everywhere, where others serve the same model in processes of their own.
    everywhere: Callable[[], Awaitable[bytes]] | None = None
    present: Present = field(default_factory=Present)
    bodies: Bodies = field(init=False)

    def __post_init__(self) -> None:
        self.bodies = Bodies(self.limits)

    def digest(self) -> str:
        """Whose answers these are now."""
        loaded = self.slot.loaded
        return loaded.model.digest if loaded else self.expected

    def count_waiting(self) -> None:
        """Say in the figures how many wait now."""
        if asker := self.slot.loaded:
            self.metrics.of(asker.model).waiting.set(asker.waiting)

    def demand_few(self, rows: int | None) -> None:
        """Refuse more rows than one may ask about.

        Raises:
            TooLarge: there are more.
        """
        if (rows or 0) > self.limits.rows:
            raise TooLarge(f"{rows} rows at once", cause=f"at most {self.limits.rows} are answered")
