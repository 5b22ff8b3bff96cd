"""Where the model that answers stands: one at a time, and another may take its place."""

from __future__ import annotations

from lading.errors import NotFound
from lading.serving.asker import Asker
from lading.serving.failures import NotReady


class Slot:
    """Holds the model that is served now; used within one event loop."""

    def __init__(self) -> None:
        # Who answers now, if anybody does yet.
        self.loaded: Asker | None = None
        self.ending = False

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return self.loaded is not None and not self.ending

    @property
    def current(self) -> Asker:
        """Who answers now.

        Raises:
            NotReady: nobody yet.
        """
        if self.loaded is None:
            raise NotReady("the model is not loaded yet", hint="GET /v2/health/ready says when")
        return self.loaded

    def called(self, name: str, version: str | None = None) -> Asker:
        """Who answers now, if that is meant.

        Raises:
            NotReady: nobody yet.
            NotFound: the name or the version is another's.
        """
        model = self.current.model
        if model.is_called(name, version):
            return self.current
        said = f"{name[:100]!r}" + (f" of version {version[:100]!r}" if version else "")
        raise NotFound(
            f"there is no model {said} here", cause=f"served is {model.name} {model.version}"
        )

    def swap(self, asker: Asker) -> Asker | None:
        """Let another answer from now on; whoever was asked already still answers."""
        before, self.loaded = self.loaded, asker
        if before is not None:
            before.retire()
        return before
