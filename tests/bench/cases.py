"""What is measured: for each case the tools, what each of them runs, and what it must leave.

A case is a context manager: it makes the data, starts the registry and fills it where there is
something to pull. Rounds, records and limits are others' work.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import data, proof, tools
from bench.artifact import Artifact
from bench.data import Model
from bench.measure import Command, Failed, run
from bench.tools import Place, Registry, Scripts
from parts.certificates import Authority
from parts.discard import Discard
from parts.registry import DockerRegistry

# Gets the place, what the command printed, and whether to look at every byte.
Prove = Callable[[Place, str, bool], None]
Peers = Mapping[str, Callable[[Place, Artifact], Command]]


@dataclass(frozen=True, slots=True)
class Step:
    """One timed command of a tool, and the table in which its figures appear."""

    table: str
    command: Callable[[Place], Command]
    prove: Prove = lambda place, printed, thorough: None


@dataclass(frozen=True, slots=True)
class Tool:
    """One line of the tables: its steps follow one another in one place."""

    name: str
    steps: tuple[Step, ...]
    repository: str = "bench/model"
    # Runs once before the rounds, untimed.
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Case:
    """The tools of a case, in the order in which every round runs them."""

    titles: Mapping[str, str]
    tools: tuple[Tool, ...]
    # The registry of all rounds; None for an empty one for each tool in each round.
    registry: Registry | None = None
    authority: Authority | None = None
    rounds: int | None = None
    # Before ext4 gives a new file its inode it looks at each one that was freed in the last
    # minutes. Who deletes thousands of files lets the next run pay: they go here instead.
    grave: Path | None = None

    @contextmanager
    def place(self, folder: Path, tool: Tool) -> Iterator[Place]:
        """A fresh folder, and nothing of it afterwards."""
        _delete(folder)
        folder.mkdir()
        try:
            if self.registry is not None:
                yield Place(folder, self.registry, tool.repository)
            else:
                with DockerRegistry(folder / "registry", authority=self.authority) as registry:
                    yield Place(folder, registry, tool.repository)
        finally:
            if self.grave is None:
                _delete(folder)
            else:
                folder.rename(self.grave / f"{len(list(self.grave.iterdir()))}")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all cases share."""

    work: Path
    scale: float
    scripts: Scripts

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder for one case, and nothing of it afterwards."""
        folder = self.work / name
        _delete(folder)
        folder.mkdir()
        try:
            yield folder
        finally:
            _delete(folder)


@contextmanager
def startup(setting: Setting) -> Iterator[Case]:
    """What it takes to start: nothing to do, and a version that the cache has.

    The registry has ended when the rounds begin, so that a request would fail.
    """
    model, lading = data.tiny(setting.work), setting.scripts.lading
    with setting.folder("startup") as folder:
        registry = DockerRegistry(folder / "registry")
        home, pinned = Place(folder, registry, "bench/model"), folder / "pinned"

        def fill_cache() -> None:
            with registry:
                run(lading(home, "push", model.folder, home.reference))
                digest = proof.digest_of(registry, home.repository)
                pinned.write_text(f"{registry.host}/{home.repository}@{digest}")
                run(lading(home, "pull", pinned.read_text()))

        version = Step("startup", lambda _: lading(home, "--version"))
        cached = Step("startup", lambda _: lading(home, "pull", pinned.read_text()))
        empty = Step("startup", lambda _: setting.scripts.empty(home))
        yield Case(
            {"startup": "start: the version, a cached pull by digest, an empty application"},
            (
                Tool("lading --version", (version,)),
                Tool("lading pull", (cached,), prepare=fill_cache),
                Tool("empty Typer", (empty,)),
            ),
            registry=registry,
            rounds=21,
        )


@contextmanager
def pull(setting: Setting) -> Iterator[Case]:
    """2 GB in four files of weights and twelve small ones, out of a registry."""
    model = data.large(setting.work, setting.scale)
    title = "pull: 2 GB in 4 large files and 12 small ones"
    peers: Peers = {
        "curl": tools.curl_pull,
        "curl+openssl": tools.curl_pull_then_openssl,
        "oras-py": lambda place, _: tools.oras_pull(place),
        "skopeo": lambda place, _: tools.skopeo_pull(place),
    }
    with _pulls(setting, "pull", title, model, peers) as case:
        yield case


@contextmanager
def single(setting: Setting) -> Iterator[Case]:
    """One file of 2 GB: nothing to do at the same time but ranges of it."""
    model = data.single(setting.work, setting.scale)
    with _pulls(setting, "single", "pull: one file of 2 GB", model, _CURL) as case:
        yield case


@contextmanager
def tls_pull(setting: Setting) -> Iterator[Case]:
    """The pull again, through TLS."""
    model = data.large(setting.work, setting.scale)
    title = "pull through TLS: 2 GB in 4 large files and 12 small ones"
    with _pulls(setting, "tls-pull", title, model, _CURL, tls=True) as case:
        yield case


_CURL: Peers = {"curl": tools.curl_pull}


@contextmanager
def _pulls(
    setting: Setting, table: str, title: str, model: Model, peers: Peers, *, tls: bool = False
) -> Iterator[Case]:
    with setting.folder(table) as folder:
        artifact = Artifact.of(model, folder / "artifact")
        authority = Authority(folder / "authority") if tls else None
        with DockerRegistry(folder / "registry", authority=authority) as registry:
            seed = Place(folder, registry, "bench/peers")
            run(tools.curl_push(seed, artifact))
            yield Case(
                {table: title},
                (
                    *_lading_pulls(setting, table, model, Place(folder, registry, "bench/model")),
                    *(
                        Tool(
                            name,
                            (Step(table, partial(_with, line, artifact), _pulled(model)),),
                            repository=seed.repository,
                        )
                        for name, line in peers.items()
                    ),
                ),
                registry=registry,
            )


def _lading_pulls(setting: Setting, table: str, model: Model, seed: Place) -> Iterator[Tool]:
    lading = setting.scripts.lading
    yield Tool(
        "lading",
        (_lading_pull(setting, table, model),),
        prepare=lambda: _run(lading(seed, "push", model.folder, seed.reference)),
    )
    if table == "pull":
        cached = Step(
            table,
            lambda place: lading(place, "pull", place.reference),
            lambda place, printed, thorough: proof.folder_holds(
                Path(printed.strip()), model, thorough=thorough
            ),
        )
        yield Tool("lading to cache", (cached,))


@contextmanager
def push(setting: Setting) -> Iterator[Case]:
    """The same 2 GB into an empty registry, hashed by everybody; then once more."""
    model = data.large(setting.work, setting.scale)
    with setting.folder("push") as folder:
        artifact = Artifact.of(model, folder / "artifact")
        openssl = partial(_with, tools.openssl_then_curl_push, artifact)
        skopeo = partial(_with, tools.skopeo_push, artifact)
        yield Case(
            {
                "push": "push: 2 GB in 4 large files and 12 small ones, nothing known before",
                "again": "push of the same folder once more",
            },
            (
                Tool("lading", _lading_pushes(setting, model, "push", "again")),
                Tool("openssl+curl", (Step("push", openssl, _pushed(model)),)),
                Tool("oras-py", _oras_pushes(artifact, "push", "again")),
                Tool("skopeo", (Step("push", skopeo, _pushed(model)),)),
            ),
        )


@contextmanager
def tls_push(setting: Setting) -> Iterator[Case]:
    """The push again, through TLS. Curl knows the digests, Lading finds them."""
    model = data.large(setting.work, setting.scale)
    with setting.folder("tls-push") as folder:
        artifact = Artifact.of(model, folder / "artifact")
        curl = Step("tls-push", partial(_with, tools.curl_push, artifact), _pushed(model))
        yield Case(
            {"tls-push": "push through TLS: 2 GB in 4 large files and 12 small ones"},
            (
                Tool("lading", _lading_pushes(setting, model, "tls-push")),
                Tool("curl", (curl,)),
            ),
            authority=Authority(folder / "authority"),
        )


@contextmanager
def bundle(setting: Setting) -> Iterator[Case]:
    """A version of 2 GB out of a registry into one file, and from there into an empty registry."""
    model = data.large(setting.work, setting.scale)
    lading = setting.scripts.lading
    with setting.folder("bundle") as folder, DockerRegistry(folder / "registry") as registry:
        seed = Place(folder, registry, "bench/model")

        def packed(place: Place) -> Command:
            return lading(place, "bundle", seed.reference, "-o", place.folder / "bundle.tar")

        def unpacked(place: Place) -> Command:
            return lading(place, "unbundle", place.folder / "bundle.tar", place.registry.host)

        yield Case(
            {
                "bundle": "bundle: a version of 2 GB out of a registry into one file",
                "unbundle": "unbundle: that file into an empty registry",
            },
            (
                Tool(
                    "lading",
                    (Step("bundle", packed), Step("unbundle", unpacked, _pushed(model))),
                    prepare=lambda: _run(lading(seed, "push", model.folder, seed.reference)),
                ),
                Tool(
                    "skopeo",
                    (
                        Step("bundle", partial(tools.skopeo_bundle, seed)),
                        Step("unbundle", tools.skopeo_unbundle, _pushed(model)),
                    ),
                ),
            ),
        )


@contextmanager
def small(setting: Setting) -> Iterator[Case]:
    """1,000 files of 20 KB there and back."""
    model = data.many(setting.work, setting.scale)
    with setting.folder("small") as folder:
        artifact = Artifact.of(model, folder / "artifact")
        grave = folder / "grave"
        grave.mkdir()
        up, down = "small-push", "small-pull"
        oras = Step(down, tools.oras_pull, _pulled(model))
        yield Case(
            {up: "push: 1,000 files of 20 KB", down: "pull: 1,000 files of 20 KB"},
            (
                Tool(
                    "lading",
                    (
                        *_lading_pushes(setting, model, up),
                        _lading_pull(setting, down, model),
                    ),
                ),
                Tool("oras-py", (*_oras_pushes(artifact, up), oras)),
            ),
            grave=grave,
        )


@contextmanager
def capture(setting: Setting) -> Iterator[Case]:
    """A small trained model in a git repository: what finding everything out adds to a push."""
    with setting.folder("capture") as folder:
        model = data.trained(folder / "project")
        lading = setting.scripts.lading

        def pushed(*words: str) -> Step:
            return Step("capture", lambda at: lading(at, "push", model, at.reference, *words))

        yield Case(
            {"capture": "push: a small scikit-learn model in a git repository"},
            (
                Tool("lading", (pushed(),)),
                Tool("lading, nothing captured", (pushed("--without", "all"),)),
            ),
            rounds=11,
        )


@contextmanager
def sparse(setting: Setting) -> Iterator[Case]:
    """8 GB of nothing to a server that keeps nothing: for the memory, not for the time."""
    path = data.sparse(setting.work, setting.scale)

    def came(place: Place, printed: str, thorough: bool) -> None:
        if server.received < path.stat().st_size:
            raise Failed("the server did not get the whole file")

    with Discard() as server:
        step = Step(
            "sparse",
            lambda place: setting.scripts.lading(place, "push", path, place.reference),
            came,
        )
        yield Case(
            {"sparse": "push: a sparse file of 8 GB to a server that discards it (memory only)"},
            (Tool("lading", (step,)),),
            registry=server,
            rounds=0,
        )


CASES = {
    "startup": startup,
    "small": small,
    "pull": pull,
    "single": single,
    "push": push,
    "tls-pull": tls_pull,
    "tls-push": tls_push,
    "bundle": bundle,
    "capture": capture,
}
# Only with --all, or by name.
MORE = {"sparse": sparse}


def _lading_pushes(setting: Setting, model: Model, *tables: str) -> tuple[Step, ...]:
    """The same push for each table: only the first finds a digest memory that is empty."""
    return tuple(
        Step(
            table,
            lambda place: setting.scripts.lading(place, "push", model.folder, place.reference),
            _pushed(model),
        )
        for table in tables
    )


def _lading_pull(setting: Setting, table: str, model: Model) -> Step:
    return Step(
        table,
        lambda place: setting.scripts.lading(place, "pull", place.reference, "-o", place.out),
        _pulled(model),
    )


def _oras_pushes(artifact: Artifact, *tables: str) -> tuple[Step, ...]:
    line = partial(_with, tools.oras_push, artifact)
    return tuple(Step(table, line, _pushed(artifact.model)) for table in tables)


def _with(line: Callable[[Place, Artifact], Command], artifact: Artifact, place: Place) -> Command:
    return line(place, artifact)


def _pulled(model: Model) -> Prove:
    return lambda place, printed, thorough: proof.folder_holds(place.out, model, thorough=thorough)


def _pushed(model: Model) -> Prove:
    def prove(place: Place, printed: str, thorough: bool) -> None:
        proof.registry_holds(place.registry, place.repository, model, thorough=thorough)

    return prove


def _delete(folder: Path) -> None:
    # What Lading's cache shows is read-only, and only root may delete in such a folder.
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o700)
    if folder.exists():
        shutil.rmtree(folder)


def _run(command: Command) -> None:
    run(command)
