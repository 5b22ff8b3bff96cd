"""What every test may ask for: the real parts, a home of its own, names that nobody else uses."""

from __future__ import annotations

import itertools
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from parts import MISSING, python_image
from parts.certificates import Authority, Identity
from parts.docker_engine import DockerEngine
from parts.double import Double
from parts.mounts import unmount_under
from parts.podman import Podman
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo
from parts.tokens import TokenServer

hypothesis.settings.register_profile("tests", deadline=None, print_blob=True)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("tests")

# Keras reads its backend once, whichever test of a process is the first to import it.
os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}

USER, PASSWORD = "ada", "secret"

# Engines are heavy, and so is what they have built: under xdist all their tests run in one process.
# Some tests need both, so it is one process for both. A builder is one of them.
_ENGINES = {"docker_engine", "podman", "builder"}
_LONGEST_NAME = 80
_PASSED = pytest.StashKey[bool]()
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def pytest_make_parametrize_id(val: object) -> str | None:
    """What a long value is called: megabytes are no name, and an archive has the time in it."""
    if isinstance(val, str | bytes) and len(val) > _LONGEST_NAME:
        return f"{type(val).__name__} of {len(val)}"
    return None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of engines together."""
    for item in items:
        if _ENGINES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("engines"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a pytest under which xdist passes over groups, as it does without a word."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError("xdist keeps no group of tests together under this pytest")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember of each test whether it passed."""
    report = yield
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly what was not tested, and why."""
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else "")
        if MISSING in reason:
            what = reason.partition(MISSING)[2]
            counts[what] = counts.get(what, 0) + 1
    if counts:
        terminalreporter.section("NOT TESTED: parts are missing on this machine")
        for what, count in sorted(counts.items()):
            terminalreporter.line(f"{count} tests need {what}")


@pytest.fixture(autouse=True, scope="session")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let tests that drop root still reach their folders, which pytest keeps to its user."""
    if os.geteuid() == 0:
        base = tmp_path_factory.getbasetemp()
        system = Path(tempfile.gettempdir()).resolve()
        for folder in (base, *base.parents):
            if folder == system or system not in folder.parents:
                break
            folder.chmod(folder.stat().st_mode | 0o011)


@pytest.fixture(autouse=True)
def logging_as_found() -> Iterator[None]:
    """The command line takes Lading's logger over; the next test finds it as it was."""
    logger = logging.getLogger("lading")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders that nobody has yet.

    They are counted: pytest looks for the next number among all folders of a run, and in one of
    ten thousand tests that takes longer than most of them.
    """
    above = tmp_path_factory.mktemp("t", numbered=False)
    above.chmod(0o711)  # as those above it: see ``reachable``
    return (above / str(number) for number in itertools.count())


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, folders: Iterator[Path]) -> Iterator[Path]:
    """An empty folder of the test's own, called like it; short, as sockets lie in some.

    It stays where the test fails. All together are gigabytes, and may lie in memory.
    """
    name = re.sub(r"\W", "_", request.node.name)[:24]
    number = next(folders)
    folder = number.with_name(f"{name}{number.name}")
    folder.mkdir(mode=0o700)
    yield folder
    if request.node.stash.get(_PASSED, False):
        unmount_under(folder)
        shutil.rmtree(folder, ignore_errors=True)  # what a container's user owns may stay


@pytest.fixture(autouse=True)
def home(folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no setting, credential or cache of this machine is seen."""
    folder = next(folders)
    folder.mkdir(mode=0o700)
    for name in tuple(os.environ):
        if name.startswith(("LADING_", "XDG_")) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository name that no other test uses."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"t{os.getpid()}/{words[:80].strip('-')}"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificate authority of the TLS parts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def client_identity(authority: Authority) -> Identity:
    """A client's certificate, for ``client_certificate_registry``."""
    return authority.client()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A plain docker-registry, shared: use ``repository`` for a name of your own."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def other_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Another plain docker-registry, to copy to."""
    with DockerRegistry(tmp_path_factory.mktemp("other-registry")) as registry:
        yield registry


@pytest.fixture
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A docker-registry for this test alone, to stop, kill, damage or garbage-collect."""
    with DockerRegistry(tmp_path_factory.mktemp("own-registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def password_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A docker-registry that knows one user, ada, whose password is secret."""
    folder = tmp_path_factory.mktemp("password-registry")
    with DockerRegistry(folder, users={USER: PASSWORD}) as registry:
        yield registry


@pytest.fixture(scope="session")
def tls_registry(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[DockerRegistry]:
    """A docker-registry that speaks TLS; trust its ``ca_file``."""
    folder = tmp_path_factory.mktemp("tls-registry")
    with DockerRegistry(folder, authority=authority) as registry:
        yield registry


@pytest.fixture(scope="session")
def client_certificate_registry(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[DockerRegistry]:
    """A docker-registry that speaks TLS with those who show ``client_identity``."""
    folder = tmp_path_factory.mktemp("client-certificate-registry")
    with DockerRegistry(folder, authority=authority, client_certificates=True) as registry:
        yield registry


@pytest.fixture(scope="session")
def token_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the token server's key is kept: making one takes a while."""
    return tmp_path_factory.mktemp("token-keys")


@pytest.fixture
def token_server(token_keys: Path) -> Iterator[TokenServer]:
    """The token server that ``token_registry`` and ``token_double`` trust; knows ada, secret."""
    with TokenServer(token_keys, users={USER: PASSWORD}) as server:
        yield server


@pytest.fixture
def token_registry(
    tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer
) -> Iterator[DockerRegistry]:
    """A docker-registry that takes bearer tokens only."""
    folder = tmp_path_factory.mktemp("token-registry")
    with DockerRegistry(folder, tokens=token_server) as registry:
        yield registry


@pytest.fixture
def double() -> Iterator[Double]:
    """A strict double of an OCI 1.1 registry; see :mod:`parts.double`."""
    with Double() as double:
        yield double


@pytest.fixture
def tls_double(authority: Authority) -> Iterator[Double]:
    """The double, speaking TLS; trust its ``ca_file``."""
    with Double(authority=authority) as double:
        yield double


@pytest.fixture
def token_double(token_server: TokenServer) -> Iterator[Double]:
    """The double, taking bearer tokens of ``token_server`` only."""
    with Double(tokens=token_server) as double:
        yield double


@pytest.fixture
def skopeo(tmp_path_factory: pytest.TempPathFactory) -> Skopeo:
    """skopeo, without anybody's credentials."""
    return Skopeo(tmp_path_factory.mktemp("skopeo"))


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman with storage of its own, shared by the tests of one run."""
    with Podman() as podman:
        yield podman


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """A Docker engine, shared by the tests of one run."""
    engine = DockerEngine()
    try:
        yield engine.start()
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def python_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base image as an archive."""
    return python_image.archive(tmp_path_factory.mktemp("base") / "python.tar")


@pytest.fixture(scope="session")
def docker_builder(docker_engine: DockerEngine, python_archive: Path) -> DockerEngine:
    """Docker, with a base image."""
    changes = [word for change in python_image.CHANGES for word in ("--change", change)]
    docker_engine.run("import", *changes, str(python_archive), python_image.NAME)
    return docker_engine


@pytest.fixture(scope="session")
def podman_builder(podman: Podman, python_archive: Path) -> Iterator[Podman]:
    """Podman that answers on a socket, with a base image."""
    changes = [word for change in python_image.CHANGES for word in ("--change", change)]
    podman.run("import", *changes, str(python_archive), python_image.NAME)
    with podman.service():
        yield podman
