"""A Docker engine of the tests' own, with its own containerd, images and socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import parts
from parts.mounts import unmount_under
from parts.podman import BUSYBOX, busybox_archive
from parts.process import Daemon, run

# Debian's client belongs to Debian's engine; another one may stand before it on PATH.
_CLIENT = Path("/usr/bin/docker")


class DockerEngine:
    """Runs dockerd without touching the machine's network; containers need ``network=none``."""

    def __init__(self) -> None:
        parts.require("dockerd", "runc", "busybox", "tar", root=True)
        self.program = parts.found("dockerd")
        # The engine's sockets need a short path, whatever the test's own folder is called.
        self.folder = Path(tempfile.mkdtemp(prefix="lading-engine-"))
        self.socket = self.folder / "docker.sock"
        self.log = self.folder / "dockerd.log"
        self._daemon: Daemon | None = None

    @property
    def url(self) -> str:
        """What DOCKER_HOST is set to."""
        return f"unix://{self.socket}"

    @property
    def client_program(self) -> str:
        """The docker that belongs to it."""
        return str(_CLIENT) if _CLIENT.exists() else parts.found("docker")

    def start(self) -> Self:
        """Start it and wait until it answers."""
        folder = self.folder
        command = [
            *(self.program, "--host", self.url, "--config-file", str(folder / "daemon.json")),
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
            *("--pidfile", str(folder / "pid"), "--log-level", "warn"),
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
        ]
        (folder / "daemon.json").write_text("{}")
        environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        self._daemon = Daemon(command, self.log, environment=environment)
        if not self._daemon.wait_for(self._answers, seconds=60):
            raise RuntimeError(f"dockerd does not start:\n{self._daemon.printed()}")
        return self

    def stop(self) -> None:
        """End it and its containerd, and remove everything."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None
        self._end_containerd()
        unmount_under(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def client(self) -> Any:
        """A ``docker.DockerClient``; close it."""
        import docker

        return docker.DockerClient(base_url=self.url, version="auto", timeout=60)

    def run(
        self, *arguments: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run ``docker`` with these arguments."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        environment["DOCKER_HOST"] = self.url
        return run(
            self.client_program, *arguments, check=check, environment=environment, timeout=timeout
        )

    def busybox(self) -> str:
        """The name of an image with a shell and the usual programs, made of this machine's own."""
        if self.run("image", "inspect", BUSYBOX, check=False).returncode:
            archive = busybox_archive(self.folder / "busybox.tar")
            self.run("import", "--change", "ENV PATH=/bin", str(archive), BUSYBOX)
        return BUSYBOX

    def extract(self, image: str, into: Path) -> None:
        """Write the files of an image that has no program to run into a folder."""
        container = self.run("create", image, "nothing").stdout.strip()
        archive = self.folder / f"{container}.tar"
        try:
            self.run("export", "--output", str(archive), container)
            into.mkdir(parents=True, exist_ok=True)
            run("tar", "-C", into, "-xf", archive)
        finally:
            self.run("rm", container)
            archive.unlink(missing_ok=True)

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        return self.run("version", "--format", "{{.Server.Version}}", check=False).returncode == 0

    def _end_containerd(self) -> None:
        """dockerd ends its containerd by itself, unless it was killed."""
        file = self.folder / "exec/containerd/containerd.pid"
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGTERM)
