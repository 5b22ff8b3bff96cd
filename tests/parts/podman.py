"""Podman with storage, configuration and runtime state of its own."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import parts
from parts.mounts import can_overlay, unmount_under
from parts.process import Daemon, run

BUSYBOX = "localhost/busybox:local"


class Podman:
    """Runs podman as root, with runc.

    Registries on 127.0.0.1 are spoken to by plain http. ``busybox()`` is an image to run
    that nobody has to download.
    """

    def __init__(self, folder: Path | None = None) -> None:
        parts.require("podman", "runc", "busybox", "tar", root=True)
        self.program = parts.found("podman")
        # Sockets live here: a short path, whatever the test's own folder is called.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="lading-podman-"))
        self.auth_file = self.folder / "auth.json"
        self._configure()

    def run(
        self, *arguments: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run ``podman`` with these arguments."""
        command = (self.program, *arguments)
        return run(*command, check=check, environment=self._environment, timeout=timeout)

    @property
    def url(self) -> str:
        """What DOCKER_HOST is set to, while :meth:`service` runs."""
        return f"unix://{self.folder / 'podman.sock'}"

    @contextlib.contextmanager
    def service(self) -> Iterator[str]:
        """Let it answer on a socket, as Docker's engine does."""
        command = [self.program, "system", "service", "--time", "0", self.url]
        log = self.folder / "service.log"
        daemon = Daemon(command, log, environment=self._environment)
        try:
            socket = self.folder / "podman.sock"
            if not daemon.wait_for(socket.exists):
                raise RuntimeError(f"podman system service does not start:\n{daemon.printed()}")
            yield self.url
        finally:
            daemon.stop()

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(self.folder),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "REGISTRY_AUTH_FILE": str(self.auth_file),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def busybox(self) -> str:
        """The name of an image with a shell and the usual programs, made of this machine's own."""
        if self.run("image", "exists", BUSYBOX, check=False).returncode:
            archive = busybox_archive(self.folder / "busybox.tar")
            self.run("import", "--change", "ENV PATH=/bin", str(archive), BUSYBOX)
        return BUSYBOX

    def run_mounted(self, image: str, *command: str, at: str = "/model") -> str:
        """What a command prints in a busybox container that has an image mounted."""
        mount = f"type=image,source={image},destination={at}"
        flags = ("--rm", "--network=none", "--mount", mount)
        return self.run("run", *flags, self.busybox(), *command).stdout

    def close(self) -> None:
        """End every container and remove everything."""
        self.run("rm", "--all", "--force", "--time", "0", check=False)
        unmount_under(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _configure(self) -> None:
        folder = self.folder
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        driver = "overlay" if can_overlay(folder) else "vfs"
        files = {
            "storage.conf": f"""
                [storage]
                driver = "{driver}"
                graphroot = "{folder}/root"
                runroot = "{folder}/run"
            """,
            "containers.conf": f"""
                [containers]
                default_ulimits = [{_limits()}]
                log_driver = "k8s-file"
                [engine]
                cgroup_manager = "cgroupfs"
                events_logger = "file"
                runtime = "runc"
                tmp_dir = "{folder}/libpod"
                image_copy_tmp_dir = "{folder}/tmp"
            """,
            # Podman refuses a file that is named and not there.
            "auth.json": "{}",
            "registries.conf": """
                unqualified-search-registries = []
                [[registry]]
                location = "127.0.0.1"
                insecure = true
            """,
        }
        for name, text in files.items():
            (folder / name).write_text("\n".join(line.strip() for line in text.splitlines()))


def busybox_archive(archive: Path) -> Path:
    """A tar of a root file system made of the machine's own busybox, static or not."""
    with tempfile.TemporaryDirectory() as scratch:
        programs = Path(scratch) / "bin"
        programs.mkdir()
        (Path(scratch) / "tmp").mkdir()
        shutil.copy(parts.found("busybox"), programs / "busybox")
        for library in _libraries(programs / "busybox"):
            copy = Path(scratch) / library.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)
        for name in ("sh", "cat", "ls", "ln", "find", "sha256sum", "stat", "sleep", "echo", "cp"):
            (programs / name).symlink_to("busybox")
        run("tar", "-C", scratch, "-cf", archive, ".")
    return archive


def _libraries(program: Path) -> list[Path]:
    """What a program needs to start: nothing for a static one."""
    listed = run("ldd", program, check=False).stdout.split()
    return [Path(word) for word in listed if word.startswith("/")]


def _limits() -> str:
    """Default limits within the machine's own: podman's are above what a container may have."""
    names = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    limits = []
    for name, number in names.items():
        _, hard = resource.getrlimit(number)
        value = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
        limits.append(json.dumps(f"{name}={value}:{value}"))
    return ", ".join(limits)
