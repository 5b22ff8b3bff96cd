"""Where documents go besides a folder: a registry, or a cluster after a question."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Final

import typer

from lading.cli.console import Console
from lading.errors import InvalidInput

_WHERE: Final = "Where they go"

PushOption = Annotated[
    str | None,
    typer.Option(
        "--push",
        metavar="HOST/NAME:TAG",
        help="Push the documents, as Flux's OCIRepository reads them.",
        show_default=False,
        rich_help_panel=_WHERE,
    ),
]
ApplyOption = Annotated[
    bool,
    typer.Option(
        "--apply",
        help="Show what kubectl would change, ask, and have it changed.",
        rich_help_panel=_WHERE,
    ),
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="With --apply: do not ask.", rich_help_panel=_WHERE)
]
ContextOption = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="With --apply: which cluster of the kubeconfig; else its current one.",
        show_default=False,
        rich_help_panel=_WHERE,
    ),
]


def confirming(console: Console, *, apply: bool, yes: bool) -> Callable[[str], bool] | None:
    """Shows what would change, and asks a person whether it may; None where nothing is applied.

    Raises:
        InvalidInput: nobody is there to be asked, or nothing is there to be asked of.
    """
    if not apply:
        if yes:
            raise InvalidInput("--yes answers what --apply asks", hint="--apply --yes")
        return None
    if not yes and (sys.stdin is None or not sys.stdin.isatty()):
        raise InvalidInput(
            "nobody can be asked whether this may be applied",
            cause="stdin is not a terminal",
            hint="--yes applies without asking",
        )

    def confirm(difference: str) -> bool:
        console.say(*difference.splitlines())
        if yes:
            return True
        sys.stderr.write("Apply this? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return confirm


def delivered(applied: str | None, pushed: str | None) -> Iterator[str]:
    """What became of documents."""
    if pushed:
        yield f"pushed {pushed}"
    if applied:
        yield {"unchanged": "the cluster has them already", "declined": "nothing was applied"}.get(
            applied, applied
        )
