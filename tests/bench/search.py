"""The search: 200 repositories of 50 versions each, cold and warm, in seconds and in requests.

Requests are counted from the registry's own log, and a run that asks for more has failed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cases import Case, Setting, Step, Tool
from bench.measure import Command, Failed, run
from bench.tools import Place
from parts.filled import Storage
from parts.registry import DockerRegistry

_REPOSITORIES = 200
_VERSIONS = 50
_FILTER = "metrics.auc > 0.9 AND tags.team = 'risk' AND created > '2026-01-01'"
_WANTED = 20


@contextmanager
def search(setting: Setting) -> Iterator[Case]:
    """A search over what is known already, beside curl asking for the same lists of tags."""
    with _filled(setting) as (registry, folder, names):
        home = Place(folder, registry, "bench/model")
        versions = len(names) * _VERSIONS
        urls = folder / "urls"
        urls.write_text(
            "\n".join(
                f'url = "{registry.origin}/v2/{n}/tags/list"\noutput = /dev/null' for n in names
            )
        )

        def curl(place: Place) -> Command:
            return place.command("curl", "-q", "-sSf", "--fail-early", "-K", urls)

        warm = _counted(setting, registry, home, 1 + len(names))
        cold = _counted(setting, registry, home, 1 + len(names) + 2 * versions)
        yield Case(
            {"search": f"search: {versions:,} versions in {len(names)} repositories, warm"},
            (
                Tool("lading", (warm,), prepare=lambda: _once(cold, home)),
                Tool("curl", (Step("search", curl),)),
            ),
            registry=registry,
        )


@contextmanager
def search_cold(setting: Setting) -> Iterator[Case]:
    """The same search where nothing is known: two requests for each version."""
    with _filled(setting) as (registry, _, names):
        versions = len(names) * _VERSIONS
        expected = 1 + len(names) + 2 * versions
        step = _counted(setting, registry, None, expected, table="search-cold")
        yield Case(
            {"search-cold": f"search: {versions:,} versions in {len(names)} repositories, cold"},
            (Tool("lading", (step,)),),
            registry=registry,
            rounds=1,
        )


@contextmanager
def _filled(setting: Setting) -> Iterator[tuple[DockerRegistry, Path, list[str]]]:
    count = max(2, int(_REPOSITORIES * setting.scale))
    names = [f"team{number % 10}/model{number:03}" for number in range(count)]
    chance = random.Random(4)
    with setting.folder("search") as folder:
        registry = DockerRegistry(folder / "registry")
        storage = Storage(registry)
        for name in names:
            for minor in range(_VERSIONS):
                storage.version(name, f"1.{minor}.0", _document(name, minor, chance))
        with registry:
            yield registry, folder, names


def _document(name: str, minor: int, chance: random.Random) -> dict[str, object]:
    """What a version says: as much as a push with a handful of options would."""
    return {
        "name": name,
        "version": f"1.{minor}.0",
        "created": f"2026-{1 + minor % 12:02}-01T12:00:00Z",
        "description": "Finds fraud in card payments, trained every week.",
        "authors": ["Ada Lovelace"],
        "licenses": ["Apache-2.0"],
        "tags": {"team": chance.choice(["risk", "ads"]), "task": "tabular-classification"},
        "framework": {"name": "scikit-learn", "version": "1.5.0"},
        "metrics": [
            {"name": metric, "value": chance.random(), "split": split}
            for metric in ("auc", "loss", "f1")
            for split in (None, "test")
        ],
        "params": {"lr": 0.01, "depth": minor, "seed": chance.randrange(10**9)},
        "facts": {"parameters": 1000 * minor},
    }


def _counted(
    setting: Setting,
    registry: DockerRegistry,
    home: Place | None,
    expected: int,
    *,
    table: str = "search",
) -> Step:
    """A search in a home that stays, or in a fresh one, which may ask so many times."""

    def command(place: Place) -> Command:
        registry.forget_requests()
        words = ("search", _FILTER, f"{registry.host}/*", "--limit", str(_WANTED), "--json")
        return setting.scripts.lading(home or place, *words)

    def prove(place: Place, printed: str, thorough: bool) -> None:
        if len(json.loads(printed)["versions"]) != _WANTED and setting.scale >= 1:
            raise Failed("the search did not find what is there")
        if (asked := len(registry.requests())) != expected:
            raise Failed(f"{asked} requests instead of {expected}")

    return Step(table, command, prove)


def _once(step: Step, place: Place) -> None:
    _, printed = run(step.command(place))
    step.prove(place, printed, True)
