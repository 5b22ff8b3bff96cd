"""README.md does not lie: its commands run, its Python runs, its tables and links are true."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from operations.tied import tie
from parts.command import Command
from parts.podman import Podman
from parts.process import run
from parts.registry import DockerRegistry
from parts.sid import kubectl
from parts.skopeo import Skopeo

import lading
from lading import settings as settings_module
from lading.cli.verbs import VERBS, load
from lading.operations.push import push
from lading.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLE_HOSTS = ("registry.example.com", "localhost:5000")
EXAMPLE_DIGEST = "sha256:2c26…"
# What wants a person at the keyboard; other tests do it with --password-stdin.
ASKS = ("lading login registry.example.com",)
# It needs an engine, and happens in tests/images/test_chapter.py.
CHAPTER = "\n## Serving images\n"


def blocks(kind: str) -> list[str]:
    """The fenced blocks of a kind, in order."""
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


def console_lines() -> list[str]:
    """The commands behind a ``$``, with the comments beside them."""
    return [line[2:] for block in blocks("console") for line in block.splitlines() if "$ " in line]


def shown(text: str = README) -> list[str]:
    """Every command of Lading in the order of the text: in blocks, in prose, in hints."""
    pattern = r"^\$ (lading .*)$|`(lading [a-z][^`]* [^`]+)`|hint:  (lading .*)$"
    found = re.finditer(pattern, text, flags=re.MULTILINE)
    return [next(filter(None, match.groups())).partition("  #")[0].strip() for match in found]


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def demand_command(line: str) -> None:
    """Verb, options and arguments are such as Lading knows; nothing is run."""
    _, verb, *arguments = words(line)
    assert verb in VERBS
    command = load(verb)
    if inner := getattr(command, "commands", None):
        # A reference may stand where the name of a subcommand does.
        verb = arguments.pop(0) if arguments[0] in inner or "write" not in inner else "write"
        command = inner[verb]
    command.make_context(verb, arguments)


@pytest.mark.parametrize("line", dict.fromkeys(shown()))
def test_every_command_is_one(line: str) -> None:
    demand_command(line)


def helped() -> list[str]:
    """Every command in the examples of the help."""
    commands = [load(verb) for verb in VERBS]
    inner = [each for command in commands for each in getattr(command, "commands", {}).values()]
    epilogs = [(each.epilog or "").replace("\\\n", "") for each in (*commands, *inner)]
    lines = [line for text in epilogs for line in text.splitlines() if line.startswith("$ ")]
    return [text.strip() for line in lines for text in re.findall(r"lading [^|&()<]*", line)]


@pytest.mark.parametrize("line", dict.fromkeys(helped()))
def test_every_example_of_the_help_is_a_command(line: str) -> None:
    demand_command(line)


def test_every_verb_of_the_readme_is_one() -> None:
    mentioned = set(re.findall(r"`lading ([a-z][a-z-]*)", README))

    assert mentioned <= VERBS.keys()


def test_the_readme_shows_every_verb() -> None:
    text = README.replace("$ lading ", "`lading ")

    people = {name for name, verb in VERBS.items() if not verb.hidden}
    assert {verb for verb in people if f"`lading {verb}" not in text} <= {"logout"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(os.urandom(100_000))
    (folder / "config.json").write_text("{}")
    return folder


def test_every_command_runs_from_top_to_bottom(
    tmp_path: Path, model: Path, registry: DockerRegistry, repository: str
) -> None:
    command = Command(tmp_path)
    # What the model's code imports is what a version needs.
    (model / "predict.py").write_text("import numpy\n")
    place = f"{registry.host}/{repository.partition('/')[0]}"
    settings = Settings(home=tmp_path / "own", cache=tmp_path / "own-cache")
    digest = ""
    before, _, rest = README.partition(CHAPTER)
    for line in shown(before + rest.partition("\n## ")[2]):
        if line in ASKS or line.startswith(("lading login", "lading serve", "lading predict")):
            continue
        own = line
        for host in EXAMPLE_HOSTS:
            own = own.replace(host, place)
        if made := re.match(r"lading image build (\S+) --target runtime --push", own):
            # There is no engine here: an image as it would leave one.
            tie(made[1], settings, target="runtime", says=made[1])
            continue
        if EXAMPLE_DIGEST in own:
            digest = digest or command("inspect", "ml/fraud", "--json").stdout
            found = re.search(r'"digest": ?"(sha256:[0-9a-f]{64})"', digest)
            assert found
            own = own.replace(EXAMPLE_DIGEST, found[1])

        done = command(*words(own)[1:])

        assert done.returncode == 0, f"{own}\n{done.stdout}{done.stderr}"


def chapter_lines(title: str) -> list[str]:
    """The commands of a chapter, in order, without the comments beside them."""
    text = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in found for line in block.splitlines() if line.startswith("$ ")]
    return [line[2:].partition("  #")[0].strip() for line in lines]


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """What ``kubectl apply -k`` gives to a cluster."""
    done = run(kubectl(), "kustomize", folder, environment={"HOME": str(folder), "PATH": ""})
    return list(yaml.safe_load_all(done.stdout))


def test_the_kubernetes_chapter_does_what_it_says(
    tmp_path: Path, model: Path, registry: DockerRegistry, repository: str
) -> None:
    """Its lines run, in a git repository; of kubectl's those that need no cluster, and what the
    others name is in the documents that such a line would have given to one."""
    command = Command(tmp_path)
    place = f"{registry.host}/{repository}"
    name = f"{place}/ml/fraud"
    settings = Settings(home=tmp_path / "own", cache=tmp_path / "own-cache")
    git = partial(run, "git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b")
    git("init", "--quiet")
    assert command("push", model, f"{name}:1.2.0").returncode == 0
    (model / "config.json").write_text('{"better": true}')
    assert command("push", model, "ml/fraud:1.3.0").returncode == 0
    made: dict[tuple[str, str], dict[str, Any]] = {}
    namespaces: set[str] = set()
    printed = ""
    for line in chapter_lines("Kubernetes"):
        own = line.replace("registry.example.com", place)
        program, *arguments = words(own)
        if build := re.match(r"lading image build (\S+) --target runtime --push", own):
            # There is no engine here: an image as it would leave one.
            tie(build[1], settings, target="runtime", says=build[1])
        elif program == "lading":
            done = command(*arguments)
            assert done.returncode == 0, f"{own}\n{done.stdout}{done.stderr}"
            if arguments[0] == "deploy" and "-o" in arguments:
                at = arguments.index("-o")
                printed = command(*arguments[:at], *arguments[at + 2 :]).stdout
        elif program == "export":
            continue
        elif program == "git":
            _demand_small_diff(git("diff", "--unified=0").stdout)
            git(*arguments)
        elif arguments[0] == "create":
            shown = run(kubectl(), *arguments, "--dry-run=client", "--output=yaml").stdout
            document = yaml.safe_load(shown)
            if document["kind"] == "Namespace":
                namespaces.add(document["metadata"]["name"])
            else:
                assert document["metadata"].get("namespace") in namespaces, own
        elif arguments[:2] == ["apply", "-k"]:
            documents = kustomized(tmp_path / arguments[2])
            complete = list(yaml.safe_load_all(printed))
            made = by_name(documents)
            assert made == by_name(complete)
            assert {each["metadata"]["namespace"] for each in documents} <= namespaces
            git("add", arguments[2])
            git("commit", "--quiet", "--message=First")
        else:
            _demand_named(own, made)

    (probe,) = re.findall(r"`curl http://127.0.0.1:8080(\S+)` answers", README)
    (container,) = made["deployment", "fraud"]["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == probe
    files = {path.name: path.read_text() for path in (tmp_path / "deploy/staging").iterdir()}
    assert {each for each, text in files.items() if "sha256:" in text} == {"digests.yaml"}
    assert "eu-1/ml/fraud" in command("where", name, COLUMNS="200").stdout
    assert command("deploy", "--check", "deploy/staging").returncode == 0
    assert command("promote", f"{name}:1.2.0", "staging").returncode == 0
    assert command("deploy", "--check", "deploy/staging").returncode == 1


def by_name(documents: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Documents by their kind and name."""
    return {(each["kind"].lower(), each["metadata"]["name"]): each for each in documents}


