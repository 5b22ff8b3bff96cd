"""Say how an environment differs from the one that a version was made with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from lading.capture.compare import Comparison, Difference, Running, compare
from lading.capture.interpreter import Interpreter
from lading.capture.platform import host
from lading.errors import NotFound
from lading.operations import stores
from lading.operations.open import Opened
from lading.operations.open import open as open_version
from lading.spec.packages import normalised
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.environment import Environment

Verdict = Literal["equal", "differs", "incompatible"]

# What a registry says becomes a command: nothing but a name and a version may.
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


@dataclass(frozen=True, slots=True)
class CheckEnvResult:
    """Everything that was recorded, each as it was and as it is; and what would mend it."""

    reference: str
    digest: str
    # The Python whose packages were looked at.
    interpreter: str
    verdict: Verdict
    packages: tuple[Difference, ...]
    python: Difference | None
    platform: tuple[Difference, ...]
    fix: tuple[str, ...]
    notes: tuple[str, ...]


def check_env(
    reference: str | Reference,
    *,
    interpreter: str | Path | None = None,
    settings: Settings | None = None,
) -> CheckEnvResult:
    """Compare an environment with the recorded one; ``incompatible`` is a difference that matters.

    Without an interpreter (an executable, or the folder of an environment) this one's is meant.

    Raises:
        InvalidInput: it is no model, or there is no interpreter.
        NotFound: there is no such version, or nothing was recorded.
    """
    settings = stores.settled(settings)
    with open_version(reference, settings=settings) as opened:
        recorded = recorded_environment(opened)
    python = Interpreter.of(Path(interpreter) if interpreter is not None else None)
    comparison = compared(recorded, python)
    return CheckEnvResult(
        reference=opened.reference,
        digest=opened.digest,
        interpreter=python.executable,
        verdict=_verdict(comparison),
        packages=comparison.packages,
        python=comparison.python,
        platform=comparison.platform,
        fix=_fix(comparison, recorded, python),
        notes=(*comparison.notes, *_notes(comparison, recorded)),
    )


def compared(recorded: Environment, python: Interpreter | None = None) -> Comparison:
    """How an environment, or else the one that runs, differs from what was recorded."""
    python = python or Interpreter.of(None)
    running = Running(python.python, host(python.markers), python.installed.versions())
    return compare(recorded, running)


def matters_to_load(recorded: Environment) -> tuple[Difference, ...]:
    """Where the environment that runs differs, and that matters to who only loads the model.

    What only training needs may be missing, as it is in an image that serves.
    """
    python = Interpreter.of(None)
    comparison = compared(recorded, python)
    absent = {each.name for each in comparison.packages if each.state == "missing"}
    unneeded = absent - _needed(recorded, comparison, python) if absent else absent
    packages = (each for each in comparison.packages if each.name not in unneeded)
    others = (*([comparison.python] if comparison.python else ()), *comparison.platform)
    return tuple(each for each in (*packages, *others) if each.matters)


def _needed(recorded: Environment, comparison: Comparison, python: Interpreter) -> frozenset[str]:
    from lading.images.matching import needed

    locked = [each.name for each in comparison.packages]
    there = {name: found.requires for name in locked if (found := python.installed.find(name))}
    return needed(recorded.direct, locked, there, "serve", python.markers)


def recorded_environment(opened: Opened) -> Environment:
    """What a version says that it needs.

    Raises:
        NotFound: it says nothing.
    """
    environment = opened.document.environment
    if environment is None or not (environment.requirements or environment.python):
        raise NotFound(
            f"{opened.reference} does not say what it needs",
            cause="no environment was recorded when it was pushed",
            hint="push it as a new version from the environment that it was made in",
        )
    return environment


def _verdict(comparison: Comparison) -> Verdict:
    if comparison.equal:
        return "equal"
    return "incompatible" if comparison.matters else "differs"


def _fix(comparison: Comparison, recorded: Environment, python: Interpreter) -> tuple[str, ...]:
    """The commands that mend the packages, the one that works here first."""
    pins = [f"{each.name}=={each.recorded}" for each in _mendable(comparison, recorded)]
    if not pins:
        return ()
    pip = shlex.join([python.executable, "-m", "pip", "install", *pins])
    uv = shlex.join(["uv", "pip", "install", "--python", python.executable, *pins])
    # Environments that uv makes have no pip.
    return (pip, uv) if python.installed.find("pip") else (uv, pip)


def _mendable(comparison: Comparison, recorded: Environment) -> Iterator[Difference]:
    """Packages that an index gives in the version that was recorded."""
    elsewhere = frozenset(map(normalised, recorded.unindexed))
    for each in comparison.packages:
        release = each.recorded or ""
        plain = _NAME.fullmatch(each.name) and _VERSION.fullmatch(release)
        label_only = each.running and each.running.partition("+")[0] == release.partition("+")[0]
        if each.state != "equal" and plain and not label_only and each.name not in elsewhere:
            yield each


def _notes(comparison: Comparison, recorded: Environment) -> Iterator[str]:
    python = comparison.python
    if python and python.matters:
        yield (
            f"Python {python.recorded} is not something to install packages of:"
            " make an environment with it (uv venv --python VERSION)"
        )
    elsewhere = frozenset(map(normalised, recorded.unindexed))
    for each in comparison.packages:
        if each.state != "equal" and each.name in elsewhere:
            yield f"{each.name} came from no index: lading lock says from where"
