"""Files of rows: what is read of them, what is asked, what is written, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import rows as batch

from lading.errors import Conflict, InvalidInput
from lading.serving.batch.file_sink import FileSink
from lading.serving.batch.formats import Format, delimiter_of, format_of
from lading.serving.batch.json_document import JsonDocument
from lading.serving.batch.parquet_rows import ParquetRows
from lading.serving.batch.part_file import PART
from lading.serving.batch.table import WrongRow
from lading.serving.model import Example
from lading.serving.protocol.outputs import ModelFailed
from lading.spec.signature import Column, JsonField, Signature, Tensor

ROWS: list[dict[str, Any]] = [
    {"amount": n / 4, "age": 20 + n, "city": "x" * (n % 3) or None, "id": n} for n in range(40)
]
HEADER = b"amount,age,city,id\n"
FORMATS: tuple[Format, ...] = ("csv", "json", "jsonl", "parquet")

NAMES = ["age", "city", "amount"]
LISTS = [[1, "", 2], [3, None, 4]]
RECORDS = [{"age": 1, "amount": 2, "city": ""}, {"age": 3, "amount": 4, "city": None}]

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=5)
a_row = st.fixed_dictionaries(
    {
        "amount": st.floats(-1e9, 1e9),
        "age": st.integers(-(2**40), 2**40),
        "city": st.one_of(st.none(), texts.filter(bool)),
        "id": st.integers(0, 10**9),
    }
)


def read_back(raw: bytes, form: Format) -> list[dict[str, Any]]:
    if form == "parquet":
        found: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(raw)).to_pylist()
        return found
    if form == "csv":
        frame = pd.read_csv(io.BytesIO(raw), keep_default_na=False)
        return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    if form == "jsonl":
        return [json.loads(line) for line in raw.decode().split("\n") if line]
    return list(json.loads(raw))


# The law


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(a_row, max_size=30),
    size=st.integers(1, 12),
    cut=st.integers(0, 40),
    forms=st.tuples(st.sampled_from(FORMATS), st.sampled_from(FORMATS)),
    with_inputs=st.booleans(),
)
def test_an_interrupted_run_ends_with_the_same_bytes_and_says_what_the_model_says(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    rows: list[dict[str, Any]],
    size: int,
    cut: int,
    forms: tuple[Format, Format],
    with_inputs: bool,
) -> None:
    folder = tmp_path_factory.mktemp("law")
    read_as, write_as = forms
    raw = batch.written(rows, read_as)
    known: dict[str, Any] = {"batch_size": size, "with_inputs": with_inputs}

    batch.filed(raw, read_as, write_as, folder / "whole", **known)
    try:
        batch.filed(raw, read_as, write_as, folder / "cut", pull_at=cut, **known)
    except batch.Pulled:
        assert not (folder / "cut").exists()
        batch.filed(raw, read_as, write_as, folder / "cut", **known)

    whole = (folder / "whole").read_bytes()
    assert (folder / "cut").read_bytes() == whole
    assert [row["score"] for row in read_back(whole, write_as)] == batch.direct(rows)
    assert sorted(path.name for path in folder.iterdir()) == ["cut", "whole"]


def test_a_broken_run_goes_on_where_it_was_and_does_nothing_twice(tmp_path: Path) -> None:
    raw, asked = batch.written(ROWS, "csv"), []

    def counting(frame: Any) -> Any:
        asked.append(len(frame))
        return batch.score(frame)

    known: dict[str, Any] = {"batch_size": 8, "model": batch.model(counting)}
    with pytest.raises(batch.Pulled):
        batch.filed(raw, "csv", "csv", tmp_path / "out", pull_at=24, **known)
    done = batch.filed(raw, "csv", "csv", tmp_path / "out", **known)

    assert asked == [8, 8, 8, 8, 8]
    assert (done.rows, done.resumed, done.batches) == (40, 24, 5)


def test_what_stands_behind_the_last_whole_batch_is_cut_off(tmp_path: Path) -> None:
    raw = batch.written(ROWS, "csv")
    batch.filed(raw, "csv", "csv", tmp_path / "whole", batch_size=8)
    with pytest.raises(batch.Pulled):
        batch.filed(raw, "csv", "csv", tmp_path / "out", batch_size=8, pull_at=8)
    with (tmp_path / f"out{PART}").open("ab") as file:
        file.write(b"half a li")

    batch.filed(raw, "csv", "csv", tmp_path / "out", batch_size=8)

    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_rejects_go_on_as_well(tmp_path: Path) -> None:
    wrong = HEADER + b"".join(b"1,%s,x,%d\n" % (b"x" if n % 3 else b"7", n) for n in range(40))
    known: dict[str, Any] = {"batch_size": 4, "on_error": "skip"}
    whole, cut = tmp_path / "whole.bad", tmp_path / "cut.bad"
    batch.filed(wrong, "csv", "csv", tmp_path / "whole", rejects=whole, **known)
    with pytest.raises(batch.Pulled):
        batch.filed(wrong, "csv", "csv", tmp_path / "cut", rejects=cut, pull_at=17, **known)
    assert not cut.exists()

    done = batch.filed(wrong, "csv", "csv", tmp_path / "cut", rejects=cut, **known)

    assert cut.read_bytes() == whole.read_bytes()
    assert len(whole.read_text().splitlines()) == done.rejected == 26
    assert json.loads(whole.read_text().splitlines()[0]) == {
        "row": 2,
        "line": 3,
        "problem": "age: expected int64, a whole number from -9223372036854775808 to"
        " 9223372036854775807, got 'x'",
        "input": {"amount": "1", "age": "x", "city": "x", "id": "1"},
    }


@pytest.mark.parametrize("change", ["model", "frame", "shorter"])
def test_a_broken_run_about_something_else_is_not_gone_on_with(tmp_path: Path, change: str) -> None:
    raw = batch.written(ROWS, "csv")
    with pytest.raises(batch.Pulled):
        batch.filed(raw, "csv", "csv", tmp_path / "out", batch_size=8, pull_at=8)
    part = tmp_path / f"out{PART}"
    about = {"model": "b" if change == "model" else "a"}
    if change == "frame":
        part.with_name(f"{part.name}.json").write_text('{"version": 1, "rows": "many"}')
    if change == "shorter":
        part.write_bytes(part.read_bytes()[:20])
    before = part.read_bytes()

    with pytest.raises(Conflict) as refused:
        batch.filed(raw, "csv", "csv", tmp_path / "out", batch_size=8, about=about)
    assert part.read_bytes() == before
    done = batch.filed(raw, "csv", "csv", tmp_path / "out", batch_size=8, about=about, fresh=True)

    assert "--fresh" in str(refused.value.hint)
    assert (done.rows, done.resumed) == (40, 0)


def test_two_runs_do_not_write_one_output(tmp_path: Path) -> None:
    raw = batch.written(ROWS, "csv")
    second: list[Conflict] = []

    def other(frame: Any) -> Any:
        with pytest.raises(Conflict) as refused:
            batch.filed(raw, "csv", "csv", tmp_path / "out")
        second.append(refused.value)
        return batch.score(frame)

    batch.filed(raw, "csv", "csv", tmp_path / "out", model=batch.model(other))

    assert "another run" in second[0].what
    assert len(read_back((tmp_path / "out").read_bytes(), "csv")) == 40


def test_an_output_that_came_to_be_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    known: dict[str, Any] = {"resumes": True, "fresh": False, "force": False}

    with pytest.raises(Conflict, match="there already"):
        FileSink(tmp_path / "out", tmp_path / "bad", {}, **known)
    with FileSink(tmp_path / "new", None, {}, **known) as sink:
        sink.append(b"rows", b"", sink.frame)
        (tmp_path / "new").write_text("mine")
        with pytest.raises(Conflict, match="meanwhile"):
            sink.finish(b"", None)

    names = ["new", f"new{PART}", f"new{PART}.json", "out"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == names
    assert (tmp_path / "out").read_text() == (tmp_path / "new").read_text() == "mine"
    with FileSink(tmp_path / "new", None, {}, **known | {"force": True}) as sink:
        sink.finish(b"", None)
    assert (tmp_path / "new").read_text() == "rows"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("step", ["link", "unlink", "fsync", "replace"])
@pytest.mark.parametrize("end", ["killed", "interrupted"])
@pytest.mark.parametrize("force", [True, False])
def test_a_run_that_breaks_off_while_names_are_given_leaves_nothing_half_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    form: Format,
    step: str,
    end: str,
    force: bool,
) -> None:
    """Broken off behind each of the last calls, one after the other, and gone on with."""
    raw = HEADER + b"".join(b"1,%s,x,%d\n" % (b"x" if n % 3 else b"7", n) for n in range(20))
    whole, out, bad = tmp_path / "whole", tmp_path / "out", tmp_path / "bad"
    known: dict[str, Any] = {"batch_size": 4, "on_error": "skip"}
    batch.filed(raw, "csv", form, whole, rejects=tmp_path / "whole.bad", **known)
    expected = whole.read_bytes(), (tmp_path / "whole.bad").read_bytes()
    before = b"old" if force else None

    for at in range(1, 9):
        for path in (out, bad):
            path.write_bytes(b"old") if force else path.unlink(missing_ok=True)
        with monkeypatch.context() as broken:
            calls = broken_off(broken, step, at, end)
            with suppress(KeyboardInterrupt):
                batch.filed(raw, "csv", form, out, rejects=bad, force=force, **known)
        assert (out.read_bytes() if out.exists() else None) in (before, expected[0])
        assert (bad.read_bytes() if bad.exists() else None) in (before, expected[1])
        if not (out.exists() and not force):
            batch.filed(raw, "csv", form, out, rejects=bad, force=force, **known)
        assert (out.read_bytes(), bad.read_bytes()) == expected
        for path in tmp_path.glob(f"*{PART}*"):
            path.unlink()
        if calls() < at:
            break


def broken_off(patched: pytest.MonkeyPatch, step: str, at: int, end: str) -> Callable[[], int]:
    """Break off behind a call of the system; killed means that nobody tidies up."""
    real, count = getattr(os, step), 0

    def call(*args: Any, **more: Any) -> Any:
        nonlocal count
        found = real(*args, **more)
        count += 1
        if count == at:
            if end == "killed":
                patched.setattr(FileSink, "_keep_or_drop", lambda sink: None)
            raise KeyboardInterrupt
        return found

    patched.setattr(os, step, call)
    return lambda: count


def test_names_that_were_taken_meanwhile_cost_no_rows(tmp_path: Path) -> None:
    raw = HEADER + b"1,x,a,0\n1,2,a,1\n"
    out, bad = tmp_path / "out", tmp_path / "bad"
    known: dict[str, Any] = {"on_error": "skip", "rejects": bad, "force": False}
    taken = [bad, out]
    asked: list[int] = []

    def taking(frame: Any) -> Any:
        asked.append(len(frame))
        taken.pop().write_text("mine")
        return batch.score(frame)

    model = batch.model(taking)
    with pytest.raises(Conflict, match="out has come to be meanwhile"):
        batch.filed(raw, "csv", "csv", out, model=model, **known)
    assert not bad.exists()
    out.unlink()
    bad.write_text("mine")
    with pytest.raises(Conflict, match="bad is there already"):
        batch.filed(raw, "csv", "csv", out, model=model, **known)
    assert bad.read_text() == "mine"
    bad.unlink()
    batch.filed(raw, "csv", "csv", out, model=model, **known)

    assert asked == [1]
    assert len(bad.read_text().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "out"]


# Formats


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_and_the_order_is_kept(form: Format) -> None:
    told = batch.answers(batch.written(ROWS, form), form, batch_size=7)

    assert [row["score"] for row in told] == batch.direct(ROWS)
    assert [int(row["id"]) for row in told] == list(range(40))


@pytest.mark.parametrize(
    "value",
    [
        {"columns": NAMES, "index": [5, 6], "data": LISTS},
        {"dataframe_split": {"columns": NAMES, "data": LISTS}},
        {"dataframe_records": RECORDS},
        {"params": {"a": [1]}, "instances": RECORDS},
        [[2, 1, ""], [4, 3, None]],
    ],
    ids=["split", "mlflow-split", "mlflow-records", "instances", "lists"],
)
def test_rows_of_json_are_found_in_every_shape_that_tools_write(value: Any) -> None:
    told = batch.answers(json.dumps(value).encode(), "json")

    assert [row["score"] for row in told] == [5.0, 11.0]


@settings(max_examples=100, deadline=None)
@given(
    value=st.lists(
        st.recursive(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(allow_nan=False, allow_infinity=False),
                st.text(),
            ),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=6,
    ),
    indent=st.sampled_from([None, 0, 3]),
    chunk=st.integers(1, 40),
)
def test_a_document_read_in_pieces_is_what_it_is_as_a_whole(
    value: list[Any], indent: int | None, chunk: int
) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(chunk, size or 0))

    raw = json.dumps(value, indent=indent, ensure_ascii=False).encode()

    found = [item.value for item in JsonDocument(Slow(raw), "rows")]

    assert found == json.loads(raw)


def test_a_byte_order_mark_and_windows_lines_are_read() -> None:
    raw = b"\xef\xbb\xbf" + (HEADER + b'1,2,"a\nb",3\n\n4,5,,6\n').replace(b"\n", b"\r\n")

    told = batch.answers(raw, "csv")

    assert [row["score"] for row in told] == [8.0, 13.0]
    assert told[0].keys() == {"amount", "age", "city", "id", "score"}


def test_cells_of_csv_stay_as_they_were_written() -> None:
    raw = HEADER + b'1.50,2.0,"a, ""b""",007\n'

    assert batch.streamed(raw, "csv", "csv") == (
        b'amount,age,city,id,score\n1.50,2.0,"a, ""b""",007,11.0\n'
    )


