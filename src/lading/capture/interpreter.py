"""An interpreter: this one, or another that is asked in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.capture import probe
from lading.capture.installed import Installed
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.spec.environment import Python

_PATIENCE_SECONDS: Final = 20.0
_NAMES: Final = ("bin/python3", "bin/python", "python.exe", "Scripts/python.exe")
_MARKERS: Final = ("implementation_name", "python_full_version", "python_version", "sys_platform")


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter says of itself."""

    executable: str
    abi: str
    paths: tuple[Path, ...]
    markers: Mapping[str, str]

    @staticmethod
    def of(place: Path | None) -> Interpreter:
        """The interpreter at a place: an executable or a prefix; without one, this one.

        Raises:
            InvalidInput: there is none, or it does not answer as Python does.
        """
        found = probe.facts() if place is None else _asked(_executable(place))
        return _parsed(found, str(place))

    @cached_property
    def installed(self) -> Installed:
        """The distributions that it can import."""
        return Installed(self.paths)

    @property
    def python(self) -> Python:
        """What a document says of it."""
        from lading.spec.environment import Python

        return Python(
            version=self.markers["python_full_version"],
            implementation=self.markers["implementation_name"],
            abi=self.abi,
        )


def _executable(place: Path) -> Path:
    if place.is_dir():
        for name in _NAMES:
            if (place / name).exists():
                return place / name
    elif program := shutil.which(place):
        return Path(program)
    raise InvalidInput(
        f"there is no Python at {place}",
        cause="it is neither an interpreter nor a folder with one in bin/",
        hint="name the interpreter itself, such as .venv/bin/python",
    )


def _asked(executable: Path) -> Any:
    # As -c, so that this folder's modules do not stand in the way of the standard library's.
    program = Path(probe.__file__).read_text()
    try:
        done = subprocess.run(
            [executable.absolute(), "-c", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
        return json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _no_python(executable, last[0] if last else f"exit code {error.returncode}") from None
    except (OSError, subprocess.TimeoutExpired, ValueError, RecursionError) as error:
        raise _no_python(executable, str(error)) from error


def _parsed(found: Any, place: str) -> Interpreter:
    try:
        markers = {str(key): str(value) for key, value in found["markers"].items()}
        paths = tuple(Path(path) for path in found["paths"] if isinstance(path, str))
        interpreter = Interpreter(str(found["executable"]), str(found["abi"]), paths, markers)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_python(Path(place), "it says nothing of itself") from error
    if missing := [name for name in _MARKERS if not markers.get(name)]:
        raise _no_python(Path(place), f"it does not say its {missing[0]}")
    return interpreter


def _no_python(place: Path, cause: str) -> InvalidInput:
    return InvalidInput(f"{place} does not answer as Python does", cause=cause[:200])
