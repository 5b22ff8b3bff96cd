"""Teach Lading a framework of your own: one class, registered for this process.

A package names the same class in its metadata instead; see lading.frameworks.adapter.

Run it: python examples/own_adapter.py
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lading.frameworks import LoadOptions, Saved, SaveOptions, adapter_for, register


@dataclass(frozen=True)
class Tariff:
    """The model: a price for each kilogram, by zone."""

    prices: Mapping[str, float]


class Tariffs:
    """The adapter. Its file is JSON, so loading runs nothing and needs no consent."""

    name = "tariff"
    framework = "acme-tariff"
    distributions = ()

    def takes(self, model: object) -> bool:
        return isinstance(model, Tariff)

    def save(self, model: Tariff, folder: Path, options: SaveOptions) -> Saved:
        (folder / "prices.json").write_text(json.dumps(dict(model.prices)))
        return Saved(how={}, format="json", class_name="Tariff", framework_version="1.0", roots=())

    def load(self, folder: Path, how: Mapping[str, object], options: LoadOptions) -> Tariff:
        return Tariff(json.loads((folder / "prices.json").read_text()))

    def predict(self, model: Tariff, data: Mapping[str, float]) -> dict[str, float]:
        return {zone: model.prices[zone] * weight for zone, weight in data.items()}


register(Tariffs())

with tempfile.TemporaryDirectory() as folder:
    model = Tariff({"EU": 4.5, "US": 9.0})
    adapter = adapter_for(model)
    saved = adapter.save(model, Path(folder), SaveOptions())
    again = adapter.load(Path(folder), saved.how, LoadOptions())
    print(f"{adapter.framework} {saved.framework_version}: {saved.format}")
    print("the same:", again == model)
    print("2 kg to the EU:", adapter.predict(again, {"EU": 2.0}))