def test_numbers_that_are_none_are_written_in_each_format_as_it_can() -> None:
    raw = HEADER + b"NaN,1,,1\ninf,1,,2\n-inf,1,,3\n"

    lines = batch.answers(raw, "csv")
    cells = batch.streamed(raw, "csv", "csv").decode().splitlines()

    assert [row["score"] for row in lines] == ["NaN", "Infinity", "-Infinity"]
    assert [row["amount"] for row in lines] == ["NaN", "Infinity", "-Infinity"]
    assert [line.rpartition(",")[2] for line in cells] == ["score", "NaN", "Infinity", "-Infinity"]


def test_parquet_keeps_its_types_and_holds_the_models_digest(tmp_path: Path) -> None:
    notes = {"lading.digest": "sha256:1"}
    batch.filed(batch.parquet(ROWS), "parquet", "parquet", tmp_path / "out", notes=notes)

    table = pyarrow.parquet.read_table(tmp_path / "out")

    assert dict(zip(table.schema.names, map(str, table.schema.types), strict=True)) == {
        "amount": "double", "age": "int64", "city": "string", "id": "int64", "score": "double"
    }  # fmt: skip
    assert table.schema.metadata == {b"lading.digest": b"sha256:1"}
    assert table["city"].to_pylist() == [row["city"] for row in ROWS]


