"""The lifecycle from the command line, as its users type it and read it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts.command import Command
from schemas.validators import check_own

from lading.cli import assigned
from lading.cli.console import Console
from lading.operations import stores
from lading.operations.lifecycle.assignment import Assigned
from lading.operations.push import push
from lading.spec.reference import Reference
from lading.stores.layout import LayoutStore

ADA = {"LADING_ACTOR": "Ada <ada@example.com>"}
BOB = {"LADING_ACTOR": "Bob <bob@example.com>"}
POLICY = """
stages:
  staging: {}
  prod: {protected: true, approvals: 1, not_author: true, after: staging,
         gates: ['metrics.auc >= 0.9', {name: scanned, rule: 'scan == "clean"'}]}
"""


@pytest.fixture
def pushed(lading: Command, model: Path) -> Command:
    """ml/tiny with two versions, by Ada."""
    settings = replace(lading.settings, actor=ADA["LADING_ACTOR"])
    for version, auc in (("1.0.0", 0.95), ("1.1.0", 0.5)):
        metrics = {"auc": auc}
        push(model, f"ml/tiny:{version}", metrics=metrics, authors=["Ada"], settings=settings)
    return lading


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """ml/tiny:1.0.0, for lines that change nothing."""
    command = Command(tmp_path_factory.mktemp("untouched"))
    (command.folder / "weights.bin").write_bytes(b"weights")
    done = command("push", "weights.bin", "ml/tiny:1.0.0", **ADA)
    assert done.returncode == 0, done.stderr
    return command


@pytest.fixture
def strict(pushed: Command) -> Command:
    """The same under a policy in the current folder."""
    (pushed.folder / "lading-policy.yaml").write_text(POLICY)
    return pushed


def answer(lading: Command, *words: str, **environment: str) -> dict[str, Any]:
    done = lading(*words, "--json", **environment)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_promote_answers_with_what_the_stage_is_now(pushed: Command) -> None:
    first = pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)
    second = pushed("assign", "ml/tiny:1.1.0", "prod", "--because", "better", **ADA)
    again = pushed("promote", "ml/tiny:1.1.0", "prod", **ADA)

    digest = answer(pushed, "inspect", "ml/tiny:1.0.0")["digest"]
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"prod is ml/tiny:1.0.0@{digest}\n"
    assert second.stdout.startswith("prod is ml/tiny:1.1.0@sha256:")
    assert second.stderr == f"prod was 1.0.0 ({digest}) before\n"
    assert (again.returncode, again.stdout) == (0, second.stdout)
    assert again.stderr == "prod was 1.1.0 already\n"


def test_a_rehearsal_says_what_would_be_and_hands_nothing_on(pushed: Command) -> None:
    output = pushed.folder / "output"
    words = ("promote", "ml/tiny:1.0.0", "prod", "--github-output")

    planned = pushed(*words, "--dry-run", GITHUB_OUTPUT=str(output), **ADA)
    handed_on = output.read_text()
    pushed(*words, GITHUB_OUTPUT=str(output), **ADA)

    assert planned.stdout.startswith("prod would be ml/tiny:1.0.0@sha256:")
    assert handed_on == ""
    assert "assigned" in output.read_text()
    pushed("promote", "ml/tiny:1.1.0", "prod", **ADA)
    back = pushed("rollback", "ml/tiny", "prod", "--dry-run", **ADA)
    assert back.stdout.startswith("prod would be ml/tiny:1.0.0@sha256:")


def test_who_lost_an_open_race_is_told_what_the_stage_names_now(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine, theirs = (f"sha256:{digit * 64}" for digit in "ab")
    lost = Assigned(
        reference="ml/tiny:1.0.0",
        stage="shadow",
        version="1.0.0",
        digest=mine,
        previous=None,
        previous_version=None,
        status="assigned",
        current=theirs,
        event=None,
        seq=None,
        rules=(),
        notes=(f"others moved shadow at the same moment; it names {theirs} now",),
    )

    assigned.answer(Console(), lost)

    said = capsys.readouterr()
    assert said.out == f"shadow is ml/tiny@{theirs}\n"
    assert said.err == f"warning: {lost.notes[0].replace(theirs, 'b' * 12)}\n"
    assert assigned.outputs(lost)["kind"] == ""


def test_tables_that_go_elsewhere_have_whole_digests_as_json_has(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)
    _retag(next(pushed.folder.rglob("tiny/_oci/index.json")), "prod", "1.1.0")
    pushed("tag", "ml/tiny:1.1.0", "live")
    (pushed.folder / "lading-policy.yaml").write_text("stages: {prod: {}, live: {}}")

    shown = pushed("status", "ml/tiny", **ADA).stdout.splitlines()
    whole = answer(pushed, "status", "ml/tiny", **ADA)

    digest = answer(pushed, "inspect", "ml/tiny:1.1.0")["digest"]
    assert shown[1].endswith(f"DRIFT: the tag names {digest}")
    assert shown[2].endswith(f"a tag only: {digest}")
    assert [stage["tag"] for stage in whole["stages"]] == [digest, digest]


def test_a_refused_promotion_exits_with_9_and_names_every_rule(strict: Command) -> None:
    done = strict("promote", "ml/tiny:1.1.0", "prod", **ADA)

    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr.startswith("error: ml/tiny:1.1.0 may not be prod\n")
    for rule in ("after staging", "approvals: 0 of 1", "metrics.auc >= 0.9: metrics.auc is 0.5"):
        assert rule in done.stderr
    assert "hint:  lading promote ml/tiny:1.1.0 staging" in done.stderr
    failed = strict("promote", "ml/tiny:1.1.0", "prod", "--json", **ADA)
    error = json.loads(failed.stderr)["error"]
    assert (error["type"], error["exit_code"], failed.stdout) == ("PolicyRefused", 9, "")


def test_a_week_of_approvals(strict: Command) -> None:
    assert strict("promote", "ml/tiny:1.0.0", "staging", **ADA).returncode == 0
    asked = strict("request", "ml/tiny:1.0.0", "--stage", "prod", "--because", "auc", **ADA)
    waiting = strict("status", "ml/tiny", **ADA)
    own = strict("approve", "ml/tiny:1.0.0", "--stage", "prod", **ADA)
    refused = strict("promote", "ml/tiny:1.0.0", "prod", **ADA)
    other = strict("approve", "ml/tiny:1.0.0", "--stage", "prod", "--expires", "90d", **BOB)
    checked = strict("policy", "check", "ml/tiny:1.0.0", "--stage", "prod", **ADA)
    planned = strict("promote", "ml/tiny:1.0.0", "prod", "--dry-run", **ADA)
    done = strict("promote", "ml/tiny:1.0.0", "prod", **ADA)

    assert asked.stdout.startswith("requested ml/tiny:1.0.0@sha256:")
    assert asked.stdout.endswith(" for prod by Ada <ada@example.com> (unsigned), event 4\n")
    assert "PENDING" in waiting.stdout
    assert "auc" in waiting.stdout
    assert own.returncode == 0
    assert "Ada <ada@example.com> (unsigned) does not count: is an author" in refused.stderr
    assert other.returncode == 0
    assert (checked.returncode, "MISSING" in checked.stdout) == (0, False)
    assert "nothing was done: --dry-run" in planned.stderr
    assert done.returncode == 0
    shown = strict("status", "ml/tiny", **ADA)
    assert "PENDING" not in shown.stdout
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("prod")]
    assert line.split()[:2] == ["prod", "1.0.0"]
    assert "protected" in line


def test_history_is_a_table_for_people_and_everything_for_machines(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", "--because", "first", **ADA)
    pushed("record", "deploy", "ml/tiny:prod", "--where", "eu-1/risk/tiny", **BOB)
    window = ("--window", "2026-11-01/2026-11-07")
    pushed("record", "measure", "ml/tiny:prod", "--metric", "psi=0.12", *window, **BOB)
    pushed("rollback", "ml/tiny", "prod", **ADA)

    shown = pushed("history", "ml/tiny")
    told = answer(pushed, "history", "ml/tiny", "--stage", "prod")

    rows = shown.stdout.splitlines()
    assert rows[0].split()[:3] == ["#", "TIME", "(UTC)"]
    assert [row.split()[3] for row in rows[1:]] == [
        "registered", "registered", "assigned", "deployed", "measured",
    ]  # fmt: skip
    assert "Ada <ada@example.com>" in rows[3]
    assert rows[3].endswith("first")
    assert rows[4].endswith("eu-1/risk/tiny")
    assert rows[5].endswith("psi=0.12; 2026-11-01/2026-11-07")
    assert [event["kind"] for event in told["events"]] == ["assigned"]
    assert told["events"][0]["signed"] is False
    assert told["intervals"][0]["end"] is None


def test_what_was_prod_then(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)

    now = pushed("history", "ml/tiny", "--stage", "prod", "--at", "2999-01-01")
    then = pushed("history", "ml/tiny", "--stage", "prod", "--at", "1999-01-01")

    assert now.stdout.splitlines()[1].split()[:2] == ["prod", "1.0.0"]
    assert " now " in now.stdout
    assert (then.returncode, then.stdout) == (0, "")
    assert "nothing" in then.stderr


HOSTILE = "\x1b[2Jboo\u202e\nfake  row\r\x07 größer ✓"


def test_what_others_said_cannot_reach_the_terminal(pushed: Command) -> None:
    evil = {"LADING_ACTOR": "Eve \x1b[31m<eve@example.com>"}
    lines = [
        ("promote", "ml/tiny:1.0.0", "prod", "--because", HOSTILE),
        ("request", "ml/tiny:1.1.0", "--stage", "prod", "--because", HOSTILE),
        ("reject", "ml/tiny:1.1.0", "--stage", "prod", "--because", HOSTILE),
        ("note", "ml/tiny:1.1.0", HOSTILE),
    ]
    for line in lines:
        assert pushed(*line, **evil).returncode == 0
    (pushed.folder / "lading-policy.yaml").write_text("stages: {prod: {protected: true}}")

    shown = [
        pushed("history", "ml/tiny"),
        pushed("status", "ml/tiny"),
        pushed("history", "ml/tiny", "--at", "2999-01-01"),
        pushed("promote", "ml/tiny:1.1.0", "prod"),
    ]

    assert shown[-1].returncode == 9
    for done in shown:
        for text in (done.stdout, done.stderr):
            assert not {"\x1b", "\u202e", "\r", "\x07"} & set(text)
            assert "\nfake" not in text
    assert "größer ✓" in shown[0].stdout
    assert answer(pushed, "history", "ml/tiny")["events"][2]["reason"] == HOSTILE


def test_a_reason_that_is_too_long_is_refused_in_words(pushed: Command) -> None:
    done = pushed("note", "ml/tiny:1.0.0", "x" * 70_000)

    assert done.returncode == 2
    assert "larger than 64 KiB" in done.stderr
    assert "lading attach" in done.stderr


def test_versions_that_nobody_recorded_are_told_with_what_registers_them(pushed: Command) -> None:
    assert pushed("copy", "ml/tiny:1.0.0", "ml/copied:1.0.0").returncode == 0
    before = pushed("status", "ml/copied")
    assert pushed("ledger", "adopt", "ml/copied").returncode == 0
    after = pushed("status", "ml/copied")

    assert "unregistered: 1.0.0; lading ledger adopt ml/copied" in before.stdout
    assert "unregistered" not in after.stdout


def test_status_check_fails_on_drift(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)
    good = pushed("status", "ml/tiny", "--check")
    _retag(pushed.folder / "data/store/ml/tiny/_oci/index.json", "prod", "1.1.0")

    bad = pushed("status", "ml/tiny", "--check")
    pulled = pushed("pull", "ml/tiny:prod")
    mended = pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)

    assert (good.returncode, bad.returncode) == (0, 1)
    assert "DRIFT: the tag names " in bad.stdout
    assert pulled.returncode != 0
    assert "DRIFT" in pulled.stderr
    assert "warning: DRIFT" in mended.stderr
    assert pushed("status", "ml/tiny", "--check").returncode == 0


def _retag(index: Path, stage: str, version: str) -> None:
    """As another tool would."""
    value = json.loads(index.read_text())
    named = "org.opencontainers.image.ref.name"
    by_name = {e.get("annotations", {}).get(named): e for e in value["manifests"]}
    by_name[stage]["digest"] = by_name[version]["digest"]
    by_name[stage]["size"] = by_name[version]["size"]
    index.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["promote", "ml/tiny", "prod"], 2, "lading list ml/tiny shows what there is"),
        (
            ["promote", "ml/tiny:1.0.0", "a/b"],
            2,
            "lading promote ml/tiny:1.0.0 a/b --stage prod",
        ),
        (["promote", "ml/tiny:1.0.0", "localhost:1"], 2, "--stage prod"),
        (["rollback", "ml/tiny", "prod", "--to", "1.0.0", "--steps", "1"], 2, "leave one"),
        (["list", "registry.example.com"], 2, "lading search 'registry.example.com/*'"),
        (["list", "localhost:5000"], 2, "lading search 'localhost:5000/*'"),
        (["list", "ml/tiny:1.0.0"], 2, "lading inspect ml/tiny:1.0.0"),
        (["list", "nothing"], 3, "HOST/NAME names a registry"),
        (["promote", "ml/tiny:1.0.0", "prdo"], 2, "did you mean prod?"),
        (["promote", "ml/tiny:9.9.9", "prod"], 3, "9.9.9"),
        (["promote", "ml/tiny:1.0.0", "ml/other", "--stage", "x"], 2, "has no stage"),
        (["rollback", "ml/tiny", "prod"], 3, "cannot go back"),
        (["rollback", "ml/tiny:1.0.0", "prod"], 2, "--to 1.0.0"),
        (["rollback", "ml/tiny", "prod", "--to", ""], 2, "error"),
        (["clear", "ml/nothing", "prod"], 3, "ml/nothing"),
        (["approve", "ml/tiny:1.0.0"], 2, "--stage"),
        (["approve", "ml/tiny:1.0.0", "--stage", "prod", "--expires", ""], 2, "error"),
        (["approve", "ml/tiny:1.0.0", "--stage", "prod", "--expires", "soon"], 2, "30d"),
        (["reject", "ml/tiny:1.0.0", "--stage", "prod"], 2, "--because"),
        (["deprecate", "ml/tiny:1.0.0", "--because", " "], 2, "needs a reason"),
        (["note", "ml/tiny:1.0.0", ""], 2, "says nothing"),
        (["record", "deploy", "ml/tiny:1.0.0", "--where", "a b"], 2, "CLUSTER/NAMESPACE/NAME"),
        (["record", "measure", "ml/tiny:1.0.0", "--metric", "psi=nan"], 2, "NAME=NUMBER"),
        (
            ["record", "measure", "ml/tiny:1.0.0", "--metric", "psi=1", "--window", "x"],
            2,
            "FROM/TO",
        ),
        (["history", "ml/tiny", "--at", "tuesday"], 2, "2026-05-03"),
        (["history", "ml/tiny", "--stage", "prdo"], 2, "did you mean prod?"),
        (["status", "ml/tiny:1.0.0"], 2, "takes a model"),
        (["status", "ml/nothing"], 3, "ml/nothing"),
        (["remove", "ml/tiny:prod"], 3, "prod"),
        (["promote", "ml/tiny:1.0.0", "prod", "--policy", "gone.yaml"], 3, "gone.yaml"),
    ],
)
def test_every_refusal_says_what_next(
    untouched: Command, arguments: list[str], code: int, says: str
) -> None:
    done = untouched(*arguments)

    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert says in done.stderr


def test_history_shows_from_what_to_what_a_stage_moved(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)
    pushed("promote", "ml/tiny:1.1.0", "prod", **ADA)
    pushed("rollback", "ml/tiny", "prod", **ADA)
    pushed("clear", "ml/tiny", "prod", **ADA)

    lines = pushed("history", "ml/tiny", "--stage", "prod").stdout.splitlines()

    moves = ["1.0.0", "1.0.0 → 1.1.0", "1.1.0 → 1.0.0", "1.0.0 → –"]
    for line, move in zip(lines[1:], moves, strict=True):
        assert f"  {move}  " in line


def test_gc_without_a_selection_sums_up_what_holds_versions(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)

    done = pushed("gc", "ml/tiny")

    assert "would remove 0 versions" in done.stderr
    head, first, *others = done.stdout.splitlines()
    assert head.split() == ["STAY", "VERSIONS", "WHY"]
    assert first.split(maxsplit=3) == ["2", "1.0.0,", "1.1.0", "it came here less than 1h ago"]
    assert any(line.split(maxsplit=2) == ["1", "1.0.0", "prod names it"] for line in others)
    assert {v["status"] for v in answer(pushed, "gc", "ml/tiny")["versions"]} == {"stays"}


def test_gc_that_means_no_version_says_why_all_stay(pushed: Command) -> None:
    done = pushed("gc", "ml/tiny", "--prereleases", "--keep-last", "3")

    head, first, *others = done.stdout.splitlines()
    assert head.split() == ["STAY", "VERSIONS", "WHY"]
    assert first.endswith("not all of this is so: it is a pre-release, it is not among the last 3")
    assert any("it is the highest release" in line for line in others)


def test_bytes_that_are_too_young_to_go_are_freed_by_a_later_gc(pushed: Command) -> None:
    done = pushed("gc", "ml/tiny", "--keep-last", "0", "--grace", "0s", "--delete")
    blobs = [b for b in (pushed.folder / "data").rglob("*/_oci/blobs/*/*") if b.is_file()]
    for blob in blobs:
        os.utime(blob, (0, 0))
    later = pushed("gc", "ml/tiny", "--delete")

    assert "removed 1 version" in done.stderr
    assert "nothing is freed yet" in done.stderr
    assert "bytes were freed" in later.stderr
    assert len([blob for blob in blobs if blob.exists()]) < len(blobs)


def test_who_approves_the_own_work_is_told_apart(strict: Command) -> None:
    strict("request", "ml/tiny:1.0.0", "--stage", "prod", **ADA)
    strict("approve", "ml/tiny:1.0.0", "--stage", "prod", **ADA)
    strict("approve", "ml/tiny:1.0.0", "--stage", "prod", **BOB)

    shown = strict("status", "ml/tiny").stdout
    told = answer(strict, "status", "ml/tiny")["pending"][0]

    assert "Ada <ada@example.com> (does not count: registered it), Bob <bob@example.com>\n" in shown
    assert told["discounted"] == {"Ada <ada@example.com>": "registered it"}
    assert len(told["approved_by"]) == 2


def test_who_rejects_is_told_of_a_way_out_that_there_is(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)
    only = pushed("reject", "ml/tiny:1.0.0", "--stage", "prod", "--because", "drifts", **BOB)
    back = pushed("rollback", "ml/tiny", "prod", **BOB)
    pushed("promote", "ml/tiny:1.1.0", "prod", **ADA)
    second = pushed("reject", "ml/tiny:1.1.0", "--stage", "prod", "--because", "drifts", **BOB)

    assert "lading promote ml/tiny:VERSION prod, or lading clear ml/tiny prod" in only.stderr
    assert "lading rollback" not in only.stderr
    assert "it named nothing before that can come back" in back.stderr
    assert second.stderr.endswith("lading rollback ml/tiny prod\n")


def test_an_export_overwrites_nothing_but_by_force(pushed: Command) -> None:
    line = ("ledger", "export", "ml/tiny", "-o", "tiny.jsonl")
    (pushed.folder / "tiny.jsonl").write_text("mine")

    refused = pushed(*line)
    kept = (pushed.folder / "tiny.jsonl").read_text()
    done = pushed(*line, "--force")

    assert (refused.returncode, kept) == (7, "mine")
    assert "--force overwrites it" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert len((pushed.folder / "tiny.jsonl").read_text().splitlines()) == 2


def test_the_history_calls_a_removal_so(pushed: Command) -> None:
    pushed("remove", "ml/tiny:1.0.0", **ADA)

    last = pushed("history", "ml/tiny").stdout.splitlines()[-1]

    assert last.split()[3:5] == ["removed", "1.0.0"]
    assert answer(pushed, "history", "ml/tiny")["events"][-1]["kind"] == "noted"


def test_what_was_copied_before_is_not_said_to_be_copied_again(pushed: Command) -> None:
    pushed("promote", "ml/tiny:1.0.0", "prod", **ADA)
    pushed("evaluate", "ml/tiny:1.0.0", "--metric", "auc=0.9", **ADA)
    first = pushed("copy", "--all", "ml/tiny", "oci:there")
    again = pushed("copy", "--all", "ml/tiny", "oci:there")
    pushed("evaluate", "ml/tiny:1.0.0", "--metric", "auc=0.8", **ADA)
    more = pushed("copy", "--all", "ml/tiny", "oci:there")

    assert "copied 2 tags, 1 stage and 3 events; " in first.stderr
    assert len(first.stdout.splitlines()) == 3
    assert "nothing new: 2 tags unchanged, " in again.stderr
    assert "copied 0 tags; 2 tags unchanged; sent " in more.stderr


def test_a_version_and_a_stage_in_the_wrong_order_are_told(pushed: Command) -> None:
    done = pushed("promote", "prod", "ml/tiny:1.1.0")

    assert done.returncode == 2
    assert done.stderr.endswith("hint:  lading promote ml/tiny:1.1.0 prod\n")


def test_inspect_says_on_stderr_once_that_a_version_is_deprecated(pushed: Command) -> None:
    pushed("deprecate", "ml/tiny:1.0.0", "--because", "stale", **ADA)

    people = pushed("inspect", "ml/tiny:1.0.0")
    machines = pushed("inspect", "ml/tiny:1.0.0", "--json")

    assert people.stderr.startswith("warning: deprecated by Ada <ada@example.com> (unsigned)")
    assert people.stdout.count("deprecated") == 1
    (note,) = json.loads(machines.stdout)["notes"]
    assert json.loads(machines.stderr) == {"warning": note}


def test_a_refusal_tells_machines_every_rule_as_a_check_does(strict: Command) -> None:
    checked = strict("policy", "check", "ml/tiny:1.1.0", "--stage", "prod", "--json")
    refused = strict("promote", "ml/tiny:1.1.0", "prod", "--json")
    missing = strict("promote", "ml/tiny:7.0.0", "prod", "--json")

    assert (checked.returncode, refused.returncode, missing.returncode) == (9, 9, 3)
    error = json.loads(refused.stderr.splitlines()[-1])["error"]
    assert error["rules"] == json.loads(checked.stdout)["rules"]
    assert {rule["name"]: rule["holds"] for rule in error["rules"]}["scanned"] is True
    for rule in error["rules"]:
        assert (f"{rule['name']}: {rule['why']}" in error["cause"]) is not rule["holds"]
    check_own("error", json.dumps(error))
    assert json.loads(missing.stderr)["error"]["rules"] == []


def test_a_version_that_is_not_there_is_told_by_the_name_that_was_written(
    untouched: Command,
) -> None:
    for line in (("promote", "ml/tiny:9.9.9", "prod"), ("pull", f"ml/tiny@sha256:{'0' * 64}")):
        done = untouched(*line)

        assert done.returncode == 3
        assert "error: ml/tiny has no " in done.stderr
        assert "_oci" not in done.stderr


def test_a_ledger_that_does_not_exist_yet_says_what_there_is_to_adopt(pushed: Command) -> None:
    layout = pushed.folder / "layout"
    assert pushed("copy", "ml/tiny", f"oci:{layout}", "--all").returncode == 0
    index = json.loads((layout / "index.json").read_text())
    index["manifests"] = [each for each in index["manifests"] if not _is_of_ledger(each)]
    (layout / "index.json").write_text(json.dumps(index))

    before = pushed("ledger", "verify", f"oci:{layout}")
    adopted = pushed("ledger", "adopt", f"oci:{layout}")
    again = pushed("ledger", "adopt", f"oci:{layout}")

    said = (
        f"oci:{layout}: 0 events; 2 versions are not registered: lading ledger adopt oci:{layout}"
    )
    assert said in before.stdout.splitlines()
    assert adopted.stdout == "registered 1.0.0\nregistered 1.1.0\n"
    assert "every version is registered" in again.stderr


def test_what_to_do_about_a_finding_is_said_once(pushed: Command) -> None:
    assert pushed("promote", "ml/tiny:1.0.0", "prod").returncode == 0
    store = stores.open_store(Reference.parse("ml/tiny"), pushed.settings)
    assert isinstance(store, LayoutStore)
    store.untag("prod")

    done = pushed("ledger", "verify", "ml/tiny")

    assert done.returncode == 6
    assert f"{done.stdout}{done.stderr}".count("lading ledger repair ml/tiny") == 1


def test_a_copy_that_nobody_registered_is_refused_with_what_registers_it(lading: Command) -> None:
    (lading.folder / "weights.bin").write_bytes(b"weights")
    assert lading("push", "weights.bin", "ml/tiny:1.0.0").returncode == 0
    assert lading("copy", "ml/tiny:1.0.0", "ml/copied:1.0.0").returncode == 0
    policy = "stages: {prod: {protected: true, approvals: 1, not_author: true}}"
    (lading.folder / "lading-policy.yaml").write_text(policy)

    told = lading("ledger", "verify", "ml/copied")
    refused = lading("promote", "ml/copied:1.0.0", "prod")

    assert "lading ledger adopt ml/copied" in told.stdout
    assert refused.returncode == 9
    assert "hint:  lading ledger adopt ml/copied registers" in refused.stderr


def _is_of_ledger(entry: dict[str, Any]) -> bool:
    name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "")
    return bool(name == "ledger" or name.startswith("evt."))
