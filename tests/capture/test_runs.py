"""What trackers recorded of a model's run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from capture.trackers import (
    COMMIT,
    DVC,
    DVCLIVE,
    EXPERIMENT,
    MLFLOW_FILES,
    MLMODEL,
    MODEL_ID,
    RUN_ID,
    WANDB_CONFIG,
    mlflow_database,
    wandb_run,
    write,
)

from lading.capture.run import Findings, find
from lading.capture.run.mlflow import as_python
from lading.errors import InvalidInput
from lading.spec.lineage import Dataset

Values = dict[str, tuple[float, int | None]]


def values(found: Findings) -> Values:
    return {metric.name: (metric.value, metric.step) for metric in found.metrics}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project under git, so that nothing above it is looked at."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "model").mkdir()
    return folder


def test_nothing_near_is_nothing_found(project: Path) -> None:
    assert find(project / "model") == Findings()


class TestMlflow:
    @pytest.fixture(params=["files", "mlflow.db", "mlruns.db"])
    def store(self, request: pytest.FixtureRequest, project: Path) -> Path:
        if request.param == "files":
            write(project, MLFLOW_FILES)
        else:
            mlflow_database(project / request.param)
        return project

    def test_the_run_that_the_model_names_is_told(self, store: Path) -> None:
        write(store, {"model/MLmodel": MLMODEL})

        found = find(store / "model")

        (run,) = found.runs
        assert (run.tracker, run.id, run.name) == ("mlflow", RUN_ID, "first")
        assert (run.experiment, run.user, run.status) == ("fraud", "ada", "FINISHED")
        assert (run.started, run.ended) == ("2026-11-21T12:48:57.939Z", "2026-11-21T12:48:58.172Z")
        assert run.tags == {
            "team": "risk",
            "git.commit": COMMIT,
            "mlflow_version": "3.17.2",
            "model_uuid": MODEL_ID,
            "utc_time_created": "2026-11-21 12:48:57.997749",
            "flavors": ["python_function"],
        }
        assert found.params == {
            "lr": 0.01,
            "depth": 3,
            "version": "1.10",
            "shuffle": True,
            "nested/alpha": "adam w",
        }
        assert values(found) == {"auc": (0.92, 2), "eval/f1": (0.5, 7)}
        assert {metric.source for metric in found.metrics} == {"mlflow"}
        assert found.datasets == (
            Dataset(
                name="train-set",
                uri="s3://bucket/train.parquet",
                digest="mlflow:c42e9dfe",
                split="train",
                rows=2,
                source="mlflow",
            ),
        )
        assert found.training
        assert found.training.script == "train.py"
        assert found.notes == ("mlflow: metrics that are no finite number were left out (1): loss",)

    @pytest.mark.parametrize(
        "place",
        [
            f"mlruns/{EXPERIMENT}/models/{MODEL_ID}/artifacts",
            f"mlruns/{EXPERIMENT}/{RUN_ID}/artifacts/model",
            f"mlruns/{EXPERIMENT}/{RUN_ID}/artifacts/deep/er/model",
        ],
    )
    def test_the_run_in_whose_artifacts_the_model_lies_is_told(
        self, store: Path, place: str
    ) -> None:
        (store / place).mkdir(parents=True)

        found = find(store / place)

        assert [run.id for run in found.runs] == [RUN_ID]
        assert found.params["lr"] == 0.01

    def test_the_only_run_is_taken_with_a_note(self, store: Path) -> None:
        found = find(store / "model")

        assert [run.id for run in found.runs] == [RUN_ID]
        assert "mlflow: the only run near the model was taken; nothing ties it to the model" in (
            found.notes
        )

    @pytest.mark.parametrize("asked", [RUN_ID, f"mlflow:{RUN_ID}"])
    def test_a_run_may_be_chosen(self, store: Path, asked: str) -> None:
        found = find(store / "model", run_id=asked)

        assert [run.id for run in found.runs] == [RUN_ID]

    @pytest.mark.parametrize("asked", ["mlflow:nothing", "mlflow:../..", "mlflow:\0"])
    def test_a_run_that_is_not_there_is_refused(self, store: Path, asked: str) -> None:
        with pytest.raises(InvalidInput, match="there is no MLflow run"):
            find(store / "model", run_id=asked)


def test_of_several_runs_none_is_taken(project: Path) -> None:
    write(project, MLFLOW_FILES)
    second = MLFLOW_FILES[f"mlruns/{EXPERIMENT}/{RUN_ID}/meta.yaml"]
    write(project, {f"mlruns/{EXPERIMENT}/{'b' * 32}/meta.yaml": second})
    deleted = second.replace("stage: active", "stage: deleted")
    write(project, {f"mlruns/{EXPERIMENT}/{'c' * 32}/meta.yaml": deleted})

    found = find(project / "model")

    assert (found.runs, found.params, found.metrics) == ((), {}, ())
    assert found.notes == (
        "mlflow: 2 runs were found and none was taken, for nothing ties one to the model; "
        "--run mlflow:ID chooses",
    )


def test_a_run_without_its_store_is_known_by_its_id(project: Path) -> None:
    write(project, {"model/MLmodel": MLMODEL})

    found = find(project / "model")

    assert [run.id for run in found.runs] == [RUN_ID]
    assert found.runs[0].tags["mlflow_version"] == "3.17.2"
    assert found.notes == (
        f"mlflow: run {RUN_ID} is in no store near the model, so only its id is known",
    )


def test_a_model_that_is_one_file_is_named_by_the_description_beside_it(project: Path) -> None:
    write(project, {"model/MLmodel": MLMODEL, "model/model.pkl": "w"})

    assert [run.id for run in find(project / "model" / "model.pkl").runs] == [RUN_ID]


def test_a_model_that_no_run_logged_names_none(project: Path) -> None:
    write(project, {"model/MLmodel": "flavors: {}\nmlflow_version: 3.17.2\n"})

    assert find(project / "model") == Findings()


def test_a_long_history_is_read_at_its_end(project: Path) -> None:
    write(project, MLFLOW_FILES)
    metric = project / f"mlruns/{EXPERIMENT}/{RUN_ID}/metrics/auc"
    metric.write_text("".join(f"17952653{n:05} {n}.5 {n}\n" for n in range(20_000)))

    found = find(project / "model")

    assert values(found)["auc"] == (19_999.5, 19_999)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("3", 3), ("-1", -1), ("0.01", 0.01), ("1e-05", 1e-05), ("True", True)),
        *(("1.10", "1.10"), ("007", "007"), ("1_0", "1_0"), (" 3", " 3"), ("nan", "nan")),
        *(("inf", "inf"), ("None", "None"), ("", ""), ("9" * 5000, "9" * 5000)),
    ],
)
def test_a_parameter_becomes_a_number_only_where_nothing_is_lost(text: str, value: object) -> None:
    assert as_python(text) == value
    assert type(as_python(text)) is type(value)


class TestWandb:
    @pytest.mark.parametrize("form", WANDB_CONFIG)
    def test_a_run_tells_its_values_and_its_machine(self, project: Path, form: str) -> None:
        wandb_run(project, form=form)

        found = find(project / "model")

        (run,) = found.runs
        assert (run.tracker, run.id, run.user) == ("wandb", "sabybgwp", "ada@example.org")
        assert run.started == "2026-11-21T12:48:59.124532Z"
        assert run.tags == {"git.commit": COMMIT}
        assert found.params == {"lr": 0.01, "opt.name": "adam", "opt.betas": [0.9, 0.99]}
        assert values(found) == {"loss": (0.25, 2), "val/acc": (0.7, 2), "best.auc": (0.9, 2)}
        assert found.training
        assert found.training.script == "src/train.py"
        assert found.training.hardware == "8 NVIDIA A100-SXM4-80GB"
        assert found.notes == (
            "wandb: metrics that are no finite number were left out (3): bad, note, worse",
        )

    def test_an_offline_run_is_known_by_its_id(self, project: Path) -> None:
        # wandb 0.31.0 writes nothing but this until it synchronises.
        run = "wandb/offline-run-20261121_124859-sabybgwp"
        write(project, {f"{run}/files/requirements.txt": "", f"{run}/run-sabybgwp.wandb": ""})
        (project / "wandb" / "latest-run").symlink_to("offline-run-20261121_124859-sabybgwp")

        found = find(project / "model")

        assert [run.id for run in found.runs] == ["sabybgwp"]
        assert "not synchronised" in found.notes[0]

    def test_an_offline_run_of_older_releases_has_a_script_and_no_values(
        self, project: Path
    ) -> None:
        run = wandb_run(project, "offline-run-20261121_132147-wq06erpn")
        (run / "files" / "config.yaml").unlink()
        (run / "files" / "wandb-summary.json").write_text('{"_wandb": {"runtime": 0}}')

        found = find(project / "model")

        assert found.training
        assert found.training.script == "src/train.py"
        assert (found.params, found.metrics) == ({}, ())
        assert "not synchronised" in found.notes[0]

    def test_the_newest_run_is_taken(self, project: Path) -> None:
        wandb_run(project, "run-20260101_000000-zzz")
        wandb_run(project, "offline-run-20260102_000000-new")
        wandb_run(project, "run-20251231_000000-old")

        found = find(project / "model")

        assert [run.id for run in found.runs] == ["new"]
        assert "wandb: the newest of 3 runs was taken; --run wandb:ID chooses another" in (
            found.notes
        )

    def test_the_latest_run_is_the_one_that_is_called_so(self, project: Path) -> None:
        wandb_run(project, "run-20260101_000000-resumed")
        wandb_run(project, "run-20260102_000000-other")
        (project / "wandb" / "latest-run").symlink_to("run-20260101_000000-resumed")

        assert [run.id for run in find(project / "model").runs] == ["resumed"]

    def test_the_run_that_holds_the_model_goes_before_the_newest(self, project: Path) -> None:
        model = wandb_run(project, "run-20260101_000000-mine") / "files" / "model"
        model.mkdir()
        wandb_run(project, "run-20260102_000000-other")

        assert [run.id for run in find(model).runs] == ["mine"]

    def test_a_run_may_be_chosen(self, project: Path) -> None:
        wandb_run(project, "run-20260101_000000-one")
        wandb_run(project, "run-20260102_000000-two")

        assert [run.id for run in find(project / "model", run_id="wandb:one").runs] == ["one"]
        with pytest.raises(InvalidInput, match="there is no W&B run 'three'"):
            find(project / "model", run_id="wandb:three")

    @pytest.mark.parametrize(
        ("metadata", "script"),
        [
            ({"program": "C:\\Users\\ada\\train.py"}, "train.py"),
            ({"program": "/home/ada/train.py", "codePath": "/abs/train.py"}, "train.py"),
            ({"program": "<python with no main file>"}, None),
            ({"program": 5, "codePath": ["x"], "gpu": {}, "git": []}, None),
        ],
    )
    def test_no_path_of_the_machine_is_told(
        self, project: Path, metadata: dict[str, object], script: str | None
    ) -> None:
        run = wandb_run(project)
        (run / "files" / "wandb-metadata.json").write_text(json.dumps(metadata))

        training = find(project / "model").training

        assert (training.script if training else None) == script


class TestDvclive:
    def test_the_last_values_are_told(self, project: Path) -> None:
        write(project, DVCLIVE)

        found = find(project / "model")

        assert [(run.tracker, run.tags) for run in found.runs] == [
            ("dvclive", {"step": 2, "plots": 2})
        ]
        assert found.params == {"lr": 0.01, "opt.name": "adam"}
        assert values(found) == {"train/loss": (1 / 3, 2), "acc": (0.7, 2)}
        assert found.notes == ("dvclive: metrics that are no finite number were left out (1): bad",)

    def test_a_model_among_its_artifacts_belongs_to_it(self, project: Path) -> None:
        write(project, DVCLIVE)
        model = project / "dvclive" / "artifacts" / "model"
        model.mkdir(parents=True)

        assert values(find(model))["acc"] == (0.7, 2)

    def test_the_nearest_is_taken(self, project: Path) -> None:
        write(project, DVCLIVE)
        write(project / "model", {"dvclive/metrics.json": '{"acc": 0.9}'})

        assert values(find(project / "model")) == {"acc": (0.9, None)}


class TestDvc:
    def test_the_stage_that_makes_the_model_is_told(self, project: Path) -> None:
        write(project, DVC)

        found = find(project / "model")

        assert [(run.tracker, run.name) for run in found.runs] == [("dvc", "train")]
        assert found.params == {"seed": 1, "train.lr": 0.01, "train.depth": 3}
        assert values(found) == {"auc": (0.9, None), "sub.f1": (0.5, None)}
        assert found.training
        assert found.training.command == "python src/train.py"
        assert found.notes == ("dvc: metrics that are no finite number were left out (1): bad",)

    def test_data_is_told_once_and_the_model_is_none(self, project: Path) -> None:
        write(project, DVC)

        found = find(project / "model")

        assert [(data.name, data.uri, data.digest, data.size) for data in found.datasets] == [
            ("one.csv", "data/one.csv", "md5:401b30e3b8b5d629635a5c613cdb7919", 2),
            ("raw", "data/raw", "md5:9e8e9f1f6201e0720b8f35e7bfa647c8.dir", 4),
            ("far.csv", "s3://bucket/far.csv", "md5:7a2cf535f27731c974343645a3985328", 7),
            (
                "shared.csv",
                "https://github.com/iterative/registry",
                "md5:a304afb96060aad90176268345e10355",
                14,
            ),
        ]
        assert found.datasets[2].provenance == "Collected in 2025."
        assert {data.source for data in found.datasets} == {"dvc"}

    @pytest.mark.parametrize("out", ["model", "model/weights.bin", ".", "../project/model"])
    def test_an_output_is_the_model_or_in_it_or_around_it(self, project: Path, out: str) -> None:
        lock = DVC["dvc.lock"].replace("- path: model\n", f"- path: {out}\n")
        write(project, {"dvc.lock": lock})

        assert [run.name for run in find(project / "model").runs] == ["train"]

    def test_a_model_that_is_one_file_is_found(self, project: Path) -> None:
        write(project, {**DVC, "model/weights.bin": "w"})

        assert [run.name for run in find(project / "model" / "weights.bin").runs] == ["train"]

    def test_without_such_a_stage_the_last_is_taken_with_a_note(self, project: Path) -> None:
        write(project, DVC)
        (project / "elsewhere").mkdir()

        found = find(project / "elsewhere")

        assert [run.name for run in found.runs] == ["report"]
        assert found.training
        assert found.training.command == "python src/report.py && echo done"
        assert found.params == {"train.lr": 99}
        assert found.datasets[0].uri == "s3://bucket/reference.parquet"
        assert found.datasets[0].digest == "etag:1b2cf535f27731c974343645a3985328"
        assert "the last one, 'report', was taken" in found.notes[0]

    def test_a_pipeline_that_never_ran_has_parameters_and_no_run(self, project: Path) -> None:
        write(project, {"dvc.yaml": DVC["dvc.yaml"], "params.yaml": "lr: 0.5\n"})

        found = find(project / "model")

        assert (found.runs, found.params) == ((), {"lr": 0.5})

    def test_a_lock_of_the_first_form_is_read(self, project: Path) -> None:
        lock = "train:\n  cmd: python train.py\n  outs:\n  - path: model\n    md5: abc\n"
        write(project, {"dvc.lock": lock})

        assert [run.name for run in find(project / "model").runs] == ["train"]


class TestTogether:
    def test_who_wrote_the_value_goes_before_who_copied_it(self, project: Path) -> None:
        write(project, {**MLFLOW_FILES, **DVC, "dvclive/metrics.json": '{"auc": 0.1, "step": 1}'})
        wandb_run(project)

        found = find(project / "model")

        assert [run.tracker for run in found.runs] == ["dvclive", "mlflow", "wandb", "dvc"]
        auc = next(metric for metric in found.metrics if metric.name == "auc")
        assert (auc.value, auc.source) == (0.1, "dvclive")
        assert len([metric for metric in found.metrics if metric.name == "auc"]) == 1
        assert found.training
        assert found.training.script == "train.py"
        assert found.training.command == "python src/train.py"
        assert (
            "mlflow: values that another tracker gives differently were not taken: auc"
            in found.notes
        )

    def test_a_run_at_another_commit_is_noted(self, project: Path) -> None:
        wandb_run(project)

        same = find(project / "model", commit=COMMIT)
        other = find(project / "model", commit="f" * 40)

        assert not any("commit" in note for note in same.notes)
        assert (
            "wandb: the run was made at commit 0123456789ab, the code is now at ffffffffffff"
            in other.notes
        )

    def test_a_folder_near_is_looked_at_too(self, project: Path, tmp_path: Path) -> None:
        write(project, DVCLIVE)
        model = tmp_path / "elsewhere" / "model"
        model.mkdir(parents=True)

        assert find(model) == Findings()
        assert values(find(model, near=project))["acc"] == (0.7, 2)

    @pytest.mark.parametrize("asked", ["dvc:train", "wandb:", "", ":", "other:1"])
    def test_a_run_that_cannot_be_called_so_is_refused(self, project: Path, asked: str) -> None:
        with pytest.raises(InvalidInput):
            find(project / "model", run_id=asked)


class TestGround:
    def test_a_folder_under_git_is_the_last(self, project: Path) -> None:
        write(project.parent, DVCLIVE)

        assert find(project / "model") == Findings()

    def test_four_levels_are_looked_at(self, tmp_path: Path) -> None:
        write(tmp_path, DVCLIVE)
        near, far = tmp_path / "1/2/3/4", tmp_path / "1/2/3/4/5"
        far.mkdir(parents=True)

        assert find(near).metrics
        assert find(far) == Findings()

    def test_a_folder_where_everybody_may_write_is_nobodys_project(self, tmp_path: Path) -> None:
        shared = tmp_path / "shared"
        write(shared, DVCLIVE)
        (shared / "model").mkdir()
        shared.chmod(0o1777)

        assert find(shared / "model") == Findings()

    def test_a_model_that_does_not_exist_has_no_runs(self, tmp_path: Path) -> None:
        assert find(tmp_path / "none" / "at" / "all") == Findings()
