"""The verbs by name: a table that is read, not imported, until one of them is called."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lading.cli.console import Console
from lading.cli.door import door
from lading.cli.parameters import quicken

MOVE = "Move models"
LOOK = "Look"
EVIDENCE = "Evidence"
STAGES = "Stages and history"
IMAGES = "Images"
WATCH = "Pipelines"
RUN = "Run models"
DEPLOY = "Deploy"
NAMES = "Names"
PLACES = "Registries and this machine"


@dataclass(frozen=True, slots=True)
class Verb:
    """What is said of a verb before its module is imported."""

    line: str
    panel: str
    connects: bool = True
    # The verb that it is another word for.
    same_as: str | None = None
    # Whether programs call it and no person, so that help need not name it.
    hidden: bool = False


VERBS = {
    "quickstart": Verb("Make a small model, push it, pull it, look at it.", MOVE, connects=False),
    "init": Verb("Write a lading.yaml that says what a model is.", MOVE, connects=False),
    "push": Verb("Push a folder or a file as a version.", MOVE),
    "pull": Verb("Pull a version and print where it is.", MOVE),
    "copy": Verb("Copy between registries, layouts and the local store.", MOVE),
    "list": Verb("List the versions of a model, or all models.", LOOK),
    "search": Verb("Find versions by what is said of them.", LOOK),
    "best": Verb("Show the best version of a model by a metric.", LOOK),
    "inspect": Verb("Show what a version holds, without its weights.", LOOK),
    "schema": Verb("Show what goes in and comes out, and what a change would break.", LOOK),
    "diff": Verb("Show what changed from one version to another.", LOOK),
    "lineage": Verb("Show what a version was made from, or what was made from it.", LOOK),
    "reproduce": Verb("Say how a version was made, as commands.", LOOK),
    "verify": Verb("Say whether a folder is exactly a version.", LOOK),
    "scan": Verb("Say what would run when a model is loaded.", LOOK),
    "check-env": Verb("Say how this environment differs from the one a version needs.", LOOK),
    "lock": Verb("Print the packages a version needs, exactly pinned.", LOOK),
    "status": Verb("Show how a model stands: stages, pending approvals, drift, forks.", STAGES),
    "history": Verb("Show what happened to a model, and what a stage named when.", STAGES),
    "promote": Verb("Let a stage name a version.", STAGES),
    "assign": Verb("The same as promote.", STAGES, same_as="promote"),
    "rollback": Verb("Let a stage name again what it named before.", STAGES),
    "clear": Verb("Let a stage name nothing.", STAGES),
    "request": Verb("Ask for a version in a stage.", STAGES),
    "approve": Verb("Say that a version may be in a stage.", STAGES),
    "reject": Verb("Say that a version may not be in a stage, and why.", STAGES),
    "deprecate": Verb("Say that a version should not be used any more, and why.", STAGES),
    "note": Verb("Write a remark on a version into its history.", STAGES),
    "record": Verb("Record what became of a version in production.", STAGES),
    "ledger": Verb("Look after the ledger: verify, repair, show, export, adopt.", STAGES),
    "policy": Verb("Show what stages need, check a version, and write a first policy.", STAGES),
    "image": Verb("Make images that run a version, and look into them.", IMAGES),
    "evaluate": Verb("Record how well a version does, after it was pushed.", EVIDENCE),
    "attach": Verb("Hang a file on a version: a report, a scan, a bill of materials.", EVIDENCE),
    "evidence": Verb("List what hangs on a version, or fetch one piece of it.", EVIDENCE),
    "watch": Verb("Tell of every new version and every move of a stage, once.", WATCH),
    "hook": Verb("Be told by registries instead of asking them.", WATCH),
    "event": Verb("Show what happened last to a version or a stage.", WATCH),
    "predict": Verb("Ask a model about every row of a file.", RUN),
    "serve": Verb("Serve a model over HTTP, and follow a stage.", RUN),
    "deploy": Verb("Write documents that run exactly one digest of a version.", DEPLOY),
    "bundle": Verb("Write versions, images and history into one file.", DEPLOY),
    "unbundle": Verb("Put what is in a bundle into a registry.", DEPLOY),
    "where": Verb("Show where a model runs: recorded, and seen in a cluster.", DEPLOY),
    "tag": Verb("Give a version another name, such as candidate.", NAMES),
    "remove": Verb("Remove a version or another name.", NAMES),
    "gc": Verb("Throw away versions that nobody needs, and what is left over.", NAMES),
    "login": Verb("Log in to a registry.", PLACES),
    "logout": Verb("Forget a registry's password.", PLACES, connects=False),
    "doctor": Verb("Try what a registry can do, and what it means.", PLACES),
    "cache": Verb("List, prune and verify what was pulled.", PLACES, connects=False),
    "storage-initializer": Verb("Hand models to KServe, as it asks for them.", RUN, hidden=True),
}


# Contexts and commands are click's, which Typer imported once and brings inside today: they have
# no name that holds for both, so they are Any here and nowhere else.
class Verbs(TyperGroup):
    """A group of commands, each imported when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.help = flowing(self.help)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the options that stand before the verb, behind the door as well."""
        quicken(self)
        console = Console.of(ctx)
        # Asked for even where the rest of the line cannot be read.
        console.json_is_written = "--json" in itertools.takewhile("--".__ne__, args)
        with door(console):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What help and completion show of a verb; nothing is imported for it."""
        verb = VERBS.get(cmd_name)
        return verb and TyperCommand(
            cmd_name, help=verb.line, rich_help_panel=verb.panel, hidden=verb.hidden
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb itself."""
        name = args[0]
        if name not in VERBS:
            if ctx.resilient_parsing:
                return None, None, args[1:]
            ctx.fail(f"No such command {name!r}.{_near(name)}")
        return name, load(name), args[1:]

    def invoke(self, ctx: Any) -> Any:
        """Run the verb behind the door."""
        with door(Console.of(ctx)):
            return super().invoke(ctx)


def module_of(name: str) -> str:
    """Where a verb lives: ``check-env`` in ``cli/check_env.py``."""
    return f"lading.cli.{(VERBS[name].same_as or name).replace('-', '_')}"


def load(name: str) -> Any:
    """The command of a verb, with the options that all of them share."""
    from lading.cli.options import only_help, shared

    app: typer.Typer = import_module(module_of(name)).app
    command = typer.main.get_command(app)
    command.name = name
    command.help = flowing(command.help)
    inner = getattr(command, "commands", {}).values()
    if inner:
        command.params += only_help()
        command.add_help_option = False
        quicken(command)
    for each in inner or [command]:
        each.help = flowing(each.help)
        each.params += shared(connects=VERBS[name].connects)
        each.add_help_option = False  # it is among the shared ones
        quicken(each)
    return command


def flowing(text: str | None) -> str | None:
    """A help text whose paragraphs are one line each, for terminals of any width.

    Typer joins the lines of the first paragraph only, and shows all others as wide as the code is.
    """
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def _near(name: str) -> str:
    from lading.spec.nearest import near

    found = near(name, VERBS, most=2)
    return f" Did you mean {' or '.join(found)}?" if found else ""
