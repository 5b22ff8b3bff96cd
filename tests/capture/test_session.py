"""What this Python was started for, as far as it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from lading.capture.session import running, script

ASK = """
import os, sys
from pathlib import Path
from lading.capture.session import running
found = running(Path(sys.argv[1]) if len(sys.argv) > 1 else None, environment=dict(os.environ))
print(found.script if found else None)
"""


def ask(*words: str, cwd: Path, program: str | None = None) -> str:
    """What a Python of its own answers."""
    source = str(Path(__file__).resolve().parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{cwd}"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=environment,
        input=program,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src" / "jobs").mkdir(parents=True)
    for name in ("src/train.py", "src/jobs/__main__.py", "src/jobs/fit.py"):
        (folder / name).write_text(ASK)
    return folder


def test_a_script_inside_the_project_has_its_path(project: Path) -> None:
    assert ask("src/train.py", str(project), cwd=project) == "src/train.py"
    assert ask("train.py", str(project), cwd=project / "src") == "src/train.py"


def test_a_script_outside_of_the_project_has_its_name_alone(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()

    assert ask(str(project / "src" / "train.py"), str(other), cwd=project) == "train.py"
    assert ask("src/train.py", cwd=project) == "train.py"


def test_a_module_is_the_file_that_runs(project: Path) -> None:
    assert ask("-m", "src.jobs.fit", str(project), cwd=project) == "src/jobs/fit.py"
    assert ask("-m", "src.jobs", str(project), cwd=project) == "src/jobs/__main__.py"


@pytest.mark.parametrize("words", [("-c", ASK), ("-",), ()])
def test_a_prompt_has_no_name(project: Path, words: tuple[str, ...]) -> None:
    program = None if words[:1] == ("-c",) else ASK

    assert ask(*words, cwd=project, program=program) == "None"


def test_the_lading_command_is_no_training(project: Path) -> None:
    command = project / "lading"
    command.write_text(ASK)

    assert ask("lading", cwd=project) == "None"
    assert script(_main(spec="lading.__main__"), ["x"], project=None, environment={}) is None


def test_the_tests_are_no_training() -> None:
    assert running(environment={}) is None


def _main(*, spec: str | None = None, kernel: bool = False, **names: object) -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__.update(names)
    if spec:
        main.__dict__.update(__file__="/x/__main__.py", __spec__=SimpleNamespace(name=spec))
    if kernel:
        main.__dict__["get_ipython"] = lambda: SimpleNamespace(kernel=object())
    return main


LAUNCHED = ["/x/ipykernel_launcher.py"]


def test_a_notebook_of_vs_code_names_itself(project: Path) -> None:
    main = _main(kernel=True, __vsc_ipynb_file__=str(project / "src" / "fraud.ipynb"))

    assert script(main, LAUNCHED, project=project, environment={}) == "src/fraud.ipynb"
    assert script(main, LAUNCHED, project=None, environment={}) == "fraud.ipynb"


def test_a_notebook_of_jupyter_is_named_by_its_session(project: Path) -> None:
    environment = {"JPY_SESSION_NAME": str(project / "fraud.ipynb")}

    found = script(_main(kernel=True), LAUNCHED, project=project, environment=environment)

    assert found == "fraud.ipynb"


def test_a_notebook_without_a_name_is_a_notebook() -> None:
    assert script(_main(kernel=True), LAUNCHED, project=None, environment={}) == "notebook"


def test_a_variable_left_by_a_notebook_does_not_rename_a_script() -> None:
    environment = {"JPY_SESSION_NAME": "/x/fraud.ipynb"}
    main = _main(__file__="/x/train.py")

    assert script(main, ["/x/train.py"], project=None, environment=environment) == "train.py"


def test_a_prompt_of_ipython_has_no_name() -> None:
    main = _main(get_ipython=SimpleNamespace)

    assert script(main, ["/usr/bin/ipython"], project=None, environment={}) is None


@pytest.mark.parametrize("name", ["\0", "x" * 5000, "/", "", "\udcff.py"])
def test_odd_names_are_text_or_unknown(name: str) -> None:
    found = script(_main(__file__=name), [name], project=Path("/x"), environment={})

    assert found is None or found.encode()
