"""Real little packages, built by a real build, and real environments that they are installed in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_UV = Path(sys.executable).with_name("uv")


def uv(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run uv without a network and without a cache, and say what it said."""
    alone = ["--offline", "--no-cache", *([] if cwd else ["--no-config"])]
    done = subprocess.run(
        [_UV, *map(str, arguments), *alone],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def pip(*arguments: str | Path) -> str:
    """Run pip without an index, and say what it said."""
    line = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def source(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    module: str | None = None,
    requires: Iterable[str] = (),
    extras: dict[str, list[str]] | None = None,
) -> Path:
    """The folder of a package that hatchling builds."""
    module = module or name.replace("-", "_").lower()
    package = folder.joinpath(*module.split("."))
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'VERSION = "{version}"\n')
    lines = [
        "[build-system]",
        'requires = ["hatchling"]',
        'build-backend = "hatchling.build"',
        "[project]",
        f'name = "{name}"',
        f'version = "{version}"',
        f"dependencies = {json.dumps(list(requires))}",
        "[project.optional-dependencies]",
        *(f"{extra} = {json.dumps(names)}" for extra, names in (extras or {}).items()),
        "[tool.hatch.build]",
        'dev-mode-dirs = ["."]',
        "[tool.hatch.build.targets.wheel]",
        f'only-include = ["{module.replace(".", "/")}"]',
    ]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n")
    return folder


def wheel(
    wheels: Path,
    name: str,
    version: str = "1.0",
    *,
    module: str | None = None,
    requires: Iterable[str] = (),
    extras: dict[str, list[str]] | None = None,
) -> None:
    """Build a wheel into a folder of wheels."""
    folder = wheels / "sources" / f"{name}-{version}"
    build(wheels, source(folder, name, version, module=module, requires=requires, extras=extras))


def build(wheels: Path, folder: Path) -> None:
    """Build the wheel of a package's folder, which may have been changed, into a folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def environment(folder: Path, wheels: Path, *names: str) -> Path:
    """A virtual environment with packages of a folder of wheels; its prefix."""
    uv("venv", folder, "--python", sys.executable)
    if names:
        uv("pip", "install", "--no-index", "--find-links", wheels, "--python", folder, *names)
    return folder
