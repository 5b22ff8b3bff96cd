"""One run as MLflow keeps it, whichever store it comes from, and the words of those stores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,255}", re.ASCII)
# Nobody wants to know how many more there are.
MOST_COUNTED: Final = 100
# How the file store numbers what the database spells.
_STATUS: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """Data that a run read; the source and the profile are JSON in text."""

    name: Any = None
    digest: Any = None
    source: Any = None
    profile: Any = None
    context: Any = None


@dataclass(slots=True)
class RunRecord:
    """A run, its values as they were found: nothing here is checked yet."""

    id: str
    name: Any = None
    experiment: Any = None
    user: Any = None
    status: Any = None
    started: Any = None
    ended: Any = None
    params: list[tuple[str, Any]] = field(default_factory=list)
    metrics: list[tuple[str, Any, Any]] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)
    datasets: list[DatasetRecord] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


class Store(Protocol):
    """Where runs are kept."""

    def run(self, run_id: str) -> RunRecord | None:
        """A run by its id.

        Raises:
            Unreadable: the store, or the run, is damaged.
        """
        ...

    def maker(self, model_id: str) -> str | None:
        """The id of the run that logged a model.

        Raises:
            Unreadable: the store is damaged.
        """
        ...

    def runs(self) -> Sequence[str]:
        """The ids of the runs, as far as anybody would want to count.

        Raises:
            Unreadable: the store is damaged.
        """
        ...


def is_id(value: Any) -> bool:
    """Whether it may be the id of a run or a model: a name for a folder, and no path."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def status(value: Any) -> str | None:
    """A run's status in MLflow's own word."""
    if isinstance(value, int):
        return _STATUS.get(value)
    return value if value in _STATUS.values() else None
