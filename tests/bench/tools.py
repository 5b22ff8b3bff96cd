"""The command lines of all tools, each in an environment of its own.

A tool works in a *place*: a fresh folder with a home and a cache that nobody used before.
Python programs are started as the scripts that pip makes for them, all by one interpreter.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.artifact import Artifact
from bench.measure import Command
from parts.registry import DockerRegistry
from parts.server import Server

Registry = DockerRegistry | Server

_HERE = Path(__file__).parent
_TESTS = _HERE.parent
_SOURCE = _TESTS.parent / "src"
# What pip writes for an entry point of [project.scripts].
_SCRIPT = """\
#!{python}
import sys
from {module} import main
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh folder for one tool in one round, and the registry that it talks to."""

    folder: Path
    registry: Registry
    repository: str

    @property
    def out(self) -> Path:
        """Where a pull puts its files."""
        return self.folder / "out"

    @property
    def reference(self) -> str:
        return f"{self.registry.host}/{self.repository}:1.0.0"

    @property
    def url(self) -> str:
        """The repository in the distribution API."""
        return f"{self.registry.origin}/v2/{self.repository}"

    def command(self, *line: str | Path) -> Command:
        """A command line, in an environment without anything of the caller's."""
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join([str(_SOURCE), str(_TESTS)]),
            "LADING_HOME": str(self.folder / "lading"),
            "LADING_CACHE": str(self.folder / "cache"),
        }
        if self.registry.authority is not None:
            environment["LADING_CA_FILE"] = str(self.registry.ca_file)
        return Command(tuple(map(str, line)), environment, self.folder)


@dataclass(frozen=True, slots=True)
class Scripts:
    """The console scripts of Lading and of an empty Typer application: equals but for the name."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> Scripts:
        folder.mkdir(exist_ok=True)
        for name, module in {"lading": "lading.cli.app", "empty": "bench.empty"}.items():
            script = folder / name
            script.write_text(_SCRIPT.format(python=sys.executable, module=module))
            script.chmod(0o755)
        return cls(folder)

    def lading(self, place: Place, *arguments: str | Path) -> Command:
        return place.command(self.folder / "lading", *arguments)

    def empty(self, place: Place) -> Command:
        return place.command(self.folder / "empty")


def curl_pull(place: Place, artifact: Artifact) -> Command:
    """Every blob into a file, one after the other over one connection, nothing hashed."""
    place.out.mkdir()
    config = artifact.download(place.url, place.out)
    return place.command("curl", "-q", "-sSf", "--fail-early", *_curl_tls(place), "-K", config)


def curl_pull_then_openssl(place: Place, artifact: Artifact) -> Command:
    """The same, then ``openssl dgst`` over every file (coreutils' sha256sum is slower)."""
    pull = curl_pull(place, artifact)
    script = '"$@" && openssl dgst -sha256 -r out/*'
    return place.command("sh", "-c", script, "sh", *pull.line)


def curl_push(place: Place, artifact: Artifact) -> Command:
    """Every blob with digests that are known already."""
    return _curl_push(place, artifact.script(place.folder, digests=True))


def openssl_then_curl_push(place: Place, artifact: Artifact) -> Command:
    """First the digests, then every blob."""
    return _curl_push(place, artifact.script(place.folder, digests=False))


def _curl_push(place: Place, folder: Path) -> Command:
    script = _HERE / "push_with_curl.sh"
    return place.command(script, place.url, folder, *_curl_tls(place))


def _curl_tls(place: Place) -> tuple[str, ...]:
    if not place.registry.authority:
        return ()
    # HTTP/2 would be agreed on, and is slower here both ways: the quicker peer is the fair one.
    return ("--cacert", str(place.registry.ca_file), "--http1.1")


def oras_push(place: Place, artifact: Artifact) -> Command:
    return _oras(place, "push", artifact.model.folder)


def oras_pull(place: Place) -> Command:
    place.out.mkdir()
    return _oras(place, "pull", place.out)


def _oras(place: Place, verb: str, folder: Path) -> Command:
    return place.command(sys.executable, _HERE / "oras_py.py", verb, place.reference, folder)


def skopeo_push(place: Place, artifact: Artifact) -> Command:
    """From a ``dir:`` folder; the layers stay as they are (skopeo would compress them)."""
    flags = ("--dest-tls-verify=false", "--preserve-digests")
    return _skopeo(place, *flags, f"dir:{artifact.skopeo}", f"docker://{place.reference}")


def skopeo_pull(place: Place) -> Command:
    flags = ("--src-tls-verify=false", "--preserve-digests")
    return _skopeo(place, *flags, f"docker://{place.reference}", f"dir:{place.out}")


def skopeo_bundle(seed: Place, place: Place) -> Command:
    """The same version, index and all, into one file."""
    flags = ("--all", "--src-tls-verify=false", "--preserve-digests")
    return _skopeo(place, *flags, f"docker://{seed.reference}", f"oci-archive:{_archive(place)}")


def skopeo_unbundle(place: Place) -> Command:
    flags = ("--all", "--dest-tls-verify=false", "--preserve-digests")
    return _skopeo(place, *flags, f"oci-archive:{_archive(place)}", f"docker://{place.reference}")


def _archive(place: Place) -> str:
    return f"{place.folder / 'bundle.tar'}:{place.repository}:1.0.0"


def _skopeo(place: Place, *arguments: str) -> Command:
    # A machine without containers-common has no policy file.
    return place.command("skopeo", "--insecure-policy", "copy", "--quiet", *arguments)
