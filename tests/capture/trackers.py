"""Files as the trackers write them, each literal with the release that wrote it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

RUN_ID = "254dec5959cb42e690ec89f225ffa62e"
MODEL_ID = "m-40fb6627acf34600ab8273c62d69aaa7"
EXPERIMENT = "457682150288510745"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(folder: Path, files: dict[str, str]) -> Path:
    """Some files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


# MLflow 3.17.2, file store. Lines of metrics repeat where a model was logged.
_RUN = f"mlruns/{EXPERIMENT}/{RUN_ID}"
MLFLOW_FILES = {
    "mlruns/0/meta.yaml": "experiment_id: '0'\nlifecycle_stage: active\nname: Default\n",
    f"mlruns/{EXPERIMENT}/meta.yaml": f"""\
artifact_location: file:///home/ada/ml/mlruns/{EXPERIMENT}
creation_time: 1795265337827
effective_trace_archival_retention: null
experiment_id: '{EXPERIMENT}'
last_update_time: 1795265337827
lifecycle_stage: active
name: fraud
trace_location: null
workspace: default
""",
    f"{_RUN}/meta.yaml": f"""\
artifact_uri: file:///home/ada/ml/mlruns/{EXPERIMENT}/{RUN_ID}/artifacts
end_time: 1795265338172
entry_point_name: ''
experiment_id: '{EXPERIMENT}'
lifecycle_stage: active
run_id: {RUN_ID}
run_name: first
source_name: ''
source_type: 4
source_version: ''
start_time: 1795265337939
status: 3
tags: []
user_id: root
""",
    f"{_RUN}/params/lr": "0.01",
    f"{_RUN}/params/depth": "3",
    f"{_RUN}/params/version": "1.10",
    f"{_RUN}/params/shuffle": "True",
    f"{_RUN}/params/nested/alpha": "adam w",
    f"{_RUN}/metrics/auc": (
        "1795265337946 0.9 0\n1795265337946 0.91 1\n1795265337947 0.92 2\n1795265337946 0.9 0\n"
    ),
    f"{_RUN}/metrics/loss": "1795265337948 nan 0\n",
    f"{_RUN}/metrics/eval/f1": "1795265337948 0.5 7 test-set d1f3\n",
    f"{_RUN}/tags/mlflow.runName": "first",
    f"{_RUN}/tags/mlflow.source.name": "/home/ada/ml/train.py",
    f"{_RUN}/tags/mlflow.source.type": "LOCAL",
    f"{_RUN}/tags/mlflow.source.git.commit": COMMIT,
    f"{_RUN}/tags/mlflow.user": "ada",
    f"{_RUN}/tags/team": "risk",
    f"{_RUN}/inputs/bb56fd52631aea8ba14556db27a1ff3f/meta.yaml": """\
destination_id: f69c18c9b6ba0f1815cd60c1e935b1d0
destination_type: RUN
source_id: f69c18c9b6ba0f1815cd60c1e935b1d0
source_type: DATASET
tags:
  mlflow.data.context: training
""",
    f"mlruns/{EXPERIMENT}/datasets/f69c18c9b6ba0f1815cd60c1e935b1d0/meta.yaml": """\
digest: c42e9dfe
name: train-set
profile: '{"num_rows": 2, "num_elements": 2}'
schema: null
source: '{"uri": "s3://bucket/train.parquet"}'
source_type: s3
""",
    f"mlruns/{EXPERIMENT}/models/{MODEL_ID}/meta.yaml": f"""\
artifact_location: file:///home/ada/ml/mlruns/{EXPERIMENT}/models/{MODEL_ID}/artifacts
creation_timestamp: 1795265337988
experiment_id: '{EXPERIMENT}'
last_updated_timestamp: 1795265338170
model_id: {MODEL_ID}
model_type: null
name: model
source_run_id: {RUN_ID}
status: 2
status_message: null
""",
}
MLMODEL = f"""\
artifact_path: file:///home/ada/ml/mlruns/{EXPERIMENT}/models/{MODEL_ID}/artifacts
flavors:
  python_function:
    cloudpickle_version: 3.1.2
    loader_module: mlflow.pyfunc.model
    python_version: 3.11.7
mlflow_version: 3.17.2
model_id: {MODEL_ID}
model_size_bytes: 1386
model_uuid: {MODEL_ID}
run_id: {RUN_ID}
utc_time_created: '2026-11-21 12:48:57.997749'
"""

