"""``lading image``: each subcommand in a file of its own, named here."""

from __future__ import annotations

import typer

from lading.cli import image_assemble, image_build, image_check, image_dockerfile, image_sbom
from lading.cli.options import examples

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Make images that run a version, and look into them.",
    epilog=examples(
        "lading image build ml/fraud:1.2.0",
        "lading image assemble ml/fraud:1.2.0 --base ml/python@sha256:4a7d1e",
        "lading image check ml/fraud:1.2.0",
    ),
)

app.command("build", epilog=image_build.EXAMPLES)(image_build.build)
app.command("dockerfile", epilog=image_dockerfile.EXAMPLES)(image_dockerfile.dockerfile)
app.command("assemble", epilog=image_assemble.EXAMPLES)(image_assemble.assemble)
app.command("sbom", epilog=image_sbom.EXAMPLES)(image_sbom.sbom)
app.command("check", epilog=image_check.EXAMPLES)(image_check.check)
