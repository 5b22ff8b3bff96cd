"""An empty Typer application: what any command line made with Typer costs to start."""

import typer

app = typer.Typer()


@app.command()
def command() -> None:
    """Do nothing."""


def main() -> None:
    app()
