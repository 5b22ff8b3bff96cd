"""Serve a version, or a folder, over HTTP and gRPC, and follow a stage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, LocalFailure, NotFound, Unavailable
from lading.operations import stores
from lading.operations.answering.folder import as_path
from lading.operations.answering.models import UNKNOWN, Consent, model_of
from lading.spec.digest import Digest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    import threading

    from lading.serving.limits import Limits
    from lading.serving.model import Model
    from lading.settings import Settings
    from lading.transfer import OnProgress

HOST: Final = "127.0.0.1"
PORT: Final = 8080
INTERVAL: Final = 10.0
# How often a folder is looked for, in seconds.
_GLANCE: Final = 0.2
_NEEDED: Final = ("starlette", "uvicorn", "httptools", "prometheus_client")
_NEEDED_FOR_GRPC: Final = ("grpc", "google.protobuf")


@dataclass(frozen=True, slots=True)
class ServeResult:
    """What is served, and where."""

    url: str
    name: str
    version: str
    reference: str
    digest: str
    # Where gRPC is, as its clients are told.
    grpc: str | None = None
    workers: int = 1


def serve(
    reference: str | Reference,
    *,
    host: str = HOST,
    port: int = PORT,
    grpc_port: int | None = None,
    workers: int = 1,
    name: str | None = None,
    wait: float = 0,
    reload_stage: str | None = None,
    reload_interval: float = INTERVAL,
    shadow: str | None = None,
    batches: bool | None = None,
    limits: Limits | None = None,
    allow_pickle: bool | None = None,
    trusted: tuple[str, ...] = (),
    adapter: str | None = None,
    device: str | None = None,
    into: object = None,
    on_ready: Callable[[ServeResult], object] = lambda result: None,
    on_line: Callable[[str], object] = lambda line: None,
    until: threading.Event | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Serve a model until the process is told to end.

    Args:
        reference: a version; or a folder, as ``./model`` or ``/models``.
        host: the address to listen at; only this machine reaches the default.
        port: 0 for any that is free.
        grpc_port: serve the protocol over gRPC as well, at this port; 0 for any that is free.
        workers: how many processes answer; more than one only from a process without threads.
        name: what the model is called in addresses; the last part of its name otherwise.
        wait: how many seconds a folder may take until it is there.
        reload_stage: serve what this stage of the model names, now and after every move.
        reload_interval: seconds between two looks at the stage.
        shadow: another model that is asked the same; where its answers differ is counted.
        batches: whether to ask about several requests at once; None to find out.
        limits: what one client, and all together, may take of this machine.
        allow_pickle: let code of the model run, as in :func:`lading.load`.
        trusted: types in a skops file that somebody looked at.
        adapter: who loads the model.
        device: where it computes, as its framework spells it.
        into: what its weights go into, or its class.
        on_ready: called when the model is loaded and has answered its input example.
        on_line: called with each line of the log: JSON, without payloads.
        until: ends it when it is set, which a notebook can and no signal.
        settings: what holds here; what holds everywhere where None is given.
        on_progress: told how the first model is pulled.

    Raises:
        PolicyRefused: loading would run code of the model, and nobody allowed that.
        InvalidInput: a folder has no stages; or a version and a stage are named at once.
        NotFound: there is no such version.
        LocalFailure: an extra (``serve``, ``serve-grpc``) is not installed, or an address is taken.
        LadingError: the model does not load, or does not answer its input example.
    """
    _demand_extra("serve", _NEEDED)
    if grpc_port is not None:
        _demand_extra("serve-grpc", _NEEDED_FOR_GRPC)
    from lading.serving.follow import Followed
    from lading.serving.limits import Limits
    from lading.serving.plan import Plan
    from lading.serving.server import run

    settings = stores.settled(settings)
    consent = Consent(allow_pickle, trusted, adapter, device, into)

    def loader(which: str | Reference, told: OnProgress | None = None) -> Callable[[], Model]:
        return partial(model_of, which, consent, settings, name=name, on_progress=told)

    # The port of gRPC, as soon as it is known.
    doors: list[int] = []
    served, followed = reference, None
    if reload_stage is not None:
        served = place = _of_stage(reference, reload_stage, settings)
        stage = _Stage(place, settings, loader(place))
        followed = Followed(stage.look, stage.load, reload_interval, reload_stage)
    plan = Plan(
        load=_once_there(served, wait, loader(served, on_progress)),
        host=host,
        port=port,
        grpc_port=grpc_port,
        on_grpc=doors.append,
        expected=_expected(served, settings),
        followed=followed,
        shadow=loader(shadow) if shadow else None,
        batches=batches,
        limits=limits or Limits(),
        on_line=on_line,
        on_ready=lambda port, model: on_ready(_result(host, port, doors, model, workers)),
        until=until,
    )
    if workers == 1:
        run(plan)
        return
    from lading.serving.workers.supervisor import run_several

    def pinned(digest: str) -> Callable[[], Model]:
        """Those that come after the first load what it loaded, not what a tag names by then."""
        if followed is not None or (isinstance(served, str) and as_path(served) is not None):
            return plan.load
        place = stores.locate(served, settings)
        return loader(replace(place, digest=Digest(digest)))

    run_several(plan, workers, pinned)


