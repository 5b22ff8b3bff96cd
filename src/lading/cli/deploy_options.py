"""What can be said to ``lading deploy``, option by option."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from lading.cli import offers
from lading.cli.deploy_check import EXIT_MOVED
from lading.deploy import kserve_version as kserve_versions
from lading.deploy.cluster import NEWEST, OLDEST, USUAL
from lading.deploy.wish import KINDS

_WHAT: Final = "What runs"
_HOW: Final = "How it runs"
_CLUSTER: Final = "The cluster"
_JOB: Final = "With --as job"
_KSERVE: Final = "With --as kserve"

KindOption = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="KIND",
        help=f"One of {', '.join(KINDS)}.",
        autocompletion=offers.one_of(*KINDS),
        rich_help_panel=_WHAT,
    ),
]

StageOption = Annotated[
    str | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help="What this stage names now.",
        show_default=False,
        autocompletion=offers.stages,
        rich_help_panel=_WHAT,
    ),
]

ImageOption = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="REF",
        help="What serves it; else an image that was made for it.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]

PullerOption = Annotated[
    str | None,
    typer.Option(
        "--puller",
        metavar="REF",
        help="What pulls it, where something must; else the image that serves.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]

NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What everything is called; else the model's name.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        help="Written into each document.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

ReplicasOption = Annotated[
    int,
    typer.Option("--replicas", metavar="N", min=1, help="How many.", rich_help_panel=_HOW),
]

MaxReplicasOption = Annotated[
    int | None,
    typer.Option(
        "--max-replicas",
        metavar="N",
        min=1,
        help="Up to so many when they are busy.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

CpuOption = Annotated[
    str | None,
    typer.Option(
        "--cpu",
        metavar="CPU",
        help="What each asks for, such as 500m; guessed otherwise. On one machine, its limit.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="What each asks for and may take, such as 2Gi; guessed otherwise.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="PORT",
        min=1,
        max=65535,
        help="With --as compose or podman: where this machine answers; 8080 otherwise.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

RowsOption = Annotated[
    str | None,
    typer.Option(
        "--rows",
        metavar="PATH",
        help="What is scored: a file in a volume.",
        show_default=False,
        rich_help_panel=_JOB,
    ),
]

PredictionsOption = Annotated[
    str | None,
    typer.Option(
        "--predictions",
        metavar="PATH",
        help="Where predictions go: a file in a volume.",
        show_default=False,
        rich_help_panel=_JOB,
    ),
]

VolumeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--volume",
        metavar="CLAIM:PATH[:ro]",
        help="A claim of a persistent volume, and where it is mounted. Repeatable.",
        show_default=False,
        rich_help_panel=_JOB,
    ),
]

KServeVersionOption = Annotated[
    str | None,
    typer.Option(
        "--kserve-version",
        metavar="VERSION",
        help=f"0.{kserve_versions.OLDEST} to 0.{kserve_versions.NEWEST}, the newest"
        " where nothing is said.",
        show_default=False,
        rich_help_panel=_KSERVE,
    ),
]

KServeStorageOption = Annotated[
    str | None,
    typer.Option(
        "--kserve-storage",
        metavar="HOW",
        help="How the model gets to its server: native (oci+native://), modelcar (oci://),"
        " lading (lading://), or image; else the first that can be.",
        show_default=False,
        autocompletion=offers.one_of(*kserve_versions.STORAGES),
        rich_help_panel=_KSERVE,
    ),
]

KubernetesVersionOption = Annotated[
    str | None,
    typer.Option(
        "--kubernetes-version",
        metavar="VERSION",
        help=f"1.{OLDEST} to 1.{NEWEST}; 1.{USUAL} where nothing is said.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

PodmanVersionOption = Annotated[
    str | None,
    typer.Option(
        "--podman-version",
        metavar="VERSION",
        help="With --as podman: which runs it, 4.4 or newer; 5.4 if nothing is said.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

ImageVolumesOption = Annotated[
    bool,
    typer.Option(
        "--image-volumes",
        help="Its administrator has set the feature gate ImageVolume (1.31 to 1.34).",
        rich_help_panel=_CLUSTER,
    ),
]

PlatformOption = Annotated[
    str | None,
    typer.Option(
        "--platform",
        metavar="OS/ARCH",
        help="Which nodes, or what machine, it is to run on, such as linux/arm64.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

PullSecretOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pull-secret",
        metavar="SECRET",
        help="With what nodes pull images. Repeatable.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

CredentialsOption = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="SECRET",
        help="With what the puller logs in; else the first pull secret.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="A kustomize base, with all digests in digests.yaml; - for stdout.",
    ),
]

HelmOption = Annotated[
    bool, typer.Option("--helm", help="Write values for a Helm chart of your own as well.")
]

ForceOption = Annotated[
    bool, typer.Option("--force", help="Write over what is there, whoever wrote it.")
]

CheckOption = Annotated[
    bool,
    typer.Option(
        "--check",
        help="REF is a folder: is all of it there, allowed, and what its stage says? "
        f"Exits with {EXIT_MOVED} where the stage moved on.",
    ),
]
