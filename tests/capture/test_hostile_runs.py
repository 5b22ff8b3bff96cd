"""Trackers' files that anybody may have written: findings or notes, never an exception."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from capture.test_runs import project
from capture.trackers import (
    DVC,
    DVCLIVE,
    EXPERIMENT,
    MLFLOW_FILES,
    MLMODEL,
    RUN_ID,
    WANDB_CONFIG,
    WANDB_METADATA,
    WANDB_SUMMARY,
    mlflow_database,
    wandb_run,
    write,
)
from hypothesis import given
from hypothesis import strategies as st
from parts.laws import tries

from lading.capture.run import Findings, find
from lading.spec.document import Document, FileEntry
from lading.spec.lineage import Lineage

__all__ = ["project"]

_WANDB = "wandb/run-20261121_124859-sabybgwp/files"
EVERYTHING = {
    **DVC,
    **DVCLIVE,
    **MLFLOW_FILES,
    "model/MLmodel": MLMODEL,
    f"{_WANDB}/config.yaml": WANDB_CONFIG["0.19"],
    f"{_WANDB}/wandb-summary.json": WANDB_SUMMARY,
    f"{_WANDB}/wandb-metadata.json": WANDB_METADATA,
}


def demand_a_document(found: Findings) -> None:
    """What was found can be written into a document and read again."""
    entry = FileEntry(path="w", size=0, role="weights", layer="sha256:" + "0" * 64)
    document = Document(
        schema_version=1,
        params=dict(found.params),
        metrics=found.metrics,
        lineage=Lineage(runs=found.runs, datasets=found.datasets, training=found.training),
        files=(entry,),
    )

    assert Document.parse(document.encode()).metrics == found.metrics
    for note in found.notes:
        assert note.encode()
        assert len(note) < 1000


@given(name=st.sampled_from(sorted(EVERYTHING)), raw=st.binary(max_size=200))
@tries(60)
def test_any_bytes_in_any_file_are_found_or_noted(name: str, raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), EVERYTHING)
        (Path(folder) / name).write_bytes(raw)

        demand_a_document(find(Path(folder) / "model"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda part: (
        st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4)
    ),
    max_leaves=12,
)
# Names that are looked up, so that what is odd stands where something is expected.
_WORDS = (
    *(
        "stages",
        "schema",
        "cmd",
        "deps",
        "outs",
        "params",
        "path",
        "md5",
        "size",
        "metrics",
        "wdir",
    ),
    *("desc", "repo", "url", "value", "git", "commit", "startedAt", "program", "codePath"),
    *(
        "gpu",
        "gpu_count",
        "email",
        "_step",
        "step",
        "run_id",
        "flavors",
        "status",
        "start_time",
        "name",
    ),
    *("tags", "source_id", "source_type", "source", "digest", "profile", "lifecycle_stage"),
)
odd_mappings = st.dictionaries(
    st.sampled_from(_WORDS),
    json_values | st.lists(st.dictionaries(st.sampled_from(_WORDS), json_values, max_size=4)),
    max_size=6,
)


@given(name=st.sampled_from([n for n in sorted(EVERYTHING) if "." in n]), value=odd_mappings)
@tries(40)
def test_any_values_in_any_file_are_found_or_noted(name: str, value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), EVERYTHING)
        (Path(folder) / name).write_text(json.dumps(value), "utf-8")  # which is YAML as well

        demand_a_document(find(Path(folder) / "model"))


@given(name=st.binary(min_size=1, max_size=40), raw=st.binary(max_size=20))
@tries(25)
def test_any_name_of_a_file_is_found_or_noted(name: bytes, raw: bytes) -> None:
    clean = name.replace(b"/", b"_").replace(b"\0", b"_")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), EVERYTHING)
        run = os.fsencode(Path(folder) / f"mlruns/{EXPERIMENT}/{RUN_ID}")
        for kind in (b"params", b"metrics", b"tags"):
            if clean not in (b".", b".."):
                Path(os.fsdecode(run + b"/" + kind + b"/x" + clean)).write_bytes(raw)

        demand_a_document(find(Path(folder) / "model"))


@given(at=st.integers(0, 90_000), raw=st.binary(min_size=1, max_size=64))
@tries(80)
def test_a_damaged_database_is_read_or_noted(
    tmp_path_factory: pytest.TempPathFactory, at: int, raw: bytes
) -> None:
    whole = tmp_path_factory.getbasetemp() / "whole.db"
    if not whole.exists():
        mlflow_database(whole)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "mlflow.db"
        shutil.copy(whole, store)
        with store.open("r+b") as file:
            file.seek(at % store.stat().st_size)
            file.write(raw)

        demand_a_document(find(Path(folder), run_id=None))


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_a_file_of_100_megabytes_is_not_read(project: Path, name: str) -> None:
    write(project, EVERYTHING)
    with (project / name).open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    began = time.monotonic()

    found = find(project / "model")

    assert time.monotonic() - began < 1
    demand_a_document(found)


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_a_pipe_in_place_of_a_file_holds_nobody_up(project: Path, name: str) -> None:
    write(project, EVERYTHING)
    (project / name).unlink()
    os.mkfifo(project / name)

    demand_a_document(find(project / "model"))


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_a_link_to_a_secret_is_not_followed(project: Path, tmp_path: Path, name: str) -> None:
    write(project, EVERYTHING)
    secret = tmp_path / "secret"
    secret.write_text('{"token": "s3cret", "x": 1e3}')
    (project / name).unlink()
    (project / name).symlink_to(secret)

    found = find(project / "model")

    assert "token" not in found.params
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("folder", ["dvclive", "mlruns", "wandb", "data", f"mlruns/{EXPERIMENT}"])
def test_a_folder_that_leads_out_is_not_read(project: Path, tmp_path: Path, folder: str) -> None:
    outside = write(tmp_path / "outside", EVERYTHING)
    link = project / folder
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside / folder)

    found = find(project / "model")

    assert (found.runs, found.params, found.metrics, found.datasets) == ((), {}, (), ())


@pytest.mark.parametrize("name", [name for name in sorted(EVERYTHING) if "." in name])
def test_deep_nesting_is_noted(project: Path, name: str) -> None:
    write(project, EVERYTHING)

    for raw in ("[" * 500_000, '{"a":' * 100_000, "{" * 500_000, "a: " * 9999):
        (project / name).write_text(raw)
        demand_a_document(find(project / "model"))


def nested(levels: int, leaf: object) -> object:
    for _ in range(levels):
        leaf = {"k" * 100: leaf}
    return leaf


@pytest.mark.parametrize("leaf", [1.5, {f"{n}": 1 for n in range(5000)}, [[[[]]]] * 9])
def test_names_of_many_levels_are_left_out(project: Path, leaf: object) -> None:
    content = json.dumps({"good": 1, "deep": nested(300, leaf)})
    write(project, {"dvclive/metrics.json": content, "dvclive/params.yaml": content[:500]})

    found = find(project / "model")

    assert [metric.name for metric in found.metrics] == ["good"]
    demand_a_document(found)


def test_only_a_thousand_of_each_are_taken(project: Path) -> None:
    many = {f"m{n:05}": n for n in range(3000)}
    text = json.dumps(many)
    write(project, {"dvclive/metrics.json": text, "dvclive/params.yaml": text})

    found = find(project / "model")

    assert (len(found.metrics), len(found.params)) == (1000, 1000)
    assert [note for note in found.notes if "beyond the first 1000 were left out (2000)" in note]
    demand_a_document(found)


def test_thousands_of_files_of_one_run_are_bounded(project: Path) -> None:
    run = f"mlruns/{EXPERIMENT}/{RUN_ID}"
    many = {f"{run}/params/p{n}": "1" for n in range(3000)}
    many |= {f"{run}/metrics/m{n}": "1 1 1\n" for n in range(3000)}
    write(project, {**MLFLOW_FILES, **many})
    began = time.monotonic()

    found = find(project / "model")

    assert time.monotonic() - began < 5
    assert (len(found.metrics), len(found.params)) == (1000, 1000)
    assert any("beyond the first 1000" in note for note in found.notes)


def test_text_over_eight_kibibytes_is_left_out(project: Path) -> None:
    run = f"mlruns/{EXPERIMENT}/{RUN_ID}"
    write(project, {**MLFLOW_FILES, f"{run}/params/prompt": "x" * 9000})
    write(project, {"dvclive/params.yaml": f"prompt2: {'x' * 9000}\nlist: [{'1, ' * 5000}1]\n"})

    found = find(project / "model")

    assert not {"prompt", "prompt2", "list"} & set(found.params)
    assert "dvclive: parameters larger than 8 KiB were left out (2): list, prompt2" in found.notes
    assert "mlflow: values that are too large or cannot be read were left out (1): prompt" in (
        found.notes
    )


class TestDatabase:
    @pytest.mark.parametrize(
        "more",
        [
            # Endless, when it is read.
            "DROP TABLE params; CREATE VIEW params AS WITH RECURSIVE c(key, value, run_uuid) AS "
            f"(SELECT 'a', 1, '{RUN_ID}' UNION ALL SELECT key, value + 1, run_uuid FROM c) "
            "SELECT * FROM c;",
            "DROP TABLE tags; CREATE VIRTUAL TABLE tags USING fts5(key, value, run_uuid);",
            "DROP TABLE runs;",
            "DROP TABLE latest_metrics; CREATE TABLE latest_metrics (x);",
        ],
    )
    def test_what_is_no_plain_table_is_noted(self, project: Path, more: str) -> None:
        mlflow_database(project / "mlflow.db", more)
        write(project, {"model/MLmodel": MLMODEL})
        began = time.monotonic()

        found = find(project / "model")

        assert time.monotonic() - began < 3
        assert (found.params, found.metrics) == ({}, ())
        assert any("mlflow.db" in note for note in found.notes)

    def test_a_column_that_is_computed_is_never_read(self, project: Path) -> None:
        # Of a pattern like this one, the time doubles with each percent sign.
        endless = f"like('{'%a' * 30}b', replace(hex(zeroblob(100000)), '0', 'a'))"
        mlflow_database(
            project / "mlflow.db",
            "DROP TABLE params; CREATE TABLE params (key, run_uuid, "
            f"value GENERATED ALWAYS AS ({endless}) VIRTUAL);"
            f"INSERT INTO params (key, run_uuid) VALUES ('p', '{RUN_ID}');",
        )
        write(project, {"model/MLmodel": MLMODEL})
        began = time.monotonic()

        found = find(project / "model")

        assert time.monotonic() - began < 3
        assert found.params == {}
        assert any("mlflow.db is no database of MLflow's" in note for note in found.notes)

    def test_values_of_odd_types_are_noted(self, project: Path) -> None:
        mlflow_database(
            project / "mlflow.db",
            f"INSERT INTO params VALUES ('blob', x'ff00', '{RUN_ID}'), (x'ff', 1, '{RUN_ID}'),"
            f"('big', hex(zeroblob(100000)), '{RUN_ID}');"
            f"INSERT INTO latest_metrics VALUES ('text', 'x', 0, 'y', 0, '{RUN_ID}'),"
            f"('inf', 9e999, 0, -1, 0, '{RUN_ID}');"
            "UPDATE runs SET status = x'00', start_time = 9e18, end_time = 'soon', name = 5;",
        )
        write(project, {"model/MLmodel": MLMODEL})

        found = find(project / "model")

        assert found.params["lr"] == 0.01
        assert not {"blob", "big"} & set(found.params)
        assert {metric.name for metric in found.metrics} == {"auc", "eval/f1"}
        demand_a_document(found)

    def test_reading_leaves_no_trace_and_takes_no_lock(self, project: Path) -> None:
        store = project / "mlflow.db"
        mlflow_database(store)
        before = store.read_bytes()
        with closing(sqlite3.connect(store)) as writer:
            writer.execute("BEGIN EXCLUSIVE")

            found = find(project / "model")

        assert found.params["lr"] == 0.01
        assert store.read_bytes() == before
        assert sorted(path.name for path in project.iterdir()) == [".git", "mlflow.db", "model"]

    @pytest.mark.parametrize("name", ["a?b#c", "50%41", "ü", "\udcff"])
    def test_the_folder_may_have_any_name(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        mlflow_database(folder / "mlflow.db")

        assert find(folder).params["lr"] == 0.01


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("https://ada:s3cret@host/x.csv?token=s3cret", "https://host/x.csv"),
        ("s3://bucket/x?versionId=1", "s3://bucket/x"),
        (
            "abfss://box@account.dfs.core.windows.net/x",
            "abfss://box@account.dfs.core.windows.net/x",
        ),
        ("abfss://box:s3cret@account/x", None),
        ("/home/ada/x.csv", None),
        ("file:///home/ada/x.csv", None),
        ("C:\\x.csv", None),
        ("~/x.csv", None),
        ("data/x.csv", "data/x.csv"),
    ],
)
def test_a_place_of_data_holds_no_secret(project: Path, uri: str, told: str | None) -> None:
    out = json.dumps({"path": "x", "md5": "abc"})
    dependency = json.dumps([{"path": uri}])
    write(project, {"dvc.lock": f"train: {{outs: [{out}], deps: {dependency}}}"})

    (data,) = find(project / "model").datasets or (None,)

    assert (data.uri if data else None) == told


def test_a_run_with_nothing_to_it_is_read_quickly(project: Path) -> None:
    find(project / "model")
    times = []
    for _ in range(20):
        began = time.perf_counter()
        find(project / "model")
        times.append(time.perf_counter() - began)

    assert min(times) < 0.005


def test_a_wandb_run_named_by_a_link_elsewhere_is_not_read(project: Path, tmp_path: Path) -> None:
    elsewhere = wandb_run(tmp_path / "other", "run-20260101_000000-secret")
    (project / "wandb").mkdir()
    (project / "wandb" / "latest-run").symlink_to(elsewhere)
    (project / "wandb" / "run-20260101_000000-secret").symlink_to(elsewhere)

    assert find(project / "model") == Findings()
