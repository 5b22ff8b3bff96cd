"""What a registry can do, found out once and remembered for each host.

A table of host names ages badly: what was learned by trying is kept for a week.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lading.stores.remote.origin import Origin

_log = logging.getLogger(__name__)

_REMEMBERED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is known of a registry; None where it was never tried."""

    # It is distribution 2.x, whose garbage collection needs keep tags.
    loses_children: bool | None = None
    # It takes PATCH at all, and up to so many bytes each.
    chunked: bool | None = None
    largest_patch: int | None = None
    # When the referrers API was last found missing. A registry may learn it, and then knows of
    # evidence that no fallback tag lists: so this is not believed for a week.
    without_referrers: float | None = None


class DialectMemory:
    """The dialect of one registry, in a file of its own in the cache folder."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        self._path = folder / f"{origin.host}_{origin.port}.json"
        self._lock = threading.Lock()
        self._dialect = _load(self._path)

    @property
    def known(self) -> Dialect:
        """What is known now."""
        return self._dialect

    def learn(self, **facts: Any) -> None:
        """Remember something; a cache that cannot be written only forgets sooner."""
        with self._lock:
            before = self._dialect
            learned = replace(before, **facts)
            if learned == before:
                return
            self._dialect = learned
            # What carries a moment of its own does not make the rest any younger.
            lasting = replace(learned, without_referrers=before.without_referrers) != before
            try:
                _store(self._path, learned, keep_age=not lasting)
            except OSError as error:
                _log.debug("cannot remember what %s can do: %s", self._path.stem, error)


def _load(path: Path) -> Dialect:
    try:
        if time.time() - path.stat().st_mtime > _REMEMBERED_SECONDS:
            return Dialect()
        value = json.loads(path.read_bytes())
        known = {item.name for item in fields(Dialect)}
        return Dialect(**{name: fact for name, fact in value.items() if name in known})
    except (OSError, ValueError, AttributeError, TypeError):
        return Dialect()


def _store(path: Path, dialect: Dialect, *, keep_age: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    partial.write_text(json.dumps(asdict(dialect)))
    if keep_age and path.exists():
        written = path.stat().st_mtime
        os.utime(partial, (written, written))
    partial.replace(path)
