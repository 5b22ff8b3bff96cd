"""Engines newer than this machine's: Podman, Docker and Compose from Debian's next release.

Their packages are unpacked into a folder, never installed, and run in a world of their own:
another root, another network, another table of processes. What happens there leaves no trace here.
Where the archive cannot be reached, the tests that need them are counted as not done. Which
versions there are is the archive's choice: it moves.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import parts
from parts.process import Daemon, run
from parts.sid import downloaded

# What a container reaches the registry by, in that world alone.
ADDRESS: Final = "10.77.0.1"
_PACKAGES: Final = (
    *("podman", "conmon", "netavark", "aardvark-dns", "catatonit", "nftables", "iptables", "runc"),
    *("docker.io", "docker-cli", "docker-compose", "containerd", "coreutils", "libc-bin"),
    *("mount", "util-linux", "iproute2", "curl", "ca-certificates"),
)
_KEPT: Final = Path(__file__).parents[2] / ".tests/newer"
_GENERATOR: Final = "/usr/lib/systemd/system-generators/podman-system-generator"
# Becomes the first process of that world: everything ends with it.
_BEGIN: Final = """
set -e
root=$1 shared=$2
mount --make-rprivate /
mount --bind "$root" "$root"
for each in sys dev; do mount --rbind /$each "$root/$each"; done
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/etc/containers"
mount --bind "$shared" "$root/shared"
ip link set lo up
ip link add lading0 type bridge
ip address add 10.77.0.1/24 dev lading0
ip link set lading0 up
cd "$root"
pivot_root . .old
umount -l /.old
exec sleep infinity
"""
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/usr/sbin:/bin:/sbin",
    "HOME": "/shared",
    "DOCKER_HOST": "unix:///run/docker.sock",
    # Said once for each command, of a machine that has the old kind.
    "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
}
_FILES: Final = {
    "storage.conf": '[storage]\ndriver = "overlay"\ngraphroot = "/shared/podman"\n'
    'runroot = "/run/podman"\n',
    # crun refuses the mixture of control groups that some machines have.
    "containers.conf": '[containers]\nlog_driver = "k8s-file"\n'
    'default_ulimits = ["nofile=4096:4096"]\n[engine]\ncgroup_manager = "cgroupfs"\n'
    'events_logger = "file"\nruntime = "runc"\n',
    "registries.conf": "unqualified-search-registries = []\n"
    f'[[registry]]\nlocation = "{ADDRESS}"\ninsecure = true\n',
    "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
}


class NewerEngines:
    """A world with newer engines in it; ``shared`` is ``/shared`` there."""

    def __init__(self) -> None:
        parts.require("unshare", "nsenter", "dpkg-deb", root=True)
        self.root = _root()
        self.shared = Path(tempfile.mkdtemp(prefix="lading-newer-"))
        self._begun: Daemon | None = None
        self._first = 0
        self._others: list[Daemon] = []
        self._registries: set[int] = set()
        self._has_docker = False

    def __enter__(self) -> Self:
        words = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c")
        command = (*words, _BEGIN, "begin", str(self.root), str(self.shared))
        self._begun = Daemon(command, self.shared / "begin.log")
        assert self._begun.wait_for(self._has_begun), self._begun.printed()
        for name, text in _FILES.items():
            (self.shared / name).write_text(text)
            self.run("cp", f"/shared/{name}", f"/etc/containers/{name}")
        self.run("mkdir", "-p", "/etc/containers/systemd")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in self._others:
            each.stop()
        if self._begun is not None:
            self._begun.kill()  # unshare ignores being asked
        shutil.rmtree(self.shared, ignore_errors=True)

    def run(
        self, *command: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        return run(*self._there(*command), check=check, environment=_ENVIRONMENT, timeout=timeout)

    def hosts(self, config: Path, port: int) -> str:
        """Let a registry of this machine answer there as well: its host, as it is known there."""
        if port in self._registries:
            return f"{ADDRESS}:{port}"
        self._registries.add(port)
        text = config.read_text().replace(f"127.0.0.1:{port}", f"{ADDRESS}:{port}")
        copy = self.shared / f"registry-{port}.json"
        copy.write_text(text)
        net = ("nsenter", "--net", f"--target={self._first}")
        program = parts.found("docker-registry")
        log = self.shared / f"registry-{port}.log"
        self._others.append(Daemon((*net, program, "serve", str(copy)), log))
        url = f"http://{ADDRESS}:{port}/v2/"
        assert self._others[-1].wait_for(
            lambda: not self.run("curl", "-s", url, check=False).returncode
        )
        return f"{ADDRESS}:{port}"

    def docker(self, *hosts: str) -> None:
        """Have Docker's engine, which speaks plain http with some registries."""
        if self._has_docker:
            return
        self._has_docker = True
        insecure = (word for host in hosts for word in ("--insecure-registry", host))
        places = ("--data-root=/shared/docker", "--exec-root=/run/docker", "--pidfile=/run/d.pid")
        command = self._there("dockerd", "--host", _ENVIRONMENT["DOCKER_HOST"], *places, *insecure)
        self._others.append(Daemon(command, self.shared / "dockerd.log", environment=_ENVIRONMENT))
        assert self._others[-1].wait_for(
            lambda: not self.run("docker", "version", check=False).returncode, seconds=60
        )

    def units(self) -> str:
        """The systemd units that Podman's own generator makes of what lies in its folder."""
        return self.run(_GENERATOR, "--dryrun").stdout

    def asked(self, url: str, body: str | None = None, *, seconds: float = 60) -> str:
        """What somebody there answers, as soon as he does."""
        words = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "10", url]
        if body is not None:
            words += ["--json", body]
        deadline = time.monotonic() + seconds
        while (done := self.run(*words, check=False)).returncode:
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(0.3)
        return done.stdout

    def _has_begun(self) -> bool:
        assert self._begun is not None
        children = Path(f"/proc/{self._begun.pid}/task/{self._begun.pid}/children")
        for word in children.read_text().split():
            if Path(f"/proc/{word}/cmdline").read_bytes().startswith(b"sleep\0"):
                self._first = int(word)
        return self._first != 0

    def _there(self, *command: str) -> tuple[str, ...]:
        flags = ("--mount", "--net", "--pid", "--root", "--wd", f"--target={self._first}")
        return (parts.found("nsenter"), *flags, *command)


def _root() -> Path:
    """The folder with everything unpacked, made once."""
    if not _KEPT.exists():
        _KEPT.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT.parent) as made:
            root = Path(made) / "root"
            _unpack(downloaded(Path(made), *_PACKAGES), root)
            root.rename(_KEPT)
    return _KEPT


def _unpack(packages: list[Path], root: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        run("dpkg-deb", "--extract", package, root)
    for name in (
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "shared",
        ".old",
        "root",
        "var/tmp",
        "etc/containers",
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    # Nobody is asked; Podman's own name server does not start without one to ask.
    (root / "etc/resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    (root / "etc/group").write_text("root:x:0:\ndocker:x:1:\n")
    # What their scripts would have done, had they been installed.
    for name in ("iptables", "ip6tables", "iptables-save", "iptables-restore"):
        (root / "usr/sbin" / name).unlink(missing_ok=True)
        (root / "usr/sbin" / name).symlink_to("xtables-nft-multi")
