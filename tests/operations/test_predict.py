"""Batch scoring for real: versions of a registry, other processes, kills, full disks, memory."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import jsonschema
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from parts.command import Command
from parts.registry import DockerRegistry
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lading
from lading.errors import Conflict, InvalidInput, LocalFailure, NotFound, PolicyRefused
from lading.operations.predict import predict
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.save import save
from lading.settings import Settings

ROWS = pd.DataFrame(
    {"amount": [1.0, 20.0, 3.0, 40.0] * 50, "age": [20, 30, 40, 50] * 50, "city": [1, 2, 3, 4] * 50}
)
FRAUD = pd.Series([0, 1, 0, 1] * 50)
PART = ".lading-part"
SCHEMAS = Path(__file__).parents[2] / "schemas"


def fraud(*, flipped: bool = False) -> Any:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return model.fit(ROWS, 1 - FRAUD if flipped else FRAUD)


def doubler() -> Any:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])
    y = helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [None, 3])
    node = helper.make_node("Add", ["x", "x"], ["doubled"])
    graph = helper.make_graph([node], "double", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "data", cache=tmp_path / "cache", retries=1)


@pytest.fixture
def command(tmp_path: Path, settings: Settings) -> Command:
    (tmp_path / "home").mkdir(exist_ok=True)
    return Command(tmp_path)


@pytest.fixture
def fraud_model(settings: Settings) -> str:
    save(fraud(), "ml/fraud:1.0.0", input_example=ROWS.head(), settings=settings)
    return "ml/fraud:1.0.0"


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    ROWS.assign(id=range(len(ROWS))).to_csv(path, index=False)
    return path


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = Path("/dev/shm") / f"lading-{os.getpid()}"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    subprocess.run(mounted, check=True, capture_output=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)
    folder.rmdir()


def test_a_version_of_a_registry_scores_a_file_as_the_notebook_does(
    command: Command,
    registry: DockerRegistry,
    repository: str,
    settings: Settings,
    rows_file: Path,
) -> None:
    name = f"{registry.host}/{repository}"
    model = fraud()
    digest = save(model, f"{name}:1.0.0", input_example=ROWS.head(), settings=settings).digest
    promote(f"{name}:1.0.0", "prod", settings=settings)
    output = command.folder / "scored.csv"

    done = command("predict", f"{name}:prod", "-i", rows_file, "-o", output, "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    jsonschema.validate(told, json.loads((SCHEMAS / "predict.schema.json").read_text()))
    steps = [json.loads(line) for line in done.stderr.splitlines()]
    shown = [step["rows"] for step in steps if "rows" in step]
    for step in shown:
        jsonschema.validate(step, json.loads((SCHEMAS / "rows.schema.json").read_text()))
    assert shown
    assert (told["digest"], told["rows"], told["written"]) == (digest, 200, 200)
    assert told["unused"] == ["id"]
    scored = pd.read_csv(output)
    assert scored["prediction"].tolist() == model.predict(ROWS).tolist()
    assert scored["id"].tolist() == list(range(200))
    again = command("predict", f"{name}:prod", "-i", rows_file, "-o", output)
    assert again.returncode == 7
    assert "--force" in again.stderr


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_an_onnx_model_scores_every_format(settings: Settings, tmp_path: Path, form: str) -> None:
    example = {"x": np.ones((2, 3), "f4")}
    save(doubler(), "ml/double:1.0.0", input_example=example, settings=settings)
    rows = pd.DataFrame(np.arange(60.0).reshape(20, 3), columns=["a", "b", "c"])
    source = tmp_path / f"rows.{form}"
    writers: dict[str, Callable[[], object]] = {
        "csv": lambda: rows.to_csv(source, index=False),
        "json": lambda: rows.to_json(source, orient="split"),
        "jsonl": lambda: rows.to_json(source, orient="records", lines=True),
        "parquet": lambda: rows.to_parquet(source),
    }
    writers[form]()
    output = tmp_path / "out.parquet"

    result = predict(
        "ml/double:1.0.0", input=source, output=output, batch_size=7, settings=settings
    )

    table = pyarrow.parquet.read_table(output)
    assert table["doubled"].to_pylist() == (rows.to_numpy() * 2).tolist()
    assert table.schema.metadata[b"lading.digest"].decode() == result.digest
    assert result.batches == 3
    assert table["a"].to_pylist()[:2] in ([0.0, 3.0], ["0.0", "3.0"])


def test_a_folder_and_streams_are_taken_as_well(
    command: Command, fraud_model: str, settings: Settings, rows_file: Path, tmp_path: Path
) -> None:
    pull(fraud_model, into=tmp_path / "model", settings=settings)

    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS.to_dict("records"))
    words: tuple[str | Path, ...] = ("predict", "./model", "-i", "-", "--format", "jsonl")
    done = command(*words, "-o", "-", "--no-inputs", stdin=lines)
    both = command("predict", "./model", "-i", rows_file, "-o", "-", "--format", "csv", "--json")
    words = ("predict", "./model", "-i", rows_file, "-o", "/dev/null", "--output-format", "csv")
    device = command(*words, "--columns", "amount,age,city")
    unchosen = command(*words)

    assert done.returncode == 0, done.stderr
    told = [json.loads(line)["prediction"] for line in done.stdout.splitlines()]
    assert told == fraud().predict(ROWS).tolist()
    assert both.returncode == 2
    assert device.returncode == 0, device.stderr
    assert unchosen.returncode == 2
    assert "--columns" in unchosen.stderr


def test_code_of_a_model_runs_only_where_somebody_allowed_it(
    settings: Settings, rows_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    joblib.dump(fraud(), folder / "model.joblib")
    lading.push(folder, "ml/pickled:1.0.0", settings=settings)
    asked: dict[str, Any] = {
        "input": rows_file,
        "output": tmp_path / "out.csv",
        "columns": ["amount", "age", "city"],
        "adapter": "sklearn",
        "settings": settings,
    }

    with pytest.raises(PolicyRefused):
        predict("ml/pickled:1.0.0", **asked)
    result = predict("ml/pickled:1.0.0", allow_pickle=True, **asked)

    assert result.rows == 200
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].tolist() == FRAUD.tolist()


# Breaking off

SLOW = """
import time
import lading
from lading.operations.load import Loaded

