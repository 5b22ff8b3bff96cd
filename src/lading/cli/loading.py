"""Options of verbs that load a model and let it answer: each once."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from lading.cli import offers

_PANEL: Final = "Loading"

ModelOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="REF|PATH",
        help="[HOST/]NAME[:TAG|@DIGEST]; or a folder: ./model, /models.",
        show_default=False,
        autocompletion=offers.references,
    ),
]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Let the model's own code run, if it comes with any.",
        rich_help_panel=_PANEL,
    ),
]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted",
        metavar="TYPE",
        help="A type in a skops file that you have looked at. Repeatable.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Adapter = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="NAME",
        help="Who loads it: sklearn, onnx, …",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="Where it computes, as its framework spells it: cuda:0.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