def _demand_small_diff(diff: str) -> None:
    """Only the lines with digests change, and what they say of the version."""
    changed = re.findall(r"^[-+](?![-+]{2} )(.*)$", diff, flags=re.MULTILINE)
    assert changed
    assert all("sha256:" in line or "dev.lading/" in line for line in changed), changed
    assert set(re.findall(r"^\+\+\+ b/(.*)$", diff, flags=re.MULTILINE)) == {
        "deploy/staging/digests.yaml"
    }


def _demand_named(line: str, made: dict[tuple[str, str], dict[str, Any]]) -> None:
    """What a line says to kubectl is in the documents: a kind with its name, namespace and port."""
    found = re.search(r"\b(service|svc|deployment|deploy)/([a-z0-9-]+)(?: \d+:(\d+))?", line)
    assert found, f"nobody looks whether this is true: {line}"
    kind = {"svc": "service", "deploy": "deployment"}.get(found[1], found[1])
    document = made[kind, found[2]]
    if namespace := re.search(r"(?:-n|--namespace)[ =](\S+)", line):
        assert document["metadata"]["namespace"] == namespace[1]
    if found[3]:
        assert int(found[3]) in [port["port"] for port in document["spec"]["ports"]]


def run_block(number: int, folder: Path) -> str:
    """What one of the Python blocks prints; it may not complain."""
    code = blocks("python")[number]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=Command(folder).environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_notebook_runs(tmp_path: Path) -> None:
    assert run_block(0, tmp_path) == "[0 1 0 1] 0.93\n"


def test_the_python_runs(tmp_path: Path, model: Path) -> None:
    said = run_block(1, tmp_path)

    assert said.startswith("ml/fraud:0.1.0 sha256:")
    assert "\n0.1.0 20" in said
    assert len(blocks("python")) == 2


