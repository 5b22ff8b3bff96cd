"""Versions with documents that say what a test wants them to say."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lading.operations import stores
from lading.packing.plan import plan
from lading.packing.version import reseal
from lading.settings import Settings
from lading.spec.encoding import encode
from lading.spec.identity import Identity
from lading.spec.reference import Reference
from lading.transfer import copy

CREATED = "2026-03-01T12:00:00Z"


def publish(folder: Path, reference: str, settings: Settings, **said: Any) -> str:
    """Push a folder under a document with these fields; the version's digest."""
    place = Reference.parse(reference)
    known = {"schema_version": 1, "created": CREATED, **said}
    identity = Identity(name=place.repository, version=place.tag)
    packed = reseal(plan(folder, memory=None), identity, encode(known))
    store = stores.open_store(place, settings, create=True)
    copy(packed, store, packed.root, name=place.tag)
    return packed.root.digest


def small(folder: Path, text: str = "{}") -> Path:
    """A folder with one small file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(text)
    time.sleep(0.03)  # older than the clock's tick, so that its digest is the same again
    return folder
