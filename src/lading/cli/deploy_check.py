"""``lading deploy --check``: whether a folder may be deployed as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer

from lading.cli.assigned import rule_lines
from lading.cli.console import Console
from lading.cli.table import Line
from lading.operations import deploy_check as operation

# The stage moved on; what the folder runs is in order.
EXIT_MOVED: Final = 1


def checking(console: Console, folder: str, stage: str | None, policy: Path | None) -> None:
    """Check a folder, and say what was found."""
    settings = console.settings(policy=policy)
    result = operation.deploy_check(folder, stage=stage, settings=settings)
    for note in result.notes:
        console.say(f"note: {note}")
    console.answer(result, _lines(result))
    if result.status == "moved":
        raise typer.Exit(EXIT_MOVED)


def _lines(result: operation.DeployCheckResult) -> Iterator[Line]:
    version = f" ({result.version})" if result.version else ""
    yield f"{result.folder} runs {result.reference}{version}"
    yield f"all of it is there: {len(result.found)} manifests"
    if result.stage is None:
        return
    if result.protected:
        yield f"allowed in {result.stage}:"
    else:
        yield f"no policy here protects {result.stage}, so this is advice:"
    yield from rule_lines(result.rules)
    if result.status == "current":
        yield f"{result.stage} says so still"
    else:
        now = f"names {result.now_version or result.now} now" if result.now else "names nothing"
        yield f"{result.stage} {now}: {result.next}"
