"""Examples that are told in Markdown and happen as they are written.

A block with a name is a file, one of Python a cell of a notebook, one of text after it what it
prints, and one of a console has commands with their answers: ``…`` in a line is anything, alone on
one any lines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

from parts import python_image
from parts.command import Command
from parts.docker_engine import DockerEngine

EXAMPLES = Path(__file__).parents[2] / "examples"
_BLOCK = re.compile(r"^```(\w+)(?: ([\w.-]+))?\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(slots=True)
class Step:
    """A file to write, a cell or a command to run, and what it answers."""

    kind: str
    text: str
    name: str = ""
    answer: str = ""

    def pattern(self) -> re.Pattern[str]:
        """What the answer must be like."""
        pieces = []
        for line in self.answer.splitlines():
            if line == "…":
                pieces.append(r"(?:.*\n)*?.*")
            else:
                pieces.append(re.escape(line).replace("…", ".*") + r" *\n?")
        return re.compile("".join(pieces))


def steps(told: str) -> Iterator[Step]:
    """What happens in a text, in order."""
    last: Step | None = None
    for kind, file, text in _BLOCK.findall(told):
        if file:
            yield Step("file", text, file)
        elif kind == "text" and last:
            last.answer = text
        elif kind == "python":
            last = Step("python", text)
            yield last
        elif kind == "console":
            for each in text.split("\n$ "):
                line, _, answer = each.removeprefix("$ ").partition("\n")
                yield Step("console", line, answer=answer)


@dataclass(slots=True)
class Story:
    """Where an example happens: a folder, and programs that go before those of the machine."""

    folder: Path
    environment: Mapping[str, str]
    # What stands in the text, and what is meant.
    words: Mapping[str, str]
    programs: dict[str, str] = field(default_factory=dict)
    # Commands that other tests run: how they begin.
    left_out: tuple[str, ...] = ()

    @classmethod
    def with_docker(cls, folder: Path, host: str, docker: DockerEngine) -> Story:
        """One with a registry and an engine that has a base; curl asks the newest container."""
        # A lock is to have what the cells run with.
        installed = {each.name: each.version for each in distributions() if each.name != "lading"}
        constraints = folder / "constraints.txt"
        constraints.write_text("".join(f"{name}=={own}\n" for name, own in installed.items()))
        environment = {
            **Command(folder).environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LADING_ACTOR": "Ada",
            "LADING_BASE_IMAGE": python_image.NAME,
            "LADING_BUILD_NETWORK": "host",
            "LADING_BUILDER": docker.url,
            "UV_CONSTRAINT": str(constraints),
            "UV_CACHE_DIR": str(folder / "uv"),
            "COLUMNS": "200",
        }
        passed = {name: text for name, text in os.environ.items() if name.startswith("SSL_CERT")}
        return cls(
            folder,
            {**environment, **passed},
            {"registry.example.com": host},
            _docker_programs(docker),
        )

    def happens(self, text: str) -> int:
        """Run it from top to bottom; the number of steps. Fails where an answer is another."""
        self._write_programs()
        # An answer follows its cell, so all are read before the first is run.
        told = [step for step in steps(text) if not step.text.startswith(self.left_out)]
        for step in told:
            self._take(step)
        return len(told)

    def _take(self, step: Step) -> None:
        text = self._meant(step.text)
        if step.kind == "file":
            (self.folder / step.name).write_text(text)
            return
        program = [sys.executable, "-c"] if step.kind == "python" else ["sh", "-c"]
        done = subprocess.run(
            [*program, text],
            cwd=self.folder,
            env={**self.environment, "PATH": f"{self._bin}:{self.environment['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        if not step.answer:
            assert done.returncode == 0, f"{text}\nanswers\n{done.stdout}"
            return
        step.answer = self._meant(step.answer)
        assert step.pattern().fullmatch(done.stdout), f"{text}\nanswers\n{done.stdout}"

    def _meant(self, text: str) -> str:
        for word, meaning in self.words.items():
            text = text.replace(word, meaning)
        return text

    @property
    def _bin(self) -> Path:
        return self.folder / "bin"

    def _write_programs(self) -> None:
        self._bin.mkdir()
        own = {"lading": f'exec {sys.executable} -m lading "$@"'}
        for name, script in {**own, **self.programs}.items():
            (self._bin / name).write_text(f"#!/bin/bash\n{script}\n")
            (self._bin / name).chmod(0o755)


def _docker_programs(docker: DockerEngine) -> dict[str, str]:
    """docker and curl, where the engine of the tests has no network to give to containers.

    A container has a network of its own with nothing in it; curl asks from inside of the newest.
    """
    own = f"DOCKER_HOST={docker.url} {docker.client_program}"
    return {
        "docker": f"""
words=()
for word in "$@"; do
    case $word in
        8080:8080) words[-1]=--network=none ;;
        *) words+=("$word") ;;
    esac
done
{own} "${{words[@]}}"
""",
        "curl": f"""
pid=$({own} inspect --format '{{{{.State.Pid}}}}' $({own} ps --quiet --latest))
exec nsenter --net="/proc/$pid/ns/net" {shutil.which("curl")} "$@"
""",
    }