def test_a_name_that_the_input_has_already_is_given_to_nobody_else() -> None:
    raw = b"amount,age,city,score\n1,2,,0.5\n"

    (told,) = batch.answers(raw, "csv")

    assert (told["score"], told["predicted_score"]) == ("0.5", 4.0)


def test_a_file_without_rows_is_answered_by_one(tmp_path: Path) -> None:
    assert batch.streamed(HEADER, "csv", "csv") == b"amount,age,city,id,score\n"
    assert json.loads(batch.streamed(b"[]", "json", "json")) == []
    assert batch.streamed(b"", "jsonl", "jsonl") == b""
    batch.filed(batch.parquet([]), "parquet", "parquet", tmp_path / "out")
    assert pyarrow.parquet.read_table(tmp_path / "out").num_rows == 0


# What models take


def test_one_array_is_made_of_all_columns_or_of_those_that_are_named() -> None:
    signature = Signature(inputs=(Tensor(dtype="float32", shape=(-1, 2)),))
    adding = batch.model(lambda array: array.sum(axis=1), signature)
    raw = b"a,b,id\n1,2,9\n3,4,9\n"

    told = batch.answers(raw, "csv", model=adding, columns=["a", "b"])

    assert [row["prediction"] for row in told] == [3.0, 7.0]
    with pytest.raises(WrongRow, match="row 1"):
        batch.answers(raw, "csv", model=adding)


