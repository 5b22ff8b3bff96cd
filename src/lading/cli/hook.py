"""``lading hook``: ``serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import sinks as who
from lading.cli.console import Console
from lading.cli.options import examples
from lading.operations import hook as operation
from lading.spec.duration import seconds_of

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Be told by registries instead of asking them.",
    epilog=examples("lading hook serve ml/fraud --listen 127.0.0.1:8080 --exec ./deploy.sh"),
)


@app.callback()
def hook() -> None:
    """Be told by registries instead of asking them."""


@app.command(
    "serve",
    epilog=examples(
        "lading hook serve registry.example.com/ml/fraud --stage prod --exec ./deploy.sh",
        "lading hook serve ml/fraud --listen 0.0.0.0:8080 --listen-secret-env HOOK_SECRET",
    ),
)
def serve(
    context: typer.Context,
    models: who.ModelsArgument,
    *,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.")
    ] = operation.LISTEN,
    listen_secret_env: Annotated[
        str | None,
        typer.Option(
            "--listen-secret-env",
            metavar="NAME",
            help="The variable that holds what registries must send as Authorization; "
            "needed where others can reach the address.",
            show_default=False,
        ),
    ] = None,
    stage: who.Stage = None,
    kind: who.Kinds = None,
    interval: Annotated[
        str,
        typer.Option(
            "--interval", metavar="TIME", help="How often to look without having been told."
        ),
    ] = "5m",
    from_start: who.FromStart = False,
    cursor: who.CursorName = None,
    keep_going: who.KeepGoing = False,
    command: who.Exec = None,
    exec_timeout: who.ExecTimeout = "10m",
    webhook: who.Webhook = None,
    secret_env: who.SecretEnv = None,
    insecure_webhook: who.InsecureWebhook = False,
) -> None:
    """Tell of the same events as watch, as soon as a registry says that something was pushed.

    Takes the notifications of distribution, Harbor and zot at POST /notifications, and answers
    GET /healthz. They are hints: every event is read from the registry and verified before it is
    told, and what a registry forgets to say is found a little later.
    """
    from lading.hooks.bell import Bell
    from lading.operations.watch import planned
    from lading.operations.watching.sinks import secret_in
    from lading.settings import process_environment

    console = Console.of(context)
    settings = console.settings()
    told = who.Told(
        command=command,
        timeout=exec_timeout,
        webhook=webhook,
        secret_env=secret_env,
        insecure=insecure_webhook,
    )
    sinks = told.sinks(console, settings, hidden=listen_secret_env)
    secret = None
    if listen_secret_env is not None:
        secret = secret_in(listen_secret_env, process_environment(), "--listen-secret-env")
    plan = planned(
        models,
        settings,
        stage=stage,
        kinds=kind or (),
        interval=seconds_of(interval),
        from_start=from_start,
        keep_going=keep_going,
        cursor=cursor,
        sinks=[sink.name for sink in sinks],
        on_note=console.say,
    )
    bell = Bell()
    with who.until_told(bell):
        operation.serve(
            plan,
            sinks,
            bell,
            settings=settings,
            listen=listen,
            secret=secret,
            on_ready=lambda port: console.say(f"listening at port {port}"),
        )