# MLflow 3.17.2, SQLite: the tables that a run is in, without their constraints.
_TABLES = """
CREATE TABLE "runs" (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), source_type VARCHAR(20),
    source_name VARCHAR(500), entry_point_name VARCHAR(50), user_id VARCHAR(256),
    status VARCHAR(9), start_time BIGINT, end_time BIGINT, source_version VARCHAR(50),
    lifecycle_stage VARCHAR(20), artifact_uri VARCHAR(200), experiment_id INTEGER,
    deleted_time BIGINT, CONSTRAINT run_pk PRIMARY KEY (run_uuid));
CREATE TABLE "experiments" (experiment_id INTEGER NOT NULL, name VARCHAR(256) NOT NULL,
    artifact_location VARCHAR(256), lifecycle_stage VARCHAR(32), creation_time BIGINT,
    last_update_time BIGINT, workspace VARCHAR(63) DEFAULT 'default' NOT NULL,
    CONSTRAINT experiment_pk PRIMARY KEY (experiment_id));
CREATE TABLE "latest_metrics" ("key" VARCHAR(250) NOT NULL, value FLOAT NOT NULL,
    timestamp BIGINT, step BIGINT NOT NULL, is_nan BOOLEAN NOT NULL,
    run_uuid VARCHAR(32) NOT NULL, CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid));
CREATE TABLE "params" ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000) NOT NULL,
    run_uuid VARCHAR(32) NOT NULL, CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid));
CREATE TABLE "tags" ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000),
    run_uuid VARCHAR(32) NOT NULL, CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid));
CREATE TABLE inputs (input_uuid VARCHAR(36) NOT NULL, source_type VARCHAR(36) NOT NULL,
    source_id VARCHAR(36) NOT NULL, destination_type VARCHAR(36) NOT NULL,
    destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id));
CREATE TABLE input_tags (input_uuid VARCHAR(36) NOT NULL, name VARCHAR(255) NOT NULL,
    value VARCHAR(500) NOT NULL, CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name));
CREATE TABLE datasets (dataset_uuid VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL,
    name VARCHAR(500) NOT NULL, digest VARCHAR(36) NOT NULL,
    dataset_source_type VARCHAR(36) NOT NULL, dataset_source TEXT NOT NULL, dataset_schema TEXT,
    dataset_profile TEXT, CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest));
CREATE TABLE logged_models (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL,
    name VARCHAR(500) NOT NULL, artifact_location VARCHAR(1000) NOT NULL,
    source_run_id VARCHAR(32), CONSTRAINT logged_models_pk PRIMARY KEY (model_id));
"""
_ROWS = f"""
INSERT INTO experiments VALUES (1, 'fraud', '/home/ada/mlruns/1', 'active', 0, 0, 'default');
INSERT INTO runs VALUES ('{RUN_ID}', 'first', 'LOCAL', 'train.py', '', 'root', 'FINISHED',
    1795265337939, 1795265338172, '', 'active', '/home/ada/mlruns/1/x/artifacts', 1, NULL);
INSERT INTO params VALUES ('lr', '0.01', '{RUN_ID}'), ('depth', '3', '{RUN_ID}'),
    ('version', '1.10', '{RUN_ID}'), ('shuffle', 'True', '{RUN_ID}'),
    ('nested/alpha', 'adam w', '{RUN_ID}');
INSERT INTO latest_metrics VALUES ('auc', 0.92, 1, 2, 0, '{RUN_ID}'),
    ('loss', 0.0, 1, 0, 1, '{RUN_ID}'), ('eval/f1', 0.5, 1, 7, 0, '{RUN_ID}');
INSERT INTO tags VALUES ('mlflow.user', 'ada', '{RUN_ID}'), ('team', 'risk', '{RUN_ID}'),
    ('mlflow.source.name', '/home/ada/ml/train.py', '{RUN_ID}'),
    ('mlflow.source.git.commit', '{COMMIT}', '{RUN_ID}');
INSERT INTO inputs VALUES ('i1', 'DATASET', 'd1', 'RUN', '{RUN_ID}', 0);
INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'training');
INSERT INTO datasets VALUES ('d1', 1, 'train-set', 'c42e9dfe', 's3',
    '{{"uri": "s3://bucket/train.parquet"}}', NULL, '{{"num_rows": 2, "num_elements": 2}}');
INSERT INTO logged_models VALUES ('{MODEL_ID}', 1, 'model', '/home/ada/x', '{RUN_ID}');
"""


def mlflow_database(path: Path, more: str = "") -> None:
    """MLflow's SQLite store with one run."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_TABLES + _ROWS + more)


# wandb as 0.16.6 and 0.19.11 write it when online or synchronised: the newer leaves the version
# and the descriptions out. The metadata is 0.19.11's, with what it adds on a machine with GPUs.
WANDB_CONFIG = {
    "0.16": """\
wandb_version: 1

lr:
  desc: null
  value: 0.01
opt:
  desc: null
  value:
    name: adam
    betas:
    - 0.9
    - 0.99
_wandb:
  desc: null
  value:
    python_version: 3.11.7
    cli_version: 0.16.0
""",
    "0.19": """\
_wandb:
    value:
        cli_version: 0.19.1
        m: []
        python_version: 3.11.7
lr:
    value: 0.01
opt:
    value:
        betas:
            - 0.9
            - 0.99
        name: adam
