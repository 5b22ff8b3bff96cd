"""One event: of a version, of a stage, and by its own name."""

from __future__ import annotations

import pytest
from hooks.ledgers import Ledger

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations.event import OUTPUTS, event_show
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.tags import event_tag
from lading.transfer import read


@pytest.fixture
def ledger(place: str, settings: Settings) -> Ledger:
    return Ledger(place, settings)


def shown(ledger: Ledger, name: str) -> str:
    return event_show(f"{ledger.name}{name}", settings=ledger.settings).event


def test_a_version_shows_the_newest_event_about_it(ledger: Ledger) -> None:
    ledger.write("registered")
    newest = ledger.write("approved", stage="prod")
    ledger.write("registered", "1.1.0")

    assert shown(ledger, ":1.0.0") == newest.digest
    assert shown(ledger, f"@{newest.event.digest}") == newest.digest


def test_a_stage_shows_the_move_that_made_it_what_it_is(ledger: Ledger) -> None:
    moved = ledger.assign("1.0.0")
    ledger.write("requested", "1.1.0", stage="prod")
    ledger.write("noted", "1.0.0")

    assert shown(ledger, ":prod") == moved.digest

    cleared = ledger.write("cleared", "1.0.0", stage="prod")
    assert shown(ledger, ":prod") == cleared.digest


def test_a_stage_in_dispute_shows_what_it_kept(ledger: Ledger) -> None:
    first = ledger.assign(protected=True)
    for _ in range(2):
        ledger.beside((first.digest,), 2, protected=True)

    assert shown(ledger, ":prod") == first.digest


def test_a_tag_that_is_no_stage_shows_its_version(ledger: Ledger) -> None:
    registered = ledger.write("registered")
    root = ledger.store.resolve("1.0.0")
    ledger.store.push(root, BytesContent(read(ledger.store, root)), "candidate")

    assert shown(ledger, ":candidate") == registered.digest


def test_an_event_shows_itself_by_tag_and_by_digest(ledger: Ledger) -> None:
    first, _ = ledger.assign(), ledger.assign("1.1.0")

    assert shown(ledger, f"@{first.digest}") == first.digest
    assert shown(ledger, f":{event_tag(1, first.digest)}") == first.digest


def test_a_stage_whose_tag_was_moved_by_another_tool_is_said_to_drift(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    moved = ledger.assign("1.0.0")
    other = ledger.store.resolve(ledger.version("2.0.0"))
    ledger.store.push(other, BytesContent(read(ledger.store, other)), "prod")

    assert shown(ledger, ":prod") == moved.digest
    assert "DRIFT" in caplog.text


@pytest.mark.parametrize("name", [":9.9.9", ":nowhere", ":evt.00000009.0123456789abcdef"])
def test_what_is_not_there_has_no_event(ledger: Ledger, name: str) -> None:
    ledger.assign()

    with pytest.raises(NotFound):
        shown(ledger, name)


def test_a_version_of_which_nothing_is_recorded_has_no_event(ledger: Ledger) -> None:
    ledger.version("1.0.0")

    with pytest.raises(NotFound, match="nothing is recorded"):
        shown(ledger, ":1.0.0")


def test_a_model_alone_is_no_question(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="which event"):
        shown(ledger, "")


def test_an_event_under_a_tag_that_is_not_its_own_is_refused(ledger: Ledger) -> None:
    event = ledger.store.resolve(ledger.assign().digest)
    wrong = event_tag(7, event.digest)
    ledger.store.push(event, BytesContent(read(ledger.store, event)), wrong)

    with pytest.raises(IntegrityError, match="another event"):
        shown(ledger, f":{wrong}")


def test_pipelines_are_told_one_line_each_whatever_a_registry_says(settings: Settings) -> None:
    ledger = Ledger("ml/fraud", settings)
    recorded = ledger.beside((), 1, version="1.0\nkind=evil\r\0\u2028\u202e")

    outputs = event_show(f"ml/fraud@{recorded.digest}", settings=settings).outputs()

    assert tuple(outputs) == OUTPUTS
    assert all(value.isprintable() for value in outputs.values())
    assert outputs["version"] == "1.0?kind=evil????"
    assert outputs["reference"] == f"ml/fraud@{recorded.event.digest}"
