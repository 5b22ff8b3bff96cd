"""What is known about a model travels with it: said, found out, and the same again."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from parts.registry import DockerRegistry
from sklearn.linear_model import LogisticRegression

from lading.errors import Conflict, InvalidInput, NotFound, PolicyRefused
from lading.operations.inspect import inspect
from lading.operations.publishing.captured import Capture
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.stores import open_store
from lading.operations.verify import verify
from lading.settings import Settings
from lading.spec.document import Document
from lading.spec.reference import Reference

LOCK = ".lading/pylock.toml"
SCHEMA = {"inputs": [{"kind": "column", "name": "amount", "dtype": "float64"}]}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder with a real model, in a git repository."""
    folder = tmp_path / "project"
    (folder / "model").mkdir(parents=True)
    model = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])
    joblib.dump(model, folder / "model" / "model.joblib")
    (folder / "train.py").write_text("print('trained')\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "https://me:secret@git.example.com/ml/fraud.git")
    git(folder, "add", "train.py")
    git(folder, "commit", "-q", "-m", "Train")
    return folder / "model"


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def document(reference: str, settings: Settings) -> dict[str, Any]:
    found = inspect(reference, settings=settings).document
    assert Document.parse(json.dumps(found).encode()).files
    return found


@pytest.fixture(params=["local", "registry"])
def place(request: pytest.FixtureRequest, repository: str) -> str:
    if request.param == "local":
        return "ml/fraud"
    registry: DockerRegistry = request.getfixturevalue("registry")
    return f"{registry.host}/{repository}"


def test_a_push_records_what_nobody_said(trained: Path, place: str, settings: Settings) -> None:
    result = push(trained, f"{place}:1.0.0", settings=settings)

    found = document(f"{place}:1.0.0", settings)
    code = found["lineage"]["code"]
    assert code["commit"] == git(trained, "rev-parse", "HEAD")
    assert code["repository"] == "https://git.example.com/ml/fraud.git"
    assert found["framework"]["name"] == "scikit-learn"
    assert found["environment"]["lock"]["path"] == LOCK
    assert any(pin.startswith("scikit-learn==") for pin in found["environment"]["requirements"])
    assert found["hazards"]["verdict"] == "clean"
    assert [layer.title for layer in result.layers][-2:] == ["lading.record.tar", "lading.json.tar"]


def test_the_lock_is_a_file_of_the_version(
    trained: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    push(trained, f"{place}:1.0.0", settings=settings)

    pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)

    lock = (tmp_path / "out" / LOCK).read_text()
    assert 'name = "scikit-learn"' in lock
    assert not (tmp_path / "out" / "lading.json").exists()


def test_everything_a_person_says_is_in_the_document(
    trained: Path, place: str, settings: Settings
) -> None:
    base = push(trained, "ml/base:1.0.0", settings=settings)
    push(
        trained,
        f"{place}:1.0.0",
        settings=settings,
        metrics={"auc@test": 0.93, "loss": np.float32(0.5)},
        params={"C": 1.0, "layers": [1, 2]},
        datasets=[{"uri": "s3://data/train", "digest": "md5:abc", "split": "train"}],
        parents=["ml/base:1.0.0"],
        signature=SCHEMA,
        training={"script": "train.py"},
        card={"task": "tabular-classification", "limitations": "None known"},
        governance={"intended_purpose": "To find fraud"},
    )

    found = document(f"{place}:1.0.0", settings)
    assert found["metrics"][0] == {"name": "auc", "value": 0.93, "split": "test"}
    assert found["params"] == {"C": 1.0, "layers": [1, 2]}
    assert found["lineage"]["datasets"][0]["digest"] == "md5:abc"
    assert found["signature"] == SCHEMA
    assert found["governance"]["intended_purpose"] == "To find fraud"
    annotations = inspect(f"{place}:1.0.0", settings=settings).annotations
    assert annotations["dev.lading.metric.auc@test"] == "0.93"
    assert annotations["dev.lading.task"] == "tabular-classification"
    assert annotations["dev.lading.parent"] == base.digest


def test_the_same_again_is_unchanged_whatever_was_found_out_then(
    trained: Path, place: str, settings: Settings
) -> None:
    first = push(trained, f"{place}:1.0.0", settings=settings, metrics={"auc": 0.9})
    (trained.parent / "train.py").write_text("print('changed')\n")
    git(trained, "commit", "-q", "-a", "-m", "Other")

    again = push(trained, f"{place}:1.0.0", settings=settings, metrics={"auc": 0.9})
    silent = push(
        trained, f"{place}:1.0.0", settings=settings, capture=Capture(without=frozenset({"all"}))
    )

    assert (again.status, silent.status) == ("unchanged", "unchanged")
    assert first.digest == again.digest == silent.digest


def test_another_metric_is_other_content(trained: Path, place: str, settings: Settings) -> None:
    push(trained, f"{place}:1.0.0", settings=settings, metrics={"auc": 0.9})

    with pytest.raises(Conflict, match="exists with other content"):
        push(trained, f"{place}:1.0.0", settings=settings, metrics={"auc": 0.91})


def test_a_folder_that_was_pulled_keeps_the_lock_it_came_with(
    trained: Path, settings: Settings, tmp_path: Path
) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings)
    pull("ml/fraud:1.0.0", tmp_path / "out", settings=settings)
    record = tmp_path / "out" / ".lading" / "environment.json"
    elsewhere = json.loads(record.read_text()) | {"python": {"version": "3.99.0"}}
    record.write_text(json.dumps(elsewhere))

    result = push(tmp_path / "out", "ml/copy:1.0.0", settings=settings)

    found = document("ml/copy:1.0.0", settings)["environment"]
    assert found["python"]["version"] == "3.99.0"
    assert found["lock"]["path"] == LOCK
    assert (
        found["requirements"] == document("ml/fraud:1.0.0", settings)["environment"]["requirements"]
    )
    assert any("came with its lock" in note for note in result.notes)
    again = push(tmp_path / "out", "ml/copy:1.0.0", settings=settings)
    assert again.status == "unchanged"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("pylock.toml", b"no lock"),
        ("pylock.toml", b"\xff"),
        ("environment.json", b"{"),
        ("environment.json", b'{"python": 5}'),
        ("environment.json", b"[" * 100_000),
    ],
)
def test_what_a_folder_came_with_may_be_damaged(
    trained: Path, settings: Settings, tmp_path: Path, name: str, raw: bytes
) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings)
    pull("ml/fraud:1.0.0", tmp_path / "out", settings=settings)
    (tmp_path / "out" / ".lading" / name).write_bytes(raw)

    result = push(tmp_path / "out", "ml/copy:1.0.0", settings=settings)

    assert any("cannot be read" in note for note in result.notes)
    assert "environment" not in document("ml/copy:1.0.0", settings)


