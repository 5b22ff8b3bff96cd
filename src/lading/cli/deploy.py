"""``lading deploy``: a reference, or one of the subcommands that are named here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from lading.cli import deploy_options as said
from lading.cli import offers
from lading.cli.console import Console
from lading.cli.delivering import (
    ApplyOption,
    ContextOption,
    PushOption,
    YesOption,
    confirming,
    delivered,
)
from lading.cli.deploy_check import checking
from lading.cli.deploy_update import EXAMPLES as UPDATE_EXAMPLES
from lading.cli.deploy_update import update
from lading.cli.image_dockerfile import PickleOption
from lading.cli.options import PolicyOption, examples, shared
from lading.deploy.options import demand_known
from lading.errors import InvalidInput
from lading.operations import deploy as operation
from lading.operations.deploying.asked import kind as kind_of

# What a check is told.
_CHECKED: Final = frozenset({"reference", "stage", "policy", "check"})

# What is run where no subcommand is named.
_WRITE: Final = "write"


# Contexts and commands are click's: they are Any here, as in cli/verbs.
class Deploy(TyperGroup):
    """A group whose first word may be a reference, since most people only want documents."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the line; where no subcommand stands first, the documents are meant."""
        if args and (args[0] in self.commands or self._is_misspelt(args, ctx)):
            return super().parse_args(ctx, args)
        helpless = not args and not ctx.resilient_parsing
        return super().parse_args(ctx, [_WRITE, *(["--help"] if helpless else args)])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The subcommand; the one that has no name of its own is called as the group is."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and name == _WRITE:
            path = {"command_path": property(lambda inner: inner.parent.command_path)}
            command.context_class = type("Called", (command.context_class,), path)
        return name, command, rest

    def _is_misspelt(self, args: list[str], ctx: Any) -> bool:
        """Whether a subcommand is meant, and nearly written: it is given something to work on.

        Beside a reference only options stand; which words belong to those, the subcommand knows.
        """
        if ctx.resilient_parsing or len(args) < 2:
            return False
        from lading.spec.nearest import near

        for name in near(args[0], _subcommands(), cutoff=0.6):
            meant = self.commands[name].make_context(name, args[1:], resilient_parsing=True)
            return bool(meant.params.get("folder") or meant.args)
        return False


def _subcommands() -> Iterator[str]:
    """Those that people write."""
    yield from (each.name for each in app.registered_commands if each.name not in (None, _WRITE))


def _offered(incomplete: str) -> Iterable[str]:
    """The subcommands, and what is deployed without one."""
    yield from (name for name in _subcommands() if name.startswith(incomplete))
    yield from offers.references(incomplete)


app = typer.Typer(
    add_completion=False,
    cls=Deploy,
    help="Write documents that run exactly one digest of a version.",
)


@app.callback()
def whole() -> None:
    """Write documents that run exactly one digest of a version."""


_EXAMPLES: Final = examples(
    "lading deploy HOST/ml/fraud --stage prod | kubectl apply -f -",
    "lading deploy HOST/ml/fraud --stage prod -o deploy/fraud --replicas 3",
    "lading deploy HOST/ml/fraud:1.2.0 --as init --kubernetes-version 1.28",
    "lading deploy HOST/ml/fraud --stage prod --as kserve --kserve-version 0.20",
    "lading deploy HOST/ml/fraud:1.2.0 --as job --volume data:/data"
    " --rows /data/rows.csv --predictions /data/scored.csv",
    "lading deploy HOST/ml/fraud --stage prod --as compose --port 9090 -o fraud",
    "lading deploy update deploy/fraud --stage prod",
    "lading deploy --check deploy/fraud",
)


