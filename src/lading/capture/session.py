"""Which script or notebook is running: what this Python was started for, as far as it says.

Names only: where the file lies on this machine is nobody's business, but for a path inside the
project.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lading.spec.lineage import Training

# Programs that run something else: their own name says nothing about the training.
LAUNCHERS: Final = frozenset(
    {"lading", "ipython", "jupyter", "ipykernel_launcher.py", "colab_kernel_launcher.py", "pytest"}
)
_NOTEBOOK: Final = "notebook"
_LONGEST: Final = 512


def running(project: Path | None = None, *, environment: Mapping[str, str]) -> Training | None:
    """The script or notebook that is running, relative to the project when inside.

    None where that is not known: a prompt, ``python -c``, or the lading command itself.
    """
    name = script(
        sys.modules.get("__main__"), sys.argv[:1], project=project, environment=environment
    )
    if name is None:
        return None
    from lading.spec.lineage import Training

    return Training(script=name)


def script(
    main: ModuleType | None,
    arguments: list[str],
    *,
    project: Path | None,
    environment: Mapping[str, str],
) -> str | None:
    """What is running, told from the main module, the arguments and the environment."""
    if _in_notebook(main):
        path = getattr(main, "__vsc_ipynb_file__", None) or environment.get("JPY_SESSION_NAME")
        return _named(path, project) or _NOTEBOOK
    path = getattr(main, "__file__", None) or next(iter(arguments), None)
    # "-c", "-" and "<stdin>" are what Python calls a program that is no file.
    if not isinstance(path, str) or not path or path.startswith(("-", "<")):
        return None
    # A package that is run with -m: `python -m lading` is the file lading/__main__.py.
    spec = getattr(main, "__spec__", None)
    module: Any = getattr(spec, "name", None)
    program = Path(path).name
    if program in LAUNCHERS or (isinstance(module, str) and module.split(".")[0] in LAUNCHERS):
        return None
    return _named(path, project)


def _in_notebook(main: ModuleType | None) -> bool:
    """Whether a kernel runs the code: it alone has get_ipython, and a kernel behind it."""
    shell = getattr(main, "get_ipython", None)
    try:
        return callable(shell) and getattr(shell(), "kernel", None) is not None
    except (AttributeError, TypeError, RuntimeError):
        return False


def _named(path: object, project: Path | None) -> str | None:
    """The file's path inside the project, else its name alone."""
    if not isinstance(path, str) or not path or "\0" in path:
        return None
    file = Path(path)
    try:
        inside = file.resolve().relative_to(project.resolve()) if project else Path(file.name)
    except (OSError, RuntimeError, ValueError):
        inside = Path(file.name)
    name = inside.as_posix()
    clean = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return clean if clean and clean != "." and len(clean) <= _LONGEST else None