def test_a_folder_is_still_the_version_without_what_lading_wrote(
    trained: Path, settings: Settings, tmp_path: Path
) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings)

    assert verify(trained, "ml/fraud:1.0.0", settings=settings).equal
    pull("ml/fraud:1.0.0", tmp_path / "out", settings=settings)
    assert verify(tmp_path / "out", "ml/fraud:1.0.0", settings=settings).equal
    (tmp_path / "out" / LOCK).write_text("damaged")
    assert verify(tmp_path / "out", "ml/fraud:1.0.0", settings=settings).changed == (LOCK,)


def test_nothing_is_looked_for_that_nobody_wants(trained: Path, settings: Settings) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings, capture=Capture(without=frozenset({"all"})))

    found = document("ml/fraud:1.0.0", settings)
    assert found.keys() == {"schema_version", "name", "version", "created", "files"}


def test_what_is_not_committed_is_kept_where_that_is_wanted(
    trained: Path, settings: Settings
) -> None:
    (trained.parent / "train.py").write_text("print('changed')\n")

    push(trained, "ml/fraud:1.0.0", settings=settings, capture=Capture(with_diff=True))

    found = document("ml/fraud:1.0.0", settings)
    assert found["lineage"]["code"]["dirty"] is True
    patch = Path(pull("ml/fraud:1.0.0", settings=settings).path, ".lading/code.patch")
    assert "+print('changed')" in patch.read_text()


def test_an_example_tells_the_schema_and_is_checked(
    trained: Path, settings: Settings, tmp_path: Path
) -> None:
    example = tmp_path / "example.json"
    example.write_text('[{"amount": 1.5}, {"amount": 2.0}]')

    push(trained, "ml/fraud:1.0.0", settings=settings, input_example=example)

    found = document("ml/fraud:1.0.0", settings)
    assert found["signature"]["inputs"][0]["name"] == "amount"
    assert found["input_example"]["path"].startswith(".lading/example/")
    again = push(trained, "ml/fraud:1.0.0", settings=settings)
    assert again.status == "unchanged"
    wrong = {"inputs": [{"kind": "column", "name": "amount", "dtype": "string"}]}
    with pytest.raises(InvalidInput, match="amount"):
        push(trained, "ml/fraud:2.0.0", settings=settings, input_example=example, signature=wrong)


