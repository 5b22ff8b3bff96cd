"""Throwing away: what goes, what stays and why, and nobody who works meanwhile loses anything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from parts.dialect import DISTRIBUTION_2, OCI, Dialect
from parts.double import Double, Stored
from parts.registry import DockerRegistry
from typer.testing import CliRunner

from lading.cli.app import app
from lading.errors import InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.operations.copy import copy
from lading.operations.deprecate import deprecate
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.garbage import facts as gc_facts
from lading.operations.garbage import look as gc_look
from lading.operations.gc import UNASKED, GcResult, gc
from lading.operations.history import history
from lading.operations.lifecycle.logbook import open_logbook
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.record import record_deploy
from lading.operations.request import request
from lading.operations.status import status
from lading.operations.tag import tag
from lading.settings import Settings
from lading.spec import tags
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.event import Draft
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference
from lading.stores.remote.registry import RemoteStore

Amid = Callable[..., None]
EVERY = ("1.0.0-rc.1", "1.0.0", "1.1.0", "1.2.0")


def make(model: Path, place: str, settings: Settings, *versions: str) -> None:
    """Versions with a small file of their own; the weights are the same."""
    for version in versions or EVERY:
        (model / "config.json").write_text(json.dumps({"is": version}))
        push(model, f"{place}:{version}", settings=settings)


def names(place: str, settings: Settings) -> set[str]:
    return set(stores.open_store(Reference.parse(place), settings).names())


def collect(place: str, settings: Settings, **wish: object) -> GcResult:
    return gc(place, settings=settings, **({"keep_last": 0, "grace": "0s"} | wish))  # type: ignore[arg-type]  # its options


def why(result: GcResult) -> dict[str, tuple[str, ...]]:
    """The versions that stay, and why."""
    return {v.version: v.because for v in result.versions if v.status == "stays"}


def going(result: GcResult) -> list[str]:
    return [v.version for v in result.versions if v.status in ("goes", "removed")]


@pytest.fixture(params=[DISTRIBUTION_2, OCI], ids=["distribution 2", "OCI 1.1"])
def live(request: pytest.FixtureRequest, double: Double, repository: str) -> tuple[Double, str]:
    """A registry in which things can be made to happen in the middle."""
    dialect: Dialect = request.param
    double.dialect = dialect
    return double, f"{double.host}/{repository}"


@pytest.fixture
def amid(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object], int], None]:
    """Let something happen right before the removal of a name or a manifest, once."""

    def happen(action: Callable[[], object], skip: int = 0) -> None:
        count = iter(range(1000))

        def wrapped(name: str) -> Callable[[RemoteStore, object], None]:
            own = getattr(RemoteStore, name)

            def call(store: RemoteStore, what: object) -> None:
                if next(count) == skip:
                    action()
                own(store, what)

            return call

        for name in ("untag", "delete_manifest"):
            monkeypatch.setattr(RemoteStore, name, wrapped(name))

    return happen


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let so many days go by."""

    def wait(days: int) -> None:
        moment = datetime.now(UTC) + timedelta(days=days)
        monkeypatch.setattr(gc_look, "_now", lambda: moment)

    return wait


def test_it_plans_and_changes_nothing(model: Path, place: str, settings: Settings) -> None:
    make(model, place, settings)
    before = names(place, settings)

    result = collect(place, settings)

    assert names(place, settings) == before
    assert (going(result), result.deleted) == (["1.0.0-rc.1", "1.0.0", "1.1.0"], False)
    assert why(result) == {"1.2.0": ("it is the highest release", "latest names it")}
    # The weights are shared with the version that stays.
    assert 0 < result.frees < 100_000