def test_arrays_by_name_are_numbers_lists_or_json_text() -> None:
    signature = Signature(
        inputs=(
            Tensor(name="x", dtype="float32", shape=(-1, 2)),
            Tensor(name="y", dtype="int64", shape=(-1, 1)),
        )
    )
    adding = batch.model(lambda arrays: arrays["x"].sum(axis=1) + arrays["y"][:, 0], signature)

    rows = b'{"x": [1, 2], "y": 3}\n{"y": [4], "x": [5, 6.5]}\n'
    told = batch.answers(rows, "jsonl", model=adding)
    text = batch.answers(b'x,y\n"[1, 2]",3\n', "csv", model=adding)

    assert [row["prediction"] for row in told] == [6.0, 15.5]
    assert [row["prediction"] for row in text] == [6.0]


def test_what_takes_one_value_is_asked_row_by_row() -> None:
    signature = Signature(inputs=(JsonField(json_schema={"type": "string"}),))
    asked: list[Any] = []

    def length(value: Any) -> Any:
        asked.append(value)
        return {"length": len(value), "letters": sorted(value)}

    told = batch.answers(b"text\nab\nc\n", "csv", model=batch.model(length, signature))
    lines = batch.answers(b'"ab"\n"c"\n', "jsonl", model=batch.model(length, signature))

    assert asked == ["ab", "c", "ab", "c"]
    assert told[0] == {"text": "ab", "length": 2, "letters": ["a", "b"]}
    assert [row["length"] for row in lines] == [2, 1]


