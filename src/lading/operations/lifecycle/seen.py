"""What this machine saw of each ledger last, so that a registry that was set back is noticed.

Kept in the home and not in the cache: it cannot be found out again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput
from lading.ledger.remembered import Remembered
from lading.spec.digest import Digest
from lading.spec.plain import read_table, texts

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference

_log = logging.getLogger(__name__)


def seen(place: Reference, settings: Settings) -> Remembered | None:
    """What was seen last; None where that was never written down, or is damaged."""
    try:
        value = read_table(_path(place, settings).read_bytes())
        seq = value.get("seq")
        heads = tuple(map(Digest, texts(value.get("heads"))))
    except (OSError, InvalidInput) as error:
        _log.debug("nothing is remembered of %s: %s", place.base, error)
        return None
    return Remembered(seq, heads) if isinstance(seq, int) else None


def remember(place: Reference, what: Remembered, settings: Settings) -> None:
    """Write down what was seen; a home that cannot be written to only forgets."""
    if seen(place, settings) == what:
        return
    path = _path(place, settings)
    partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    value = {"place": _named(place), "seq": what.seq, "heads": [str(head) for head in what.heads]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(value))
        partial.replace(path)
    except OSError as error:
        _log.debug("cannot remember the ledger of %s: %s", place.base, error)


def _path(place: Reference, settings: Settings) -> Path:
    name = hashlib.sha256(_named(place).encode("utf-8", "surrogatepass")).hexdigest()
    return settings.home / "ledgers" / f"{name}.json"


def _named(place: Reference) -> str:
    """The repository; a layout folder by where it is."""
    if place.layout is not None:
        return f"oci:{Path(place.layout).expanduser().absolute()}"
    return place.base
