"""The pipelines in ``examples/ci``: valid, careful with secrets, and run here as they stand."""

from __future__ import annotations

import json
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hooks.conftest import Receiver
from parts.command import Command
from parts.registry import DockerRegistry
from schemas.validators import check

from lading.cli.verbs import VERBS, load

CI = Path(__file__).parents[2] / "examples" / "ci"
WORKFLOWS = sorted((CI / "github").glob("*.yml"))
GITLAB = CI / "gitlab" / "lading.gitlab-ci.yml"
SCRIPTS = sorted(CI.glob("*.sh"))
SECRET = "glpat-0123456789"

POLICY = "stages: {staging: {}, prod: {protected: true, approvals: 1, not_author: true}}\n"
PLACEHOLDER = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")


class Loader(yaml.SafeLoader):
    """YAML as GitHub and GitLab read it: ``on`` is a word."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def read(path: Path) -> dict[str, Any]:
    value = yaml.load(path.read_text(), Loader)
    assert isinstance(value, dict)
    return value


def jobs(path: Path) -> list[dict[str, Any]]:
    return list(read(path)["jobs"].values())


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path) for step in job["steps"]]


def scripts() -> Iterator[tuple[str, str]]:
    """Every script of every pipeline, with where it stands."""
    for path in WORKFLOWS:
        yield from ((path.name, step["run"]) for step in steps(path) if "run" in step)
    gitlab = read(GITLAB)
    for name, part in gitlab.items():
        if isinstance(part, dict):
            for key in ("before_script", "script"):
                yield from ((f"gitlab {name}", line) for line in part.get(key, ()))
    readme = (CI / "README.md").read_text()
    yield from (("README", line) for line in re.findall(r"^    (lading .*)$", readme, re.M))
    for path in SCRIPTS:
        yield from (
            (path.name, line) for line in re.findall(r"(lading watch .*)$", path.read_text(), re.M)
        )


def commands(script: str) -> Iterator[list[str]]:
    """The command lines of ``lading`` in a script, wherever the shell would start one."""
    joined = re.sub(r"\|\s*\n", "| ", script.replace("\\\n", " "))
    for line in joined.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
        lexer.whitespace_split = True
        words: list[str] | None = None
        for token in lexer:
            if set(token) <= set("();<>|&"):
                if words is not None:
                    yield words
                words = None
            elif words is not None:
                words.append(token)
            elif token == "lading":
                words = []
        if words is not None:
            yield words


LINES = [
    pytest.param(words, id=f"{where}: {' '.join(words[:3])}")
    for where, script in scripts()
    for words in commands(script)
]


def demand_parses(words: list[str]) -> None:
    """Let the command line's own parser read the words; nothing is run."""
    name, *rest = words
    assert name in VERBS, f"there is no verb {name}"
    command = load(name)
    while subcommands := getattr(command, "commands", None):
        assert rest and rest[0] in subcommands, f"{name} has no {rest[:1]}"
        command, rest = subcommands[rest[0]], rest[1:]
    command.make_context(name, list(rest))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_what_githubs_schema_says(path: Path) -> None:
    check("github-workflow", read(path))


def test_the_gitlab_pipeline_is_what_gitlabs_schema_says() -> None:
    check("gitlab-ci", read(GITLAB))


def test_the_schemas_find_mistakes() -> None:
    workflow, gitlab = read(WORKFLOWS[0]), read(GITLAB)
    del next(iter(workflow["jobs"].values()))["runs-on"]
    gitlab["deploy"]["scripts"] = gitlab["deploy"].pop("script")

    with pytest.raises(Exception, match="not valid under any"):
        check("github-workflow", workflow)
    with pytest.raises(Exception, match="scripts"):
        check("gitlab-ci", gitlab)


@pytest.mark.parametrize("words", LINES)
def test_every_command_is_one_that_lading_knows(words: list[str]) -> None:
    demand_parses(words)


def test_commands_are_found_wherever_they_stand() -> None:
    found = [words[0] for where, script in scripts() for words in commands(script)]

    assert len(found) > 20
    assert {"login", "push", "evaluate", "request", "promote", "event", "pull"} < set(found)
    assert {"record", "watch", "hook"} < set(found)