def test_a_model_whose_example_was_records_is_given_records() -> None:
    example = Example([{"amount": 1.0, "age": 2, "city": "x"}], "records")
    taking = batch.model(lambda rows: [row["age"] for row in rows], example=example)

    assert [row["score"] for row in batch.answers(HEADER + b"1,2,x,0\n", "csv", model=taking)] == [
        2
    ]


def test_without_a_signature_columns_are_what_they_look_like() -> None:
    seen: list[Any] = []

    def look(frame: Any) -> Any:
        seen.append(frame)
        return np.arange(len(frame))

    batch.answers(b"a,b,c\n1,007,2.5\n2,x,\n", "csv", model=batch.model(look, None))

    assert seen[0]["a"].tolist() == [1, 2]
    assert seen[0]["b"].tolist() == ["007", "x"]
    assert seen[0]["c"].iloc[0] == 2.5
    assert math.isnan(seen[0]["c"].iloc[1])


def test_answers_of_several_values_are_lists_and_in_csv_json(tmp_path: Path) -> None:
    both = batch.model(
        lambda frame: {"p": np.stack([frame["amount"], frame["age"]], axis=1), "label": ["a"]},
        Signature(inputs=batch.INPUTS),
    )
    raw = HEADER + b"1,2,,0\n"

    told = batch.streamed(raw, "csv", "csv", model=both, with_inputs=False)
    batch.filed(raw, "csv", "parquet", tmp_path / "out", model=both, with_inputs=False)

    assert told == b'p,label\n"[1.0,2.0]",a\n'
    table = pyarrow.parquet.read_table(tmp_path / "out")
    assert table.to_pylist() == [{"p": [1.0, 2.0], "label": "a"}]


def test_a_model_that_sums_a_table_up_is_found_out() -> None:
    total = batch.model(lambda frame: np.array([frame["amount"].sum()]))

    with pytest.raises(ModelFailed, match="not one answer for each row"):
        batch.answers(batch.written(ROWS, "csv"), "csv", model=total)


def test_an_answer_that_its_signature_cannot_hold_is_no_other_number() -> None:
    def answer(value: Any, frame: Any) -> Any:
        return np.array([value] * len(frame))

    kinds: dict[str, list[Any]] = {
        "int64": [float("nan"), 0.7, float("inf"), 1e19],
        "uint8": [-1, 256],
        "bool": [2],
    }
    for dtype, values in kinds.items():
        signature = Signature(inputs=batch.INPUTS, outputs=(Column(name="label", dtype=dtype),))  # type: ignore[arg-type]  # one of them
        for value in values:
            model = batch.model(partial(answer, value), signature)
            with pytest.raises(ModelFailed, match=f"not what its signature says.*type {dtype}"):
                batch.answers(HEADER + b"1,2,x,0\n", "csv", model=model)
        whole = batch.model(lambda frame: np.ones(len(frame)), signature)
        assert batch.answers(HEADER + b"1,2,x,0\n", "csv", model=whole)[0]["label"] == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (np.array(["2026-01-02"], "M8[ns]"), "2026-01-02T00:00:00.000000000"),
        (pd.Series(np.array(["2026-01-02"], "M8[ns]")), "2026-01-02T00:00:00.000000000"),
        (np.array(["NaT"], "M8[ns]"), None),
        (np.array([0.5], "longdouble"), 0.5),
    ],
    ids=["times", "series", "no-time", "long"],
)
def test_times_are_times_and_long_numbers_are_numbers(answer: Any, told: Any) -> None:
    model = batch.model(lambda frame: answer, None)

    assert batch.answers(b"a\n1\n", "csv", model=model)[0]["prediction"] == told


