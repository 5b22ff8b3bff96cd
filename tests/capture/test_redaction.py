"""Secrets that trackers recorded by accident stay with them."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from capture.test_runs import project
from capture.trackers import DVC, RUN_ID, mlflow_database, wandb_run, write
from hypothesis import given
from hypothesis import strategies as st
from parts.laws import tries

from lading.capture.run import Findings, find
from lading.capture.run.redaction import (
    command_without_secrets,
    is_secret,
    value_without_secrets,
    without_secrets,
)

__all__ = ["project"]

RUN = f"mlruns/1/{RUN_ID}"
WANDB = "wandb/run-20261121_124859-sabybgwp/files"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("password", "x"), ("db.Password", 1), ("passwd", "x"), ("AWS_SECRET_ACCESS_KEY", "x")),
        *(("api_key", "x"), ("apiKey", "x"), ("api-key", "x"), ("hf_token", "x")),
        *(("token", 1234), ("accessToken", "x"), ("tokens", "x"), ("credentials.user", "x")),
        *(("private_key", "x"), ("access-key", "x"), ("secret.tokens", 7)),
    ],
)
def test_a_name_tells_a_secret(name: str, value: object) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_tokens", 512), ("max_tokens", "512"), ("tokens_per_second", 1.5)),
        *(("tokenizer", "bert"), ("tokenizer.path", "x"), ("tokenization", "bpe")),
        *(("eos_token", "</s>"), ("pad_token_id", 0), ("add_token", True), ("key", "x")),
        *(("keys", 3), ("lr", 0.1), ("passes", 2)),
    ],
)
def test_the_tokens_of_language_models_are_no_secrets(name: str, value: object) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("see https://u:pw@host.example/x?sig=1#y now", "see https://host.example/x now"),
        ("postgresql://u:p/w?@h/db", "postgresql://h/db"),
        ("mysql://a:p#w@h", "mysql://h"),
        ("s3://bucket/a@1.csv", "s3://bucket/a@1.csv"),
        ("http://h:8080/x", "http://h:8080/x"),
        ("http://[::1]:80/x?y", "http://[::1]:80/x"),
        ("x://u:pw", "x://…"),
        ("abfss://box@account/x?sig=1", "abfss://box@account/x"),
        ("abfss://box:key@account/x", "abfss://account/x"),
        ("run t.py --token abc --lr 1", "run t.py --token … --lr 1"),
        ('{"password": "a b", "lr": 1}', '{"password": … "lr": 1}'),
        ("Authorization: Bearer abcdefgh", "Authorization: … …"),
        ("jdbc:x;password=abc;y", "jdbc:x;password=…"),
        ("max_tokens=512 eos_token=x lr=1", "max_tokens=512 eos_token=x lr=1"),
        ("a plain sentence, about tokens and keys.", "a plain sentence, about tokens and keys."),
    ],
)
def test_a_text_loses_its_secrets_alone(text: str, clean: str) -> None:
    assert without_secrets(text) == clean


@pytest.mark.parametrize(
    ("command", "clean"),
    [
        ("python train.py --lr 0.1 seed=1", "python train.py --lr 0.1 seed=1"),
        ("python -u train.py", "python -u train.py"),
        ("A=b c='d e' python t.py", "A=… c=… python t.py"),
        ("cd x && a=b python t.py", "cd x && a=… python t.py"),
        ("env key=1 python t.py", "env key=… python t.py"),
        ('sh -c "KEY=abc python t.py"', 'sh -c "KEY=… python t.py"'),
        ("t --token X --api-key=X -p X", "t --token … --api-key=… -p …"),
        ("t --token=X -pX -u me:X", "t --token=… -p… -u …"),
        ("t --use-token --lr 1", "t --use-token --lr 1"),
        ("t --max-tokens 512 --tokenizer bert", "t --max-tokens 512 --tokenizer bert"),
        ("curl -H 'X-Api-Key: abc def' h", "curl -H 'X-Api-Key: … def' h"),
        ("t +db.password=X", "t +db.password=…"),
        ("cat s | docker login --password-stdin", "cat s | docker login --password-stdin"),
    ],
)
def test_a_command_loses_its_secrets_alone(command: str, clean: str) -> None:
    assert command_without_secrets(command) == clean


def test_what_is_nested_loses_its_secrets_and_says_their_names() -> None:
    names: list[str] = []

    clean = value_without_secrets([{"token": "x", "url": "s3://a:b@c"}, 1], names.append)

    assert (clean, names) == ([{"url": "s3://c"}, 1], ["token"])


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "'", '"', "\\", "=", "-", "token", "token=", "--token ", "x://", "@", ":", "A=b "),
        *("-a", "token'", "--", "bearer ", "; ", "env ", "password" + " " * 3),
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (8192 // len(piece))
    started = time.monotonic()

    command_without_secrets(text)

    assert time.monotonic() - started < 1


def test_what_was_left_out_is_said_by_name(project: Path) -> None:
    write(project, {"dvclive/params.yaml": "lr: 0.1\napi_key: abc\ndb:\n  password: xyz\n"})

    found = find(project / "model")

    assert found.params == {"lr": 0.1}
    assert found.notes == (
        "dvclive: parameters and tags that are called like secrets were left out (2): "
        "api_key, db.password",
    )


def test_data_is_called_by_its_address_without_a_signature(project: Path) -> None:
    lock = DVC["dvc.lock"].replace("data/one.csv", "https://h/one.csv?sig=abc")
    write(project, {"dvc.lock": lock.replace("data/raw", "raw?sig=abc")})

    found = find(project / "model")

    assert [data.name for data in found.datasets] == ["one.csv", "raw"]
    assert "abc" not in str(found.datasets)


@pytest.mark.parametrize(
    ("source", "script"),
    [
        ("/home/ada/t.py --api-key abc", "t.py"),
        ("python src/t.py --lr 1", "t.py"),
        *((name, None) for name in ("-", "-c", "<stdin>", "ipykernel_launcher.py", "python")),
    ],
)
def test_a_script_is_the_name_of_a_file(project: Path, source: str, script: str | None) -> None:
    mlflow_database(project / "mlflow.db")
    with closing(sqlite3.connect(project / "mlflow.db")) as database, database:
        change = "UPDATE tags SET value = ? WHERE key = 'mlflow.source.name'"
        database.execute(change, (source,))

    found = find(project / "model", run_id=RUN_ID)

    assert (found.training.script if found.training else None) == script


PLACES = [
    *("env", "option", "option=", "short", "address", "signed", "fragment", "header", "hydra"),
]
NAMES = [
    *("password", "db_passwd", "SECRET", "hf_token", "api_key", "api-key", "apikey"),
    *("credentials", "private_key", "access-key", "AWS_SECRET_ACCESS_KEY"),
]


def planted(place: str, name: str, secret: str) -> str:
    """A word of a command line, or of a text, with a secret in it."""
    return {
        "env": f"{name.replace('-', '_').upper()}={secret}",
        "option": f"--{name} {secret}",
        "option=": f"--{name}={secret}",
        "short": f"-p {secret}",
        "address": f"postgresql://user:{secret}@host/db",
        "signed": f"https://host/x?signature={secret}",
        "fragment": f"https://host/x#{secret}",
        "header": f"'Authorization: Bearer {secret}'",
        "hydra": f"{name}='{secret}'",
    }[place]


secrets = st.from_regex(r"S3CR3T[A-Za-z0-9_+.]{6,20}", fullmatch=True)


@given(
    secret=secrets,
    place=st.sampled_from(PLACES),
    name=st.sampled_from(NAMES),
    nested=st.booleans(),
)
@tries(40)
def test_a_secret_is_found_nowhere(
    tmp_path_factory: pytest.TempPathFactory, secret: str, place: str, name: str, nested: bool
) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / ".git").mkdir()
    (folder / "model").mkdir()
    word = planted(place, name, secret)
    # A short option is one in a command alone.
    said = "nothing" if place == "short" else word
    named = dict.fromkeys(NAMES, secret)
    values = {"lr": 0.1, **named, "said": said, "list": [{**named, "x": said}]}
    params = {"deep": values} if nested else values
    address = f"s3://key:{secret}@bucket/data.csv?signature={secret}"
    command = f"{word} python t.py {word} && x=1 {word}"
    stage = {
        "cmd": command,
        "deps": [{"path": address, "md5": "aa"}, {"path": f"data?sig={secret}", "md5": "bb"}],
        "params": {"params.yaml": params},
        "outs": [{"path": "other", "md5": "cc"}],
    }
    # JSON is YAML.
    files = {
        "dvc.lock": json.dumps({"schema": "2.0", "stages": {f"train {said}": stage}}),
        "far.dvc": json.dumps({"deps": [{"path": address}], "outs": [{"path": "x", "desc": said}]}),
        "dvclive/params.yaml": json.dumps(params),
        "model/MLmodel": json.dumps({"run_id": RUN_ID, "mlflow_version": said}),
        f"{RUN}/meta.yaml": json.dumps({"run_id": RUN_ID, "run_name": said, "user_id": said}),
        f"{RUN}/tags/mlflow.source.name": f"t.py {word}",
        **{f"{RUN}/tags/{each}": secret for each in NAMES},
        f"{RUN}/tags/note": said,
        **{f"{RUN}/params/{each}": secret for each in NAMES},
        f"{RUN}/params/said": said,
        f"{RUN}/params/dict": str(named),
        f"{RUN}/inputs/i/meta.yaml": json.dumps({"source_type": "DATASET", "source_id": "d"}),
        "mlruns/1/datasets/d/meta.yaml": json.dumps(
            {"name": said, "digest": "aa", "source": json.dumps({"uri": address})}
        ),
    }
    write(folder, files)
    wandb_run(folder)
    config = {key: {"value": value} for key, value in params.items()}
    metadata = {"program": f"t.py {word}", "codePath": f"t.py {said}", "gpu": said, "email": said}
    write(
        folder,
        {
            f"{WANDB}/config.yaml": json.dumps(config),
            f"{WANDB}/wandb-metadata.json": json.dumps(metadata),
        },
    )

    found = find(folder / "model")

    shutil.rmtree(folder)
    assert len(found.runs) == 4
    assert secret not in everything(found)


def everything(found: Findings) -> str:
    """All text of the findings."""
    text = repr(found)
    assert re.search(r"tracker='dvclive'.*tracker='dvc'", text)
    return text
