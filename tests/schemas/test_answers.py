"""What verbs answer with ``--json`` is what their schemas say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from images.bases import BaseImage
from parts.command import Command
from parts.recorded import record_captured
from parts.registry import DockerRegistry
from parts.stated import push_stated

from lading.capture.environment import capture
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.signature import Column, Signature
from schemas import generate
from schemas.validators import check_own

# One line for each schema; a later line may need what an earlier one made.
LINES = {
    "init": "init model",
    "push": "push model ml/iris:1.0.0",
    "inspect": "inspect ml/iris:1.0.0",
    "list": "list ml/iris",
    "pull": "pull ml/iris -o copy",
    "verify": "verify copy ml/iris:1.0.0",
    "reproduce": "reproduce ml/iris:1.0.0",
    "scan": "scan ml/iris:1.0.0",
    "schema": "schema ml/stated:1.0.0 --format mlflow",
    "schema-compare": "schema ml/stated:1.1.0 --against ml/stated:1.0.0",
    "check-env": "check-env ml/recorded:1.0.0",
    "lock": "lock ml/recorded:1.0.0",
    "image-dockerfile": "image dockerfile ml/recorded:1.0.0",
    "policy-init": "policy init",
    "policy-show": "policy show ml/iris",
    "tag": "tag ml/iris:1.0.0 candidate",
    "request": "request ml/iris:1.0.0 --stage prod --because ready",
    "approve": "approve ml/iris:1.0.0 --stage prod --because reviewed --expires 90d",
    "reject": "reject ml/iris:1.0.0 --stage shadow --because never",
    # The policy that `policy init` wrote asks for more than this version has.
    "policy-check": "policy check ml/iris:1.0.0 --stage prod",
    # Before the version is deprecated, or it would be left out.
    "evaluate": "evaluate ml/iris:1.0.0 --metric auc@test=0.9 --dataset s3://b/d --because yes",
    "promote": "promote ml/iris:1.0.0 staging --because better",
    "clear": "clear ml/iris staging --because over",
    "rollback": "rollback ml/iris staging --because again",
    "note": "note ml/iris:1.0.0 remark",
    "record-deploy": "record deploy ml/iris:staging --where eu-1/risk/iris",
    "record-measure": "record measure ml/iris:1.0.0 --metric psi=0 --window 2026-11-01/2026-11-02",
    "where": "where ml/iris",
    "gc": "gc ml/iris --keep-last 1 --grace 0s",
    "history": "history ml/iris",
    "status": "status ml/iris",
    "event": "event show ml/iris:staging",
    "ledger-verify": "ledger verify ml/iris",
    "ledger-show": "ledger show ml/iris",
    "ledger-adopt": "ledger adopt ml/iris",
    "ledger-repair": "ledger repair ml/iris",
    "ledger-export": "ledger export ml/iris -o events.jsonl",
    "attach": "attach ml/iris:1.0.0 model/config.json --type report",
    "image-assemble": "image assemble ml/recorded:1.0.0 --base {base}",
    "image-sbom": "image sbom ml/recorded:1.0.0",
    "image-check": "image check ml/recorded:1.0.0",
    "deploy": "deploy {plain}/ml/served:1.0.0 --image {server} -o documents",
    "deploy-check": "deploy --check documents",
    "deploy-update": "deploy update documents {plain}/ml/served:1.0.0",
    "storage-initializer": "storage-initializer lading://{served} handed-over",
    "bundle": "bundle {plain}/ml/served:1.0.0 --deploy documents -o ship.tar",
    "unbundle-list": "unbundle ship.tar --list",
    "unbundle-documents": "unbundle ship.tar --documents landed",
    "unbundle": "unbundle ship.tar {plain}/landed",
    "evidence": "evidence ml/iris:1.0.0",
    "fetch-evidence": "evidence ml/iris:1.0.0 {attached} -o fetched.json",
    "search": "search name='ml/iris'",
    "best": "best ml/iris --metric auc",
    "deprecate": "deprecate ml/iris:1.0.0 --because old",
    "copy": "copy ml/iris:1.0.0 oci:layout:1.0.0",
    "diff": "diff ml/iris:1.0.0 oci:layout:1.0.0",
    "lineage": "lineage ml/iris:1.0.0",
    "remove": "remove ml/iris:candidate",
    "cache-list": "cache ls",
    "cache-verify": "cache verify",
    "cache-prune": "cache prune --all",
    "quickstart": "quickstart",
    "doctor": "doctor {plain}/probe",
    "login": "login {locked} --username ada --password-stdin",
    "logout": "logout {locked}",
}

# What needs a builder or a model, or goes on after it answered: tested where there is one.
ELSEWHERE = {"image-build", "predict", "serve"}

# What is answered and yet not success.
CODES = {"policy-check": 9, "image-check": 1}


# What is answered is made once, and not by each worker.
pytestmark = pytest.mark.xdist_group("answers")


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory,
    registry: DockerRegistry,
    password_registry: DockerRegistry,
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("answers")
    command = Command(folder)
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "weights.bin").write_bytes(bytes(range(256)))
    settings = Settings(home=folder / "data", cache=folder / "cache")
    age = Column(name="age", dtype="int8")
    push_stated("ml/stated:1.0.0", settings, signature=Signature(inputs=(age,)))
    push_stated("ml/stated:1.1.0", settings, signature=Signature(inputs=(age,), outputs=(age,)))
    captured = capture(roots=["packaging"], project=folder)
    record_captured(model, "ml/recorded:1.0.0", settings, captured)
    hosts = {"plain": registry.host, "locked": password_registry.host}
    hosts["base"] = BaseImage().put("ml/base", settings)
    hosts["server"] = BaseImage().put(f"{registry.host}/ml/base", settings)
    pushed = push(model, f"{registry.host}/ml/served:1.0.0", settings=settings)
    hosts["served"] = f"{registry.host}/ml/served@{pushed.digest}"
    said: dict[str, str] = {}
    for name, line in LINES.items():
        attached = json.loads(said["attach"])["evidence"] if "attach" in said else ""
        words = line.format(**hosts, attached=attached).split()
        done = command(*words, "--json", stdin="secret\n" if name == "login" else None)
        assert done.returncode == CODES.get(name, 0), f"{line}\n{done.stderr}"
        said[name] = done.stdout
    return said


def test_every_schema_of_a_verb_is_tested() -> None:
    names = {name.removesuffix(".schema.json") for name in generate.schemas()}

    kinds = {"model", "lading", "policy", "error", "evaluation", "progress", "rows"}
    assert names - kinds - ELSEWHERE == LINES.keys()


@pytest.mark.parametrize("name", LINES)
def test_the_answer_is_what_its_schema_says(answers: dict[str, str], name: str) -> None:
    check_own(name, answers[name])


def test_talk_on_stderr_is_what_its_schemas_say(
    registry: DockerRegistry, tmp_path: Path, repository: str
) -> None:
    command = Command(tmp_path)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(bytes(5_000_000))

    pushed = command("push", weights, f"{registry.host}/{repository}:1.0.0", "--json")
    failed = command("inspect", f"{registry.host}/{repository}:9.9.9", "--json")

    events = [json.loads(line)["progress"] for line in pushed.stderr.splitlines()]
    assert events
    for event in events:
        check_own("progress", json.dumps(event))
    check_own("error", json.dumps(json.loads(failed.stderr)["error"]))
