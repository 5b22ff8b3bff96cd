"""Little packages, a lock of them, and a model that needs two of the three: for real builds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from parts import environments, python_image
from parts.package_index import PackageIndex

import lading
from lading.capture.lock import pylock
from lading.capture.lock.locked import Locked, Package
from lading.settings import Settings

VERSION = "ml/tariff:1.0.0"
_CODE = """
import json, pathlib, rates

class Tariff:
    def __init__(self, factor=2.0):
        self.factor = factor

    def predict(self, rows):
        return [self.factor * row for row in rows]

    @classmethod
    def load(cls, folder):
        table = json.loads((pathlib.Path(folder) / "table.json").read_text())
        return cls(table.get("factor", 2.0))

class Payments(Tariff):
    def predict(self, rows):
        return [int(row[0] > 100) for row in rows]
"""


def packages(folder: Path) -> Path:
    """Wheels: ``tariff`` needs ``rates``, which there is twice; ``tuner`` is for training."""
    environments.wheel(folder, "rates", "1.2")
    environments.wheel(folder, "rates", "1.3")
    environments.wheel(folder, "tuner", "3.0", requires=["rates"])
    source = environments.source(folder / "sources/tariff", "tariff", "2.0", requires=["rates>=1"])
    (source / "tariff/__init__.py").write_text(_CODE)
    environments.build(folder, source)
    return folder


def hash_of(folder: Path, name: str, version: str) -> str:
    """The hash of a wheel, as locks write it."""
    import hashlib

    (wheel,) = folder.glob(f"{name}-{version}-*.whl")
    return f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


def lock(folder: Path, **others: Package) -> Locked:
    """The lock of the three; another package in the place of one that is named."""
    pins = {"rates": "1.2", "tariff": "2.0", "tuner": "3.0"}
    known = {
        name: Package(name, version, hashes=(hash_of(folder, name, version),))
        for name, version in pins.items()
    }
    return Locked(tuple((known | others).values()))


@dataclass(frozen=True, slots=True)
class Model:
    """A version with that lock, pushed."""

    reference: str
    settings: Settings
    index: PackageIndex

    def using(self, **others: object) -> Model:
        """The same, with other settings."""
        return replace(self, settings=replace(self.settings, **others))  # type: ignore[arg-type]


def push(
    folder: Path,
    reference: str,
    locked: Locked,
    settings: Settings,
    *,
    direct: tuple[str, ...] = ("tariff",),
    python: str | None = None,
    load: Mapping[str, str] | None = None,
    factor: float = 2.0,
) -> None:
    """Push a model that was made with such a lock, elsewhere; it multiplies."""
    (folder / "model").mkdir(parents=True)
    (folder / "model/table.json").write_text(json.dumps({"factor": factor}))
    (folder / ".lading").mkdir()
    (folder / ".lading/pylock.toml").write_bytes(pylock.write(locked))
    environment = {
        "python": {"version": python or f"{python_image.version()}.2"},
        "requirements": [f"{each.name}=={each.version}" for each in locked.packages],
        "direct": list(direct),
    }
    (folder / ".lading/environment.json").write_text(json.dumps(environment))
    framework = {
        "name": "python",
        "version": "3.11",
        "loader": "python",
        "load": dict(load or {"format": "python", "class": "tariff:Tariff"}),
    }
    lading.push(folder, reference, framework=framework, settings=settings)
