"""Watching: every event once, in order, across restarts, whatever the registry does meanwhile."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hooks.ledgers import Ledger, ids, told
from hypothesis import HealthCheck, given
from hypothesis import settings as examined
from hypothesis import strategies as st
from parts.double import Double
from parts.registry import DockerRegistry

import lading
from lading.errors import Conflict, InvalidInput, LadingError, LocalFailure, NotFound, Unavailable
from lading.hooks.bell import Bell
from lading.hooks.cursor import Cursor
from lading.ledger.read import read_book
from lading.operations.event import EventResult
from lading.operations.stores import open_store
from lading.operations.watch import follow, planned, watch
from lading.operations.watching.sinks import Listener as Caller
from lading.operations.watching.sinks import Program, Sink
from lading.operations.watching.watched import Wanted, Watched, place_of
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.event import Recorded
from lading.spec.reference import Reference
from lading.spec.tags import event_tag
from lading.transfer import read


@pytest.fixture
def ledger(place: str, settings: Settings) -> Ledger:
    return Ledger(place, settings)


def once(ledger: Ledger, **choice: object) -> list[tuple[int, str]]:
    """What one look tells."""
    return told(list(watch(ledger.name, once=True, settings=ledger.settings, **choice)))  # type: ignore[arg-type]


def untag(ledger: Ledger, recorded: Recorded) -> None:
    """Take away the tag that makes an event true; it is listed all the same."""
    store = open_store(Reference.parse(ledger.name), ledger.settings)
    store.untag(event_tag(recorded.event.seq, recorded.digest))


def test_what_was_there_before_is_not_told_and_what_comes_is_told_once(ledger: Ledger) -> None:
    ledger.write("registered")

    assert once(ledger) == []
    new = [ledger.assign(), ledger.write("registered", "1.1.0")]

    assert once(ledger) == ids(*new)
    assert once(ledger) == []


def test_what_was_there_before_is_told_on_request(ledger: Ledger) -> None:
    recorded = [ledger.write("registered"), ledger.assign()]

    assert once(ledger, from_start=True) == ids(*recorded)
    assert once(ledger, from_start=True) == []


def test_an_event_tells_all_that_is_recorded(ledger: Ledger) -> None:
    recorded = ledger.assign(reason="better", policy=None, where=None)

    (event,) = watch(ledger.name, once=True, from_start=True, settings=ledger.settings)

    assert event.event == recorded.digest
    assert (event.kind, event.version, event.stage) == ("assigned", "1.0.0", "prod")
    assert event.reference.endswith(f"@{recorded.event.digest}")
    assert (event.actor, event.signer, event.reason) == ("ada", None, "better")


def test_only_registrations_and_moves_are_told_unless_others_are_asked_for(
    ledger: Ledger,
) -> None:
    ledger.write("noted", reason="hello")
    requested = ledger.write("requested", stage="prod")
    moved = ledger.assign()

    assert once(ledger, from_start=True) == ids(moved)
    assert once(ledger, from_start=True, kinds=["requested"], cursor="b") == ids(requested)


def test_a_stage_is_told_of_its_own_moves_alone(ledger: Ledger) -> None:
    ledger.write("registered")
    ledger.assign(stage="staging")
    ledger.write("requested", stage="prod")
    moved = ledger.assign()
    cleared = ledger.write("cleared", stage="prod")

    assert once(ledger, from_start=True, stage="prod") == ids(moved, cleared)


def test_a_laggard_with_a_lower_number_is_told_all_the_same(ledger: Ledger) -> None:
    first = ledger.write("registered")
    assert once(ledger, from_start=True) == ids(first)
    second = ledger.write("registered", "1.1.0")
    third = ledger.write("registered", "1.2.0")
    assert once(ledger) == ids(second, third)

    laggard = ledger.beside((first.digest,), 2, kind="registered", stage=None)

    assert once(ledger) == ids(laggard)
    assert once(ledger) == []


def test_a_dispute_about_a_protected_stage_is_told_when_it_is_settled(ledger: Ledger) -> None:
    first = ledger.assign(protected=True)
    assert once(ledger, from_start=True, stage="prod") == ids(first)
    one = ledger.beside((first.digest,), 2, protected=True)
    other = ledger.beside((first.digest,), 2, protected=True)
    assert once(ledger, stage="prod") == []

    settled = ledger.beside((one.digest, other.digest), 3, protected=True)

    disputed = sorted(ids(one, other))
    assert once(ledger, stage="prod") == [*disputed, *ids(settled)]


def test_a_dispute_about_one_version_of_a_shared_stage_holds_up_no_other(ledger: Ledger) -> None:
    first = ledger.assign(protected=True, shared=True)
    digest = ledger.version("1.1.0")
    in_dispute = {"protected": True, "shared": True, "digest": digest}
    for kind in ("assigned", "cleared"):
        ledger.beside((first.digest,), 2, kind=kind, **in_dispute)
    other = ledger.beside((first.digest,), 2, protected=True, shared=True)

    assert once(ledger, from_start=True, stage="prod") == ids(first, other)


def test_a_policy_here_protects_a_stage_that_its_writer_did_not(
    settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true}}\n")
    ledger = Ledger("ml/fraud", replace(settings, policy=policy))
    asked = Digest.of(policy.read_bytes())
    first = ledger.assign(policy=asked)
    for _ in range(2):
        ledger.beside((first.digest,), 2, policy=asked)

    assert once(ledger, from_start=True, stage="prod") == ids(first)


def test_what_a_policy_does_not_let_in_is_never_told(settings: Settings, tmp_path: Path) -> None:
    """Somebody who may write to the registry moves prod past the approval that it needs."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true, approvals: 1}}\n")
    settings = replace(settings, policy=policy, actor="ada")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    for version in ("1.0.0", "1.1.0"):
        lading.push(tmp_path / "weights.bin", f"ml/fraud:{version}", settings=settings)
    ledger = Ledger("ml/fraud", settings)
    ledger.assign("1.0.0", protected=True)
    lading.approve("ml/fraud:1.1.0", stage="prod", settings=replace(settings, actor="bob"))
    assert once(ledger, from_start=True, stage="prod") == []

    promoted = lading.promote("ml/fraud:1.1.0", "prod", settings=settings)

    ((_, event),) = once(ledger, from_start=True, stage="prod")
    assert event == promoted.event
    # A move to something that is no version at all holds up nobody else.
    ledger.beside(tuple(read_book(ledger.store).state().parents), (promoted.seq or 0) + 1)
    assert once(ledger, stage="prod") == []


