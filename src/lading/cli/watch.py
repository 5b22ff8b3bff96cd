"""``lading watch``."""

from __future__ import annotations

from typing import Annotated

import typer

from lading.cli import sinks as who
from lading.cli.console import Console
from lading.cli.options import examples
from lading.spec.duration import seconds_of

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading watch ml/fraud --stage prod --exec ./deploy.sh",
        "lading watch ml/fraud ml/risk --webhook https://ci.example.com/hook --secret-env SECRET",
        "lading watch ml/fraud --once --json",
    )
)
def watch(
    context: typer.Context,
    models: who.ModelsArgument,
    *,
    stage: who.Stage = None,
    kind: who.Kinds = None,
    interval: Annotated[
        str,
        typer.Option("--interval", metavar="TIME", help="How often to look: 10s, 5m, 1h."),
    ] = "10s",
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    from_start: who.FromStart = False,
    cursor: who.CursorName = None,
    keep_going: who.KeepGoing = False,
    command: who.Exec = None,
    exec_timeout: who.ExecTimeout = "10m",
    webhook: who.Webhook = None,
    secret_env: who.SecretEnv = None,
    insecure_webhook: who.InsecureWebhook = False,
) -> None:
    """Tell of every new version and every move of a stage, once.

    Each event is read and verified before it is told, one line on stdout (JSON with --json), and
    told exactly once across restarts. Who is killed in the very moment of telling tells it again
    when it is started again: a webhook with the same delivery id, a command with the same event.
    A command that fails is tried again, and then ends the watch. A registry that is away is
    waited for.
    """
    from lading.hooks.bell import Bell
    from lading.operations.watch import follow, planned

    console = Console.of(context)
    settings = console.settings()
    told = who.Told(
        command=command,
        timeout=exec_timeout,
        webhook=webhook,
        secret_env=secret_env,
        insecure=insecure_webhook,
    )
    sinks = told.sinks(console, settings)
    plan = planned(
        models,
        settings,
        stage=stage,
        kinds=kind or (),
        interval=seconds_of(interval),
        once=once,
        from_start=from_start,
        keep_going=keep_going,
        cursor=cursor,
        sinks=[sink.name for sink in sinks],
        on_note=console.say,
    )
    bell = Bell()
    with who.until_told(bell):
        follow(plan, sinks, bell, settings)
