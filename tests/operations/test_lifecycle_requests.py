"""How many requests the lifecycle costs a client that knows nothing yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, Team
from parts.double import Double
from parts.registry import DockerRegistry

from lading.operations import push as operation
from lading.operations import stores
from lading.operations.lifecycle.stages import checked
from lading.operations.promote import promote
from lading.operations.request import approve
from lading.operations.rollback import rollback
from lading.operations.status import status
from lading.settings import Settings


class Counter:
    """Counts what a registry is asked."""

    def __init__(self, registry: DockerRegistry | Double) -> None:
        self.registry = registry

    def __call__(self, action: Callable[[], object]) -> int:
        self.registry.forget_requests()
        action()
        if isinstance(self.registry, Double):
            return len(self.registry.asked())
        return len(self.registry.requests())


@pytest.fixture(params=["docker-registry", "the double"])
def counted(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, repository: str
) -> tuple[Team, Counter]:
    name = "registry" if request.param == "docker-registry" else "double"
    registry: DockerRegistry | Double = request.getfixturevalue(name)
    team = Team(f"{registry.host}/{repository}", replace(settings, actor=ADA), tmp_path)
    team.push("1.0.0")
    team.push("1.1.0")
    return team, Counter(registry)


def test_an_uncontended_promotion_costs_at_most_twelve_requests(
    counted: tuple[Team, Counter],
) -> None:
    team, count = counted

    for version in ("1.0.0", "1.1.0", "1.0.0"):
        fresh = team.elsewhere()
        assert (
            count(lambda: promote(f"{team.place}:{version}", "prod", settings=fresh.settings)) <= 12  # noqa: B023
        )


def test_reading_a_stage_costs_one_request_and_asking_the_ledger_one_more(
    counted: tuple[Team, Counter],
) -> None:
    team, count = counted
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    policy = team.under("stages: {prod: {protected: true}}").settings.policy

    def read(*, unchecked: bool, policy: Path | None = None) -> int:
        settings = replace(team.elsewhere().settings, unchecked=unchecked, policy=policy)
        place = stores.locate(f"{team.place}:prod", settings)
        store = stores.open_store(place, settings)
        return count(lambda: checked(store, place, stores.resolve(store, place), settings))

    fast, careful = read(unchecked=True), read(unchecked=False)
    protected = read(unchecked=False, policy=policy)
    protected_fast = read(unchecked=True, policy=policy)

    assert (fast, careful) == (1, 2)
    # The tags, the index and each event are read, and what the policy asks for: nothing here.
    assert len(team.events()) < protected <= len(team.events()) + 6
    assert protected_fast == 1


def test_an_approval_costs_nine_requests_and_promoting_again_six(
    counted: tuple[Team, Counter],
) -> None:
    team, count = counted
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)

    said = count(lambda: approve(f"{team.place}:1.0.0", "prod", settings=team.elsewhere().settings))
    again = count(
        lambda: promote(f"{team.place}:1.0.0", "prod", settings=team.elsewhere().settings)
    )

    assert (said, again) == (9, 6)


def test_registering_costs_a_push_eight_requests(
    counted: tuple[Team, Counter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tags three times, the index read and put, the event: a session, its bytes, its tag."""
    team, count = counted
    with monkeypatch.context() as patch:
        patch.setattr(operation, "register", lambda *_, **__: None)
        alone = count(lambda: team.push("2.0.0"))

    recorded = count(lambda: team.push("2.1.0"))

    # Reading the tags and the index is done in any case here.
    assert recorded - (alone - 2) == 8


def test_what_only_reads_writes_nothing(counted: tuple[Team, Counter]) -> None:
    team, count = counted
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    before = sorted(team.store.names())

    first = count(lambda: status(team.place, settings=team.settings))
    second = count(lambda: status(team.place, settings=team.settings))

    assert second <= first <= 9
    assert sorted(team.store.names()) == before


def test_a_rollback_reads_every_event_and_then_costs_what_a_promotion_does(
    counted: tuple[Team, Counter],
) -> None:
    team, count = counted
    for version in ("1.0.0", "1.1.0"):
        promote(f"{team.place}:{version}", "prod", settings=team.settings)
    events = len(team.events())

    fresh = count(lambda: rollback(team.place, "prod", settings=team.elsewhere().settings))

    assert fresh <= 14 + events
