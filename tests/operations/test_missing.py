"""The name of a model that is not there: every verb says so, and which one may be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import Team
from parts.double import Double

from lading.errors import NotFound
from lading.operations.deploy import deploy
from lading.operations.gc import gc
from lading.operations.history import history
from lading.operations.ledger import ledger_show
from lading.operations.list import list_versions
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.status import status
from lading.operations.where import where
from lading.settings import Settings
from lading.spec.mirror import parse_mirrors
from lading.stores.mirrored.health import HEALTH


def in_a_stage(reference: str, *, settings: Settings) -> object:
    return deploy(reference, stage="prod", settings=settings)


VERBS = (list_versions, status, history, where, gc, ledger_show, in_a_stage)


@pytest.fixture(autouse=True)
def well() -> Iterator[None]:
    """No registry failed a moment ago."""
    HEALTH.forget()
    yield
    HEALTH.forget()


@pytest.fixture
def payments(double: Double, settings: Settings, team_at: Callable[[str], Team]) -> Team:
    return team_at(f"{double.host}/ml/payments")


@pytest.fixture
def team_at(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Team]:
    def made(place: str) -> Team:
        team = Team(place, replace(settings, actor="tests"), tmp_path_factory.mktemp("team"))
        team.push("1.0.0")
        return team

    return made


@pytest.mark.parametrize(
    ("written", "what", "hint"),
    [
        ("nothere.tar", "nothere.tar", "lading bundle REF -o nothere.tar writes it"),
        ("nothere.tar/ml/x", "nothere.tar", "lading bundle REF -o nothere.tar writes it"),
        ("fruad.tar/ml/x", "fruad.tar", "did you mean oci:fraud.tar/ml/x?"),
        ("stick", "stick", "lading copy REF oci:stick writes it"),
    ],
)
def test_a_file_or_a_folder_that_is_not_there_is_said(  # noqa: PLR0917  fixtures
    written: str, what: str, hint: str, settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fraud.tar").touch()

    with pytest.raises(NotFound) as caught:
        history(f"oci:{written}", settings=settings)

    assert (caught.value.what, caught.value.hint) == (f"there is no {what}", hint)


@pytest.mark.parametrize("verb", VERBS)
def test_a_model_that_is_not_there_is_said_and_the_one_that_may_be_meant(
    verb: Callable[..., object], payments: Team
) -> None:
    with pytest.raises(NotFound, match=r"there is no .*/ml/paymnts") as caught:
        verb(payments.place.replace("payments", "paymnts"), settings=payments.settings)

    assert f"did you mean {payments.place}?" in str(caught.value.hint)


@pytest.mark.parametrize("verb", [history, where, deploy])
def test_a_version_of_a_model_that_is_not_there_is_answered_alike(
    verb: Callable[..., object], payments: Team
) -> None:
    reference = f"{payments.place.replace('payments', 'paymnts')}:1.0.0"

    with pytest.raises(NotFound, match=r"there is no .*/ml/paymnts") as caught:
        verb(reference, settings=payments.settings)

    assert f"did you mean {payments.place}?" in str(caught.value.hint)


@pytest.mark.parametrize("verb", [history, where, deploy])
def test_a_version_that_a_model_has_not_is_no_missing_model(
    verb: Callable[..., object], payments: Team
) -> None:
    with pytest.raises(NotFound) as caught:
        verb(f"{payments.place}:1.0.1", settings=payments.settings)

    assert f"did you mean {payments.place}:1.0.0?" in str(caught.value.hint)


def test_a_registry_that_does_not_say_what_is_on_it_leaves_the_name_to_be_mended(
    payments: Team, double: Double
) -> None:
    double.fail("GET", "/v2/_catalog", status=404, times=9)

    with pytest.raises(NotFound, match="there is no") as caught:
        where(payments.place.replace("payments", "paymnts"), settings=payments.settings)

    assert "did you mean" not in str(caught.value.hint)
    assert "lading search" in str(caught.value.hint)


def test_a_registry_that_does_not_answer_is_not_asked_what_else_it_has(
    payments: Team, double: Double
) -> None:
    with Double() as near:
        settings = replace(payments.settings, mirrors=parse_mirrors({double.host: [near.host]}))
        double.fail("GET", "/manifests/|/tags/|/referrers/", status=503, times=1000)

        with pytest.raises(NotFound, match="there is no") as caught:
            history(payments.place, settings=settings)

        assert f"{near.host}/ml/payments" in str(caught.value.cause)
        assert not [request for request in double.asked() if "_catalog" in request.path]


def test_a_model_of_which_only_what_happened_is_left_is_there(payments: Team) -> None:
    promote(f"{payments.place}:1.0.0", "prod", settings=payments.settings)
    note(f"{payments.place}:1.0.0", "kept", settings=payments.settings)
    payments.store.untag("1.0.0")

    told = history(payments.place, settings=payments.settings)

    assert [event.kind for event in told.events] == ["registered", "assigned", "noted"]
    assert where(payments.place, settings=payments.settings).places == ()