asked = Loaded.predict
def slowly(self, data):
    time.sleep(0.5)
    return asked(self, data)
Loaded.predict = slowly

from lading.cli.app import main
main()
"""


def slow(command: Command, *words: str | Path) -> list[str]:
    return [sys.executable, "-c", SLOW, *map(str, words)]


@pytest.mark.parametrize(
    ("signalled", "form"), [(signal.SIGKILL, "csv"), (signal.SIGINT, "parquet")]
)
def test_a_process_that_is_ended_is_gone_on_with_to_the_same_bytes(
    command: Command,
    fraud_model: str,
    settings: Settings,
    tmp_path: Path,
    *,
    signalled: int,
    form: str,
) -> None:
    source, output, whole = tmp_path / "r.csv", tmp_path / f"o.{form}", tmp_path / f"w.{form}"
    pd.concat([ROWS] * 10).to_csv(source, index=False)
    words = ("predict", fraud_model, "-i", source, "--batch-size", "10", "--json", "-o")
    predict(fraud_model, input=source, output=whole, batch_size=10, settings=settings)

    process = subprocess.Popen(
        slow(command, *words, output),
        env=command.environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    frame = tmp_path / f"o.{form}{PART}.json"
    deadline = time.monotonic() + 50
    while not frame.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    twice = command(*words, output)
    process.send_signal(signalled)
    process.wait(20)
    assert frame.exists()
    assert not output.exists()
    done = command(*words, output)

    assert twice.returncode == 7
    assert "another run" in twice.stderr
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 0 < told["resumed"] < told["rows"] == 2000
    assert output.read_bytes() == whole.read_bytes()
    found = hashlib.sha256(whole.read_bytes()).hexdigest()
    assert told["output_digest"] == f"sha256:{found}"
    assert not list(tmp_path.glob(f"*{PART}*"))


def test_a_model_or_an_input_that_changed_is_not_mixed_with_the_old_one(
    settings: Settings, fraud_model: str, rows_file: Path, tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(step: object) -> None:
        raise Stop

    def ask(reference: str, **more: Any) -> Any:
        return predict(
            reference, input=rows_file, output=tmp_path / "out.csv", batch_size=50,
            settings=settings, **more,
        )  # fmt: skip

    save(fraud(flipped=True), "ml/fraud:2.0.0", input_example=ROWS.head(), settings=settings)
    with pytest.raises(Stop):
        ask(fraud_model, on_rows=stop)

    with pytest.raises(Conflict, match="another model"):
        ask("ml/fraud:2.0.0")
    with pytest.raises(Conflict, match="another word on errors"):
        ask(fraud_model, on_error="null")
    with pytest.raises(Conflict, match="another device"):
        ask(fraud_model, device="cpu")
    os.utime(rows_file, (1, 1))
    with pytest.raises(Conflict, match="another input"):
        ask(fraud_model)
    result = ask("ml/fraud:2.0.0", fresh=True)

    assert (result.rows, result.resumed) == (200, 0)
    assert pd.read_csv(result.output)["prediction"].tolist() == (1 - FRAUD).tolist()


def test_an_input_that_changes_meanwhile_gives_no_output(
    settings: Settings, fraud_model: str, rows_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="changed while it was read"):
        predict(
            fraud_model,
            input=rows_file,
            output=tmp_path / "out.csv",
            settings=settings,
            on_rows=lambda step: os.utime(rows_file, (1, 1)),
        )

    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_full_disk_leaves_what_is_whole_and_room_lets_it_go_on(
    settings: Settings, fraud_model: str, tmp_path: Path, small_disk: Path, form: str
) -> None:
    source = tmp_path / "rows.csv"
    wide = ROWS.assign(note=[os.urandom(6000).hex() for _ in range(len(ROWS))])
    wide.to_csv(source, index=False)
    output, whole = small_disk / f"out.{form}", tmp_path / f"whole.{form}"
    asked: dict[str, Any] = {"input": source, "batch_size": 10, "settings": settings}
    predict(fraud_model, output=whole, **asked)

    with pytest.raises(LocalFailure, match="No space left") as refused:
        predict(fraud_model, output=output, **asked)
    assert "run the same again" in str(refused.value.hint)
    assert not output.exists()
    frame = json.loads((small_disk / f"out.{form}{PART}.json").read_text())
    subprocess.run(
        ["mount", "-o", "remount,size=20m", str(small_disk)], check=True, capture_output=True
    )
    result = predict(fraud_model, output=output, **asked)

    assert 0 < frame["rows"] == result.resumed < 200
    assert output.read_bytes() == whole.read_bytes()


# Memory

PEAK = """
import resource, sys
from lading.cli.app import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def peak(command: Command, model: str, source: Path, output: Path) -> int:
    """How many bytes of memory it took at most."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "predict", model, "-i", source, "-o", output, "-q"],
        env=command.environment,
        cwd=command.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.splitlines()[-1]) * 1024


def wide_rows(path: Path, count: int) -> None:
    """So many rows, a thousand of them sixteen megabytes."""
    note = "x" * 16_000
    form = path.suffix
    if form == ".parquet":
        kinds = pyarrow.schema(
            {"amount": "float64", "age": "int64", "city": "int64", "note": "string"}
        )
        with pyarrow.parquet.ParquetWriter(path, kinds, compression="none") as writer:
            for start in range(0, count, 500):
                rows = [
                    {"amount": 1.0, "age": n, "city": 2, "note": f"{n}{note}"}
                    for n in range(start, min(count, start + 500))
                ]
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=kinds))
        return
    with path.open("w") as file:
        file.write({".csv": "amount,age,city,note\n", ".json": "["}.get(form, ""))
        for n in range(count):
            if form == ".csv":
                file.write(f"1.0,{n},2,{n}{note}\n")
            else:
                comma = "," if form == ".json" and n else ""
                row = f'{{"amount":1.0,"age":{n},"city":2,"note":"{n}{note}"}}'
                file.write(f"{comma}{row}\n")
        file.write("]" if form == ".json" else "")


@pytest.mark.parametrize(
    "form",
    ["csv", "parquet", *(pytest.param(form, marks=pytest.mark.slow) for form in ("json", "jsonl"))],
)
def test_the_memory_does_not_grow_with_the_file(
    command: Command, fraud_model: str, tmp_path: Path, form: str
) -> None:
    few, many = tmp_path / f"few.{form}", tmp_path / f"many.{form}"
    wide_rows(few, 4_000)
    wide_rows(many, 14_000)
    assert many.stat().st_size > 220_000_000

    small = peak(command, fraud_model, few, tmp_path / f"few-out.{form}")
    large = peak(command, fraud_model, many, tmp_path / f"many-out.{form}")

    # The file has 160 MB more.
    assert large - small < 40_000_000, f"{small:,} and {large:,}"
    for path in tmp_path.glob(f"*.{form}"):
        path.unlink()


# Wrong places


def test_places_that_cannot_be_are_refused_before_a_model_is_fetched(
    tmp_path: Path, rows_file: Path, settings: Settings
) -> None:
    def ask(**more: Any) -> None:
        known: dict[str, Any] = {"input": rows_file, "output": tmp_path / "out.csv"}
        predict("ml/nobody:1.0.0", settings=settings, **known | more)

    (tmp_path / "link.csv").symlink_to(rows_file)
    (tmp_path / "there.csv").touch()
    os.link(rows_file, tmp_path / "hard.csv")
    folder = tmp_path / "folder.csv"
    folder.mkdir()

    for output in (rows_file, tmp_path / "link.csv", tmp_path / "hard.csv"):
        with pytest.raises(InvalidInput, match="the output would be the input"):
            ask(output=output, force=True)
    with pytest.raises(InvalidInput, match="the rejects would be the input"):
        ask(rejects=rows_file, on_error="skip", force=True)
    with pytest.raises(InvalidInput, match="the output would be the rejects"):
        ask(rejects=tmp_path / "out.csv", on_error="skip")
    with pytest.raises(InvalidInput, match="is a folder"):
        ask(output=folder)
    with pytest.raises(NotFound, match="no folder"):
        ask(output=tmp_path / "none" / "out.csv")
    with pytest.raises(Conflict, match="there already"):
        ask(output=tmp_path / "there.csv")
    with pytest.raises(LocalFailure, match="cannot read"):
        ask(input=folder)
    with pytest.raises(NotFound, match="no file"):
        ask(input=tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="which format"):
        ask(output=tmp_path / "out.xlsx")
    with pytest.raises(InvalidInput, match="nothing is rejected"):
        ask(rejects=tmp_path / "bad.jsonl")
    with pytest.raises(InvalidInput, match="which rows were left out"):
        ask(on_error="skip", with_inputs=False)
    for wrong in ({"batch_size": 0}, {"on_error": "ignore"}, {"delimiter": "::"}):
        with pytest.raises(InvalidInput):
            ask(**wrong)
    with pytest.raises(NotFound):
        ask()
    assert not list(tmp_path.glob(f"*{PART}*"))


def test_a_folder_where_nobody_may_write_is_named(
    settings: Settings, fraud_model: str, rows_file: Path
) -> None:
    # Not even root may write there.
    with pytest.raises(LocalFailure, match=r"cannot write /proc/out\.csv"):
        predict(fraud_model, input=rows_file, output="/proc/out.csv", settings=settings)


def test_a_wrong_row_ends_a_run_and_what_came_before_is_kept(
    command: Command, fraud_model: str, rows_file: Path, tmp_path: Path
) -> None:
    lines = rows_file.read_text().splitlines()
    lines[151] = "1.0,old,2,150"
    rows_file.write_text("\n".join(lines) + "\n")
    words = ("predict", fraud_model, "-i", rows_file, "-o", tmp_path / "out.csv")

    stopped = command(*words, "--batch-size", "50")
    skipped = command(
        *(*words, "--fresh", "--on-error", "skip", "--rejects", tmp_path / "bad.jsonl")
    )

    assert stopped.returncode == 2
    assert "row 151 (line 152)" in stopped.stderr
    assert "age" in stopped.stderr
    assert "--on-error" in stopped.stderr
    assert skipped.returncode == 0, skipped.stderr
    assert "1 row not taken" in skipped.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == 199
    (bad,) = (json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines())
    assert (bad["row"], bad["line"], bad["input"]["age"]) == (151, 152, "old")


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.integers(0, 120), st.integers(0, 9)),
        min_size=1,
        max_size=20,
    ),
    size=st.integers(1, 25),
)
def test_a_real_model_says_of_a_file_what_it_says_of_a_frame(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], size: int
) -> None:
    known = Settings(
        home=tmp_path_factory.getbasetemp() / "law", cache=tmp_path_factory.getbasetemp() / "lawc"
    )
    if not known.home.exists():
        save(fraud(), "ml/law:1.0.0", input_example=ROWS.head(), settings=known)
    folder = tmp_path_factory.mktemp("law")
    frame = pd.DataFrame(rows, columns=["amount", "age", "city"])
    frame.to_csv(folder / "rows.csv", index=False)

    predict(
        "ml/law:1.0.0", input=folder / "rows.csv", output=folder / "out.jsonl", batch_size=size,
        settings=known,
    )  # fmt: skip

    told = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in told] == fraud().predict(frame).tolist()
    assert [row["amount"] for row in told] == frame["amount"].tolist()


# Places that would harm what is there


@pytest.fixture
def folder_model(tmp_path: Path, fraud_model: str, settings: Settings) -> str:
    pull(fraud_model, into=tmp_path / "model", settings=settings)
    return str(tmp_path / "model")


def test_rejects_beside_a_stream_write_over_nothing_that_is_there(
    command: Command, folder_model: str, rows_file: Path, tmp_path: Path
) -> None:
    before = rows_file.read_bytes()
    there = tmp_path / "bad.jsonl"
    there.write_text("mine")
    words = ("predict", folder_model, "-i", rows_file, "-o", "-", "--output-format", "csv")

    own = command(*words, "--on-error", "null", "--rejects", rows_file, "--force")
    other = command(*words, "--on-error", "null", "--rejects", there)

    assert (own.returncode, other.returncode) == (2, 7)
    assert "the rejects would be the input" in own.stderr
    assert "--force" in other.stderr
    assert rows_file.read_bytes() == before
    assert there.read_text() == "mine"


def test_rejects_do_not_take_the_place_of_a_device(
    settings: Settings, rows_file: Path, tmp_path: Path
) -> None:
    device = tmp_path / "pipe"
    os.mkfifo(device)

    with pytest.raises(InvalidInput, match="no file of the disk"):
        predict(
            "ml/nobody:1.0.0",
            input=rows_file,
            output=tmp_path / "out.csv",
            on_error="null",
            rejects=device,
            force=True,
            settings=settings,
        )

    assert device.is_fifo()


@pytest.mark.parametrize("ending", [PART, f"{PART}.json", f"{PART}-whole"])
def test_rows_so_far_are_not_written_over_the_input(
    settings: Settings, rows_file: Path, tmp_path: Path, ending: str
) -> None:
    source = rows_file.rename(tmp_path / f"out.csv{ending}")
    before = source.read_bytes()

    with pytest.raises(InvalidInput, match="lies where the output would be written"):
        predict(
            "ml/nobody:1.0.0",
            input=source,
            input_format="csv",
            output=tmp_path / "out.csv",
            force=True,
            settings=settings,
        )
    with pytest.raises(InvalidInput, match="lies where the rejects would be written"):
        predict(
            "ml/nobody:1.0.0",
            input=rows_file,
            output=source,
            output_format="csv",
            rejects=tmp_path / "out.csv",
            on_error="null",
            force=True,
            settings=settings,
        )

    assert source.read_bytes() == before


def test_names_that_no_file_has_are_refused(
    settings: Settings, rows_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")

    for output in (tmp_path / "loop.csv", "~nobody-of-that-name/out.csv", "a\0b.csv"):
        with pytest.raises((InvalidInput, LocalFailure)):
            predict("ml/nobody:1.0.0", input=rows_file, output=output, settings=settings)
    for source in (tmp_path / "loop.csv", "~nobody-of-that-name/rows.csv", "a\0b.csv"):
        with pytest.raises((InvalidInput, LocalFailure)):
            predict("ml/nobody:1.0.0", input=source, output=tmp_path / "out.csv", settings=settings)


def test_a_pipe_with_a_name_is_written_to_and_parquet_wants_a_file(
    command: Command, folder_model: str, rows_file: Path, tmp_path: Path
) -> None:
    chosen = ("--columns", "amount,age,city", "--output-format")
    words = ("predict", folder_model, "-i", rows_file, *chosen)

    piped = command(*words, "csv", "-q", "-o", "/dev/stdout")
    parquet = command(*words, "parquet", "-o", "/dev/stdout")
    read = command(
        *("predict", folder_model, "-i", "/dev/stdin", "--format", "parquet", "-o", "o.csv"),
        stdin="PAR1",
    )

    assert piped.returncode == 0, piped.stderr
    lines = piped.stdout.splitlines()
    assert (len(lines), lines[0]) == (201, "amount,age,city,id,prediction")
    assert (parquet.returncode, read.returncode) == (2, 2)
    assert "needs a file" in parquet.stderr
    assert "no file of the disk" in read.stderr


PRINTING = """
import ctypes
from lading.operations.load import Loaded

