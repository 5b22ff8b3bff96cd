"""``lading serve``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from lading.cli import offers
from lading.cli.console import Console
from lading.cli.loading import Adapter, AllowPickle, Device, ModelOrFolder, Trusted
from lading.cli.log_lines import LogLines
from lading.cli.options import examples
from lading.cli.warned import warned
from lading.operations import serve as operation
from lading.spec.duration import seconds_of

_STAGE = "Stages"
_LIMITS = "Limits"
_MIB = 1024 * 1024

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading serve ml/fraud:1.2.0",
        "lading serve ./model --port 9000",
        "lading serve ml/fraud --reload-stage prod --host 0.0.0.0",
        "lading serve ml/fraud:1.2.0 --grpc-port 9000",
    )
)
def serve(
    context: typer.Context,
    reference: ModelOrFolder,
    *,
    port: Annotated[
        int,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 for any that is free."),
    ] = operation.PORT,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="0.0.0.0 lets others reach it."),
    ] = operation.HOST,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            "--grpc-port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Speak gRPC as well; 0 for any port that is free.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            max=256,
            help="Processes that answer; each has a model of its own in memory.",
        ),
    ] = 1,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="What the model is called in addresses; the last part of its name otherwise.",
            show_default=False,
        ),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="TIME",
            help="How long a folder may take until it is there.",
            show_default=False,
        ),
    ] = None,
    reload_stage: Annotated[
        str | None,
        typer.Option(
            "--reload-stage",
            metavar="STAGE",
            help="Serve what this stage names, now and after every move.",
            show_default=False,
            autocompletion=offers.stages,
            rich_help_panel=_STAGE,
        ),
    ] = None,
    reload_interval: Annotated[
        str,
        typer.Option(
            "--reload-interval",
            metavar="TIME",
            help="How often to look at the stage.",
            rich_help_panel=_STAGE,
        ),
    ] = "10s",
    shadow: Annotated[
        str | None,
        typer.Option(
            "--shadow",
            metavar="REF",
            help="Ask this one, too, and count where its answers differ; nobody gets them.",
            show_default=False,
            autocompletion=offers.references,
            rich_help_panel=_STAGE,
        ),
    ] = None,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    adapter: Adapter = None,
    device: Device = None,
    batch: Annotated[
        bool | None,
        typer.Option(
            "--batch/--no-batch",
            help="Ask about several requests at once; found out where nothing is said.",
            show_default=False,
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    max_body: Annotated[
        int,
        typer.Option(
            "--max-body",
            metavar="MIB",
            min=1,
            max=4096,
            help="The largest request, in MiB.",
            rich_help_panel=_LIMITS,
        ),
    ] = 32,
    max_rows: Annotated[
        int,
        typer.Option(
            "--max-rows",
            metavar="N",
            min=1,
            help="The most rows in one request.",
            rich_help_panel=_LIMITS,
        ),
    ] = 10_000,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout",
            metavar="TIME",
            help="How long the model may take for one answer.",
            rich_help_panel=_LIMITS,
        ),
    ] = "30s",
) -> None:
    """Serve a model over HTTP, and follow a stage.

    Speaks the Open Inference Protocol at /v2, takes plain rows at /predict, has a page at /docs.
    Needs the extra: pip install 'lading\\[serve]', for --grpc-port 'lading\\[serve-grpc]'. Prints
    the address when the model is loaded and has answered its input example; stderr has one JSON
    line for each request, without payloads. SIGTERM ends it when the requests that came are
    answered. Only this machine can reach it, unless --host says otherwise: it knows no passwords,
    so put what does before it.
    """
    from lading.serving.limits import Limits

    console = Console.of(context)
    body = max_body * _MIB
    limits = Limits(body=body, bodies=4 * body, rows=max_rows, answer=float(seconds_of(timeout)))
    lines = LogLines(console.log, sys.stderr)
    with warned(partial(_note, lines)):
        operation.serve(
            reference,
            host=host,
            port=port,
            grpc_port=grpc_port,
            workers=workers,
            name=name,
            wait=float(seconds_of(wait)) if wait else 0,
            reload_stage=reload_stage,
            reload_interval=float(seconds_of(reload_interval)),
            shadow=shadow,
            batches=batch,
            limits=limits,
            allow_pickle=allow_pickle or None,
            trusted=tuple(trusted or ()),
            adapter=adapter,
            device=device,
            on_ready=lambda result: console.answer(result, _addresses(result)),
            on_line=lines,
            settings=console.settings(),
        )


def _note(lines: Callable[[str], object], text: str) -> None:
    """A warning as a line of the journal, where whoever reads lines of JSON looks."""
    from lading.serving.journal import Journal

    Journal(lines).warn("environment", note=text)


def _addresses(result: operation.ServeResult) -> list[str]:
    return [result.url] if result.grpc is None else [result.url, f"grpc://{result.grpc}"]
