"""Whoever goes on with a deprecated version is told, where that costs nothing."""

from __future__ import annotations

import pytest
from operations.team import Team

from lading.operations.deprecate import deprecate
from lading.operations.inspect import inspect
from lading.operations.promote import promote
from lading.operations.pull import pull

PROTECTED = "stages: {prod: {protected: true}}"


@pytest.mark.parametrize("policy", ["stages: {prod: {}}", PROTECTED])
def test_a_pull_by_stage_warns_once_of_a_deprecated_version(
    local: Team, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    team = local.under(policy)
    promote("ml/fraud:1.0.0", "prod", settings=team.settings)
    pull("ml/fraud:prod", settings=team.settings)
    before = list(caplog.messages)
    deprecate("ml/fraud:1.0.0", because="stale data", settings=team.settings)
    caplog.clear()

    pulled = pull("ml/fraud:prod", settings=team.settings)

    assert before == []
    assert caplog.messages == [
        f"ml/fraud:prod is deprecated: lading history ml/fraud@{pulled.digest} says why"
    ]


@pytest.mark.parametrize("policy", [None, "stages: {prod: {}, staging: {approvals: 1}}"])
def test_a_promotion_of_a_deprecated_version_says_so_once_however_it_is_named(
    local: Team, policy: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    team = local.under(policy) if policy else local
    promote("ml/fraud:1.0.0", "prod", settings=team.settings)
    deprecate("ml/fraud:1.0.0", because="stale data", settings=team.settings)
    caplog.clear()

    by_version = promote("ml/fraud:1.0.0", "staging", dry_run=True, settings=team.settings)
    by_digest = promote(f"ml/fraud@{by_version.digest}", "staging", settings=team.settings)
    said = list(caplog.messages)
    by_stage = promote("ml/fraud:prod", "staging", settings=team.settings)

    why = f"is deprecated: lading history ml/fraud@{by_version.digest} says why"
    for done in (by_version, by_digest):
        assert [note for note in done.notes if "deprecated" in note] == [f"ml/fraud:1.0.0 {why}"]
    assert said == []
    assert not any("deprecated" in note for note in by_stage.notes)
    assert caplog.messages == [f"ml/fraud:prod {why}"]


def test_a_pull_by_version_or_digest_asks_nobody_and_says_nothing(
    local: Team, caplog: pytest.LogCaptureFixture
) -> None:
    deprecate("ml/fraud:1.0.0", because="stale data", settings=local.settings)
    caplog.clear()

    pulled = pull("ml/fraud:1.0.0", settings=local.settings)
    pull(f"ml/fraud@{pulled.digest}", settings=local.settings)

    assert caplog.messages == []
    looked = inspect("ml/fraud:1.0.0", settings=local.settings)
    assert looked.deprecated
    assert looked.notes[-1].startswith("deprecated by ")
