"""The rules of the house that neither the linter nor the import contracts can see."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.cli.verbs import VERBS, load

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "lading"

TOP_LEVEL = {
    *("pyproject.toml", "README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("src", "schemas", "tests", "Dockerfiles", "examples"),
}
MADE_BY_BUILDS = {"build", "dist", "__pycache__"}

# Names that say nothing: whatever is put there has a better home.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}

# Submodules of packages that are otherwise welcome, which import-linter cannot tell apart.
FENCED = {"http.server", "urllib.request", "xmlrpc", "ftplib"}

# The one server that there is: what registries say comes in there.
OPENED = {("hooks/listen.py", "http.server")}

# A cached pull by digest imports these, and must not pay for what it does not use.
HOT_PATH = (
    "lading.cache",
    "lading.packing.unpack.folder",
    "lading.ports",
    "lading.settings",
    "lading.spec.manifest",
    "lading.spec.reference",
    "lading.stores.layout",
    "lading.transfer",
)
HEAVY = (
    *("docker", "jsonschema", "oras", "pydantic", "requests", "rich", "typer"),
    *("asyncio", "http.client", "http.server", "ssl", "tarfile", "urllib.request"),
)


def modules() -> Iterator[Path]:
    return SOURCE.rglob("*.py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_else_is_at_the_top() -> None:
    seen = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert seen - MADE_BY_BUILDS == TOP_LEVEL


def test_every_name_says_something() -> None:
    empty = [path for path in SOURCE.rglob("*") if path.stem.strip("_") in EMPTY_NAMES]

    assert empty == []


def test_every_fence_stands() -> None:
    crossed = {
        (path.relative_to(SOURCE).as_posix(), fenced)
        for path in modules()
        for name in imports(path)
        for fenced in FENCED
        if name == fenced or name.startswith(fenced + ".")
    }

    assert crossed == OPENED


def test_a_verb_has_the_same_name_on_every_floor() -> None:
    verbs = {
        path.name
        for path in (SOURCE / "operations").glob("*.py")
        if any(
            isinstance(node, ast.ClassDef) and node.name.endswith("Result")
            for node in ast.parse(path.read_bytes()).body
        )
    }
    commands = {path.name for path in (SOURCE / "cli").glob("*.py")}
    # `policy check` may have a file of its own beside that of its group.
    for group in VERBS:
        for inner in getattr(load(group), "commands", ()):
            commands.add(f"{group}_{inner}.py".replace("-", "_"))

    assert verbs
    assert verbs <= commands


@pytest.mark.parametrize("module", HOT_PATH)
def test_the_hot_path_imports_nothing_heavy(module: str) -> None:
    script = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & sys.modules.keys()))"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert done.stdout.split() == []


def test_the_wheel_carries_what_lading_reads(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    expected = {f"lading/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    expected |= {f"lading/{path.relative_to(SOURCE).as_posix()}" for path in modules()}
    assert {*expected, "lading/py.typed"} <= names
    assert any(name.startswith("lading/dockerfiles/") for name in names)
    assert not any(name.startswith("tests/") for name in names)


@pytest.mark.parametrize("script", ["tests/run", ".ci/run", ".ci/large"])
def test_a_script_can_be_run(script: str) -> None:
    path = ROOT / script

    assert path.stat().st_mode & 0o111
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
