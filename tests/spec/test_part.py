"""What every part of a document has in common."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lading.spec.lineage import Dataset, Lineage, Run
from lading.spec.signature import Column, JsonField, Signature, Tensor


def test_what_is_not_said_is_not_written() -> None:
    lineage = Lineage(datasets=(Dataset(uri="s3://b/train"),))

    assert lineage.as_json() == {"datasets": [{"uri": "s3://b/train"}]}


def test_free_values_keep_what_is_empty_in_them() -> None:
    run = Run(tracker="mlflow", tags={"stop": None, "layers": [], "more": {}})

    assert run.as_json()["tags"] == {"stop": None, "layers": [], "more": {}}


def test_fields_that_must_be_there_are_written_though_empty() -> None:
    scalar = Tensor(dtype="float32", shape=())

    assert scalar.as_json() == {"kind": "tensor", "dtype": "float32", "shape": []}
    assert JsonField(json_schema={}).as_json() == {"kind": "json", "json_schema": {}}


def test_fields_of_all_kinds_are_told_apart() -> None:
    signature = Signature(
        inputs=(
            Column(name="age", dtype="int64"),
            Tensor(name="x", dtype="bfloat16", shape=(-1, 3)),
        )
    )

    assert Signature.model_validate_json(signature.model_dump_json()) == signature


def test_a_person_may_not_write_what_nobody_knows() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Signature.model_validate_json('{"input": []}', extra="forbid")
