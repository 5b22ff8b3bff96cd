"""``examples/gitops/follow-a-stage.yml``: its own scripts, run in a real git repository.

A version is promoted, and a commit with other digests is pushed; it is rolled back, and another one
takes the same digests back. Only git, a registry and Lading take part; nothing applies the commits.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from examples.test_pipelines import Loader, commands, demand_parses
from operations.tied import tie
from parts.command import Command
from parts.registry import DockerRegistry
from schemas.validators import check

from lading.operations.promote import promote
from lading.operations.push import push

WORKFLOW = Path(__file__).parents[2] / "examples" / "gitops" / "follow-a-stage.yml"
READ = yaml.load(WORKFLOW.read_text(), Loader)
DIGESTS = "deploy/fraud/digests.yaml"
# Those before it fetch Lading and log in.
STEPS = [step["name"] for step in READ["jobs"]["follow"]["steps"] if "name" in step][1:]


def script(job: str, name: str) -> str:
    (found,) = [step["run"] for step in READ["jobs"][job]["steps"] if step.get("name") == name]
    return str(found)


class Team:
    """A registry with two versions, and a clone of a repository that a cluster follows."""

    def __init__(self, folder: Path, place: str) -> None:
        self.folder, self.place = folder, place
        self.lading = Command(folder)
        program = folder / "programs" / "lading"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lading "$@"\n')
        program.chmod(0o755)
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = self.lading.environment | READ["env"] | {"PATH": path}
        self.clone = folder / "clone"
        self.run(f"git init -q --bare --initial-branch=main '{folder}/origin'", cwd=folder)
        self.run(f"git clone -q '{folder}/origin' '{self.clone}'", cwd=folder)
        self.run("git symbolic-ref HEAD refs/heads/main")

    def run(self, text: str, cwd: Path | None = None) -> str:
        """A script as a workflow runs it."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text],
            cwd=cwd or self.clone,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def follow(self) -> None:
        """The steps of the workflow, in their order; whatever fails ends it."""
        for step in STEPS:
            self.run(script("follow", step))

    def commits(self) -> list[str]:
        """What the cluster's repository has, the newest first."""
        return self.run("git log --format=%s origin/main").splitlines()

    def changed(self, revision: str) -> tuple[set[str], list[str]]:
        """The files of a commit, and the lines that it took and gave."""
        names = set(self.run(f"git show --format= --name-only {revision}").split())
        lines = self.run(f"git show --format= --unified=0 {revision}").splitlines()
        return names, [line for line in lines if re.match(r"[+-](?![+-])", line)]


@pytest.fixture
def team(tmp_path: Path, registry: DockerRegistry, repository: str) -> Team:
    place = f"{registry.host}/{repository}"
    made = Team(tmp_path, place)
    settings = replace(made.lading.settings, actor="tests")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    for version in ("1.0.0", "1.1.0"):
        (tmp_path / "weights.bin").write_bytes(version.encode())
        push(tmp_path / "weights.bin", f"{place}:{version}", settings=settings)
        tie(f"{place}:{version}", settings, target="runtime", says=version)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    made.run(f"lading deploy {place} --stage prod --name fraud -o deploy/fraud --replicas 2")
    made.run(f"echo '# Questions: the fraud team.' >> {DIGESTS}")
    made.run(
        "git add -A && git -c user.name=t -c user.email=t@example.com commit -qm 'Deploy fraud'"
        " && git push -q -u origin main"
    )
    return made


def test_a_promotion_is_a_commit_of_digests_and_a_rollback_is_another(team: Team) -> None:
    begun = (team.clone / DIGESTS).read_text()
    team.follow()
    unchanged = team.commits()

    team.run(f"lading promote {team.place}:1.1.0 prod")
    team.follow()
    team.follow()
    rolled_out, there = team.changed("HEAD")
    team.run(f"lading rollback {team.place} prod")
    team.follow()
    rolled_back, back = team.changed("HEAD")

    assert unchanged == ["Deploy fraud"]
    assert [subject.replace('"', "") for subject in team.commits()] == [
        "Have prod run fraud 1.0.0",
        "Have prod run fraud 1.1.0",
        "Deploy fraud",
    ]
    assert rolled_out == rolled_back == {DIGESTS}
    for lines in (there, back):
        assert len([line for line in lines if line.startswith("+")]) == len(lines) / 2 == 7
        assert all("sha256:" in line or "dev.lading/version:" in line for line in lines)
    ended = (team.clone / DIGESTS).read_text()
    assert ended.endswith("# Questions: the fraud team.\n")
    # The first version again, put there by another event.
    without = re.compile(r"dev.lading/event: .*")
    assert without.sub("", ended) == without.sub("", begun) != begun


def test_a_pull_request_is_checked_and_a_tag_in_it_is_refused(team: Team) -> None:
    wording = script("check", "look whether it may be deployed")
    team.run(wording)
    team.run(f"lading promote {team.place}:1.1.0 prod")
    # The stage moved on: that alone stops nobody.
    team.run(wording)

    path = team.clone / "deploy" / "fraud" / "deployment.yaml"
    path.write_text(path.read_text().replace("containers:\n", "containers:\n" + SIDECAR))

    with pytest.raises(AssertionError, match="is not named by digest"):
        team.run(wording)


def test_nothing_is_pushed_unseen(team: Team) -> None:
    """Neither what a stage may not have any more, nor documents that a check would refuse."""
    (team.clone / "lading-policy.yaml").write_text(
        "stages: {prod: {protected: true, approvals: 1}}\n"
    )
    approve = f"LADING_ACTOR=bob@example.com lading %s {team.place}:1.1.0 --stage prod"
    team.run(approve % "approve")
    team.run(f"lading promote {team.place}:1.1.0 prod")
    path = team.clone / "deploy" / "fraud" / "deployment.yaml"
    written = path.read_text()

    path.write_text(written.replace("containers:\n", "containers:\n" + SIDECAR))
    with pytest.raises(AssertionError, match="is not named by digest"):
        team.follow()
    team.run("git checkout -q -- deploy")
    team.run(approve % "reject" + " --because alarms")
    with pytest.raises(AssertionError, match="prod may not have"):
        team.follow()

    assert team.commits() == ["Deploy fraud"]
    assert team.run("git status --porcelain -- deploy") == ""
    team.run(approve % "approve")
    team.follow()
    assert "1.1.0" in team.commits()[0]


SIDECAR = "      - name: proxy\n        image: r.io/proxy:1.2\n"


def test_the_workflow_is_what_githubs_schema_says_and_its_words_are_verbs() -> None:
    check("github-workflow", READ)
    found = [
        words
        for job in READ["jobs"].values()
        for step in job["steps"]
        for words in commands(step.get("run", ""))
    ]
    assert [words[:2] for words in found] == [
        ["login", "$REGISTRY"],
        ["deploy", "update"],
        ["deploy", "--check"],
        ["deploy", "--check"],
    ]
    demand_parses(found[0])
