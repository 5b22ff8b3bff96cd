"""Programs that run beside the tests: started, awaited, ended by their own process id."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Daemon:
    """One program in the background; what it prints goes to a file."""

    def __init__(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else None,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process.poll() is not None

    def wait_for(self, ready: Callable[[], bool], *, seconds: float = 20) -> bool:
        """Wait until it is ready; False when it ended before.

        Raises:
            TimeoutError: neither happened in time; quotes what it printed.
        """
        deadline = time.monotonic() + seconds
        while not self.ended:
            if ready():
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"not ready after {seconds} s:\n{self.printed()}")
            time.sleep(0.01)
        return False

    def printed(self) -> str:
        """The end of what it printed."""
        return self.log.read_text("utf-8", "replace")[-4000:]

    def stop(self, *, seconds: float = 20) -> None:
        """Ask it to end, and insist when it does not."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def run(
    *command: str | Path,
    check: bool = True,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Raises:
        AssertionError: it failed, and ``check`` is set; quotes what it printed.
    """
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=dict(environment) if environment is not None else None,
    )
    if check and done.returncode:
        words = " ".join(str(word) for word in command)
        raise AssertionError(f"{words}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done
