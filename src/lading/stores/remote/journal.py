"""Unfinished uploads, so that the next run goes on where a killed one was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path


class UploadJournal:
    """The session of each unfinished upload to one repository, a small file each."""

    def __init__(self, folder: Path, place: str) -> None:
        self._folder = folder
        self._place = place

    def find(self, key: str) -> str | None:
        """Where the upload of this content was going, or None."""
        try:
            location = json.loads(self._path(key).read_bytes())["location"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return location if isinstance(location, str) else None

    def keep(self, key: str, location: str) -> None:
        """Remember where it is going; a cache that cannot be written only forgets."""
        path = self._path(key)
        partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            # The location may carry a session's secret.
            partial.touch(mode=0o600)
            partial.write_text(json.dumps({"location": location}))
            partial.replace(path)

    def forget(self, key: str) -> None:
        """It is finished, or beyond help."""
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{self._place}\n{key}".encode()).hexdigest()
        return self._folder / f"{name[:32]}.json"