def test_a_shell_goes_where_a_pull_says(tmp_path: Path, model: Path) -> None:
    (line,) = re.findall(r'`(cd "\$\(lading pull [^`]*)`', README)
    command = Command(tmp_path)
    assert command("push", model, "ml/fraud:1.0.0").returncode == 0

    done = subprocess.run(
        ["sh", "-euc", f'lading() {{ {sys.executable} -m lading "$@"; }}; {line}; ls'],
        cwd=tmp_path,
        env=command.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.split() == ["config.json", "weights.safetensors"]


def test_skopeo_copies_as_the_readme_says(
    model: Path,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    skopeo: Skopeo,
    tmp_path: Path,
) -> None:
    (line,) = (line for line in console_lines() if line.startswith("skopeo copy"))
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache")
    pushed = push(model, f"{registry.host}/ml/fraud:1.0.0", settings=settings)
    own = line.replace("//a/", f"//{registry.host}/").replace("//b/", f"//{other_registry.host}/")
    _, copy, *arguments = words(own)

    skopeo.run(copy, "--src-tls-verify=false", "--dest-tls-verify=false", *arguments)

    copied = lading.inspect(f"{other_registry.host}/ml/fraud:1.0.0", settings=settings)
    assert copied.digest == pushed.digest


def test_skopeo_takes_everything_along_as_the_readme_says(
    model: Path,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    skopeo: Skopeo,
    tmp_path: Path,
) -> None:
    lines = [line for line in console_lines() if line.startswith("skopeo sync")]
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache")
    name = "all/fraud"
    pushed = push(model, f"{registry.host}/{name}:1.0.0", settings=settings)
    lading.evaluate(f"{registry.host}/{name}:1.0.0", {"auc": 0.9}, settings=settings)
    lading.promote(f"{registry.host}/{name}:1.0.0", "prod", settings=settings)

    for number, line in enumerate(lines):
        own = line.replace(" a/ml/fraud", f" {registry.host}/{name}")
        own = own.replace(" b/ml", f" {other_registry.host}/all")
        _, sync, *arguments = words(own)
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        # The lists of evidence do not pass the first round.
        skopeo.run(sync, *insecure, *arguments, check=number > 0)

    there = f"{other_registry.host}/{name}"
    assert lading.inspect(f"{there}:1.0.0", settings=settings).digest == pushed.digest
    assert len(lading.evidence(f"{there}:1.0.0", settings=settings).evidence) == 1
    (prod,) = (s for s in lading.status(there, settings=settings).stages if s.stage == "prod")
    assert [member.version for member in prod.members] == ["1.0.0"]
    assert lading.ledger_verify(there, settings=settings).sound


def test_podman_pulls_and_mounts_as_the_readme_says(
    model: Path, registry: DockerRegistry, podman: Podman, tmp_path: Path
) -> None:
    lines = [line for line in console_lines() if line.startswith("podman ")]
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache")
    pushed = push(model, f"{registry.host}/ml/mounted:1.0.0", settings=settings)
    example = f"registry.example.com/ml/fraud@{EXAMPLE_DIGEST}"
    pull, run = (
        words(line.replace(example, f"{registry.host}/ml/mounted@{pushed.digest}"))
        for line in lines
    )

    podman.run(*pull[1:])
    flags = ("--rm", "--network=none", podman.busybox(), "ls", "/model/models")
    done = podman.run(*(word for word in run[1:] if word != "…"), *flags)

    assert done.stdout.split() == ["config.json", "lading.json", "weights.safetensors"]


def rows(first: str) -> list[list[str]]:
    """The rows of the table whose first column has this title."""
    table = README.partition(f"| {first} |")[2].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def test_the_table_of_settings_is_true() -> None:
    known = {field.name for field in fields(Settings)}
    told, allowed = set(), set()

    for names, variables, _, project in rows("setting"):
        each = re.findall(r"`([a-z_]+)`", names)
        told |= set(each)
        allowed |= set(each) if project else set()
        for variable in re.findall(r"`(LADING_[A-Z_]+)`", variables):
            assert settings_module._VARIABLES[variable.removeprefix("LADING_").lower()] == variable

    assert told <= known
    assert allowed == settings_module._PROJECT_MAY_SET
    # These have words of their own: for developers, for proxies, and where files are.
    untold = {"debug", "http_proxy", "https_proxy", "no_proxy", "credential_files", "login_file"}
    assert known - told == untold


def test_the_table_of_exit_codes_is_true() -> None:
    codes = {int(row[0]) for row in rows("exit")}
    errors = {
        getattr(lading, name).exit_code
        for name in lading.__all__
        if name[0].isupper()
        and isinstance(getattr(lading, name), type)
        and issubclass(getattr(lading, name), lading.LadingError)
    }

    # 1 is for a check that found something, 130 for an interrupted run.
    assert codes == errors | {1, 130}


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            titles = re.findall(r"^#+ (.+)$", README, flags=re.MULTILINE)
            assert target[1:] in {title.lower().replace(" ", "-") for title in titles}
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target
