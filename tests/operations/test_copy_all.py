"""A whole repository goes along: versions, evidence, stages, and everything that happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operations.older import give_again
from parts.dialect import DISTRIBUTION_2
from parts.double import Double
from parts.registry import DockerRegistry

from lading.errors import Conflict, LadingError
from lading.ledger.read import read_book
from lading.operations import stores
from lading.operations.copy import CopyResult, copy
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.history import history
from lading.operations.ledger import ledger_verify
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.remove import remove
from lading.operations.request import approve, request
from lading.operations.rollback import rollback
from lading.operations.status import StatusResult, status
from lading.operations.tag import tag
from lading.operations.verify import verify
from lading.settings import Settings
from lading.spec.reference import Reference

PROTECTED = "stages: {dev: {}, prod: {protected: true, approvals: 1, not_author: true}}\n"


def all_of(source: str, target: str, settings: Settings) -> CopyResult:
    return copy(source, target, all_versions=True, settings=settings)


def names(place: str, settings: Settings) -> set[str]:
    return set(stores.open_store(Reference.parse(place), settings).names())


def stages(place: str, settings: Settings) -> dict[str, tuple[str | None, ...]]:
    """What each stage names, where every tag says what the ledger says."""
    found = status(place, settings=settings)
    assert not found.drift
    return {s.stage: tuple(m.version for m in s.members) for s in found.stages if s.members}


def fresh(settings: Settings, home: Path, **changes: Any) -> Settings:
    """Another machine: nothing of this one's cache and memory."""
    return replace(settings, home=home / "home", cache=home / "cache", **changes)