asked = Loaded.predict
def printing(self, data):
    print("1/1 [=====]")
    ctypes.CDLL(None).puts(b"from C")
    return asked(self, data)
Loaded.predict = printing

from lading.cli.app import main
main()
"""


def test_what_a_model_prints_is_no_part_of_what_it_answers(
    command: Command, fraud_model: str, rows_file: Path, tmp_path: Path
) -> None:
    def ask(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PRINTING, "predict", fraud_model, "-i", rows_file, *words],
            env=command.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    streamed = ask("-o", "-", "--output-format", "csv")
    answered = ask("-o", tmp_path / "out.csv", "--json")

    assert streamed.stdout == (tmp_path / "out.csv").read_text()
    assert json.loads(answered.stdout)["rows"] == 200
    assert "1/1" in streamed.stderr
    assert "from C" in streamed.stderr


def test_who_reads_no_further_ends_a_run_without_a_word(
    command: Command, fraud_model: str, tmp_path: Path
) -> None:
    pd.concat([ROWS] * 200).to_csv(tmp_path / "many.csv", index=False)
    words = ("predict", fraud_model, "-i", tmp_path / "many.csv", "-q", "-o", "-")
    process = subprocess.Popen(
        command.line(*words, "--output-format", "csv"),
        env=command.environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None

    first = process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()

    assert first == b"amount,age,city,prediction\n"
    assert process.wait(30) == 141
    assert told == b""


def test_a_stream_that_takes_a_few_bytes_at_once_gets_all_of_them(
    settings: Settings, fraud_model: str, rows_file: Path, tmp_path: Path
) -> None:
    class Small(io.BytesIO):
        def write(self, raw: Any, /) -> int:
            return super().write(bytes(raw[:7]))

    out = Small()
    predict(fraud_model, input=rows_file, output=out, settings=settings)
    predict(fraud_model, input=rows_file, output=tmp_path / "out.csv", settings=settings)

    assert out.getvalue() == (tmp_path / "out.csv").read_bytes()


def test_a_run_whose_output_lies_in_the_folder_of_its_model_is_gone_on_with(
    settings: Settings, folder_model: str, rows_file: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(step: object) -> None:
        raise Stop

    asked: dict[str, Any] = {
        "input": rows_file,
        "output": Path(folder_model) / "out.csv",
        "columns": ["amount", "age", "city"],
        "batch_size": 50,
        "settings": settings,
    }

    with pytest.raises(Stop):
        predict(folder_model, on_rows=stop, **asked)
    result = predict(folder_model, **asked)

    assert (result.rows, result.resumed) == (200, 50)


def test_a_stream_that_is_full_does_not_promise_to_be_gone_on_with(
    settings: Settings, fraud_model: str, rows_file: Path
) -> None:
    with pytest.raises(LocalFailure, match="No space left") as refused:
        predict(
            fraud_model,
            input=rows_file,
            output="/dev/full",
            output_format="csv",
            settings=settings,
        )

    assert "-o FILE" in str(refused.value.hint)
