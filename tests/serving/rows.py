"""Models of a few lines and files of rows, for what asks one about the other."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from lading.serving.batch.file_sink import FileSink
from lading.serving.batch.formats import Format
from lading.serving.batch.run import Done, Job, Step, run
from lading.serving.batch.sinks import StreamSink
from lading.serving.model import Model
from lading.spec.signature import Column, Signature

INPUTS = (
    Column(name="amount", dtype="float64"),
    Column(name="age", dtype="int64"),
    Column(name="city", dtype="string", nullable=True),
)
SCORE = Signature(inputs=INPUTS, outputs=(Column(name="score", dtype="float64"),))


def score(frame: Any) -> Any:
    """Row by row; text counts by its length."""
    lengths = frame["city"].fillna("").str.len()
    return (frame["amount"] * 2 + frame["age"] + lengths).to_numpy(dtype="float64")


def model(
    predict: Callable[[Any], Any] = score, signature: Signature | None = SCORE, **known: Any
) -> Model:
    return Model(
        name="fraud",
        version="1.0.0",
        digest=f"sha256:{'a' * 64}",
        reference="ml/fraud:1.0.0",
        predict=predict,
        signature=signature,
        **known,
    )


def direct(rows: list[dict[str, Any]]) -> list[float]:
    """What the model says to all rows at once."""
    frame = pd.DataFrame(rows, columns=["amount", "age", "city"])
    frame["city"] = frame["city"].astype("str").where(frame["city"].notna(), None)
    return score(frame).tolist() if rows else []


def job(source: io.BytesIO, read_as: Format, write_as: Format, **known: Any) -> Job:
    usual: dict[str, Any] = {"model": model(), "notes": {}, "size": None}
    return Job(
        file=source,
        source="rows",
        read_as=read_as,
        write_as=write_as,
        delimiter=",",
        written_delimiter=",",
        **usual | known,
    )


def streamed(raw: bytes, read_as: Format, write_as: Format = "jsonl", **known: Any) -> bytes:
    """What is written about the rows in some bytes."""
    out = io.BytesIO()
    run(job(io.BytesIO(raw), read_as, write_as, **known), StreamSink(out, "out", None))
    return out.getvalue()


def answers(raw: bytes, read_as: Format, **known: Any) -> list[dict[str, Any]]:
    """The same as objects."""
    return [json.loads(line) for line in streamed(raw, read_as, **known).splitlines()]


class Pulled(Exception):
    """The plug."""


def filed(
    raw: bytes,
    read_as: Format,
    write_as: Format,
    output: Path,
    *,
    rejects: Path | None = None,
    about: Mapping[str, str] | None = None,
    pull_at: int | None = None,
    fresh: bool = False,
    force: bool = True,
    **known: Any,
) -> Done:
    """The same into a file; the plug is pulled when so many rows are done."""

    def told(step: Step) -> None:
        if pull_at is not None and step.rows - step.resumed >= pull_at:
            raise Pulled

    with FileSink(
        output, rejects, about or {"model": "a"}, resumes=True, fresh=fresh, force=force
    ) as sink:
        wanted = job(io.BytesIO(raw), read_as, write_as, rejects=rejects is not None, **known)
        return run(wanted, sink, told)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """The rows as a Parquet file with several groups."""
    kinds = pyarrow.schema(
        [("amount", "float64"), ("age", "int64"), ("city", "string"), ("id", "int64")]
    )
    out = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows, schema=kinds), out, row_group_size=7
    )
    return out.getvalue()


def written(rows: list[dict[str, Any]], form: Format) -> bytes:
    """The rows as a file of that format."""
    if form == "parquet":
        return parquet(rows)
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1).encode()
    frame = pd.DataFrame(rows, columns=["amount", "age", "city", "id"])
    return str(frame.to_csv(index=False)).encode()