def test_a_dispute_about_an_open_stage_is_told_as_it_comes(ledger: Ledger) -> None:
    first = ledger.assign()
    one, other = (ledger.beside((first.digest,), 2) for _ in range(2))

    assert once(ledger, from_start=True, stage="prod") == [
        *ids(first),
        *sorted(ids(one, other)),
    ]


def test_an_event_that_claims_a_place_not_its_own_is_never_told(ledger: Ledger) -> None:
    first = ledger.write("registered")
    ledger.beside((first.digest,), 9, kind="registered", stage=None)

    assert once(ledger, from_start=True) == ids(first)


def test_a_tag_that_names_no_event_of_its_own_is_never_told(ledger: Ledger) -> None:
    first = ledger.assign()
    version, event = (ledger.store.resolve(name) for name in ("1.0.0", first.digest))
    for root, tag in (
        (version, event_tag(2, version.digest)),
        (event, event_tag(7, first.digest)),
        (event, event_tag(1, version.digest)),
    ):
        ledger.store.push(root, BytesContent(read(ledger.store, root)), tag)

    assert once(ledger, from_start=True) == ids(first)


@pytest.mark.parametrize("stage", [None, "prod"])
def test_an_event_that_counts_is_told_though_its_tag_was_lost(
    ledger: Ledger, stage: str | None
) -> None:
    ledger.assign("0.1.0")
    assert once(ledger, stage=stage) == []
    moved = ledger.assign()
    untag(ledger, moved)

    assert once(ledger, stage=stage) == ids(moved)
    assert once(ledger, stage=stage) == []


def test_what_lost_its_tag_before_a_watch_began_is_not_told(ledger: Ledger) -> None:
    moved = ledger.assign()
    untag(ledger, moved)

    assert once(ledger) == []
    assert once(ledger) == []


