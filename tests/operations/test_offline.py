"""Offline: no registry is asked by any verb that would; what is on this machine goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from parts.double import Double

from lading.errors import LadingError, Unavailable
from lading.operations.copy import copy
from lading.operations.doctor import doctor
from lading.operations.gc import gc
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.login import login
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.search import search
from lading.operations.status import status
from lading.operations.tag import tag
from lading.operations.watch import watch
from lading.settings import Settings

Act = Callable[[str, Path, Settings], object]

VERBS: dict[str, Act] = {
    "push": lambda at, folder, s: push(folder, f"{at}:2.0.0", settings=s),
    "inspect": lambda at, _, s: inspect(f"{at}:1.0.0", settings=s),
    "list": lambda at, _, s: list_versions(at, settings=s),
    "tag": lambda at, _, s: tag(f"{at}:1.0.0", "mine", settings=s),
    "copy from": lambda at, _, s: copy(f"{at}:1.0.0", "ml/here:1.0.0", settings=s),
    "copy to": lambda at, _, s: copy("ml/local:1.0.0", f"{at}:3.0.0", settings=s),
    "promote": lambda at, _, s: promote(f"{at}:1.0.0", "prod", settings=s),
    "promote to": lambda at, _, s: promote("ml/local:1.0.0", "prod", to=at, settings=s),
    "note": lambda at, _, s: note(f"{at}:1.0.0", "a remark", settings=s),
    "status": lambda at, _, s: status(at, settings=s),
    "search": lambda at, _, s: search("stage = 'prod'", at, settings=s),
    "watch": lambda at, _, s: list(watch(at, once=True, settings=s)),
    "watch on and on": lambda at, _, s: next(watch(at, settings=s)),
    "gc": lambda at, _, s: gc(at, settings=s),
    "doctor": lambda at, _, s: doctor(at, settings=s),
    "login": lambda at, _, s: login(at.partition("/")[0], "ada", "secret", settings=s),
}


@pytest.mark.parametrize("act", VERBS.values(), ids=VERBS)
def test_offline_no_registry_is_asked(
    act: Act, model: Path, double: Double, settings: Settings
) -> None:
    place = f"{double.host}/ml/fraud"
    push(model, f"{place}:1.0.0", settings=settings)
    push(model, "ml/local:1.0.0", settings=settings)
    double.forget_requests()

    with pytest.raises(Unavailable) as caught:
        act(place, model, replace(settings, offline=True))

    assert "offline" in f"{caught.value} {caught.value.hint}"
    assert double.asked() == []


def test_who_asks_for_one_pull_online_gets_it(
    model: Path, double: Double, settings: Settings, tmp_path: Path
) -> None:
    place = f"{double.host}/ml/fraud:1.0.0"
    push(model, place, settings=settings)
    offline = replace(settings, offline=True)

    with pytest.raises(LadingError):
        pull(place, tmp_path / "no", settings=offline)
    assert pull(place, tmp_path / "out", offline=False, settings=offline).files > 0


def test_offline_this_machine_is_no_registry(model: Path, settings: Settings) -> None:
    offline = replace(settings, offline=True)

    push(model, "ml/local:1.0.0", settings=offline)
    promote("ml/local:1.0.0", "prod", settings=offline)

    assert [each.version for each in search("stage = 'prod'", settings=offline).versions] == [
        "1.0.0"
    ]
