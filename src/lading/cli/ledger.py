"""``lading ledger``: ``verify``, ``repair``, ``show``, ``export``, ``adopt``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.console import Console
from lading.cli.history import event_lines
from lading.cli.options import ModelArgument, PolicyOption, examples
from lading.cli.output import count
from lading.errors import Conflict, IntegrityError, LocalFailure
from lading.operations import ledger as operation

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Look after the ledger: verify, repair, show, export, adopt.",
    epilog=examples("lading ledger verify ml/fraud", "lading ledger verify oci:./usb-stick --json"),
)


@app.command("verify", epilog=examples("lading ledger verify ml/fraud"))
def verify(context: typer.Context, model: ModelArgument, *, policy: PolicyOption = None) -> None:
    """Read every event and check everything; believe no list.

    Works on a copied layout without any network. Exits with 6 where something is wrong.
    """
    console = Console.of(context)
    result = operation.ledger_verify(model, settings=console.settings(policy=policy))
    console.answer(result, _findings(result))
    if not result.sound:
        errors = [found for found in result.findings if found.severity == "error"]
        raise IntegrityError(
            f"the ledger of {result.reference} is not as it should be",
            # What is to be done about each stands beside it.
            cause=count(len(errors), "finding"),
        )


@app.command("repair", epilog=examples("lading ledger repair ml/fraud"))
def repair(context: typer.Context, model: ModelArgument, *, policy: PolicyOption = None) -> None:
    """Show what is recorded: tags, versions' too, and the index follow the events.

    No event is removed and none invented. Run twice, it changes nothing.
    """
    console = Console.of(context)
    result = operation.ledger_repair(model, settings=console.settings(policy=policy))
    for note in (*result.notes, *result.left):
        console.warn(note)
    if not result.actions:
        console.say("there was nothing to do")
    console.answer(result, result.actions)


@app.command("show", epilog=examples("lading ledger show ml/fraud"))
def show(context: typer.Context, model: ModelArgument) -> None:
    """Show every event as it is recorded."""
    console = Console.of(context)
    result = operation.ledger_show(model, settings=console.settings())
    for note in result.notes:
        console.warn(note)
    console.answer(result, event_lines(result.events))


@app.command("export", epilog=examples("lading ledger export ml/fraud -o fraud.jsonl"))
def export(
    context: typer.Context,
    model: ModelArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; else stdout.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """Write the whole ledger as JSON lines, with the very bytes of its events.

    Each line holds a statement, and the manifest whose digest is the event's.
    """
    console = Console.of(context)
    result = operation.ledger_export(model, settings=console.settings())
    for note in result.notes:
        console.warn(note)
    lines = [json.dumps(asdict(event), separators=(",", ":")) for event in result.events]
    if output is None:
        console.answer(result, lines)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except FileExistsError as error:
        raise Conflict(
            f"{output} exists already", hint="name another file, or --force overwrites it"
        ) from error
    except OSError as error:
        raise LocalFailure(f"cannot write {output}", cause=error.strerror) from error
    console.answer(result, [str(output)])


@app.command("adopt", epilog=examples("lading ledger adopt ml/fraud"))
def adopt(context: typer.Context, model: ModelArgument) -> None:
    """Register the versions that nobody recorded: copied, pushed by another tool, or before."""
    console = Console.of(context)
    result = operation.ledger_adopt(model, settings=console.settings())
    for note in result.notes:
        console.warn(note)
    if not result.adopted and not result.notes:
        console.say("every version is registered")
    console.answer(result, [f"registered {version}" for version in result.adopted])


def _findings(result: operation.LedgerVerifyResult) -> Iterator[str]:
    nobody = None
    for found in result.findings:
        if not result.events and found.kind == "unregistered":
            nobody = found  # there is one, of all versions
            continue
        yield f"{found.severity}: {found.what}"
        if found.hint:
            yield f"  hint: {found.hint}"
    state = "sound" if result.sound else "not as it should be"
    if nobody:
        yield f"{result.reference}: 0 events; {nobody.what}: {nobody.hint}"
        return
    yield f"{result.reference}: {count(result.events, 'event')}, {state}"