@app.command(_WRITE, epilog=_EXAMPLES)
def deploy(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="HOST/NAME[:TAG|@DIGEST].",
            show_default=False,
            autocompletion=_offered,
        ),
    ],
    *,
    kind: said.KindOption = "deployment",
    stage: said.StageOption = None,
    image: said.ImageOption = None,
    puller: said.PullerOption = None,
    allow_pickle: PickleOption = False,
    name: said.NameOption = None,
    namespace: said.NamespaceOption = None,
    replicas: said.ReplicasOption = 1,
    max_replicas: said.MaxReplicasOption = None,
    cpu: said.CpuOption = None,
    memory: said.MemoryOption = None,
    port: said.PortOption = None,
    rows: said.RowsOption = None,
    predictions: said.PredictionsOption = None,
    volume: said.VolumeOption = None,
    kserve_version: said.KServeVersionOption = None,
    kserve_storage: said.KServeStorageOption = None,
    kubernetes_version: said.KubernetesVersionOption = None,
    podman_version: said.PodmanVersionOption = None,
    image_volumes: said.ImageVolumesOption = False,
    platform: said.PlatformOption = None,
    pull_secret: said.PullSecretOption = None,
    credentials: said.CredentialsOption = None,
    output: said.OutputOption = "-",
    helm: said.HelmOption = False,
    force: said.ForceOption = False,
    push: PushOption = None,
    apply: ApplyOption = False,
    yes: YesOption = False,
    cluster: ContextOption = None,
    policy: PolicyOption = None,
    check: said.CheckOption = False,
) -> None:
    """Write documents that run exactly one digest of a version.

    Everything in them is named by digest, looked up once. No cluster is touched unless --apply asks
    for it. What a protected stage may not have any more is refused before anything is written. REF
    is on a registry that the cluster can pull from; with --stage it is a model without a version.
    """
    console = Console.of(context)
    if check:
        _demand_alone(context)
        checking(console, reference, stage, policy)
        return
    if apply:
        demand_known(kind_of(kind), ("--apply",))  # before somebody is told how to answer
    confirm = confirming(console, apply=apply, yes=yes)
    result = operation.deploy(
        reference,
        kind=kind,
        stage=stage,
        name=name,
        namespace=namespace,
        image=image,
        puller=puller,
        replicas=replicas,
        max_replicas=max_replicas,
        pull_secrets=pull_secret or (),
        credentials=credentials,
        kubernetes_version=kubernetes_version,
        image_volumes=image_volumes,
        podman_version=podman_version,
        cpu=cpu,
        memory=memory,
        platform=platform,
        port=port,
        rows=rows,
        predictions=predictions,
        volumes=volume or (),
        kserve_version=kserve_version,
        kserve_storage=kserve_storage,
        helm=helm,
        allow_pickle=allow_pickle or None,
        output=None if output == "-" else output,
        force=force,
        push=push,
        confirm=confirm,
        context=cluster,
        settings=console.settings(policy=policy),
    )
    console.say(*_told(result))
    console.answer(result, _lines(result))


def _demand_alone(context: typer.Context) -> None:
    """Refuse what a check passes over: it reads a folder, and writes none."""
    taken = _CHECKED.union(each.name for each in shared(connects=True))
    for each in context.command.params:
        source = context.get_parameter_source(each.name or "")
        if source is not None and source.name == "COMMANDLINE" and each.name not in taken:
            raise InvalidInput(
                f"{each.opts[0]} means nothing to --check",
                cause="a folder is read as it is, and nothing is written",
                hint="lading deploy --check DIR [--stage STAGE]",
            )


def _lines(result: operation.DeployResult) -> Iterator[str]:
    """The documents themselves, or where they are."""
    if result.applied or result.pushed:
        yield from delivered(result.applied, result.pushed)
    elif result.output is None:
        for text in result.files.values():
            yield from text.splitlines()
    else:
        yield result.output


def _told(result: operation.DeployResult) -> Iterator[str]:
    stage = f", {result.stage}" if result.stage else ""
    yield f"{result.reference} ({result.version or 'no version'}{stage}) as {result.kind}"
    yield f"served by {result.image}"
    if result.puller and result.puller != result.image:
        yield f"pulled by {result.puller}"
    if result.status != "shown":
        yield f"{result.status}: {', '.join(result.files)}"
    for note in result.notes:
        yield f"note: {note}"


app.command("update", epilog=UPDATE_EXAMPLES)(update)
