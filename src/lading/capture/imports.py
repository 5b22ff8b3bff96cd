"""The packages that Python code imports, read from the code and never by running it."""

from __future__ import annotations

import ast
import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LARGEST_FILE: Final = 4 * 1024 * 1024
_LARGEST_NOTEBOOK: Final = 64 * 1024 * 1024
_MOST_FILES: Final = 1000
_MOST_NAMES: Final = 5000
# What a notebook may hold that is not Python: magics, shell lines, questions.
_NOT_PYTHON: Final = ("%", "!", "?")


@dataclass(frozen=True, slots=True)
class Imports:
    """Modules with dots in their names, as the code says them, and what could not be read."""

    modules: tuple[str, ...]
    notes: tuple[str, ...]


def imports(code: Iterable[Path]) -> Imports:
    """The modules that some Python files and notebooks import.

    Relative ones, the standard library's, and the files' own neighbours are left out.
    """
    found: set[str] = set()
    notes: list[str] = []
    files = list(dict.fromkeys(code))
    if len(files) > _MOST_FILES:
        notes.append(f"of {len(files):,} files of code only {_MOST_FILES:,} were looked into")
    for path in files[:_MOST_FILES]:
        try:
            sources = list(_sources(path))
        except (OSError, ValueError, RecursionError) as error:
            notes.append(f"{path.name} was not looked into for imports: {_said(error)}")
            continue
        for source in sources:
            try:
                found.update(m for m in modules_of(source) if not _is_beside(path, m))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                notes.append(f"{path.name} was not looked into for imports: {_said(error)}")
    return Imports(tuple(sorted(found))[:_MOST_NAMES], tuple(dict.fromkeys(notes)))


def modules_of(source: str) -> Iterator[str]:
    """The modules that some Python imports, but for relative ones and the standard library.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it holds what no Python holds.
        RecursionError: it is nested too deeply.
        MemoryError: it is nested too deeply for the parser.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of somebody else's invalid escapes
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # The name after the import may be a module: it tells shared names apart.
            names = [f"{node.module}.{alias.name}".removesuffix(".*") for alias in node.names]
        else:
            continue
        yield from (name for name in names if not _is_standard(name))


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _is_beside(path: Path, module: str) -> bool:
    """Whether a module is a file or folder beside the code, and so no package."""
    top = path.parent / module.partition(".")[0]
    return top.with_name(top.name + ".py").is_file() or (top / "__init__.py").is_file()


def _sources(path: Path) -> Iterator[str]:
    notebook = path.suffix == ".ipynb"
    limit = _LARGEST_NOTEBOOK if notebook else _LARGEST_FILE
    if not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"it is larger than {limit // 1024 // 1024} MiB")
    text = raw.decode("utf-8-sig")
    yield from _cells(text) if notebook else (text,)


def _cells(text: str) -> Iterator[str]:
    notebook = json.loads(text)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source")
            lines = source if isinstance(source, list) else [source]
            written = "".join(line for line in lines if isinstance(line, str))
            if not written.lstrip().startswith("%%"):
                yield "\n".join(map(_python, written.splitlines()))


def _python(line: str) -> str:
    """The line, or a statement as deep as it where it is for the notebook alone."""
    plain = line.lstrip()
    magic = plain.startswith(_NOT_PYTHON) or plain.rstrip().endswith("?")
    return line[: len(line) - len(plain)] + "pass" if magic and plain else line


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} in line {error.lineno}"
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