@pytest.fixture
def life(model: Path, place: str, settings: Settings) -> str:
    """A model with everything that happens to one; where it is."""
    two_versions(model, place, settings)
    evaluate(f"{place}:1.0.0", {"auc": 0.91}, settings=settings)
    request(f"{place}:1.0.0", "prod", settings=settings)
    approve(f"{place}:1.0.0", "prod", settings=settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    promote(f"{place}:1.1.0", "staging", settings=settings)
    promote(f"{place}:1.1.0", "prod", because="better", settings=settings)
    rollback(place, "prod", because="worse after all", settings=settings)
    note(f"{place}:1.1.0", "too many false alarms", settings=settings)
    tag(f"{place}:1.1.0", "candidate", settings=settings)
    return place


def two_versions(model: Path, place: str, settings: Settings) -> None:
    for number, version in enumerate(("1.0.0", "1.1.0")):
        (model / "config.json").write_text(f'{{"hidden": {number}}}')
        push(model, f"{place}:{version}", settings=settings)


def same(left: StatusResult, right: StatusResult) -> bool:
    return (left.events, left.stages, left.pending, left.unregistered, left.deprecated) == (
        right.events, right.stages, right.pending, right.unregistered, right.deprecated
    )  # fmt: skip


def test_an_empty_destination_is_the_same_afterwards(
    life: str, model: Path, settings: Settings, tmp_path: Path
) -> None:
    target = f"oci:{tmp_path / 'all'}"

    result = all_of(life, target, settings)

    there = fresh(settings, tmp_path / "elsewhere")
    assert history(target, settings=there).events == history(life, settings=settings).events
    assert history(target, settings=there).intervals == history(life, settings=settings).intervals
    assert same(status(target, settings=there), status(life, settings=settings))
    assert [piece.type for piece in evidence(f"{target}:1.0.0", settings=there).evidence] == [
        "evaluation"
    ]
    assert stages(target, there) == {"prod": ("1.0.0",), "staging": ("1.1.0",)}
    assert verify(model, f"{target}:1.1.0", settings=there).digest
    assert result.events == len(history(life, settings=settings).events)
    assert ledger_verify(target, settings=there).findings == ()
    assert {move.stage for move in result.stages} == {"prod", "staging"}
    assert result.notes == ()


def test_twice_is_once(life: str, settings: Settings, tmp_path: Path) -> None:
    target = f"oci:{tmp_path / 'all'}"
    all_of(life, target, settings)
    before = names(target, settings), status(target, settings=settings)

    again = all_of(life, target, settings)

    assert (again.events, again.stages, again.notes) == (0, (), ())
    assert (names(target, settings), status(target, settings=settings)) == before


def test_it_goes_from_a_registry_through_a_layout_to_another_registry(  # noqa: PLR0917  fixtures
    model: Path,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    repository: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    first, layout = f"{registry.host}/{repository}", f"oci:{tmp_path / 'stick'}"
    last = f"{other_registry.host}/{repository}"
    two_versions(model, first, settings)
    evaluate(f"{first}:1.0.0", {"auc": 0.9}, settings=settings)
    promote(f"{first}:1.0.0", "prod", settings=settings)

    all_of(first, layout, settings)
    all_of(layout, last, fresh(settings, tmp_path / "courier"))

    there = fresh(settings, tmp_path / "there")
    assert history(last, settings=there).events == history(first, settings=settings).events
    assert same(status(last, settings=there), status(first, settings=settings))
    assert len(evidence(f"{last}:1.0.0", settings=there).evidence) == 1
    pull(f"{last}:prod", tmp_path / "out", settings=there)


def test_evidence_finds_its_way_through_the_referrers_api(
    model: Path, registry: DockerRegistry, double: Double, repository: str, settings: Settings
) -> None:
    first, modern = f"{registry.host}/{repository}", f"{double.host}/{repository}"
    back = f"{registry.host}/{repository}-back"
    two_versions(model, first, settings)
    evaluate(f"{first}:1.0.0", {"auc": 0.9}, settings=settings)
    promote(f"{first}:1.0.0", "prod", settings=settings)

    all_of(first, modern, settings)
    all_of(modern, back, settings)

    for place in (modern, back):
        assert len(evidence(f"{place}:1.0.0", settings=settings).evidence) == 1
        assert stages(place, settings) == {"prod": ("1.0.0",)}
    assert not any(name.startswith(("keep-", "sha256-")) for name in names(modern, settings))


def test_two_ledgers_are_one_afterwards(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    target = f"oci:{tmp_path / 'all'}"
    two_versions(model, place, settings)
    all_of(place, target, settings)
    # Here and there life goes on.
    promote(f"{place}:1.0.0", "staging", settings=settings)
    note(f"{target}:1.1.0", "seen there", settings=settings)
    promote(f"{target}:1.1.0", "dev", settings=settings)

    result = all_of(place, target, settings)

    kinds = [event.kind for event in history(target, settings=settings).events]
    assert sorted(kinds) == ["assigned", "assigned", "noted", "registered", "registered"]
    assert stages(target, settings) == {"dev": ("1.1.0",), "staging": ("1.0.0",)}
    assert (result.events, [move.stage for move in result.stages]) == (1, ["staging"])


def test_where_the_source_is_ahead_the_stage_follows(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    target = f"oci:{tmp_path / 'all'}"
    two_versions(model, place, settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    all_of(place, target, settings)
    promote(f"{place}:1.1.0", "prod", settings=settings)

    result = all_of(place, target, settings)

    assert stages(target, settings) == {"prod": ("1.1.0",)}
    ((stage, before, after),) = [(m.stage, m.before, m.after) for m in result.stages]
    assert (stage, before != after) == ("prod", True)


def test_where_the_destination_is_ahead_its_stage_stays(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    target = f"oci:{tmp_path / 'all'}"
    two_versions(model, place, settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    all_of(place, target, settings)
    promote(f"{target}:1.1.0", "prod", settings=settings)

    result = all_of(place, target, settings)

    assert stages(target, settings) == {"prod": ("1.1.0",)}
    assert (result.events, result.stages) == (0, ())


def test_an_open_stage_that_both_moved_is_told_of(model: Path, settings: Settings) -> None:
    for place in ("ml/here", "ml/there"):
        two_versions(model, place, settings)
    promote("ml/here:1.0.0", "prod", settings=settings)
    note("ml/there:1.0.0", "one more event, so that its move comes last", settings=settings)
    # The same versions: equal folders pushed at two moments would be two contents.
    remove("ml/there:1.0.0", settings=settings)
    remove("ml/there:1.1.0", settings=settings)
    for version in ("1.0.0", "1.1.0"):
        give_again(f"ml/here:{version}", f"ml/there:{version}", settings)
    promote("ml/there:1.1.0", "prod", settings=settings)

    result = all_of("ml/here", "ml/there", settings)

    assert stages("ml/there", settings) == {"prod": ("1.1.0",)}
    assert any("moved in both places" in text for text in result.notes)


def test_a_protected_stage_is_not_left_without_its_version(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(PROTECTED)
    ada = fresh(settings, tmp_path, policy=policy, actor="ada", author="ada")
    bob = fresh(settings, tmp_path, policy=policy, actor="bob")
    push(model, "ml/here:1.0.0", authors=("ada",), settings=ada)
    copy("ml/here:1.0.0", "ml/there:1.0.0", settings=ada)
    for place in ("ml/here", "ml/there"):
        approve(f"{place}:1.0.0", "prod", settings=bob)
        promote(f"{place}:1.0.0", "prod", settings=ada)
    (model / "config.json").write_text("{}")
    push(model, "ml/here:1.1.0", authors=("ada",), settings=ada)
    approve("ml/here:1.1.0", "prod", settings=bob)
    promote("ml/here:1.1.0", "prod", settings=ada)
    before = names("ml/there", ada)

    with pytest.raises(Conflict, match="protected stage prod") as caught:
        all_of("ml/here", "ml/there", ada)

    assert "lading promote" in (caught.value.hint or "")
    assert names("ml/there", ada) == before
    assert stages("ml/there", ada) == {"prod": ("1.0.0",)}


def test_a_version_with_other_content_stops_everything_before_anything_moves(
    model: Path, settings: Settings
) -> None:
    two_versions(model, "ml/here", settings)
    (model / "config.json").write_text('{"hidden": 7}')
    push(model, "ml/there:1.1.0", settings=settings)
    before = names("ml/there", settings)

    with pytest.raises(Conflict):
        all_of("ml/here", "ml/there", settings)

    assert names("ml/there", settings) == before


@pytest.mark.parametrize(
    "broken", ["manifests/1.1.0", r"manifests/evt\.0000000[35]", "manifests/ledger",
               "manifests/prod", "blobs/uploads", "manifests/latest"],
)  # fmt: skip
def test_interrupted_anywhere_and_run_again_it_is_whole(  # noqa: PLR0917  fixtures
    model: Path, double: Double, repository: str, settings: Settings, tmp_path: Path, broken: str
) -> None:
    two_versions(model, "ml/fraud", settings)
    evaluate("ml/fraud:1.0.0", {"auc": 0.9}, settings=settings)
    promote("ml/fraud:1.0.0", "prod", settings=settings)
    note("ml/fraud:1.0.0", "fine", settings=settings)
    promote("ml/fraud:1.1.0", "prod", settings=settings)
    double.dialect = DISTRIBUTION_2
    target = f"{double.host}/{repository}"
    method = "POST" if broken.startswith("blobs") else "PUT"
    double.fail(method, broken, status=503, times=8, skip=2 if method == "POST" else 0)

    with pytest.raises(LadingError):
        all_of("ml/fraud", target, settings)
    store = stores.open_store(Reference.parse(target), settings)
    half = read_book(store, whole=True)
    state = half.state()
    double.heal()
    all_of("ml/fraud", target, settings)

    # What came was a beginning without gaps.
    assert not state.missing
    assert (
        history(target, settings=settings).events == history("ml/fraud", settings=settings).events
    )
    assert stages(target, settings) == {"prod": ("1.1.0",)}
    assert len(evidence(f"{target}:1.0.0", settings=settings).evidence) == 1


def test_stages_move_when_all_else_is_there(
    model: Path, double: Double, repository: str, settings: Settings
) -> None:
    two_versions(model, "ml/fraud", settings)
    promote("ml/fraud:1.1.0", "prod", settings=settings)
    tag("ml/fraud:1.0.0", "candidate", settings=settings)

    all_of("ml/fraud", f"{double.host}/{repository}", settings)

    put = [r.path.rpartition("/")[2] for r in double.requests if r.method == "PUT"]
    assert put[-1] == "prod"
    assert put.index("ledger") > max(at for at, name in enumerate(put) if name.startswith("evt."))


def test_a_version_whose_own_tag_is_gone_comes_along_while_a_stage_names_it(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    two_versions(model, "ml/fraud", settings)
    promote("ml/fraud:1.0.0", "prod", settings=settings)
    stores.open_store(Reference.parse("ml/fraud"), settings).untag("1.0.0")

    all_of("ml/fraud", f"oci:{tmp_path / 'all'}", settings)

    assert stages(f"oci:{tmp_path / 'all'}", settings) == {"prod": ("1.0.0",)}


def test_one_version_does_not_take_a_stage_from_what_its_ledger_says(
    model: Path, place: str, settings: Settings
) -> None:
    two_versions(model, place, settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)

    with pytest.raises(Conflict, match="its ledger says") as caught:
        copy(f"{place}:1.1.0", f"{place}:prod", settings=settings)

    assert caught.value.hint == f"lading promote {place}:1.1.0 {place} --stage prod"
    assert stages(place, settings) == {"prod": ("1.0.0",)}


def test_one_version_takes_a_stage_where_no_ledger_speaks(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    pushed = push(model, "ml/fraud:1.0.0", settings=settings)

    copied = copy("ml/fraud:1.0.0", f"oci:{tmp_path / 'stick'}:prod", settings=settings)

    assert copied.copied[0].digest == pushed.digest


def test_a_stage_that_only_a_tag_names_does_not_overrule_the_destinations_ledger(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    two_versions(model, "ml/fraud", settings)
    stick = f"oci:{tmp_path / 'stick'}"
    for name in ("1.0.0", "1.1.0", "prod"):
        version = "1.1.0" if name == "prod" else name
        copy(f"ml/fraud:{version}", f"{stick}:{name}", settings=settings)
    promote("ml/fraud:1.0.0", "prod", settings=settings)

    result = all_of(stick, "ml/fraud", settings)

    assert stages("ml/fraud", settings) == {"prod": ("1.0.0",)}
    assert any("prod was left as it is" in text for text in result.notes)


@pytest.fixture
def guarded(settings: Settings, tmp_path: Path) -> Settings:
    """Somebody whose policy protects prod."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(PROTECTED)
    return replace(settings, policy=policy)


def test_a_bare_tag_in_the_source_does_not_fill_a_protected_stage(
    model: Path, settings: Settings, guarded: Settings, tmp_path: Path
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    stick = f"oci:{tmp_path / 'stick'}"
    for name in ("1.0.0", "prod", "dev", "mine"):
        copy("ml/fraud:1.0.0", f"{stick}:{name}", settings=settings)
    push(model, "ml/there:0.9.0", settings=guarded)

    result = all_of(stick, "ml/there", guarded)

    assert "prod" not in names("ml/there", settings)
    assert {"1.0.0", "dev", "mine"} <= names("ml/there", settings)
    assert any("prod was left as it is: no event says" in text for text in result.notes)


def test_one_version_does_not_take_a_protected_stage_that_never_moved(
    model: Path, place: str, settings: Settings, guarded: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    with pytest.raises(Conflict, match="stages move by promotion") as caught:
        copy(f"{place}:1.0.0", f"{place}:prod", settings=guarded)

    assert caught.value.hint == f"lading promote {place}:1.0.0 {place} --stage prod"
    assert "prod" not in names(place, settings)