@pytest.mark.parametrize(
    "line",
    [
        *("lading deploy x", "lading push a b --bumb auto", "lading event list x"),
        *("lading tag x", "x=$(lading promote)", "true && lading watch"),
    ],
)
def test_a_command_that_lading_does_not_know_would_be_found(line: str) -> None:
    (words,) = commands(line)

    with pytest.raises(BaseException) as raised:
        demand_parses(words)

    assert not isinstance(raised.value, KeyError | AttributeError)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_no_more_than_it_must(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}
    assert all("permissions" not in job and job["timeout-minutes"] <= 60 for job in jobs(path))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_and_leaves_no_token_behind(path: Path) -> None:
    lines = re.findall(r"uses: (.*)$", path.read_text(), re.M)

    assert lines
    for line in lines:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_text_from_outside_becomes_part_of_a_script(path: Path) -> None:
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        secrets = re.findall(r"secrets\.\w+", json.dumps(step))
        assert not secrets or step["name"] == "log in"


def test_no_password_stands_on_a_command_line() -> None:
    for _, script in scripts():
        for words in commands(script):
            assert "--password" not in words and "-p" not in words
            assert (words[0] == "login") == ("--password-stdin" in words)


# --- run for real ---------------------------------------------------------------------------


class Desk:
    """A checkout with the team's own files, and ``lading`` on the path."""

    def __init__(self, lading: Command, registry: DockerRegistry, model: str) -> None:
        self.lading, self.folder = lading, lading.folder
        self.model = f"{registry.host}/{model}"
        tools = self.folder / "tools"
        tools.mkdir()
        self._program(tools / "lading", f'exec {sys.executable} -m lading "$@"')
        self._program(tools / "python", f'exec {sys.executable} "$@"')
        self._program(self.folder / "deploy.sh", 'ls model > deployed; echo "$1" >> deployed')
        train = "import json, pathlib\npathlib.Path('model').mkdir(exist_ok=True)\n"
        train += "pathlib.Path('model/weights.bin').write_bytes(b'weights')\n"
        train += "json.dump({'auc': 0.93}, open('metrics.json', 'w'))\n"
        (self.folder / "train.py").write_text(train)
        (self.folder / "lading-policy.yaml").write_text(POLICY)
        self.environment = lading.environment | {
            "PATH": f"{tools}:{lading.environment['PATH']}",
            "REGISTRY": registry.host,
            "MODEL": self.model,
            "REGISTRY_USER": "ada",
            "REGISTRY_PASSWORD": "secret",
            "GITHUB_OUTPUT": str(self.folder / "output"),
        }

    def _program(self, path: Path, line: str) -> None:
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def workflow(self, name: str, context: Mapping[str, str]) -> int:
        """Run a workflow's steps as a runner would; the code of the first that fails."""
        outputs = dict(context)

        def filled(values: Mapping[str, str]) -> dict[str, str]:
            return {
                key: PLACEHOLDER.sub(lambda match: outputs[match[1]], value)
                for key, value in values.items()
            }

        path = CI / "github" / name
        common = {"LADING_ACTOR": read(path)["env"]["LADING_ACTOR"]}
        for step in steps(path):
            if "run" not in step or "pip install" in step["run"]:
                continue
            if "if" in step and outputs["steps.prod.outputs.kind"] != "assigned":
                continue
            done = self.run(step["run"], **filled(common | step.get("env", {})))
            if done.returncode:
                print(done.stdout, done.stderr)
                return done.returncode
            outputs |= {f"steps.{step.get('id')}.outputs.{k}": v for k, v in self._outputs()}
        return 0

    def gitlab(self, job: str, **variables: str) -> int:
        """Run a job's lines as a runner would."""
        pipeline = read(GITLAB)
        lines = [*pipeline["default"]["before_script"], *pipeline[job]["script"]]
        script = "\n".join(line for line in lines if "pip install" not in line)
        done = self.run(script, **variables)
        print(done.stdout, done.stderr)
        return done.returncode

    def approve(self, version: str) -> None:
        done = self.lading(
            *("approve", f"{self.model}:{version}", "--stage", "prod"), LADING_ACTOR="bob"
        )
        assert done.returncode == 0, done.stderr

    def kinds(self) -> list[str]:
        done = self.lading("history", self.model, "--json")
        assert done.returncode == 0, done.stderr
        return [event["kind"] for event in json.loads(done.stdout)["events"]]

    def deployed(self) -> list[str]:
        return (self.folder / "deployed").read_text().split()

    def _outputs(self) -> Iterator[tuple[str, str]]:
        """What the step wrote, in both of the forms that there are."""
        path = Path(self.environment["GITHUB_OUTPUT"])
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        yield from re.findall(r"^(\w+)=(.*)$", text, re.M)
        yield from re.findall(r"^(\w+)<<\w+\n(.*)\n\w+$", text, re.M)