@pytest.mark.parametrize("write_as", ["csv", "json", "jsonl"])
def test_a_number_of_thousands_of_digits_is_refused_and_no_bug(write_as: Format) -> None:
    model = batch.model(lambda frame: [10**5000], None)

    with pytest.raises(InvalidInput, match="too long to be written"):
        batch.streamed(b"a\n1\n", "csv", write_as, model=model)


def test_what_is_nested_and_not_finite_is_refused_and_no_bug() -> None:
    row = b'{"amount":1,"age":2,"city":"x","e":' + b"[" * 900 + b"1e999" + b"]" * 900 + b"}"

    with pytest.raises(InvalidInput, match="nested too deeply"):
        batch.answers(row, "jsonl")


def test_two_predictions_never_have_one_name() -> None:
    both = batch.model(lambda frame: {"a": [1], "predicted_a": [2]}, None)

    with pytest.raises(InvalidInput, match="no name that is free"):
        batch.streamed(b"a\n1\n", "csv", "csv", model=both)


def table_of(**columns: Any) -> bytes:
    out = io.BytesIO()
    usual = {"amount": [1.0, 2.0], "age": [1, 2], "city": ["x", None]}
    pyarrow.parquet.write_table(pyarrow.table(usual | columns), out)
    return out.getvalue()


@pytest.mark.parametrize("write_as", ["csv", "json", "jsonl"])
def test_infinity_in_parquet_is_written_as_it_is_in_other_formats(write_as: Format) -> None:
    raw = table_of(amount=[float("inf"), float("nan")], more=[[float("-inf")], None])

    told = batch.streamed(raw, "parquet", write_as)

    assert told.count(b"-Infinity") == 1
    assert told.count(b"Infinity") == 3


def test_dictionaries_within_lists_are_written_out(tmp_path: Path) -> None:
    words = pyarrow.list_(pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))
    kind = pyarrow.struct([("words", words)])
    values = [{"words": ["a", "b"]}, {"words": ["c"]}]
    raw = table_of(more=pyarrow.array(values, kind))

    batch.filed(raw, "parquet", "parquet", tmp_path / "out", batch_size=1)

    assert pyarrow.parquet.read_table(tmp_path / "out")["more"].to_pylist() == values


@pytest.mark.parametrize("damaged", ["schema", "batch", "zeros"])
def test_a_damaged_stream_of_a_broken_run_is_no_bug(tmp_path: Path, damaged: str) -> None:
    raw = batch.written(ROWS, "csv")
    with pytest.raises(batch.Pulled):
        batch.filed(raw, "csv", "parquet", tmp_path / "out", batch_size=8, pull_at=16)
    part = tmp_path / f"out{PART}"
    content = bytearray(part.read_bytes())
    # Every message begins with this mark and its length.
    last = content.rindex(b"\xff\xff\xff\xff")
    at = 4 if damaged == "schema" else last + 4
    content[at : at + 4] = bytes(4) if damaged == "zeros" else b"\xff\xff\xff\x7f"
    part.write_bytes(content)

    with pytest.raises(Conflict) as refused:
        batch.filed(raw, "csv", "parquet", tmp_path / "out", batch_size=8)
    done = batch.filed(raw, "csv", "parquet", tmp_path / "out", batch_size=8, fresh=True)

    assert "--fresh" in str(refused.value.hint)
    assert not (tmp_path / f"out{PART}-whole").exists()
    assert done.resumed == 0


# Wrong rows

WRONG = HEADER + b"1,2,a,0\n2,old,b,1\n3,,c,2\n4,5,d,3\n"