def _once_there(
    reference: str | Reference, wait: float, load: Callable[[], Model]
) -> Callable[[], Model]:
    """What loads a model; of a folder, when it is there, or is overdue."""
    folder = as_path(reference) if isinstance(reference, str) else None
    if folder is None or not wait:
        return load

    def waiting() -> Model:
        overdue = time.monotonic() + wait
        while not os.path.isdir(folder) and time.monotonic() < overdue:  # noqa: PTH112  what may not be looked at is not there yet
            time.sleep(_GLANCE)
        return load()

    return waiting


def _demand_extra(extra: str, modules: tuple[str, ...]) -> None:
    from lading.frameworks.installed import is_installed

    # A module inside of a package is looked for where the package is.
    lacking = [
        module
        for module in modules
        if not (is_installed(module.partition(".")[0]) and is_installed(module))
    ]
    if lacking:
        raise LocalFailure(
            "serving needs packages that are not installed",
            cause=", ".join(lacking),
            hint=f"pip install 'lading[{extra}]'",
        )


def _of_stage(reference: str | Reference, stage: str, settings: Settings) -> Reference:
    """The stage of a model."""
    if isinstance(reference, str) and as_path(reference) is not None:
        raise InvalidInput("a folder has no stages", hint="lading serve NAME --reload-stage STAGE")
    place = stores.locate(reference, settings)
    if place.digest or place.tag not in (None, stage):
        raise InvalidInput(
            f"{place} names a version, and the stage {stage} another perhaps",
            hint=f"lading serve {place.base} --reload-stage {stage}",
        )
    return place.with_tag(stage)


@dataclass(slots=True)
class _Stage:
    """A stage that is followed. Nothing goes back because a registry does not answer."""

    place: Reference
    settings: Settings
    pulled: Callable[[], Model]
    seen: str | None = None

    def look(self) -> str | None:
        """The digest that it names now, by the registry's own word; None for nothing."""
        store = stores.open_store(self.place, self.settings, own_word=True)
        try:
            self.seen = str(stores.resolve(store, self.place).digest)
        except NotFound:
            self.seen = None
        finally:
            if self.place.host:
                store.close()  # type: ignore[union-attr]  # a layout has nothing open
        return self.seen

    def load(self) -> Model:
        """The model that it was seen to name.

        Raises:
            Unavailable: it names another by now; or the registry went away, and the cache or a
                mirror has an older one.
        """
        model = self.pulled()
        if self.seen not in (None, model.digest):
            raise Unavailable(
                f"{self.place} was {self.seen} a moment ago", cause=f"and is {model.digest} now"
            )
        return model


def _expected(reference: str | Reference, settings: Settings) -> str:
    """The digest that will be served, where that is known beforehand."""
    if isinstance(reference, str):
        if as_path(reference) is not None:
            return settings.model_digest or UNKNOWN
        reference = Reference.parse(reference)
    return reference.digest or UNKNOWN


def _result(host: str, port: int, doors: list[int], model: Model, workers: int) -> ServeResult:
    shown = f"[{host}]" if ":" in host else host
    return ServeResult(
        url=f"http://{shown}:{port}",
        name=model.name,
        version=model.version,
        reference=model.reference,
        digest=model.digest,
        grpc=f"{shown}:{doors[0]}" if doors else None,
        workers=workers,
    )
