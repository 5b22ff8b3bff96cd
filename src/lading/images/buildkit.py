"""BuildKit, through Docker's command line, where both are there.

The SDK knows the classic builder only, which Docker has declared old. Nothing else needs the
command line: without it, or without BuildKit, ``engine`` builds through the socket.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Final

from lading.errors import LadingError
from lading.images.build import Build, BuildFailed
from lading.images.endpoint import Endpoint

if TYPE_CHECKING:
    from lading.images.context import Context

_SECONDS: Final = 20
# The first Docker whose command line leaves BuildKit to a plugin.
_PLUGIN: Final = 23


def command(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """The command that builds with BuildKit; None where there is none."""
    if environment.get("DOCKER_BUILDKIT") == "0":
        return None
    if _said(("docker", "buildx", "version"), environment) is not None:
        return ("docker", "buildx", "build", "--load")
    version = _said(("docker", "--version"), environment)
    found = re.search(r"version (\d+)\.", version or "")
    return ("docker", "build") if found and int(found[1]) < _PLUGIN else None


def lines(
    command: tuple[str, ...],
    endpoint: Endpoint,
    environment: Mapping[str, str],
    build: Build,
    context: Context,
) -> Generator[str]:
    """What BuildKit says, as it says it.

    Raises:
        BuildFailed: it ended with another status than 0.
    """
    process = subprocess.Popen(
        [*command, *_options(build, context), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(environment, endpoint),
    )
    sending = _Sending(process, context)
    sending.start()
    try:
        for line in process.stdout or ():
            yield line.decode("utf-8", "replace")
        status = process.wait()
        sending.join()
        if sending.error is not None:
            raise sending.error
        if status:
            raise BuildFailed(f"the builder ended with {status}")
    finally:
        # Who stops listening stops the build: BuildKit cancels it when its client is gone.
        if process.poll() is None:
            process.terminate()
            process.wait()
        if process.stdout:
            process.stdout.close()
        sending.join()


class _Sending(threading.Thread):
    """Writes the context while the builder speaks."""

    def __init__(self, process: subprocess.Popen[bytes], context: Context) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._context = context
        self.error: Exception | None = None

    def run(self) -> None:
        pipe = self._process.stdin
        if pipe is None:
            return
        try:
            for block in self._context.stream():
                pipe.write(block)
            pipe.close()
        except BrokenPipeError:
            return  # the builder ended, and says why by itself
        except (LadingError, OSError, ValueError) as error:
            # Carried to the thread that listens, and raised there.
            self.error = error
            self._process.terminate()


def _options(build: Build, context: Context) -> list[str]:
    options = ["--progress=plain", f"--target={build.target}", f"--tag={build.name}"]
    options += [f"--build-arg=SOURCE_DATE_EPOCH={context.epoch}"]
    options += [f"--network={build.network}"] if build.network else []
    options += [f"--platform={build.platform}"] if build.platform else []
    options += ["--no-cache"] if build.fresh else []
    return options


def _environment(environment: Mapping[str, str], endpoint: Endpoint) -> dict[str, str]:
    own = {"DOCKER_BUILDKIT": "1", "DOCKER_HOST": endpoint.url}
    if endpoint.certificates:
        own |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(endpoint.certificates)}
    return {**environment, **own}


def _said(command: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env=dict(environment),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