""",
}
WANDB_SUMMARY = (
    '{"_wandb":{"runtime":1},"_step":2,"_runtime":1.5,"_timestamp":1795265337.9,"loss":0.25,'
    '"val/acc":0.7,"best":{"auc":0.9},"note":"x","bad":NaN,"worse":"Infinity",'
    '"picture":{"_type":"image-file","size":10}}'
)
WANDB_METADATA = f"""{{
  "os": "Linux-6.1.0-x86_64-with-glibc2.36",
  "python": "CPython 3.11.7",
  "startedAt": "2026-11-21T12:48:59.124532Z",
  "args": ["--lr", "0.01"],
  "program": "/home/ada/ml/src/train.py",
  "codePath": "src/train.py",
  "git": {{"remote": "https://github.com/acme/fraud.git", "commit": "{COMMIT}"}},
  "email": "ada@example.org",
  "root": "/home/ada/ml",
  "host": "box",
  "executable": "/home/ada/ml/.venv/bin/python",
  "gpu": "NVIDIA A100-SXM4-80GB",
  "gpu_count": 8
}}"""


def wandb_run(folder: Path, name: str = "run-20261121_124859-sabybgwp", form: str = "0.19") -> Path:
    """A synchronised run, in the folder ``wandb``."""
    run = folder / "wandb" / name
    files = {
        "files/config.yaml": WANDB_CONFIG[form],
        "files/wandb-summary.json": WANDB_SUMMARY,
        "files/wandb-metadata.json": WANDB_METADATA,
        "logs/debug.log": "",
    }
    return write(run, files)


# dvclive 3.49.1.
DVCLIVE = {
    "dvclive/metrics.json": """{
    "train": {
        "loss": 0.3333333333333333
    },
    "acc": 0.7,
    "step": 2,
    "bad": "nan"
}
""",
    "dvclive/params.yaml": "lr: 0.01\nopt:\n  name: adam\n",
    "dvclive/plots/metrics/acc.tsv": "step\tacc\n0\t0.5\n",
    "dvclive/plots/metrics/train/loss.tsv": "step\tloss\n0\t1.0\n",
}

# DVC 3.67.1.
DVC = {
    "dvc.lock": """\
schema: '2.0'
stages:
  train:
    cmd: python src/train.py
    deps:
    - path: data/one.csv
      hash: md5
      md5: 401b30e3b8b5d629635a5c613cdb7919
      size: 2
    - path: data/raw
      hash: md5
      md5: 9e8e9f1f6201e0720b8f35e7bfa647c8.dir
      size: 4
      nfiles: 1
    - path: src/train.py
      hash: md5
      md5: 4d1633595228d5cdb9477bd8dccc21cf
      size: 157
    params:
      params.yaml:
        seed: 1
        train:
          lr: 0.01
          depth: 3
    outs:
    - path: model
      hash: md5
      md5: 9a4c24f7005756ac1c622ed33fd933d8.dir
      size: 1
      nfiles: 1
  report:
    cmd:
    - python src/report.py
    - echo done
    deps:
    - path: s3://bucket/reference.parquet
      etag: 1b2cf535f27731c974343645a3985328
      size: 10
    outs:
    - path: report
      hash: md5
      md5: 094adbd0ad9a4470e4c5b1831d2f94d1
      size: 32
""",
    "dvc.yaml": """\
stages:
  train:
    cmd: python src/train.py
    deps: [data/raw, data/one.csv, src/train.py]
    params: [train, seed]
    outs: [model]
    metrics:
      - metrics.json:
          cache: false
""",
    "metrics.json": '{"auc": 0.9, "sub": {"f1": 0.5}, "bad": NaN}',
    "params.yaml": "train:\n  lr: 99\n",
    "data/raw.dvc": """\
outs:
- md5: 9e8e9f1f6201e0720b8f35e7bfa647c8.dir
  size: 4
  nfiles: 1
  hash: md5
  path: raw
""",
    "data/far.csv.dvc": """\
md5: 0c5f1a0f0d4b7c8c5d3b1f4a2e6d7c8b
frozen: true
deps:
- path: s3://key:secret@bucket/far.csv?signature=s3cret
  etag: 1b2cf535f27731c974343645a3985328
  size: 7
outs:
- md5: 7a2cf535f27731c974343645a3985328
  size: 7
  hash: md5
  path: far.csv
  desc: Collected in 2025.
""",
    "data/shared.csv.dvc": """\
deps:
- path: get-started/data.csv
  repo:
    url: https://token@github.com/iterative/registry
    rev_lock: f31f5c4cdae787b4bdeb97a717687d44667d9e62
outs:
- md5: a304afb96060aad90176268345e10355
  size: 14
  hash: md5
  path: shared.csv
""",
    "model.dvc": "outs:\n- md5: 9a4c24f7005756ac1c622ed33fd933d8.dir\n  path: model\n",
}