def test_the_first_wrong_row_is_named_whatever_the_batches_are() -> None:
    for size in (1, 2, 3, 100):
        with pytest.raises(WrongRow) as refused:
            batch.answers(WRONG, "csv", batch_size=size)

        assert refused.value.what.startswith("row 2 (line 3) of rows")
        assert refused.value.cause == (
            "age: expected int64, a whole number from -9223372036854775808 to"
            " 9223372036854775807, got 'old'"
        )


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_wrong_rows_are_left_out_or_left_without_a_prediction(size: int) -> None:
    skipped = batch.answers(WRONG, "csv", batch_size=size, on_error="skip")
    kept = batch.answers(WRONG, "csv", batch_size=size, on_error="null")

    assert [(row["id"], row["score"]) for row in skipped] == [("0", 5.0), ("3", 14.0)]
    assert [row["score"] for row in kept] == [5.0, None, None, 14.0]
    assert kept[1]["age"] == "old"


@pytest.mark.parametrize("write_as", ["csv", "parquet"])
def test_wrong_rows_fit_formats_with_types(tmp_path: Path, write_as: Format) -> None:
    batch.filed(WRONG, "csv", write_as, tmp_path / "out", on_error="null")

    told = read_back((tmp_path / "out").read_bytes(), write_as)

    assert [row["score"] for row in told] in ([5.0, None, None, 14.0], ["5.0", "", "", "14.0"])


def test_a_row_that_the_model_does_not_take_is_found_among_others() -> None:
    def picky(frame: Any) -> Any:
        if (frame["amount"] == 3).any():
            raise InvalidInput("the model does not answer this input", cause="three")
        return batch.score(frame)

    raw, picking = batch.written(ROWS, "csv"), batch.model(picky)

    told = batch.answers(raw, "csv", model=picking, on_error="null")

    assert [row["id"] for row in told if row["score"] is None] == ["12"]
    assert [r["score"] for r in told if r["score"] is not None] == [
        score for n, score in enumerate(batch.direct(ROWS)) if n != 12
    ]
    with pytest.raises(WrongRow, match=r"row 13 \(line 14\).*three"):
        batch.answers(raw, "csv", model=picking)


def test_ragged_rows_are_wrong_rows() -> None:
    raw = HEADER + b"1,2,a,0\n1,2\n1,2,a,0,9\n"

    with pytest.raises(WrongRow, match=r"row 2 \(line 3\).*expected 4 cells, got 2"):
        batch.answers(raw, "csv")
    assert len(batch.answers(raw, "csv", on_error="skip")) == 1


def test_a_line_that_is_no_json_is_a_wrong_row_and_the_others_are_not() -> None:
    good = b'{"amount": 1, "age": 2, "city": null}\n'
    raw = good + b'{"amount": NaN}\n[1]\n' + b"[" * 100_000 + b"\n" + good

    with pytest.raises(WrongRow, match="row 2 "):
        batch.answers(raw, "jsonl")
    assert len(batch.answers(raw, "jsonl", on_error="skip")) == 2


# Hostile files


