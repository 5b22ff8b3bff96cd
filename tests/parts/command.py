"""The command line as its users start it: another process, and an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lading.settings import Settings

_SOURCE = str(Path(__file__).resolve().parents[2] / "src")


@dataclass(frozen=True, slots=True)
class Command:
    """Runs ``lading`` with everything it keeps below one folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the person who runs the tests but where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "LADING_HOME": str(self.folder / "data"),
            "LADING_CACHE": str(self.folder / "cache"),
            "PYTHONPATH": _SOURCE,
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
        }

    @property
    def settings(self) -> Settings:
        """What it keeps where, for who prepares something without starting a process."""
        return Settings(home=self.folder / "data", cache=self.folder / "cache")

    def line(self, *arguments: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "lading", *map(str, arguments)]

    def __call__(
        self,
        *arguments: str | Path,
        stdin: str | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, in the folder."""
        return subprocess.run(
            self.line(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
