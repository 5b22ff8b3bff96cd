"""What the door makes of everything that can go wrong, with a verb that goes wrong."""

from __future__ import annotations

import errno
import json
import logging
import sys
import types
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from lading import errors
from lading.cli.app import app
from lading.cli.console import Console
from lading.cli.verbs import VERBS, Verb

Breaks = Callable[[Callable[[], object]], None]


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Breaks:
    """Makes ``lading breaks`` do that."""

    def install(act: Callable[[], object]) -> None:
        verb = typer.Typer(add_completion=False)

        @verb.command()
        def command(context: typer.Context) -> None:
            Console.of(context).settings()
            act()

        module = types.ModuleType("lading.cli.breaks")
        module.app = verb  # type: ignore[attr-defined]  # what a verb's module has
        monkeypatch.setitem(sys.modules, "lading.cli.breaks", module)
        monkeypatch.setitem(VERBS, "breaks", Verb("Goes wrong.", "Test"))

    return install


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


_CLASSES = [
    (errors.InvalidInput, 2),
    (errors.NotFound, 3),
    (errors.AccessDenied, 4),
    (errors.Unavailable, 5),
    (errors.IntegrityError, 6),
    (errors.Conflict, 7),
    (errors.Unsupported, 8),
    (errors.PolicyRefused, 9),
    (errors.LocalFailure, 10),
]


@pytest.mark.parametrize(("kind", "code"), _CLASSES)
def test_every_error_has_its_exit_code_and_is_said_once(
    breaks: Breaks, kind: type[errors.LadingError], code: int
) -> None:
    breaks(raising(kind("cannot push x", cause="it rains", hint="wait")))

    result = CliRunner().invoke(app, ["breaks"])

    assert result.exit_code == code
    assert result.stderr == "error: cannot push x\n  cause: it rains\n  hint:  wait\n"
    assert result.stdout == ""


def test_an_error_without_cause_and_hint_is_one_line(breaks: Breaks) -> None:
    breaks(raising(errors.NotFound("there is no x")))

    assert CliRunner().invoke(app, ["breaks"]).stderr == "error: there is no x\n"


def test_consent_is_asked_for_in_the_words_of_the_command_line(breaks: Breaks) -> None:
    breaks(raising(errors.PolicyRefused("it is a pickle", hint="allow_pickle=True, if you trust")))

    said = CliRunner().invoke(app, ["breaks"]).stderr

    assert said == "error: it is a pickle\n  hint:  --allow-pickle, if you trust\n"


def test_an_error_cannot_write_to_the_terminal_what_a_registry_wants(breaks: Breaks) -> None:
    breaks(raising(errors.Unavailable("no", cause="\x1b[2J\r\nerror: fine\u202e")))

    stderr = CliRunner().invoke(app, ["breaks"]).stderr

    assert stderr == "error: no\n  cause: \\x1b[2J\\r\\nerror: fine\\u202e\n"


@pytest.mark.parametrize("arguments", [["--json", "breaks"], ["breaks", "--json"]])
def test_machines_get_an_error_as_one_json_object(breaks: Breaks, arguments: list[str]) -> None:
    breaks(raising(errors.Conflict("taken", cause="there already", hint="--bump")))

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 7
    assert result.stdout == ""
    assert json.loads(result.stderr) == {
        "error": {
            "type": "Conflict",
            "exit_code": 7,
            "what": "taken",
            "cause": "there already",
            "hint": "--bump",
            "rules": [],
        }
    }


def test_an_interruption_says_that_running_again_resumes(breaks: Breaks) -> None:
    breaks(raising(KeyboardInterrupt()))

    result = CliRunner().invoke(app, ["breaks"])

    assert result.exit_code == 130
    assert result.stderr == "error: interrupted\n  hint:  run it again: it resumes\n"


def test_a_bug_is_called_a_bug_and_shows_no_traceback(breaks: Breaks) -> None:
    breaks(raising(ZeroDivisionError("division by zero")))

    result = CliRunner().invoke(app, ["breaks"])

    assert result.exit_code == 70
    assert "this is a bug in lading" in result.stderr
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["--debug", "breaks"], ["breaks", "--debug"]])
def test_debug_shows_where_it_happened(breaks: Breaks, arguments: list[str]) -> None:
    breaks(raising(ZeroDivisionError("division by zero")))

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 70
    assert result.stderr.startswith("Traceback")
    assert "test_door.py" in result.stderr


def test_debug_can_be_a_setting(breaks: Breaks) -> None:
    breaks(raising(errors.NotFound("there is no x")))

    result = CliRunner().invoke(app, ["breaks"], env={"LADING_DEBUG": "1"})

    assert result.exit_code == 3
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("error: there is no x\n")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/full/disk"),
        PermissionError(errno.EACCES, "Permission denied", "/full/disk"),
    ],
)
def test_a_disk_in_the_way_is_no_bug(breaks: Breaks, error: OSError) -> None:
    breaks(raising(error))

    result = CliRunner().invoke(app, ["breaks"])

    assert result.exit_code == 10
    assert "/full/disk" in result.stderr
    assert str(error.strerror) in result.stderr


def test_memory_that_runs_out_is_no_bug(breaks: Breaks) -> None:
    breaks(raising(MemoryError()))

    result = CliRunner().invoke(app, ["breaks"])

    assert result.exit_code == 10
    assert "ran out of memory" in result.stderr


def test_warnings_of_the_library_are_shown_and_escaped(breaks: Breaks) -> None:
    breaks(lambda: logging.getLogger("lading.stores").warning("odd: %s", "\x1b"))

    assert CliRunner().invoke(app, ["breaks"]).stderr == "warning: odd: \\x1b\n"


def test_warnings_are_json_for_machines(breaks: Breaks) -> None:
    breaks(lambda: logging.getLogger("lading.stores").warning("odd"))

    result = CliRunner().invoke(app, ["breaks", "--json"])

    assert json.loads(result.stderr) == {"warning": "odd"}


def test_what_the_library_does_is_shown_with_debug_only(breaks: Breaks) -> None:
    breaks(lambda: logging.getLogger("lading.stores").debug("GET /v2/"))

    quiet = CliRunner().invoke(app, ["breaks"])
    loud = CliRunner().invoke(app, ["breaks", "--debug"])

    assert quiet.stderr == ""
    assert loud.stderr == "debug: lading.stores: GET /v2/\n"


def test_a_verb_may_still_answer_with_an_exit_code(breaks: Breaks) -> None:
    breaks(raising(typer.Exit(1)))

    result = CliRunner().invoke(app, ["breaks"])

    assert result.exit_code == 1
    assert result.stderr == ""


def test_a_wrong_option_is_a_usage_error(breaks: Breaks) -> None:
    breaks(lambda: None)

    result = CliRunner().invoke(app, ["breaks", "--nonsense"])

    assert result.exit_code == 2
    assert "--nonsense" in result.stderr