@pytest.fixture
def lading(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def desk(lading: Command, password_registry: DockerRegistry, repository: str) -> Desk:
    return Desk(lading, password_registry, repository)


HAPPENED = ["registered", "requested", "approved", "assigned", "deployed"]


def test_the_workflows_take_a_model_from_a_merge_to_production(desk: Desk) -> None:
    person = {"github.actor": "ada", "github.sha": "0a1b2c3", "inputs.version": "0.1.0"}
    context = {
        **person,
        "secrets.REGISTRY_USER": "ada",
        "secrets.REGISTRY_PASSWORD": "secret",
        "inputs.because": "won; $(touch pwned)",
    }

    assert desk.workflow("register.yml", context) == 0
    assert desk.workflow("promote.yml", context) == 9
    desk.approve("0.1.0")
    assert desk.workflow("promote.yml", context) == 0
    assert desk.workflow("deploy.yml", context) == 0

    assert desk.kinds() == HAPPENED
    file, reference = desk.deployed()
    assert file == "weights.bin"
    assert reference.startswith(f"{desk.model}@sha256:")
    assert not (desk.folder / "pwned").exists()


def test_the_gitlab_jobs_do_the_same(desk: Desk) -> None:
    asked = {"VERSION": "0.1.0", "BECAUSE": "won", "LADING_ACTOR": "ada"}

    assert desk.gitlab("register", CI_COMMIT_SHA="0a1b2c3", LADING_ACTOR="ada") == 0
    assert desk.gitlab("promote", **asked) == 9
    desk.approve("0.1.0")
    assert desk.gitlab("promote", **asked) == 0
    assert desk.gitlab("deploy", LADING_ACTOR="deploy pipeline") == 0

    assert desk.kinds() == HAPPENED
    assert desk.deployed()[0] == "weights.bin"


@pytest.mark.parametrize("name", ["dispatch-github.sh", "dispatch-gitlab.sh"])
def test_a_dispatch_starts_a_pipeline_and_fails_where_it_cannot(name: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    with Receiver() as receiver:
        environment = {
            **Command(tmp_path).environment,
            "LADING_EVENT_SEQ": "7",
            "GITHUB_API_URL": receiver.origin,
            "GITHUB_REPOSITORY": "acme/fraud",
            "GITHUB_TOKEN_FILE": str(token),
            "GITLAB_API_URL": f"{receiver.origin}/api/v4",
            "GITLAB_PROJECT": "42",
            "GITLAB_TOKEN_FILE": str(token),
        }
        first = subprocess.run([CI / name], env=environment, check=False, input=b"{}")
        receiver.then(401)
        second = subprocess.run([CI / name], env=environment, check=False, input=b"{}")

    assert first.returncode == 0
    assert second.returncode != 0
    sent = receiver.deliveries[0]
    if name == "dispatch-github.sh":
        assert sent.path == "/repos/acme/fraud/dispatches"
        assert sent.headers["authorization"] == f"Bearer {SECRET}"
        assert json.loads(sent.body) == {"event_type": "lading", "client_payload": {"seq": 7}}
    else:
        assert sent.path == "/api/v4/projects/42/trigger/pipeline"
        assert SECRET.encode() in sent.body
        assert b'name="ref"\r\n\r\nmain' in sent.body
