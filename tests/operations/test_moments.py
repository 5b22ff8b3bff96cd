"""Dates as people write them, and dates that nobody can reckon with."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from operations.team import BOB, Team

from lading.errors import InvalidInput
from lading.ledger.artifact import EVENT
from lading.ledger.envelope import PLAIN
from lading.operations.attach import attach
from lading.operations.evidence import evidence
from lading.operations.history import history
from lading.operations.ledger import ledger_verify
from lading.operations.lifecycle.moments import end_of, stretch_of
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.record import record_measure
from lading.operations.request import approve
from lading.operations.status import status
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.event import PREDICATE, STATEMENT
from lading.spec.manifest import Manifest

OUTSIDE = ["9999-12-31", "3000-01-01", "1969-12-31", "0001-01-01", "9999-12-31T23:59:59Z"]


def test_a_date_is_a_whole_day_and_a_moment_is_itself() -> None:
    start, end = stretch_of("2999-12-31")

    assert start == datetime(2999, 12, 31, tzinfo=UTC)
    assert end == end_of("2999-12-31") == datetime(2999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert stretch_of("1970-01-01T00:00:00Z")[1] == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_date_outside_the_calendar_is_refused(local: Team, text: str) -> None:
    for ask in (
        lambda: stretch_of(text),
        lambda: history("ml/fraud", at=text, settings=local.settings),
        lambda: approve("ml/fraud:1.0.0", "prod", expires=text, settings=local.settings),
        lambda: record_measure(
            "ml/fraud:1.0.0", {"psi": 0.1}, window=f"{text}/{text}", settings=local.settings
        ),
    ):
        with pytest.raises(InvalidInput, match=r"not a date"):
            ask()


def test_an_approval_that_would_never_end_is_refused_before_it_is_written(local: Team) -> None:
    before = local.events()

    with pytest.raises(InvalidInput):
        approve("ml/fraud:1.0.0", "prod", expires="52000w", settings=local.settings)

    assert local.events() == before


def put_move(team: Team, time: str) -> str:
    """A move to prod, dated at will, as anybody could write it; its tag."""
    store = team.store
    value = {
        "_type": STATEMENT,
        "subject": [{"name": "ml/fraud", "digest": {"sha256": (team.tag("1.1.0") or "")[7:]}}],
        "predicateType": PREDICATE,
        "predicate": {
            "kind": "assigned",
            "stage": "prod",
            "seq": 1,
            "parents": [],
            "actor": "eve",
            "time": time,
            "nonce": "0" * 32,
        },
    }
    raw = json.dumps(value).encode()
    layer, config = Descriptor.of(raw, PLAIN), Descriptor.of(b"{}", mediatypes.EMPTY)
    store.push(layer, BytesContent(raw))
    store.push(config, BytesContent(b"{}"))
    manifest = Manifest.build(config, (layer,), artifact_type=EVENT)
    tag = f"evt.00000001.{manifest.descriptor.digest.hex[:16]}"
    store.push(manifest.descriptor, BytesContent(manifest.raw), tag)
    return tag


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"])
def test_an_event_at_the_end_of_the_calendar_ends_nothing(local: Team, time: str) -> None:
    strict = local.under(
        "stages: {prod: {protected: true, approvals: 1, evidence_max_age: 30d,"
        " gates: ['metrics.auc > 0.8']}}"
    )
    tag = put_move(local, time)
    evaluation = local.folder / "evaluation.json"
    evaluation.write_text(json.dumps({"metrics": [{"name": "auc", "value": 0.9}]}))
    attach("ml/fraud:1.0.0", evaluation, type="evaluation", settings=local.settings)
    approve("ml/fraud:1.0.0", "prod", settings=strict.acting(BOB).settings)

    promote("ml/fraud:1.0.0", "prod", settings=strict.settings)

    assert strict.versions("prod") == ["1.0.0"]
    assert not status("ml/fraud", settings=strict.settings).drift
    assert pull("ml/fraud:prod", settings=strict.settings).digest == local.tag("1.0.0")
    told = ledger_verify("ml/fraud", settings=strict.settings)
    assert [finding.kind for finding in told.findings] == ["strange"]
    assert tag in told.findings[0].what
    assert "not a moment" in told.findings[0].what


def test_evidence_dated_at_the_end_of_the_calendar_is_told_without_a_date(local: Team) -> None:
    report = local.folder / "report.json"
    report.write_text(json.dumps({"created": "9999-12-31T23:59:59Z", "verdict": "clean"}))
    attach("ml/fraud:1.0.0", report, type="scan", settings=local.settings)

    told = evidence("ml/fraud:1.0.0", settings=local.settings)

    assert all((each.created or "")[:4] != "9999" for each in told.evidence)
