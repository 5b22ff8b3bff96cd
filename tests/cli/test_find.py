"""search, best and list as users call them."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path

import pytest
from parts.command import Command
from parts.registry import DockerRegistry

from lading.operations.push import push


@pytest.fixture
def pushed(lading: Command, model: Path) -> Command:
    """Two versions of one model and one of another, on this machine."""
    for reference, auc, team in (
        ("ml/fraud:1.0.0", 0.91, "=risk"),
        ("ml/fraud:1.1.0", 0.95, "ads"),
        ("ml/chat:1.0.0", 0.5, "ads"),
    ):
        push(model, reference, metrics={"auc": auc}, tags={"team": team}, settings=lading.settings)
    return lading


def test_a_search_shows_what_was_asked_for(pushed: Command) -> None:
    done = pushed("search", "metrics.auc > 0.9", "--order-by", "metrics.auc DESC", "--limit", "1")

    assert done.returncode == 0, done.stderr
    head, line = done.stdout.splitlines()
    assert head.split() == ["NAME", "VERSION", "CREATED", "(UTC)", "metrics.auc"]
    assert line.split()[:2] == ["ml/fraud", "1.1.0"]
    assert done.stderr == "2 versions match; these are the first\n"


def test_a_pattern_may_stand_where_the_filter_does(pushed: Command) -> None:
    below = pushed("search", "ml/*", "--order-by", "metrics.auc DESC", "--limit", "1")
    folder = pushed("search", f"oci:{pushed.folder}/data/store/ml/chat/_oci", "--json")
    (metric, *_) = pushed("search", "metrics.acc/top1").stderr.splitlines()

    assert below.stdout.splitlines()[1].split()[:2] == ["ml/fraud", "1.1.0"], below.stderr
    assert json.loads(folder.stdout)["matched"] == 1
    assert "metrics.acc/top1" in metric


def test_a_list_of_a_registry_says_what_may_be_typed(
    pushed: Command, registry: DockerRegistry
) -> None:
    pushed("copy", "ml/fraud:1.1.0", f"{registry.host}/show/fraud:1.1.0")
    refused = pushed("list", registry.host)

    (hint,) = (line for line in refused.stderr.splitlines() if "lading search" in line)
    found = pushed(*shlex.split(hint.partition("lading ")[2]), "--json")

    names = [version["name"] for version in json.loads(found.stdout)["versions"]]
    assert f"{registry.host}/show/fraud" in names


def test_a_misspelt_name_on_a_registry_leads_to_the_one_that_is_meant(
    pushed: Command, registry: DockerRegistry
) -> None:
    there = f"{registry.host}/show/misspelt"
    pushed("copy", "ml/fraud:1.1.0", f"{there}:1.1.0")

    model = pushed("pull", f"{registry.host}/show/mispelt:1.1.0")
    listed = pushed("list", f"{registry.host}/show/mispelt")
    version = pushed("pull", f"{there}:1.1.1")
    stage = pushed("promote", f"{there}:1.1.0", "prd")

    assert f"lading search '{registry.host}/*'" in model.stderr
    assert f"did you mean {there}?" in listed.stderr
    assert f"did you mean {there}:1.1.0?" in version.stderr
    assert f"lading policy show {there}\n" in stage.stderr


def test_a_removal_tells_people_of_no_bookkeeping(
    pushed: Command, registry: DockerRegistry
) -> None:
    there = f"{registry.host}/show/removed:1.1.0"
    pushed("copy", "ml/fraud:1.1.0", there, LADING_KEEP_TAGS="always")
    pushed("evaluate", there, "--metric", "auc=0.5")

    done = pushed("remove", there)

    assert done.stdout == "removed 1.1.0\n", done.stderr


def test_a_url_is_no_reference_and_no_registry(pushed: Command) -> None:
    url = pushed("pull", "http://127.0.0.1:5000/ml/fraud:1.0.0")
    default = pushed("pull", "ml/fraud:1.0.0", LADING_REGISTRY="http://127.0.0.1:5000")
    word = pushed("push", "model", "ml/fraud", "--bump", "mnior")

    assert "write it without http://: 127.0.0.1:5000/ml/fraud:1.0.0" in url.stderr
    assert "write it without http://: LADING_REGISTRY=127.0.0.1:5000" in default.stderr
    assert "did you mean minor?" in word.stderr
    assert (url.returncode, default.returncode, word.returncode) == (2, 2, 2)


def test_a_number_that_stands_with_its_split_is_not_shown_twice(
    lading: Command, model: Path
) -> None:
    lading("push", model, "ml/split:1.0.0", "--metric", "auc@test=0.93", "--metric", "f1=0.5")

    done = lading("search", "", "ml/split")

    assert done.stdout.splitlines()[1].split()[4:] == ["auc@test=0.93", "f1=0.5"]


def test_the_whole_answer_and_the_rows_alone_are_different_json(pushed: Command) -> None:
    answer = json.loads(pushed("search", "name = 'ml/chat'", "--json").stdout)
    rows = json.loads(pushed("search", "name = 'ml/chat'", "--format", "json").stdout)

    assert answer["versions"][0]["metrics"] == {"auc": 0.5}
    # Other names are not even looked at.
    assert (answer["looked_at"], answer["matched"]) == (1, 1)
    assert (rows[0]["reference"], rows[0]["metrics.auc"]) == ("ml/chat:1.0.0", 0.5)


def test_csv_of_everything_is_read_by_any_program_and_harms_none(pushed: Command) -> None:
    done = pushed("search", "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["version"] for row in rows] == ["1.0.0", "1.1.0", "1.0.0"]
    assert [row["tags.team"] for row in rows] == ["ads", "ads", "'=risk"]
    assert [float(row["metrics.auc"]) for row in rows] == [0.5, 0.95, 0.91]


def test_nothing_found_is_an_empty_answer_and_a_sentence(pushed: Command) -> None:
    done = pushed("search", "metrics.auc > 1")

    assert (done.returncode, done.stdout) == (0, "")
    note, said = done.stderr.splitlines()
    assert note.endswith("--evaluations counts them")
    assert said == "none of 3 versions in 2 repositories"


def test_a_filter_that_is_none_says_where_it_goes_wrong(pushed: Command) -> None:
    done = pushed("search", "metrics.auc >> 1")

    assert done.returncode == 2
    assert "at character" in done.stderr
    assert pushed("search", "--format", "yaml").returncode == 2
    assert pushed("search", "--limit", "none").returncode == 2


def test_best_says_which_and_why(pushed: Command) -> None:
    done = pushed("best", "ml/fraud", "--metric", "auc")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[:2] == ["1.1.0", "0.95"]
    assert done.stderr == "the highest auc is the best: by its name, higher is better\n"
    lowest = pushed("best", "ml/fraud", "--metric", "auc", "--minimize", "--json")
    assert json.loads(lowest.stdout)["version"] == "1.0.0"
    missing = pushed("best", "ml/fraud", "--metric", "acu")
    assert (missing.returncode, "there are: auc" in missing.stderr) == (3, True)


def test_a_list_has_formats_too(pushed: Command) -> None:
    rows = json.loads(pushed("list", "ml/fraud", "--format", "json").stdout)
    lines = pushed("list", "--format", "md").stdout.splitlines()

    assert [row["version"] for row in rows] == ["1.1.0", "1.0.0"]
    assert rows[0]["files"] == 3
    assert lines == ["| repository |", "| --- |", "| ml/chat |", "| ml/fraud |"]


def test_a_search_of_a_registry_is_kept_for_the_next_process(
    lading: Command, model: Path, registry: DockerRegistry, repository: str
) -> None:
    place = f"{registry.host}/{repository}"
    lading("push", model, f"{place}:1.0.0", "--metric", "auc=0.9")
    first = lading("search", "metrics.auc = 0.9", place)
    registry.forget_requests()

    second = lading("search", "metrics.auc = 0.9", place)

    assert second.stdout == first.stdout != ""
    assert len(registry.requests()) == 1


def test_an_attached_evaluation_counts_for_the_best(pushed: Command) -> None:
    done = pushed("evaluate", "ml/fraud:1.0.0", "--metric", "auc=0.99")
    assert done.returncode == 0, done.stderr

    best = json.loads(pushed("best", "ml/fraud", "--metric", "auc", "--json").stdout)

    assert (best["version"], best["value"]) == ("1.0.0", 0.99)
    assert best["evidence"].startswith("sha256:")


def test_an_attached_evaluation_counts_for_a_search_that_asks_for_it(pushed: Command) -> None:
    done = pushed("evaluate", "ml/fraud:1.0.0", "--metric", "auc=0.99", "--json")
    assert done.returncode == 0, done.stderr
    evidence = json.loads(done.stdout)["evidence"]

    shown = pushed("search", "metrics.auc > 0.92", "--evaluations", "--format", "md")
    alone = pushed("search", "evaluation.auc > 0", "--evaluations", "--format", "md")
    everything = pushed("search", "", "ml/fraud", "--evaluations", "--format", "md")
    table = csv.DictReader(io.StringIO(pushed("search", "--evaluations", "--format", "csv").stdout))

    head, _, newer, older = cells(shown.stdout)
    assert head[-2:] == ["metrics.auc", "source"]
    assert newer[-2:] == ["0.95", "document"]
    assert older[-2:] == ["0.99", f"evaluation {evidence}"]
    assert cells(alone.stdout)[2][-2:] == ["0.99", f"evaluation {evidence}"]
    assert [line[-1] for line in cells(everything.stdout)[2:]] == [
        "auc=0.95",
        "auc=0.99 (evaluation)",
    ]
    assert [(row["version"], row["evidence.auc"]) for row in table] == [
        ("1.0.0", ""),
        ("1.1.0", ""),
        ("1.0.0", evidence),
    ]


def cells(markdown: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines()]
