"""What a step of GitHub Actions hands on to the next: ``--github-output``.

The values come from a registry. Each is written between delimiters that nobody could guess, so
that no value ends early and begins an output of its own.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from lading.errors import InvalidInput, LocalFailure

GithubOutput = Annotated[
    bool,
    typer.Option(
        "--github-output",
        help="Append the answer's fields to the file that $GITHUB_OUTPUT names.",
    ),
]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


def hand_on(outputs: Mapping[str, str]) -> None:
    """Append outputs to the file that the runner named.

    Raises:
        InvalidInput: this is no step of GitHub Actions.
        LocalFailure: the file cannot be written.
    """
    from lading.settings import process_environment

    name = process_environment().get("GITHUB_OUTPUT")
    if not name:
        raise InvalidInput(
            "there is no GITHUB_OUTPUT", cause="this is no step of GitHub Actions", hint="--json"
        )
    raw = "".join(written(each, value) for each, value in outputs.items()).encode()
    try:
        with open(Path(name), "ab", buffering=0, opener=_opened) as file:
            file.write(raw)
    except OSError as error:
        raise LocalFailure(f"cannot write to {name}", cause=error.strerror) from error


def written(name: str, value: str) -> str:
    """One output, as the runner reads it: ``name<<DELIMITER``, the value, the delimiter."""
    assert _NAME.fullmatch(name)
    delimiter = f"lading_{secrets.token_hex(16)}"
    # Half of a character cannot be written; what the registry said of it is lost anyway.
    plain = value.encode("utf-8", "replace").decode()
    return f"{name}<<{delimiter}\n{plain}\n{delimiter}\n"


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