def test_what_it_planned_is_gone_and_all_else_is_there(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    make(model, place, settings)
    evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    events = history(place, settings=settings).events

    result = collect(place, settings, delete=True)

    left = names(place, settings)
    assert {name for name in left if not tags.is_own(name)} == {"1.2.0", "latest"}
    assert not any(name.startswith("sha256-") for name in left)
    told = history(place, settings=settings).events
    assert told[: len(events)] == events
    assert sorted((e.version, e.reason) for e in told[len(events) :]) == sorted(
        (version, "removed") for version in going(result)
    )
    pull(f"{place}:1.2.0", tmp_path / "out", settings=replace(settings, cache=tmp_path / "c"))
    assert going(result) == ["1.0.0-rc.1", "1.0.0", "1.1.0"]
    again = collect(place, settings)
    assert (going(again), again.leftovers, again.frees) == ([], (), 0)


def test_what_is_said_must_all_hold(
    model: Path, settings: Settings, later: Callable[[int], None]
) -> None:
    make(model, "ml/fraud", settings, "1.0.0-rc.1", "1.0.0", "1.1.0-rc.1", "1.1.0-rc.2", "1.1.0")
    deprecate("ml/fraud:1.1.0-rc.1", because="wrong data", settings=settings)
    later(30)

    def meant(**wish: object) -> list[str]:
        said = {"keep_last": None, "prereleases": True} | wish
        return going(collect("ml/fraud", settings, **said))

    assert meant() == ["1.0.0-rc.1", "1.1.0-rc.1", "1.1.0-rc.2"]
    assert meant(keep_last=1) == ["1.0.0-rc.1", "1.1.0-rc.1"]
    assert meant(deprecated=True) == ["1.1.0-rc.1"]
    assert meant(older_than="60d") == []
    assert meant(older_than="7d", keep_last=2) == ["1.0.0-rc.1"]


def test_without_a_wish_no_version_goes_and_each_says_what_holds_it(
    model: Path, settings: Settings
) -> None:
    make(model, "ml/fraud", settings)
    there = names("ml/fraud", settings)

    planned = collect("ml/fraud", settings, keep_last=None)
    done = collect("ml/fraud", settings, keep_last=None, delete=True)

    assert planned.versions == done.versions
    assert {version.status for version in done.versions} == {"stays"}
    assert done.leftovers == ()
    assert names("ml/fraud", settings) == there
    highest = planned.versions[-1].version
    free, held = (UNASKED,), ("it is the highest release", "latest names it")
    assert why(planned) == {
        v.version: held if v.version == highest else free for v in done.versions
    }


def test_what_is_young_stays(model: Path, settings: Settings, later: Callable[[int], None]) -> None:
    make(model, "ml/fraud", settings)

    fresh = gc("ml/fraud", keep_last=0, settings=settings)
    later(1)
    old = gc("ml/fraud", keep_last=0, settings=settings)

    assert (going(fresh), why(fresh)["1.0.0"]) == ([], ("it came here less than 1h ago",))
    assert going(old) == ["1.0.0-rc.1", "1.0.0", "1.1.0"]


def test_what_a_stage_names_stays_by_the_ledger_and_by_its_tag(
    model: Path, place: str, settings: Settings
) -> None:
    make(model, place, settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    store = stores.open_store(Reference.parse(place), settings)
    other = store.resolve("1.1.0")
    # DRIFT: somebody moved the tag by hand.
    raw = _read(place, "1.1.0", settings)
    store.push(other, BytesContent(raw), "prod")

    result = collect(place, settings)

    assert why(result)["1.0.0"] == ("prod names it",)
    assert why(result)["1.1.0"] == ("the tag prod names it",)


def _read(place: str, name: str, settings: Settings) -> bytes:
    from lading.transfer import read

    store = stores.open_store(Reference.parse(place), settings)
    return read(store, store.resolve(name))


def test_what_people_named_stays(model: Path, settings: Settings) -> None:
    make(model, "ml/fraud", settings)
    tag("ml/fraud:1.0.0", "candidate", settings=settings)

    assert why(collect("ml/fraud", settings))["1.0.0"] == ("the tag candidate names it",)


def test_what_a_protected_stage_ever_named_stays(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true}, dev: {}}\n")
    guarded = replace(settings, policy=policy)
    make(model, "ml/fraud", settings)
    for version in ("1.0.0", "1.1.0"):
        promote(f"ml/fraud:{version}", "prod", settings=guarded)
        promote(f"ml/fraud:{version}", "dev", settings=guarded)
    promote("ml/fraud:1.0.0-rc.1", "dev", settings=guarded)
    promote("ml/fraud:1.2.0", "dev", settings=guarded)

    # Who has no policy today sees in the events that the stage was protected.
    for reader in (guarded, settings):
        stays = why(collect("ml/fraud", reader))
        assert stays["1.0.0"] == ("prod, which is protected, named it",)
        assert stays["1.1.0"][0] == "prod names it"
        assert "1.0.0-rc.1" not in stays


def test_what_a_version_that_stays_was_made_from_stays_with_its_own_parents(
    model: Path, place: str, settings: Settings
) -> None:
    make(model, place, settings, "1.0.0", "1.1.0", "1.2.0")
    for version, parent in (("1.3.0", "1.0.0"), ("1.4.0", "1.3.0"), ("1.5.0", "1.4.0")):
        (model / "config.json").write_text(version)
        push(model, f"{place}:{version}", parents=[f"{place}:{parent}"], settings=settings)

    stays = why(collect(place, settings))

    assert stays["1.4.0"] == ("1.5.0 was made from it",)
    assert stays["1.3.0"] == ("1.4.0 was made from it",)
    assert stays["1.0.0"] == ("1.3.0 was made from it",)
    assert {"1.1.0", "1.2.0"}.isdisjoint(stays)


@pytest.mark.parametrize("how", ["also", "settings"])
def test_what_versions_elsewhere_were_made_from_stays(
    model: Path, settings: Settings, how: str
) -> None:
    make(model, "ml/base", settings)
    push(model, "ml/fine:1.0.0", parents=["ml/base:1.0.0"], settings=settings)
    told = replace(settings, repositories=frozenset({"ml/fine"})) if how == "settings" else settings

    result = collect("ml/base", told, also=["ml/fine"] if how == "also" else [])

    assert why(result)["1.0.0"] == ("ml/fine:1.0.0 was made from it",)


def test_where_it_cannot_be_known_what_was_made_of_them_no_version_goes(
    model: Path, settings: Settings
) -> None:
    make(model, "ml/base", settings)

    result = collect("ml/base", settings, also=["ml/nowhere"])

    assert going(result) == []
    assert "ml/nowhere" in why(result)["1.0.0"][0]


def test_what_somebody_asked_for_stays(model: Path, settings: Settings) -> None:
    make(model, "ml/fraud", settings)
    asked = replace(settings, actor="ada")
    request("ml/fraud:1.0.0", "prod", settings=asked)

    assert why(collect("ml/fraud", settings))["1.0.0"] == ("ada asked for it in prod",)


def test_what_was_deployed_stays(
    model: Path, settings: Settings, later: Callable[[int], None]
) -> None:
    make(model, "ml/fraud", settings)
    record_deploy("ml/fraud:1.0.0", where="a/b/c", settings=settings)
    record_deploy("ml/fraud:1.1.0", where="a/b/c", settings=settings)

    soon = why(collect("ml/fraud", settings))
    later(100)
    long_after = why(collect("ml/fraud", settings))
    counted = why(collect("ml/fraud", settings, deployed_within="200d"))

    assert soon["1.0.0"][0].startswith("it was deployed to a/b/c on ")
    assert "1.0.0" not in long_after
    assert long_after["1.1.0"] == ("it was deployed to a/b/c last",)
    assert "1.0.0" in counted


# --- leftovers ------------------------------------------------------------------------------------


def attached(place: str, subject: Descriptor, settings: Settings) -> Descriptor:
    """Evidence, as another tool may have left it."""
    store = stores.open_store(Reference.parse(place), settings)
    config = Descriptor.of(b'{"created":"2020-01-01T00:00:00Z"}', "application/vnd.example+json")
    store.push(config, BytesContent(b'{"created":"2020-01-01T00:00:00Z"}'))
    made = Manifest.build(config, (config,), subject=subject)
    store.push(made.descriptor, BytesContent(made.raw))
    return made.descriptor


def test_what_belongs_to_nothing_goes_and_what_nobody_knows_stays(
    model: Path, registry: DockerRegistry, repository: str, settings: Settings
) -> None:
    place = f"{registry.host}/{repository}"
    make(model, place, settings, "1.0.0", "1.1.0")
    store = stores.open_store(Reference.parse(place), settings)
    kept = names(place, settings)
    gone = attached(place, Descriptor.of(b"a version that is gone", "application/x"), settings)
    tombstone = Manifest.build(
        Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json"),
        (),
        artifact_type=gc_facts.TOMBSTONE,
    )
    store.push(tombstone.descriptor, BytesContent(tombstone.raw), "blue")
    config = Descriptor.of(b'{"created":"2020-01-01T00:00:00Z"}', "application/vnd.example+json")
    orphan = Manifest.build(config, (config,), annotations={"of": "a push that was killed"})
    store.push(orphan.descriptor, BytesContent(orphan.raw), tags.keep_tag(orphan.descriptor.digest))
    stranger = Manifest.build(config, (config,), annotations={"of": "somebody"})
    store.push(stranger.descriptor, BytesContent(stranger.raw), "green")
    evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    kept |= {name for name in names(place, settings) if name.startswith("evt.")}
    before = names(place, settings)

    planned = gc(place, settings=settings)
    done = gc(place, delete=True, settings=settings)

    assert sorted(left.kind for left in planned.leftovers if left.status == "goes") == [
        "evidence", "keep tag", "list of evidence", "tombstone",
    ]  # fmt: skip
    assert {left.status for left in done.leftovers} == {"removed"}
    left_over = {left.tag for left in done.leftovers}
    assert names(place, settings) == before - left_over
    assert {"green", *kept} <= names(place, settings)
    for digest in (gone.digest, orphan.descriptor.digest):
        assert not _there(place, digest, settings)
    assert len(evidence(f"{place}:1.0.0", settings=settings).evidence) == 1
    assert gc(place, settings=settings).leftovers == ()


def _there(place: str, name: str, settings: Settings) -> bool:
    try:
        stores.open_store(Reference.parse(place), settings).resolve(name)
    except NotFound:
        return False
    return True


def test_what_a_killed_push_left_stays_while_it_is_young(
    model: Path, registry: DockerRegistry, repository: str, settings: Settings
) -> None:
    place = f"{registry.host}/{repository}"
    make(model, place, settings, "1.0.0", "1.1.0")
    stores.open_store(Reference.parse(place), settings).untag("1.0.0")

    young = gc(place, settings=settings)
    old = gc(place, grace="0s", settings=settings)

    assert {left.status for left in young.leftovers} == {"stays"}
    assert {left.status for left in old.leftovers} == {"goes"}


def test_a_version_that_lost_its_tag_stays_while_the_ledger_needs_it(
    model: Path, live: tuple[Double, str], settings: Settings
) -> None:
    _, place = live
    make(model, place, settings, "1.0.0", "1.1.0")
    promote(f"{place}:1.0.0", "prod", settings=settings)
    store = stores.open_store(Reference.parse(place), settings)
    digest = store.resolve("1.0.0").digest
    store.untag("1.0.0")
    store.untag("prod")

    gc(place, grace="0s", delete=True, settings=settings)

    assert _there(place, digest, settings)
    copy(f"{place}@{digest}", f"{place}:1.0.0", settings=settings)


# --- others who work at the same time -------------------------------------------------------------


def test_a_promotion_before_its_removal_saves_a_version(
    model: Path, live: tuple[Double, str], settings: Settings, tmp_path: Path, amid: Amid
) -> None:
    _, place = live
    make(model, place, settings)
    other = replace(settings, home=tmp_path / "other")
    # 1.1.0 is removed first; meanwhile somebody needs 1.0.0.
    amid(lambda: promote(f"{place}:1.0.0", "prod", settings=other))

    result = collect(place, settings, delete=True)

    assert why(result)["1.0.0"] == ("prod names it",)
    assert going(result) == ["1.0.0-rc.1", "1.1.0"]
    assert status(place, settings=other).drift is False


@pytest.mark.parametrize("deletion", [0, 1, 2, 4])
def test_a_promotion_in_the_middle_of_its_removal_brings_a_version_back(  # noqa: PLR0917  fixtures
    model: Path,
    live: tuple[Double, str],
    settings: Settings,
    tmp_path: Path,
    amid: Amid,
    deletion: int,
) -> None:
    _, place = live
    make(model, place, settings, "1.0.0", "1.1.0")
    evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    # Somebody has found the version, and writes that down a moment later.
    other = open_logbook(Reference.parse(place), replace(settings, home=tmp_path / "other"))
    book, _ = other.read(whole=True)
    digest = other.store.resolve("1.0.0").digest
    draft = Draft(
        kind="assigned", repository=other.place.repository, digest=digest, actor="ada",
        version="1.0.0", stage="prod",
    )  # fmt: skip
    amid(lambda: other.recorded(book, draft), deletion)

    result = collect(place, settings, delete=True)

    (version,) = [v for v in result.versions if v.version == "1.0.0"]
    assert (version.status, version.because[0]) == ("put back", "prod names it")
    fresh = replace(settings, cache=tmp_path / "fresh")
    pull(f"{place}:prod", tmp_path / "out", settings=fresh)
    pull(f"{place}:1.0.0", tmp_path / "too", settings=fresh)
    assert other.store.resolve("1.0.0").digest == digest
    assert len(evidence(f"{place}:1.0.0", settings=fresh).evidence) == 1
    assert status(place, settings=fresh).drift is False


@pytest.mark.parametrize("at", [0, 1, 3, 6, 9])
def test_interrupted_and_run_again_all_is_gone(
    model: Path, live: tuple[Double, str], settings: Settings, at: int
) -> None:
    double, place = live
    make(model, place, settings)
    evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    double.fail("DELETE", "manifests/", status=503, times=20, skip=at)

    with pytest.raises(LadingError):
        collect(place, settings, delete=True)
        raise LadingError("its manifests could not be deleted, and it said so")
    double.heal()
    collect(place, settings, delete=True)

    left = names(place, settings)
    assert {name for name in left if not tags.is_own(name)} == {"1.2.0", "latest"}
    held = double.repository(place.partition("/")[2])
    of_events = {digest for name, digest in held.tags.items() if name.startswith(("evt.", "led"))}
    whole = json.loads(held.manifests[held.tags["1.2.0"]].raw)
    wanted = {held.tags["1.2.0"], *(entry["digest"] for entry in whole["manifests"])}
    found = _without_older_ledgers(held.manifests, of_events)
    if double.dialect is DISTRIBUTION_2:
        assert found == wanted
    # Elsewhere parts without a tag may be left, of which only the registry itself knows.
    assert wanted <= found
    assert not (found - wanted) & set(held.tags.values())


def _without_older_ledgers(manifests: Mapping[str, Stored], events: set[str]) -> set[str]:
    """What is there, but for events, and indexes of the ledger that newer ones replaced."""
    found = set()
    for digest, stored in manifests.items():
        kind = json.loads(stored.raw).get("artifactType", "")
        if digest not in events and "ledger" not in kind and "tombstone" not in kind:
            found.add(digest)
    return found


# --- this machine's disk, and the command ---------------------------------------------------------


def test_this_machines_disk_is_freed(model: Path, settings: Settings) -> None:
    make(model, "ml/fraud", settings, "1.0.0")
    (model / "weights.safetensors").write_bytes(os.urandom(5_000_000))
    make(model, "ml/fraud", settings, "1.1.0")
    blobs = settings.store / "ml/fraud/_oci/blobs"
    for path in blobs.glob("*/*"):
        os.utime(path, (1, 1))

    def held() -> int:
        return sum(path.stat().st_size for path in blobs.glob("*/*"))

    before = held()
    result = collect("ml/fraud", settings, delete=True)

    assert before - held() > 5_000_000
    assert abs(before - held() - result.frees) < 20_000


@pytest.fixture
def ran(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("LADING_HOME", str(settings.home))
    monkeypatch.setenv("LADING_CACHE", str(settings.cache))
    yield CliRunner()


def test_the_command_says_what_goes_and_why_the_rest_stays(
    model: Path, settings: Settings, ran: CliRunner
) -> None:
    make(model, "ml/fraud", settings)
    promote("ml/fraud:1.0.0", "prod", settings=settings)

    told = ran.invoke(app, ["gc", "ml/fraud", "--keep-last", "1", "--grace", "0s", "--dry-run"])
    machine = ran.invoke(app, ["gc", "ml/fraud", "--keep-last=0", "--grace=0s", "--json"])

    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert any(line.startswith("stays") and "prod names it" in line for line in lines)
    assert any(line.startswith("goes") and "1.1.0" in line for line in lines)
    assert "--delete does it" in told.stderr
    answer = json.loads(machine.stdout)
    assert {v["version"]: v["status"] for v in answer["versions"]}["1.1.0"] == "goes"
    assert ran.invoke(app, ["gc", "ml/fraud", "--delete", "--dry-run"]).exit_code == 2


@pytest.mark.parametrize(
    "wrong", [{"keep_last": -1}, {"older_than": "yesterday"}, {"grace": "-1"}, {"also": ["a:1"]}]
)
def test_what_cannot_be_meant_is_refused(
    model: Path, settings: Settings, wrong: dict[str, object]
) -> None:
    make(model, "ml/fraud", settings, "1.0.0")

    with pytest.raises(InvalidInput):
        collect("ml/fraud", settings, **wrong)
    with pytest.raises(InvalidInput):
        collect("ml/fraud:1.0.0", settings)