@pytest.mark.parametrize(
    ("raw", "form", "told"),
    [
        (b"", "csv", "is empty"),
        (gzip.compress(HEADER, mtime=0), "csv", "gzip"),
        (gzip.compress(b"[]", mtime=0), "json", "gzip"),
        (b"PK\x03\x04....", "csv", "spreadsheet"),
        (HEADER.decode().encode("utf-16"), "csv", "UTF-16"),
        (HEADER + "1,2,caf\xe9,4\n".encode("latin-1"), "csv", "line 2 of rows is not UTF-8"),
        (b"age,age\n1,2\n", "csv", "twice"),
        (b"amount;age;city\n1;2;3\n", "csv", "--delimiter"),
        (b"amount,age\n1,2\n", "csv", "no column 'city'"),
        (b'amount,age,city\n1,2,"x\n', "csv", "not CSV"),
        (b'amount,age,city\n1,2,"' + b"x" * (33 << 20), "csv", "longer than 32 MiB"),
        (b'amount,age,city\n1,2,"' + b"x\n" * (17 << 20), "csv", "row of rows is longer"),
        (b'amount,age,city\n1,2,"x' + b'\n","x' * (7 << 20), "csv", "row of rows is longer"),
        (b",".join(b"%d" % n for n in range(99_999)) + b",99998\n1\n", "csv", "'99998' of rows"),
        (b"PAR1" + bytes(100) + b"PAR1", "parquet", "not Parquet"),
        (b"amount,age\n", "parquet", "not Parquet"),
        (b"[" * 200_000, "json", "nested too deeply"),
        (b'{"a": 1}', "json", "no rows"),
        (b'{"amount": [1], "age": [2]}', "json", "no rows"),
        (b'[{"amount": 1, "age": 2, "city": ""}', "json", "not JSON"),
        (b'[{"amount": NaN, "age": 2, "city": ""}]', "json", "NaN is no JSON"),
        (b'[{"amount": 1, "age": 2, "city": ""}] x', "json", "behind the end"),
        (b'["' + b"x" * (33 << 20), "json", "longer than 32 MiB"),
        (b'[{"amount": 1, "age": 2, "city": "\xff"}]', "json", "not UTF-8"),
        (b'{"data": [], "columns": []}', "json", "columns stands behind"),
        (b'[{"amount": 1, "age": 2, "city": "\\ud800"}]', "json", "surrogates not"),
        (b"\n".join([b"no json"] * 2000), "jsonl", "not JSON lines"),
        (b'[{"amount": 1, "age": ' + b"9" * 5000 + b', "city": ""}]', "json", "rows"),
    ],
)
def test_a_hostile_file_is_refused_with_what_is_wrong(raw: bytes, form: Format, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        batch.answers(raw, form)

    assert told in f"{refused.value} {refused.value.hint}"
    assert len(str(refused.value)) < 1000


def test_rows_that_have_names_of_their_own_each_are_taken_a_few_at_a_time() -> None:
    asked: list[int] = []

    def counting(frame: Any) -> Any:
        asked.append(len(frame))
        return batch.score(frame)

    row = {"amount": 1, "age": 2, "city": "x"}
    own = [{**row, **{f"{n}.{m}": m for m in range(200)}} for n in range(400)]

    told = batch.answers(batch.written(own, "jsonl"), "jsonl", model=batch.model(counting))

    # All at once would be 32 million cells, nearly all of them empty.
    assert max(asked) < 200
    assert told == [{**each, "score": 5.0} for each in own]


def test_a_row_of_other_names_needs_a_format_that_has_them() -> None:
    raw = b'{"amount":1,"age":2,"city":""}\n{"amount":1,"age":2,"city":"","more":[1]}\n'

    assert batch.answers(raw, "jsonl")[1]["more"] == [1]
    for write_as in ("csv", "parquet"):
        with pytest.raises(InvalidInput, match=r"row 2 \(line 2\) has 'more'"):
            batch.streamed(raw, "jsonl", write_as)


def test_optional_inputs_may_be_left_out_of_objects() -> None:
    fields = (batch.INPUTS[0], Column(name="age", dtype="int64", required=False, nullable=True))
    told = batch.answers(
        b'{"amount": 1}\n{"amount": 2, "age": 5}\n',
        "jsonl",
        model=batch.model(
            lambda frame: frame["age"].fillna(0).to_numpy("float64"), Signature(inputs=fields)
        ),
    )

    assert told == [{"amount": 1, "prediction": 0.0}, {"amount": 2, "age": 5, "prediction": 5.0}]


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.CSV", "csv"), ("b.tsv", "csv"), ("c.json", "json"), ("d.ndjson", "jsonl")],
)
def test_a_format_is_told_by_the_name(name: str, form: str) -> None:
    assert format_of(name, None, "--format") == form
    assert format_of(name, "jsonl", "--format") == "jsonl"


def test_formats_and_delimiters_that_are_none_are_refused() -> None:
    for name, said in (("-", None), ("rows.xlsx", None), ("a.csv", "excel")):
        with pytest.raises(InvalidInput, match="format"):
            format_of(name, said, "--format")
    for mark in ("", ",,", '"', "\n", "é"):
        with pytest.raises(InvalidInput):
            delimiter_of("a.csv", mark)
    assert [delimiter_of("a.tsv", None), delimiter_of("a.csv", "\\t")] == ["\t", "\t"]


def test_a_few_kilobytes_of_parquet_do_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    codes = pyarrow.array([0] * 600, pyarrow.int32())
    column = pyarrow.DictionaryArray.from_arrays(codes, ["x" * 1_000_000])
    pyarrow.parquet.write_table(pyarrow.table({"text": column}), path)
    assert path.stat().st_size < 200_000

    with path.open("rb") as file:
        batches = [
            (found.count, found.arrow.nbytes)
            for found in ParquetRows(file, "bomb.parquet").batches(1024, 0)
        ]

    assert sum(count for count, _ in batches) == 600
    assert max(size for _, size in batches) < 100_000_000
