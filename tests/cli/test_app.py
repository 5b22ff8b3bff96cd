from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from parts.command import Command
from typer.testing import CliRunner

from lading.cli.app import app
from lading.cli.verbs import VERBS, load, module_of

HEAVY = ("pydantic", "requests", "urllib3", "oras", "docker", "jsonschema", "rich", "http.client")


def _lines(name: str) -> list[str]:
    """What a verb is called with: its name, or one line for each verb in the group."""
    inner = getattr(load(name), "commands", None)
    return [f"{name} {each}" for each in inner] if inner else [name]


LINES = [line for name in VERBS for line in _lines(name)]


def modules_after(lading: Command, *arguments: str) -> set[str]:
    """What a run of the command line has imported in the end."""
    program = (
        "import sys\n"
        "from lading.cli.app import main\n"
        f"sys.argv = ['lading', *{arguments!r}]\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=lading.environment,
        cwd=lading.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stderr.splitlines()[-1].split())


def test_the_version_is_printed(lading: Command) -> None:
    done = lading("--version")

    assert (done.returncode, done.stdout, done.stderr) == (0, "lading 0.1.0\n", "")


def test_the_version_costs_no_heavy_import(lading: Command) -> None:
    modules = modules_after(lading, "--version")

    assert "typer" in modules
    assert not modules & set(HEAVY)
    assert not [name for name in modules if name.startswith(("lading.operations", "lading.spec"))]


def test_importing_lading_imports_next_to_nothing(lading: Command) -> None:
    program = (
        "import sys; before = set(sys.modules); import lading; print(*set(sys.modules) - before)"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=lading.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert {name for name in done.stdout.split() if "." not in name} <= {
        "lading",
        "importlib",
        "warnings",
        "__future__",
    }


def test_bare_lading_shows_help(lading: Command) -> None:
    done = lading()

    assert done.returncode == 0
    assert "Usage: lading [OPTIONS]" in done.stdout
    assert done.stderr == ""


def test_help_shows_every_verb_in_its_panel_and_imports_none(lading: Command) -> None:
    modules = modules_after(lading, "--help")
    shown = lading("--help").stdout

    for name, verb in VERBS.items():
        assert (f" {name} " in shown) != verb.hidden
        assert (verb.line in shown) != verb.hidden
        assert verb.panel in shown
        assert f"lading.cli.{name}" not in modules


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_a_module_of_its_name_that_says_what_the_table_says(name: str) -> None:
    assert find_spec(module_of(name)) is not None
    itself = VERBS[name].same_as or name

    result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})

    assert result.exit_code == 0
    assert VERBS[itself].line in result.stdout
    assert "Examples:" in result.stdout
    assert f"$ lading {itself}" in result.stdout


@pytest.mark.parametrize("words", LINES)
def test_every_verb_takes_the_options_that_all_share(words: str) -> None:
    result = CliRunner().invoke(
        app, [*words.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )

    shown = {word for word in result.stdout.split() if word.startswith("-")}
    assert {"--json", "--quiet", "-q", "--debug"} <= shown
    connection = {"--insecure", "--ca-file", "--client-cert", "--client-key"}
    assert (connection <= shown) == VERBS[words.split(maxsplit=1)[0]].connects


def test_references_survive_the_markup_of_help() -> None:
    result = CliRunner().invoke(app, ["pull", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})

    assert "[HOST/]NAME[:TAG|@DIGEST], or oci:FOLDER[:TAG]" in result.stdout


def test_a_verb_imports_no_other_verb(lading: Command) -> None:
    modules = modules_after(lading, "list")

    verbs = {module_of(name) for name in VERBS} & modules
    assert verbs == {"lading.cli.list"}
    assert not modules & {"lading.stores.remote.registry", "requests", "oras", "docker"}


@pytest.mark.parametrize(("typed", "meant"), [("lst", "list"), ("pul", "pull"), ("psuh", "push")])
def test_an_unknown_verb_is_met_with_the_nearest(lading: Command, typed: str, meant: str) -> None:
    done = lading(typed)

    assert done.returncode == 2
    assert f"No such command '{typed}'. Did you mean {meant}" in done.stderr
    assert done.stdout == ""


def test_an_unknown_verb_that_is_near_nothing_is_refused_plainly(lading: Command) -> None:
    done = lading("xyzzy")

    assert done.returncode == 2
    assert "No such command 'xyzzy'." in done.stderr
    assert "Did you mean" not in done.stderr


def test_a_missing_argument_is_a_usage_error(lading: Command) -> None:
    done = lading("push")

    assert done.returncode == 2
    assert "Missing argument" in done.stderr


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        ("push --json", "Missing argument 'PATH'.", "lading push --help"),
        ("--json push", "Missing argument 'PATH'.", "lading push --help"),
        ("push --nope --json", "No such option: --nope", "lading push --help"),
        ("--nope --json", "No such option: --nope", "lading --help"),
        ("lst --json", "No such command 'lst'. Did you mean list", "lading --help"),
        ("ledger nope --json", "No such command 'nope'.", "lading ledger --help"),
        ("gc ml/x --json --keep-last a", "Invalid value for '--keep-last'", "lading gc --help"),
        ("--json ledger", "Missing command.", "lading ledger --help"),
    ],
)
def test_machines_get_a_usage_error_as_any_other(
    lading: Command, line: str, what: str, hint: str
) -> None:
    done = lading(*line.split())

    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert error["what"].startswith(what)
    assert (error["type"], error["exit_code"], error["hint"]) == ("InvalidInput", 2, hint)


