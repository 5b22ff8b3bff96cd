"""Real repositories, made by the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Repository:
    """A repository with one commit, of a person with a name."""

    def __init__(self, folder: Path, *, commit: bool = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "Ada Lovelace")
        self.git("config", "user.email", "ada@example.org")
        if commit:
            self.write("train.py", "print('trained')\n")
            self.commit()

    def git(self, *words: str) -> str:
        """What git answers; protocols of files are allowed, for submodules."""
        command = ["git", "-c", "protocol.file.allow=always", *words]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> Path:
        """A file in the repository."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self) -> str:
        """Everything as it is now, committed; the commit's name."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "work")
        return self.head

    @property
    def head(self) -> str:
        """The name of the newest commit."""
        return self.git("rev-parse", "HEAD")


def environment() -> dict[str, str]:
    """This process's environment."""
    return dict(os.environ)