def test_an_event_that_cannot_be_read_is_said_and_told_when_it_can(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(f"oci:{tmp_path / 'model'}", settings)
    new = ledger.assign()
    blob = tmp_path / "model" / "blobs" / "sha256" / new.digest.hex
    hidden = tmp_path / "hidden"
    watched = Watched(place_of(ledger.name, settings), Wanted.of(None, ()), settings, print)

    def look(cursor: Cursor) -> list[tuple[int, str]]:
        return told([event for _, event in watched.new(cursor, ["me"], from_start=True)])

    with Cursor(tmp_path / "cursors", "one") as cursor:
        blob.rename(hidden)
        assert [look(cursor) for _ in range(5)] == [[]] * 5
        (said,) = [record for record in caplog.records if "is not told" in record.message]
        assert event_tag(new.event.seq, new.digest) in said.message
        hidden.rename(blob)
        looks = [look(cursor) for _ in range(40)]

    assert looks.count(ids(new)) == len(looks) - looks.count([]) >= 1


def test_whoever_stops_in_the_middle_of_an_event_gets_it_again(ledger: Ledger) -> None:
    recorded = [ledger.write("registered"), ledger.assign()]
    events = watch(ledger.name, once=True, from_start=True, settings=ledger.settings)

    first = next(events)
    second = next(events)
    events.close()  # type: ignore[attr-defined]

    assert told([first, second]) == ids(*recorded)
    assert once(ledger, from_start=True) == ids(recorded[1])


def test_two_watches_with_one_cursor_are_one_too_many(ledger: Ledger) -> None:
    ledger.assign()
    events = watch(ledger.name, once=True, from_start=True, cursor="mine", settings=ledger.settings)
    next(events)

    with pytest.raises(Conflict, match="mine"):
        once(ledger, cursor="mine")
    assert once(ledger, cursor="other", from_start=True) != []

    events.close()  # type: ignore[attr-defined]
    assert len(once(ledger, cursor="mine")) == 1


def test_several_models_are_told_apart(settings: Settings) -> None:
    one, other = Ledger("ml/fraud", settings), Ledger("ml/risk", settings)
    recorded = one.write("registered"), other.write("registered")

    events = list(watch("ml/fraud", "ml/risk", once=True, from_start=True, settings=settings))

    assert told(events) == ids(*recorded)
    assert [event.repository for event in events] == ["ml/fraud", "ml/risk"]


@pytest.mark.parametrize(
    ("models", "choice"),
    [
        ([], {}),
        (["ml/fraud:1.0.0"], {}),
        (["ML/fraud"], {}),
        (["ml/fraud"], {"kinds": ["promoted"]}),
        (["ml/fraud"], {"stage": "Prod"}),
        (["ml/fraud"], {"interval": 0}),
        (["ml/fraud"], {"interval": float("nan")}),
        (["ml/fraud"], {"cursor": "../up"}),
        (["ml/fraud"], {"cursor": ""}),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(
    settings: Settings, models: list[str], choice: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput):
        next(watch(*models, settings=settings, **choice))  # type: ignore[arg-type]


def test_a_model_that_is_nowhere_is_an_error_for_who_looks_once(settings: Settings) -> None:
    with pytest.raises(NotFound):
        next(watch("ml/nowhere", once=True, settings=settings))


def test_a_round_without_news_is_one_request(double: Double, settings: Settings) -> None:
    ledger = Ledger(f"{double.host}/ml/fraud", settings)
    for number in range(5):
        ledger.assign(f"1.{number}.0")
    double.forget_requests()
    with Follower(ledger, interval=0.05):
        wait_for(lambda: len(double.asked("GET", "/tags/list")) > 3)
        double.forget_requests()
        wait_for(lambda: len(double.asked("GET", "/tags/list")) > 10)

    assert {request.path for request in double.requests} == {"/v2/ml/fraud/tags/list"}


def test_a_move_that_does_not_count_yet_costs_no_request_either(
    double: Double, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true, approvals: 1}}\n")
    settings = replace(settings, policy=policy)
    ledger = Ledger(f"{double.host}/ml/fraud", settings)
    first = ledger.assign(policy=Digest.of(policy.read_bytes()), protected=True)
    with Follower(ledger, interval=0.05, from_start=True, stage="prod") as follower:
        wait_for(lambda: len(follower.events) == 1)
        ledger.beside((first.digest,), 2)
        double.forget_requests()
        wait_for(lambda: len(double.asked("GET", "/tags/list")) > 10)
        double.forget_requests()
        wait_for(lambda: len(double.asked("GET", "/tags/list")) > 10)

    assert told(follower.events) == ids(first)
    assert {request.path for request in double.requests} == {"/v2/ml/fraud/tags/list"}


def test_a_flood_of_hints_is_no_flood_of_requests(double: Double, settings: Settings) -> None:
    ledger = Ledger(f"{double.host}/ml/fraud", settings)
    ledger.assign()
    with Follower(ledger, interval=3600) as follower:
        wait_for(lambda: len(double.asked("GET", "/tags/list")) > 3)
        double.forget_requests()
        ended = time.monotonic() + 2.5
        while time.monotonic() < ended:
            follower.bell.ring(ledger.name)
            time.sleep(0.001)

    assert 1 <= len(double.asked("GET", "/tags/list")) <= 4


def test_a_stage_that_nobody_declares_is_said(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.assign(stage="canary")

    assert len(once(ledger, from_start=True, stage="canary")) == 1
    assert "declares the stage canary" in caplog.text
    assert "; declared are dev, staging, shadow, prod" in caplog.text
    once(ledger, stage="prd")
    assert "the stage prd; did you mean prod? declared are dev, staging" in caplog.text


def test_a_model_that_nobody_pushed_yet_is_said_once(
    own_registry: DockerRegistry, settings: Settings
) -> None:
    name, said = f"{own_registry.host}/ml/later", list[str]()
    plan = planned([name], settings, sinks=(), interval=0.01, on_note=said.append)
    (watched,) = plan.watched
    with Cursor(settings.home / "watch", plan.cursor) as cursor:
        assert [list(watched.new(cursor, (), from_start=False)) for _ in range(3)] == [[], [], []]

    assert [note for note in said if "there is no" in note] == [
        f"there is no {name} yet: it is watched for what comes"
    ]


@pytest.mark.parametrize("where", ["local", "registry"])
def test_one_look_at_a_model_that_is_not_there_ends_so_everywhere_and_what_comes_is_told(
    where: str, own_registry: DockerRegistry, settings: Settings
) -> None:
    place = "ml/later" if where == "local" else f"{own_registry.host}/ml/later"
    for _ in range(2):
        with pytest.raises(NotFound, match="there is no"):
            list(watch(place, once=True, settings=settings))

    ledger = Ledger(place, settings)
    first = ledger.write("registered")

    assert once(ledger) == ids(first)
    assert once(ledger) == []


def test_a_model_of_nearly_that_name_is_said_while_it_is_waited_for(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    Ledger("ml/fraud", settings).write("registered")
    plan = planned(["ml/frud"], settings, sinks=(), interval=0.01)
    bell = Bell()
    threading.Timer(0.5, bell.stop).start()

    follow(plan, (), bell, settings)

    assert caplog.text.count("ml/frud cannot be read") == 1
    assert "trying on (did you mean ml/fraud?" in caplog.text


def test_a_policy_that_is_not_there_is_no_passing_trouble(settings: Settings) -> None:
    with pytest.raises(NotFound, match=r"policy\.yaml"):
        next(watch("ml/fraud", settings=replace(settings, policy=Path("/no/policy.yaml"))))


def test_a_registry_that_is_away_is_said_once_and_waited_for(
    own_registry: DockerRegistry, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(f"{own_registry.host}/ml/fraud", settings)
    first = ledger.write("registered")
    with Follower(ledger, interval=0.05, from_start=True) as follower:
        wait_for(lambda: len(follower.events) == 1)
        own_registry.kill()
        wait_for(lambda: "trying on" in caplog.text)
        time.sleep(0.5)
        own_registry.start()
        wait_for(lambda: "can be read again" in caplog.text)
        second = ledger.write("registered", "1.1.0")
        wait_for(lambda: len(follower.events) == 2)

    assert told(follower.events) == ids(first, second)
    assert caplog.text.count("trying on") == 1


def test_a_registry_that_is_away_is_an_error_for_who_looks_once(
    own_registry: DockerRegistry, settings: Settings
) -> None:
    own_registry.stop()

    with pytest.raises(Unavailable):
        next(watch(f"{own_registry.host}/ml/fraud", once=True, settings=settings))


def test_a_model_that_comes_later_is_waited_for(settings: Settings) -> None:
    with Follower(None, settings=settings, interval=0.05, from_start=True) as follower:
        time.sleep(0.2)
        recorded = Ledger("ml/fraud", settings).write("registered")
        wait_for(lambda: len(follower.events) == 1)

    assert told(follower.events) == ids(recorded)


def test_who_is_told_twice_at_once_is_told_by_each_his_own(ledger: Ledger) -> None:
    """One sink fails for good: the other is not told again when the watch is started again."""
    recorded = [ledger.write("registered"), ledger.assign()]
    first: list[EventResult] = []
    refusing = Refusing()

    with pytest.raises(LocalFailure):
        run(ledger, [Caller(first.append), refusing])
    refusing.refuse = False
    run(ledger, [Caller(first.append), refusing])

    assert told(first) == ids(*recorded)
    assert told(refusing.events) == ids(*recorded)


def test_going_on_leaves_behind_what_could_not_be_told(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = [ledger.write("registered"), ledger.assign()]
    first: list[EventResult] = []
    refusing = Refusing()

    run(ledger, [Caller(first.append), refusing], keep_going=True)
    refusing.refuse = False
    run(ledger, [Caller(first.append), refusing])

    assert told(first) == ids(*recorded)
    assert refusing.events == []
    assert caplog.text.count("was not told") == 2


@examined(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["register", "assign", "note", "look", "crash before", "crash after"]),
        max_size=14,
    )
)
def test_no_event_is_lost_and_none_is_told_twice_but_by_a_crash(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """A crash is one between writing down that something is told and that it was."""
    folder = tmp_path_factory.mktemp("law")
    settings = Settings(home=folder / "home", cache=folder / "cache")
    ledger = Ledger("ml/fraud", settings)
    ledger.write("noted")
    expected, heard, doubted = [], [], set()

    def look(crash: str | None = None) -> None:
        crashing = Crashing(crash)
        try:
            run(ledger, [crashing])
        except RuntimeError:
            doubted.add(crashing.crashed_at)
        heard.extend(told(crashing.events))

    for step in [*steps, "look"]:
        if step in ("register", "assign"):
            kind = {"register": "registered", "assign": "assigned"}[step]
            stage = {"register": None, "assign": "prod"}[step]
            expected += ids(ledger.write(kind, stage=stage))  # type: ignore[arg-type]
        elif step == "note":
            ledger.write("noted")
        else:
            look(step.removeprefix("crash ") if step != "look" else None)

    assert list(dict.fromkeys(heard)) == expected
    for each in expected:
        assert 1 <= heard.count(each) <= 1 + (each in doubted) * len(steps)


def test_a_program_gets_the_event_on_stdin_and_in_its_environment(
    ledger: Ledger, tmp_path: Path
) -> None:
    recorded = ledger.assign(reason="a\nb")
    out = tmp_path / "out"
    script = f"cat > {out}; env | grep ^LADING_EVENT_ | sort >> {out}"
    program = Program.parse(f"sh -c '{script}'", dict(os.environ))

    run(ledger, [program])

    line, *variables = out.read_text().splitlines()
    event = json.loads(line)
    assert event["event"] == recorded.digest
    assert event["reason"] == "a\nb"
    assert dict(each.split("=", 1) for each in variables) == {
        "LADING_EVENT_KIND": "assigned",
        "LADING_EVENT_REPOSITORY": event["repository"],
        "LADING_EVENT_VERSION": "1.0.0",
        "LADING_EVENT_STAGE": "prod",
        "LADING_EVENT_DIGEST": recorded.event.digest,
        "LADING_EVENT_SEQ": "1",
        "LADING_EVENT_EVENT": recorded.digest,
        "LADING_EVENT_REFERENCE": event["reference"],
    }


@pytest.mark.parametrize("version", ["1\x00", "1\n2", "$(touch pwned)", "; rm -rf .", "\u202e1"])
def test_no_text_of_a_registry_becomes_a_command_or_a_line_of_its_own(
    settings: Settings, tmp_path: Path, version: str
) -> None:
    ledger = Ledger("ml/fraud", settings)
    ledger.beside((), 1, version=version)
    out = tmp_path / "out"
    program = Program.parse(
        f"""sh -c 'printf %s "$LADING_EVENT_VERSION" > {out}'""", dict(os.environ)
    )

    run(ledger, [program])

    shown = out.read_bytes().decode()
    assert shown.isprintable()
    assert len(shown) == len(version)
    assert not Path("pwned").exists()


def test_a_program_that_fails_is_tried_again(ledger: Ledger, tmp_path: Path) -> None:
    ledger.assign()
    tries = tmp_path / "tries"
    script = f"echo >> {tries}; test $(wc -l < {tries}) -ge 2"

    run(ledger, [Program.parse(f"sh -c '{script}'", dict(os.environ))])

    assert tries.read_text() == "\n\n"


def test_a_program_that_keeps_failing_ends_the_watch_and_says_its_code(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.operations.watching.sinks.backoff", lambda failures: 0.0)
    ledger.assign()

    with pytest.raises(LocalFailure, match="sh exited with 3, 4 times"):
        run(ledger, [Program.parse("sh -c 'exit 3'", dict(os.environ))])
    with pytest.raises(LocalFailure, match="cannot be started"):
        run(ledger, [Program.parse("/no/such/program", dict(os.environ))])


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.operations.watching.sinks._TRIES", 1)
    ledger = Ledger("ml/fraud", settings)
    ledger.assign()
    alive = tmp_path / "alive"
    script = f"(while sleep 0.1; do echo >> {alive}; done) & wait"

    with pytest.raises(LocalFailure, match=r"longer than 0\.5 seconds"):
        run(ledger, [Program.parse(f"sh -c '{script}'", dict(os.environ), timeout=0.5)])

    written = alive.stat().st_size
    time.sleep(0.5)
    assert alive.stat().st_size == written


@pytest.mark.parametrize("command", ["", "   ", "sh -c 'x"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(InvalidInput):
        Program.parse(command, {})


# --- cursors ------------------------------------------------------------------------------------


def test_a_cursor_is_for_its_owner_alone(tmp_path: Path) -> None:
    with Cursor(tmp_path / "watch", "mine") as cursor:
        cursor.set("ml/fraud", "evt", "stdout", "done")

    assert stat.S_IMODE((tmp_path / "watch").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "watch/mine.sqlite").stat().st_mode) == 0o600
    with Cursor(tmp_path / "watch", "mine") as cursor:
        assert cursor.state("ml/fraud", "evt", "stdout") == "done"


def test_a_damaged_cursor_is_said_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.sqlite").write_bytes(b"this is no database, and long enough to be read")

    with pytest.raises(LocalFailure, match=r"mine\.sqlite"):
        Cursor(tmp_path, "mine")

    assert (tmp_path / "mine.sqlite").read_bytes().startswith(b"this is")


def test_a_cursor_of_a_newer_lading_is_left_alone(tmp_path: Path) -> None:
    Cursor(tmp_path, "mine").close()
    database = sqlite3.connect(tmp_path / "mine.sqlite")
    database.execute("PRAGMA user_version = 2")
    database.close()

    with pytest.raises(LadingError, match="newer"):
        Cursor(tmp_path, "mine")


# --- what is used above -------------------------------------------------------------------------


def run(ledger: Ledger, sinks: list[Sink], *, keep_going: bool = False) -> None:
    """One look, with everything there is."""
    plan = planned(
        [ledger.name],
        ledger.settings,
        once=True,
        from_start=True,
        keep_going=keep_going,
        cursor="run",
        sinks=[sink.name for sink in sinks],
    )
    follow(plan, sinks, Bell(), ledger.settings)


class Refusing:
    """A sink that refuses, until it does not."""

    name = "refusing"

    def __init__(self) -> None:
        self.refuse = True
        self.events: list[EventResult] = []

    def tell(self, event: EventResult, bell: Bell) -> None:
        if self.refuse:
            raise LocalFailure("refused")
        self.events.append(event)


class Crashing:
    """A sink under which the whole process dies at its first event, before or after hearing it."""

    name = "crashing"

    def __init__(self, crash: str | None) -> None:
        self.crash = crash
        self.crashed_at: tuple[int, str] | None = None
        self.events: list[EventResult] = []

    def tell(self, event: EventResult, bell: Bell) -> None:
        if self.crash == "before":
            self._die(event)
        self.events.append(event)
        if self.crash == "after":
            self._die(event)

    def _die(self, event: EventResult) -> None:
        self.crashed_at = (event.seq, event.event)
        raise RuntimeError("killed")


class Follower:
    """A watch in a thread, stopped at the end of the block."""

    def __init__(
        self,
        ledger: Ledger | None,
        *,
        interval: float,
        settings: Settings | None = None,
        from_start: bool = False,
        stage: str | None = None,
    ) -> None:
        self.events: list[EventResult] = []
        self.bell = Bell()
        self.settings = ledger.settings if ledger else settings
        assert self.settings is not None
        self.plan = planned(
            [ledger.name if ledger else "ml/fraud"],
            self.settings,
            interval=interval,
            from_start=from_start,
            stage=stage,
            sinks=["stdout"],
        )
        self.failed: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        assert self.settings is not None
        try:
            follow(self.plan, [Caller(self.events.append)], self.bell, self.settings)
        except BaseException as error:  # noqa: BLE001  the test raises it
            self.failed.append(error)

    def __enter__(self) -> Follower:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()
        assert self.failed == []


def wait_for(ready: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