def test_a_parent_that_can_be_reached_is_known_by_its_digest(
    trained: Path, settings: Settings
) -> None:
    base = push(trained, "ml/base:1.0.0", settings=settings, licenses="MIT")

    away = "localhost:1/ml/away:1.0.0"
    result = push(
        trained,
        "ml/fraud:1.0.0",
        settings=settings,
        parents=["ml/base:1.0.0", away, "meta/Llama", "google/flan-t5-xl"],
    )

    parents = document("ml/fraud:1.0.0", settings)["lineage"]["parents"]
    assert {"reference": "ml/base:1.0.0", "digest": base.digest, "license": "MIT"} in parents
    assert {"reference": away} in parents
    assert {"reference": "google/flan-t5-xl"} in parents
    assert any(f"{away} has no digest" in note for note in result.notes)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_parent_that_is_not_there_is_refused_before_a_byte_moves(
    trained: Path, place: str, settings: Settings, dry_run: bool
) -> None:
    push(trained, f"{place}-base:1.0.0-rc.1", settings=settings)

    for wrong in (f"{place}-bse:1.0.0", f"{place}-base:1.0.1", f"{place}-base"):
        with pytest.raises(NotFound) as refusal:
            push(trained, f"{place}:1.0.0", settings=settings, parents=[wrong], dry_run=dry_run)

        assert refusal.value.what == f"the parent {wrong} is not there"
        assert "lading.yaml" in str(refusal.value.hint)

    assert list(open_store(Reference.parse(place), settings, create=True).names()) == []
    (trained / "lading.yaml").write_text(f"parents: ['{place}-bse:1.0.0']")
    assert push(trained, f"{place}:1.0.0", settings=settings).status == "created"


def test_strict_names_what_is_missing_before_anything_moves(
    trained: Path, settings: Settings
) -> None:
    with pytest.raises(PolicyRefused, match="metrics, schema") as refusal:
        push(trained, "ml/fraud:1.0.0", settings=settings, strict=True)

    assert "--metric NAME=NUMBER" in str(refusal.value.cause)
    assert "lock" not in str(refusal.value.what)
    accepted = push(
        trained,
        "ml/fraud:1.0.0",
        settings=settings,
        strict=True,
        metrics={"auc": 0.9},
        signature=SCHEMA,
    )
    assert accepted.status == "created"
    assert push(trained, "ml/fraud:1.0.0", settings=settings, strict=True).status == "unchanged"


@pytest.mark.parametrize(
    ("schema", "version"),
    [
        (SCHEMA, "0.1.1"),
        ({"inputs": [*SCHEMA["inputs"], SCHEMA["inputs"][0] | {"name": "b"}]}, "0.2.0"),
    ],
)
def test_the_change_of_the_schema_chooses_the_version(
    trained: Path, settings: Settings, schema: dict[str, Any], version: str
) -> None:
    first = push(trained, "ml/fraud", bump="auto", settings=settings, signature=SCHEMA)
    (trained / "more.txt").write_text("more")

    second = push(trained, "ml/fraud", bump="auto", settings=settings, signature=schema)

    assert (first.version, second.version) == ("0.1.0", version)


def test_after_1_0_a_breaking_change_is_a_major_one(trained: Path, settings: Settings) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings, signature=SCHEMA)
    narrower = {"inputs": [SCHEMA["inputs"][0] | {"dtype": "float32"}]}

    pushed = push(trained, "ml/fraud", bump="auto", settings=settings, signature=narrower)

    assert pushed.version == "2.0.0"


def test_without_schemas_nothing_can_be_chosen(trained: Path, settings: Settings) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(InvalidInput, match="--bump auto cannot choose"):
        push(trained, "ml/fraud", bump="auto", settings=settings)


def test_a_dry_run_says_what_would_be_recorded(trained: Path, settings: Settings) -> None:
    result = push(trained, "ml/fraud:1.0.0", settings=settings, dry_run=True)

    assert "lading.record.tar" in [layer.title for layer in result.layers]


def test_what_is_not_known_to_be_captured_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing called 'lcok'"):
        Capture(without=frozenset({"lcok"}))


def test_a_conflict_says_what_differs(trained: Path, settings: Settings) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings, licenses="MIT")

    with pytest.raises(Conflict, match="it differs in licenses"):
        push(trained, "ml/fraud:1.0.0", settings=settings, licenses="Apache-2.0")
    (trained / "more.txt").write_text("more")
    with pytest.raises(Conflict, match=r"differs in files \(more.txt\)"):
        push(trained, "ml/fraud:1.0.0", settings=settings)


def test_a_model_that_does_harm_is_noted_and_refused_where_one_is_strict(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "evil.pkl").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")

    with pytest.raises(PolicyRefused, match="would run code"):
        push(tmp_path / "evil.pkl", "ml/evil:1.0.0", strict=True, settings=settings)

    pushed = push(tmp_path / "evil.pkl", "ml/evil:1.0.0", settings=settings)
    assert any("dangerous: posix.system" in note for note in pushed.notes)


