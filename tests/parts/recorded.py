"""A version that says what it needs, as a push will record it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lading.capture.environment import CapturedEnvironment, lock_facts
from lading.operations import stores
from lading.packing.plan import plan
from lading.packing.version import reseal
from lading.settings import Settings
from lading.spec.encoding import encode
from lading.spec.environment import Environment
from lading.spec.identity import Identity
from lading.transfer import copy

LOCK_PATH = ".lading/pylock.toml"


def record(
    folder: Path,
    reference: str,
    settings: Settings,
    environment: Environment | None,
    lock: bytes | None = None,
    **document: Any,
) -> str:
    """Store a folder as a version whose document has an environment; its digest."""
    if environment is not None:
        document["environment"] = environment.as_json()
    if lock is not None:
        path = folder / LOCK_PATH
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lock)
        facts = lock_facts(lock, LOCK_PATH, "installed")
        document["environment"] = {**document.get("environment", {}), "lock": facts.as_json()}
    place = stores.locate(reference, settings)
    known = {"schema_version": 1, "created": "2026-03-01T12:00:00Z", **document}
    packed = reseal(plan(folder, memory=None), Identity(name=place.repository), encode(known))
    copy(packed, stores.open_store(place, settings, create=True), packed.root, name=place.name)
    return packed.root.digest


def record_captured(
    folder: Path, reference: str, settings: Settings, captured: CapturedEnvironment
) -> str:
    """Store a folder with all that was captured."""
    return record(folder, reference, settings, captured.environment, captured.lock)
