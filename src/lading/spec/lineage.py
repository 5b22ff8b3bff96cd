"""Where a model comes from: parents, data, code, runs, training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lading.spec.part import AnyDigest, Count, Json, Moment, Name, OciDigest, Part, Text


class Parent(Part):
    """A model that this one was made from."""

    reference: Annotated[Text, Field(examples=["ml/base:1.0.0"])]
    digest: OciDigest | None = None
    relation: Annotated[
        str | None, Field(examples=["finetuned", "quantized", "distilled", "merged", "adapter"])
    ] = None
    license: str | None = None


class Dataset(Part):
    """Data that the model was trained, validated or tested with."""

    name: Name | None = None
    uri: Annotated[Text | None, Field(examples=["s3://bucket/train.parquet"])] = None
    digest: AnyDigest | None = None
    split: Annotated[str | None, Field(examples=["train", "test"])] = None
    size: Count | None = None
    rows: Count | None = None
    license: str | None = None
    provenance: Annotated[
        str | None, Field(description="How it was collected, labelled and cleaned.")
    ] = None
    source: Annotated[str | None, Field(description="Who said so.", examples=["dvc", "mlflow"])] = (
        None
    )


class Code(Part):
    """The source that trained the model."""

    repository: Annotated[str | None, Field(description="Without credentials.")] = None
    commit: str | None = None
    branch: str | None = None
    path: Annotated[str | None, Field(description="The folder inside the repository.")] = None
    dirty: bool | None = None
    patch: Annotated[
        str | None, Field(description="The file of the version that holds what was not committed.")
    ] = None
    patch_sha256: str | None = None


class Run(Part):
    """A run that an experiment tracker recorded."""

    tracker: Annotated[Name, Field(examples=["mlflow", "wandb", "dvc", "dvclive"])]
    id: str | None = None
    name: str | None = None
    experiment: str | None = None
    uri: str | None = None
    user: str | None = None
    status: str | None = None
    started: Moment | None = None
    ended: Moment | None = None
    tags: dict[str, Json] = Field(default_factory=dict)


class Training(Part):
    """How it was trained."""

    script: Annotated[str | None, Field(description="The script or notebook.")] = None
    command: str | None = None
    started: Moment | None = None
    ended: Moment | None = None
    hardware: str | None = None
    compute: Annotated[str | None, Field(examples=["8 H100 for 12 hours"])] = None


class Lineage(Part):
    """Everything upstream."""

    parents: tuple[Parent, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    code: Code | None = None
    runs: tuple[Run, ...] = ()
    training: Training | None = None
