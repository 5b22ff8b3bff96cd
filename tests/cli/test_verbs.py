"""Every verb from end to end, as its users start it, on the store of a machine of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from parts.command import Command


@pytest.fixture
def pushed(lading: Command, model: Path) -> str:
    """The digest of ml/tiny:1.0.0."""
    done = lading("push", model, "ml/tiny:1.0.0", "--description", "Does very little.")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().partition("@")[2]


def answer(lading: Command, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """What a verb says to machines; everything on stderr must be for machines, too."""
    done = lading(*arguments, "--json")
    assert done.returncode == code, done.stderr
    for line in done.stderr.splitlines():
        assert set(json.loads(line)) <= {"progress", "warning"}
    (line,) = done.stdout.splitlines()
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


def test_push_prints_the_reference_with_its_digest(lading: Command, model: Path) -> None:
    done = lading("push", model, "ml/tiny:1.0.0")

    assert done.returncode == 0
    assert done.stdout.startswith("ml/tiny:1.0.0@sha256:")
    assert done.stdout.count("\n") == 1
    assert "pushed 3 files, 16.4 kB" in done.stderr


def test_pushing_again_is_unchanged_and_the_same_digest(
    lading: Command, model: Path, pushed: str
) -> None:
    done = lading("push", model, "ml/tiny:1.0.0", "--description", "Does very little.")

    assert done.returncode == 0
    assert done.stdout == f"ml/tiny:1.0.0@{pushed}\n"
    assert "unchanged" in done.stderr


def test_other_content_is_refused_with_a_hint(lading: Command, model: Path, pushed: str) -> None:
    (model / "config.json").write_text("{}")

    done = lading("push", model, "ml/tiny:1.0.0")

    assert done.returncode == 7
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert pushed in done.stderr
    assert "--bump" in done.stderr


def test_bump_chooses_the_version(lading: Command, model: Path, pushed: str) -> None:
    (model / "config.json").write_text("{}")

    result = answer(lading, "push", model, "ml/tiny", "--bump", "minor")

    assert result["version"] == "1.1.0"
    assert result["status"] == "created"
    assert result["latest"] is True


def test_a_dry_run_shows_the_layers_and_sends_nothing(lading: Command, model: Path) -> None:
    done = lading("push", model, "ml/tiny:1.0.0", "--dry-run")

    assert done.returncode == 0
    assert "planned" in done.stdout
    assert "LAYER" in done.stdout
    assert done.stdout.splitlines()[-1] == "ml/tiny:1.0.0"
    assert lading("inspect", "ml/tiny:1.0.0").returncode == 3


def test_identity_goes_into_the_document(lading: Command, model: Path) -> None:
    answer(
        lading,
        "push",
        model,
        "ml/tiny:1.0.0",
        "--author",
        "Ada",
        "--author",
        "Grace",
        "--license",
        "MIT",
        "--tag",
        "task=nothing",
        "--description",
        "Does nothing.",
    )

    document = answer(lading, "inspect", "ml/tiny:1.0.0")["document"]
    assert document["authors"] == ["Ada", "Grace"]
    assert document["description"] == "Does nothing."
    assert document["tags"] == {"task": "nothing"}


def test_a_mark_without_a_value_is_refused(lading: Command, model: Path) -> None:
    done = lading("push", model, "ml/tiny:1.0.0", "--tag", "task")

    assert done.returncode == 2
    assert done.stderr == "error: no key and value: 'task'\n  hint:  write --tag KEY=VALUE\n"


def test_pull_prints_nothing_but_the_path(lading: Command, model: Path, pushed: str) -> None:
    done = lading("pull", "ml/tiny")

    path = Path(done.stdout.removesuffix("\n"))
    assert (path / "vocab" / "words.txt").read_text() == "one\ntwo\n"
    assert "pulled ml/tiny:latest (3 files, 16.4 kB)" in done.stderr


def test_a_shell_finds_the_way(lading: Command, pushed: str) -> None:
    line = " ".join(lading.line("pull", "-q", "ml/tiny"))

    done = subprocess.run(
        ["sh", "-c", f"cd $({line}) && ls"],
        env=lading.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["config.json", "vocab", "weights.bin"]
    assert done.stderr == ""


def test_pulling_again_finds_it_there(lading: Command, pushed: str) -> None:
    first = answer(lading, "pull", f"ml/tiny@{pushed}")
    second = answer(lading, "pull", f"ml/tiny@{pushed}")

    assert (first["status"], second["status"]) == ("pulled", "cached")
    assert first["path"] == second["path"]


def test_pull_into_a_folder_and_only_some_files(lading: Command, pushed: str) -> None:
    target = lading.folder / "some"

    result = answer(lading, "pull", "ml/tiny:1.0.0", "-o", target, "--include", "*.json")

    assert Path(result["path"]) == target
    assert os.listdir(target) == ["config.json"]


def test_a_different_file_is_not_overwritten_without_force(lading: Command, pushed: str) -> None:
    target = lading.folder / "mine"
    target.mkdir()
    (target / "config.json").write_text("precious")

    refused = lading("pull", "ml/tiny:1.0.0", "-o", target)
    kept = (target / "config.json").read_text()
    forced = lading("pull", "ml/tiny:1.0.0", "-o", target, "--force")

    assert refused.returncode == 7
    assert "--force" in refused.stderr
    assert kept == "precious"
    assert forced.returncode == 0
    assert (target / "config.json").read_text() == '{"layers": 2}\n'


def test_a_path_is_printed_in_its_very_bytes(lading: Command, pushed: str) -> None:
    target = os.fsencode(lading.folder) + b"/od\xffd"

    done = subprocess.run(
        [*map(os.fsencode, lading.line("pull", "ml/tiny", "-q", "-o")), target],
        env=lading.environment,
        cwd=lading.folder,
        capture_output=True,
        check=True,
    )

    assert done.stdout == target + b"\n"


def test_verify_says_yes_and_no_and_names_the_files(
    lading: Command, model: Path, pushed: str
) -> None:
    same = lading("verify", model, "ml/tiny:1.0.0")
    (model / "config.json").write_text("{}")
    (model / "weights.bin").unlink()
    (model / "more.txt").write_text("x")
    other = lading("verify", model, "ml/tiny:1.0.0")

    assert same.returncode == 0
    assert same.stdout == f"{model} is ml/tiny:1.0.0 ({pushed})\n"
    assert other.returncode == 1
    assert other.stdout.splitlines() == [
        "changed  config.json",
        "missing  weights.bin",
        "extra    more.txt",
        f"{model} is not ml/tiny:1.0.0 ({pushed})",
    ]
    assert other.stderr == ""
    assert answer(lading, "verify", model, "ml/tiny:1.0.0", code=1)["equal"] is False


def test_inspect_shows_what_it_holds_and_for_whom(lading: Command, pushed: str) -> None:
    done = lading("inspect", "ml/tiny")

    assert done.returncode == 0
    for text in (
        pushed,
        "Does very little.",
        "16.4 kB in 3 files",
        "vocab/words.txt",
        "linux/amd64",
        "Podman",
        "modctl",
    ):
        assert text in done.stdout
    assert answer(lading, "inspect", "ml/tiny")["digest"] == pushed


def test_inspect_shows_parameters_and_splits(lading: Command, model: Path) -> None:
    said = ("--param", "lr=0.01", "--param", "loss=log", "--metric", "auc@test=0.9")
    lading("push", model, "ml/known:1.0.0", *said, "--dataset", "s3://data/train#train")

    lines = lading("inspect", "ml/known:1.0.0").stdout.splitlines()

    rows = [line.split() for line in lines]
    assert ["lr", "0.01"] in rows
    assert ["loss", "log"] in rows
    assert ["auc", "0.9", "test"] in rows
    assert ["data", "s3://data/train", "(train)"] in rows


def test_list_shows_versions_in_their_order(lading: Command, model: Path, pushed: str) -> None:
    for version in ("0.9.0", "1.0.0-rc.1", "1.10.0", "1.9.0"):
        (model / "config.json").write_text(version)
        assert lading("push", model, f"ml/tiny:{version}").returncode == 0

    done = lading("list", "ml/tiny")

    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0][0] == "VERSION"
    assert [row[0] for row in rows[1:]] == ["1.10.0", "1.9.0", "1.0.0", "1.0.0-rc.1", "0.9.0"]
    assert "latest" in rows[1]
    assert len(answer(lading, "list", "ml/tiny")["versions"]) == 5


def test_list_without_a_name_shows_the_models(lading: Command, pushed: str) -> None:
    assert lading("list").stdout == "ml/tiny\n"
    assert answer(lading, "list")["repositories"] == ["ml/tiny"]


def test_list_says_how_to_begin(lading: Command) -> None:
    done = lading("list")

    assert (done.returncode, done.stdout) == (0, "")
    assert "lading push" in done.stderr


def test_copy_keeps_the_digest(lading: Command, pushed: str) -> None:
    layout = f"oci:{lading.folder / 'layout'}"

    done = lading("copy", "ml/tiny:1.0.0", layout)

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{layout}:1.0.0@{pushed}\n"
    assert answer(lading, "inspect", f"{layout}:1.0.0")["digest"] == pushed


def test_tag_moves_and_says_what_it_named_before(lading: Command, model: Path, pushed: str) -> None:
    (model / "config.json").write_text("{}")
    assert lading("push", model, "ml/tiny:2.0.0").returncode == 0

    first = lading("tag", "ml/tiny:1.0.0", "candidate")
    second = lading("tag", "ml/tiny:2.0.0", "candidate")

    assert first.stdout == f"candidate is ml/tiny:1.0.0@{pushed}\n"
    assert first.stderr == ""
    assert second.returncode == 0
    assert pushed in second.stderr


def test_a_version_is_no_tag_to_set(lading: Command, pushed: str) -> None:
    done = lading("tag", "ml/tiny:1.0.0", "2.0.0")

    assert done.returncode == 2
    assert "versions never move" in done.stderr


def test_a_stage_is_no_tag_to_set(lading: Command, pushed: str) -> None:
    done = lading("tag", "ml/tiny:1.0.0", "prod")

    assert done.returncode == 2
    assert "hint:  lading promote ml/tiny:1.0.0 prod" in done.stderr


def test_remove_says_what_is_gone(lading: Command, pushed: str) -> None:
    assert lading("tag", "ml/tiny:1.0.0", "candidate").returncode == 0

    done = lading("remove", "ml/tiny:candidate")

    assert (done.returncode, done.stdout) == (0, "removed candidate\n")
    assert lading("inspect", "ml/tiny:candidate").returncode == 3
    assert lading("inspect", "ml/tiny:1.0.0").returncode == 0


def test_the_cache_can_be_seen_verified_and_pruned(lading: Command, pushed: str) -> None:
    assert lading("pull", "ml/tiny").returncode == 0

    shown = lading("cache", "ls")
    verified = lading("cache", "verify")
    pruned = answer(lading, "cache", "prune", "--all")

    assert "KIND" in shown.stdout
    assert str(lading.folder / "cache") in shown.stdout
    assert verified.returncode == 0
    assert "as it should be" in verified.stdout
    assert pruned["freed"] > 16_000
    assert answer(lading, "cache", "ls")["entries"] == []


def test_a_damaged_cache_is_noticed(lading: Command, pushed: str) -> None:
    path = Path(lading("pull", "ml/tiny").stdout.strip()) / "weights.bin"
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))

    done = lading("cache", "verify")

    assert done.returncode == 1
    assert "damaged, removed: sha256:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["inspect", "Not A Name"], 2),
        (["inspect", "ml/nothing:1.0.0"], 3),
        (["inspect", "oci:./nothing:1.0.0"], 3),
        (["pull", "ml/nothing"], 3),
        (["push", "./nothing", "ml/tiny:1.0.0"], 2),
        (["push", ".", "ml/tiny"], 2),
        (["push", ".", "ml/tiny:v1.0.0"], 2),
        (["push", ".", "ml/tiny:1.0.0", "--bump", "giant"], 2),
        (["verify", "./nothing", "ml/tiny:1.0.0"], 2),
        (["list", "ml/nothing"], 3),
        (["tag", "ml/nothing:1.0.0", "candidate"], 3),
        (["remove", "ml/nothing:1.0.0"], 3),
        (["copy", "ml/nothing:1.0.0", "oci:./x"], 3),
        (["cache", "prune", "--all", "--older-than", "3"], 2),
        (["doctor", "ml/tiny"], 2),
        (["inspect", "127.0.0.1:1/ml/tiny:1.0.0"], 5),
        (["login", "127.0.0.1:1", "-u", "ada"], 2),
        (["pull", "registry.example.com/ml/tiny:1.0.0", "--offline"], 3),
    ],
)
def test_every_refusal_has_its_code_and_no_traceback(
    lading: Command, arguments: list[str], code: int
) -> None:
    done = lading(*arguments)

    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "rror" in done.stderr


def test_a_password_on_the_command_line_is_refused_and_not_repeated(lading: Command) -> None:
    done = lading("login", "127.0.0.1:1", "-u", "ada", "-p", "hunter2")

    assert done.returncode == 2
    assert "--password-stdin" in done.stderr
    assert "hunter2" not in done.stderr


def test_login_without_a_terminal_says_which_option_is_missing(lading: Command) -> None:
    done = lading("login", "127.0.0.1:1")

    assert done.returncode == 2
    assert "there is no user name" in done.stderr
    assert "--username" in done.stderr


def test_an_empty_password_from_stdin_is_refused(lading: Command) -> None:
    done = lading("login", "127.0.0.1:1", "-u", "ada", "--password-stdin", stdin="\n")

    assert done.returncode == 2
    assert "no password came from stdin" in done.stderr


def test_logging_out_of_where_nobody_was_logged_in_is_no_error(lading: Command) -> None:
    done = lading("logout", "registry.example.com")

    assert (done.returncode, done.stdout) == (0, "")
    assert "there was no login" in done.stderr


def test_quiet_leaves_the_answer_alone(lading: Command, model: Path) -> None:
    for arguments in (["push", str(model), "ml/tiny:1.0.0"], ["pull", "ml/tiny"]):
        after = lading(*arguments, "-q")
        before = lading("-q", *arguments)

        assert (after.stderr, before.stderr) == ("", "")
        assert after.stdout.count("\n") == before.stdout.count("\n") == 1


def test_what_a_registry_holds_cannot_reach_the_terminal(
    lading: Command, model: Path, pushed: str
) -> None:
    layout = lading.folder / "layout"
    assert lading("copy", "ml/tiny:1.0.0", f"oci:{layout}").returncode == 0
    _rewrite_summary(layout, "\x1b[2Jboo\u202e")

    listed = lading("list", f"oci:{layout}")
    shown = lading("inspect", f"oci:{layout}:9.0.0")

    assert "\\x1b[2Jboo\\u202e" in listed.stdout
    for text in (listed.stdout, shown.stdout, shown.stderr):
        assert "\x1b" not in text
        assert "\u202e" not in text


def _rewrite_summary(layout: Path, description: str) -> None:
    """Another index over the same manifests, with a summary that means harm."""
    import hashlib

    index = json.loads((layout / "index.json").read_text())
    (entry,) = [e for e in index["manifests"] if "1.0.0" in e.get("annotations", {}).values()]
    root = json.loads((layout / "blobs" / entry["digest"].replace(":", "/")).read_text())
    root["annotations"]["org.opencontainers.image.description"] = description
    raw = json.dumps(root).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(raw)
    named = {"org.opencontainers.image.ref.name": "9.0.0"}
    entry |= {"digest": f"sha256:{digest}", "size": len(raw), "annotations": named}
    index["manifests"] = [entry]
    (layout / "index.json").write_text(json.dumps(index))


def test_a_default_registry_is_asked_first(lading: Command, model: Path) -> None:
    done = lading("inspect", "ml/tiny:1.0.0", LADING_REGISTRY="127.0.0.1:1")

    assert done.returncode == 5
    assert "127.0.0.1:1" in done.stderr


def test_a_registry_of_ones_own_may_be_spoken_to_plainly(lading: Command) -> None:
    done = lading("inspect", "registry.invalid/ml/tiny:1.0.0", "--insecure", "registry.invalid")

    assert done.returncode == 5
    assert "registry.invalid" in done.stderr
