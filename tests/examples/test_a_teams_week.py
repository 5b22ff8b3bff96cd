"""``examples/a_teams_week.md`` happens as it is written, against a real registry."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parts.command import Command
from parts.registry import DockerRegistry

TEXT = (Path(__file__).parents[2] / "examples" / "a_teams_week.md").read_text("utf-8")
HOST = "registry.example.com"
PEOPLE = {"ada": "Ada", "ben": "Ben", "grace": "Grace", "ci": "ci", "auditor": "Alan"}
DAYS = {
    "Monday": "2026-11-16T09:00:00+00:00",
    "Tuesday": "2026-11-17T09:00:00+00:00",
    "Wednesday": "2026-11-18T09:00:00+00:00",
    "Thursday": "2026-11-19T09:00:00+00:00",
    "Friday": "2026-11-20T09:00:00+00:00",
}
PROMPT = re.compile(r"(ada|ben|grace|ci|auditor)\$ lading (.*?)(?:  # exits with (\d+))?")


@dataclass(slots=True)
class Step:
    """One command: who runs it, when, how it ends, and what it answers."""

    who: str
    day: str
    words: list[str]
    code: int
    answer: list[str] = field(default_factory=list)


def steps() -> Iterator[Step]:
    """The commands of the text, in order."""
    for chapter in TEXT.split("\n## ")[1:]:
        day = chapter.partition(":")[0]
        step: Step | None = None
        for block in re.findall(r"```console\n(.*?)```", chapter, flags=re.DOTALL):
            for line in block.splitlines():
                if match := PROMPT.fullmatch(line):
                    if step:
                        yield step
                    step = Step(match[1], day, shlex.split(match[2]), int(match[3] or 0))
                else:
                    assert step, line
                    step.answer.append(line)
        if step:
            yield step


def pattern(answer: list[str], host: str) -> re.Pattern[str]:
    """What an answer must be like: ``…`` in a line is anything, alone on one any lines."""
    pieces = []
    for line in answer:
        if line == "…":
            pieces.append(r"(?:.*\n)*?")
            continue
        text = re.escape(line.replace(HOST, host)).replace("…", ".*")
        # Columns are as wide as what is in them.
        pieces.append(re.sub(r"(?:\\ )+", r" +", text) + r" *\n")
    return re.compile("".join(pieces))


def test_the_week_happens_as_it_is_written(
    tmp_path: Path, registry: DockerRegistry, repository: str
) -> None:
    host = f"{registry.host}/{repository.partition('/')[0]}-week"
    policy = re.search(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    assert policy
    for who in PEOPLE:
        (tmp_path / who).mkdir()
        (tmp_path / who / "lading-policy.yaml").write_text(policy[1])
    for who in ("ada", "ben"):
        (tmp_path / who / who).mkdir()
        (tmp_path / who / who / "model.safetensors").write_bytes(os.urandom(10_000))
    seen = []

    for step in steps():
        command = Command(tmp_path / step.who)
        words = [word.replace(HOST, host) for word in step.words]
        done = subprocess.run(
            [sys.executable, "-m", "parts.at", DAYS[step.day], *words],
            cwd=command.folder,
            env=command.environment
            | {
                "LADING_ACTOR": PEOPLE[step.who],
                "LADING_AUTHOR": PEOPLE[step.who],
                "PYTHONPATH": os.pathsep.join(
                    (command.environment["PYTHONPATH"], str(Path(__file__).parents[1]))
                ),
                "COLUMNS": "200",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        told = done.stdout + done.stderr

        assert done.returncode == step.code, f"{step}\n{told}"
        assert pattern(step.answer, host).fullmatch(told), f"{step}\n{told}"
        seen.append(step.day)

    assert list(dict.fromkeys(seen)) == list(DAYS)
