"""Plain parameters cost no validation library."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from lading.cli.verbs import load
values = {}
for argument in sys.argv[1:]:
    verb, *arguments = argument.split()
    context = load(verb).make_context("lading " + verb, arguments)
    values.update(context.params)
print(sorted((name, type(value).__name__) for name, value in values.items() if value))
print("pydantic" in sys.modules)
"""


def run(*commands: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *commands], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("command", ["pull ml/fraud -o out", "push model ml/fraud:1.0.0 --tag a=b"])
def test_a_verb_with_text_and_paths_imports_no_pydantic(command: str) -> None:
    _, imported = run(command)

    assert imported == "False"


def test_a_whole_command_line_imports_no_pydantic() -> None:
    script = (
        "import sys\n"
        "from lading.cli.app import main\n"
        "sys.argv = ['lading', '--quiet', 'list', '--json']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'pydantic' not in sys.modules\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_values_have_the_types_that_are_declared() -> None:
    values, _ = run("pull ml/fraud -o out --include a --include b --jobs 3 --force")

    assert values == str(
        [
            ("force", "bool"),
            ("include", "list"),
            ("jobs", "int"),
            ("output", "PosixPath"),
            ("reference", "str"),
        ]
    )
