"""What this machine saw of each ledger last: a registry that was rolled back shows less.

Kept in the home and not in the cache: it cannot be found out again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.spec.plain import read_table, text, texts

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import State
    from lading.settings import Settings
    from lading.spec.reference import Reference

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """The highest number and the newest events that were seen of a ledger."""

    seq: int = 0
    heads: tuple[str, ...] = ()


def seen(place: Reference, settings: Settings) -> Seen:
    """What was seen last; nothing where that was never written down, or is damaged."""
    try:
        value = read_table(_path(place, settings).read_bytes())
    except OSError:
        return Seen()
    seq = value.get("seq")
    heads = tuple(texts(value.get("heads")))
    return Seen(seq, heads) if isinstance(seq, int) and text(value.get("place")) else Seen()


def remember(place: Reference, state: State, settings: Settings) -> None:
    """Write down what was seen; a home that cannot be written to only forgets."""
    heads = [str(digest) for digest in state.parents]
    if seen(place, settings) == Seen(state.seq, tuple(heads)):
        return
    path = _path(place, settings)
    partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    value = {"place": _named(place), "seq": state.seq, "heads": heads}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(value))
        partial.replace(path)
    except OSError as error:
        _log.debug("cannot remember the ledger of %s: %s", place.base, error)


def rolled_back(before: Seen, book: Book, state: State) -> str | None:
    """What is missing of that which was seen before; None where nothing is.

    An event older than what a light reader looks at is taken for there.
    """
    border = book.border
    gone = [head for head in before.heads if not _there(head, book.lines)]
    if state.seq < before.seq:
        return f"it ended at event {before.seq} when this machine last looked, now at {state.seq}"
    if gone and (border is None or before.seq > border.seq):
        return f"the event {gone[0]} was there when this machine last looked"
    return None


def _there(head: str, marks: Collection[str]) -> bool:
    return head.partition(":")[2][:16] in marks


def _path(place: Reference, settings: Settings) -> Path:
    name = hashlib.sha256(_named(place).encode("utf-8", "surrogatepass")).hexdigest()
    return settings.home / "ledgers" / f"{name}.json"


def _named(place: Reference) -> str:
    """The repository; a layout folder by where it is."""
    if place.layout is not None:
        return f"oci:{Path(place.layout).expanduser().absolute()}"
    return place.base