def test_a_parent_that_only_a_card_names_is_not_looked_for(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    push(folder, "ml/base:1.0.0", settings=settings)
    (folder / "README.md").write_text("---\nbase_model: ml/base\n---\n")

    push(folder, "ml/fraud:1.0.0", settings=settings)

    (parent,) = document("ml/fraud:1.0.0", settings)["lineage"]["parents"]
    assert (parent["reference"], "digest" in parent) == ("ml/base", False)


def test_a_framework_that_is_said_has_no_version_of_another(
    trained: Path, settings: Settings
) -> None:
    push(trained, "ml/fraud:1.0.0", settings=settings, framework={"name": "tensorflow"})

    assert document("ml/fraud:1.0.0", settings)["framework"] == {"name": "tensorflow"}


class Greedy(BaseHTTPRequestHandler):
    """A host that a hostile folder names: it writes down what it is told."""

    def do_GET(self) -> None:
        told.append(str(self.headers))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815  the name that http.server looks for

    def log_message(self, *_: object) -> None:
        return


told: list[str] = []


@pytest.mark.parametrize("where", ["card", "declaration", "adapter"])
def test_a_folder_does_not_choose_whom_to_ask(
    tmp_path: Path, settings: Settings, where: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    told.clear()
    with HTTPServer(("127.0.0.1", 0), Greedy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        parent = f"127.0.0.1:{server.server_port}/x/y"
        if where == "card":
            (folder / "README.md").write_text(f"---\nbase_model: {parent}\n---\n")
        elif where == "adapter":
            config = {"peft_type": "LORA", "base_model_name_or_path": parent}
            (folder / "adapter_config.json").write_text(json.dumps(config))
        else:
            (folder / "lading.yaml").write_text(f"parents: ['{parent}']\n")

        push(folder, "m:1.0.0", settings=replace(settings, username="ada", password="secret"))
        silent = list(told)
        push(folder, "m:2.0.0", settings=settings, parents=[parent])
        server.shutdown()

    assert silent == []
    assert told
    assert parent in str(document("m:1.0.0", settings)["lineage"]["parents"])


def test_an_example_that_is_a_pipe_makes_nobody_wait(trained: Path, settings: Settings) -> None:
    os.mkfifo(trained / "ex.json")
    (trained / ".ladingignore").write_text("ex.json")
    (trained / "lading.yaml").write_text("input_example: ex.json")

    with pytest.raises(InvalidInput, match="is no file"):
        push(trained, "ml/fraud:1.0.0", settings=settings)


def test_what_could_not_be_read_again_is_not_written(trained: Path, settings: Settings) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]

    with pytest.raises(InvalidInput, match="nested too deeply"):
        push(trained, "ml/fraud:1.0.0", settings=settings, params={"a": deep})


def test_an_example_is_held_against_what_the_header_says(
    tmp_path: Path, settings: Settings
) -> None:
    from onnx import TensorProto, helper

    node = helper.make_node("Add", ["x", "x"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph([node], "double", ends[:1], ends[1:]))
    (tmp_path / "double.onnx").write_bytes(model.SerializeToString())
    good, bad, shape = (tmp_path / f"{name}.json" for name in ("good", "bad", "shape"))
    good.write_text('{"x": [[1.0, 2.0]]}')
    bad.write_text('{"x": [["a", 2.0]]}')
    shape.write_text("[[1.0, 2.0, 3.0]]")

    for wrong in (bad, shape):
        with pytest.raises(InvalidInput, match="x"):
            push(tmp_path / "double.onnx", "m:1.0.0", input_example=wrong, settings=settings)
    push(tmp_path / "double.onnx", "m:1.0.0", input_example=good, settings=settings)

    signature = document("m:1.0.0", settings)["signature"]
    assert signature["inputs"] == [
        {"kind": "tensor", "name": "x", "dtype": "float32", "shape": [-1, 2]}
    ]
    assert signature["outputs"][0]["name"] == "y"


def test_an_array_in_a_file_is_an_example(
    trained: Path, settings: Settings, tmp_path: Path
) -> None:
    np.save(tmp_path / "example.npy", np.zeros((2, 3), dtype=np.float32))

    push(trained, "ml/fraud:1.0.0", settings=settings, input_example=tmp_path / "example.npy")

    assert document("ml/fraud:1.0.0", settings)["signature"]["inputs"] == [
        {"kind": "tensor", "dtype": "float32", "shape": [-1, 3]}
    ]


def test_the_base_image_and_its_digest_are_apart(trained: Path, settings: Settings) -> None:
    digest = "sha256:" + "a" * 64
    images = {"images": {"base": f"docker.io/library/python:3.12@{digest}"}}

    push(trained, "ml/fraud:1.0.0", settings=settings, environment=images)

    annotations = inspect("ml/fraud:1.0.0", settings=settings).annotations
    assert annotations["org.opencontainers.image.base.name"] == "docker.io/library/python:3.12"
    assert annotations["org.opencontainers.image.base.digest"] == digest