def test_an_option_that_is_no_option_asks_for_no_json(lading: Command) -> None:
    done = lading("nope", "--", "--json")

    assert done.returncode == 2
    assert "Error" in done.stderr


def _completions(lading: Command, words: str, at: int) -> list[str]:
    done = lading(_LADING_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(at))
    return done.stdout.split()


def test_verbs_and_options_complete(lading: Command) -> None:
    assert _completions(lading, "lading pu", 1) == ["push", "pull"]
    assert _completions(lading, "lading push --dr", 2) == ["--dry-run"]
    assert _completions(lading, "lading push --bump m", 3) == ["minor", "major"]
    assert _completions(lading, "lading cache p", 2) == ["prune"]


def test_completing_a_verb_imports_none(lading: Command) -> None:
    program = "import sys\nfrom lading.cli.app import main\nsys.argv = ['lading']\n"
    program += "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    environment = {
        "_LADING_COMPLETE": "complete_bash",
        "COMP_WORDS": "lading pu",
        "COMP_CWORD": "1",
    }

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=lading.environment | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == ["push", "pull"]
    modules = set(done.stderr.splitlines()[-1].split())
    assert not {module_of(name) for name in VERBS} & modules


def test_completion_can_be_installed(lading: Command, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()

    # Typer looks which shell it was called from: a bash that stays, whoever runs the tests.
    line = shlex.join(lading.line("--show-completion"))
    shown = subprocess.run(
        ["bash", "-c", f"{line}; exit $?"],
        env=lading.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0
    assert "_LADING_COMPLETE=complete_bash" in shown.stdout


def _help(words: str, width: int) -> list[str]:
    """The lines of a help text on a terminal of that width."""
    environment = {"COLUMNS": str(width), "NO_COLOR": "1"}
    result = CliRunner().invoke(app, [*words.split(), "--help"], env=environment)
    assert result.exit_code == 0
    return [line.rstrip() for line in result.stdout.splitlines()]


def _prose(lines: list[str]) -> list[list[str]]:
    """The paragraphs between how a verb is called and its options."""
    begin = next(at for at, line in enumerate(lines) if "Usage:" in line)
    end = next(at for at, line in enumerate(lines) if line.startswith("╭"))
    return [text.splitlines() for text in "\n".join(lines[begin + 1 : end]).strip().split("\n\n")]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("words", ["", *LINES])
def test_help_fills_the_lines_of_a_terminal_and_leaves_no_word_out(words: str, width: int) -> None:
    lines = _help(words, width)

    assert max(map(len, lines)) <= width
    assert not [line for line in lines if re.search(r"\w…", line)], "a word was cut"
    for paragraph in _prose(lines):
        for line, following in itertools.pairwise(paragraph):
            # Typer keeps two columns free; a word would have fitted there otherwise.
            assert len(line) + 1 + len(following.split()[0]) > width - 2, (line, following)


def test_help_names_an_extra_as_it_is_installed() -> None:
    assert "pip install 'lading[serve]'" in " ".join(map(str.strip, _help("serve", 200)))


@pytest.mark.parametrize("words", LINES)
def test_examples_of_help_stay_commands_that_a_shell_takes(words: str) -> None:
    text = "\n".join(_help(words, 80)).partition("Examples:")[2]

    examples = [line for line in text.replace("\\\n", "").splitlines() if line.strip()]
    assert all(line.startswith(" $ ") for line in examples)
    for line in examples:
        shlex.split(line)


@pytest.mark.parametrize("words", LINES)
def test_usage_puts_what_may_be_left_out_into_brackets_once(words: str) -> None:
    usage = next(line for line in _help(words, 200) if "Usage:" in line)

    assert "[[" not in usage.replace("[[HOST/]", "")
