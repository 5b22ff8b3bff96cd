"""What headers say about a model's files, read without running anything."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lading.spec.part import Count, Json, Name, Part, Text


class FileFacts(Part):
    """What the header of one file says."""

    path: Text
    format: Annotated[str, Field(examples=["safetensors", "gguf", "onnx", "pickle"])]
    framework: Annotated[str | None, Field(examples=["scikit-learn", "pytorch"])] = None
    framework_version: str | None = None
    producer: Annotated[str | None, Field(description="The program that wrote it.")] = None
    architecture: Annotated[str | None, Field(examples=["llama", "RandomForestClassifier"])] = None
    tensors: Count | None = None
    parameters: Count | None = None
    dtypes: dict[Name, Count] = Field(
        default_factory=dict,
        description="Parameters by type.",
        examples=[{"bfloat16": 8030261248}],
    )
    quantization: Annotated[str | None, Field(examples=["Q4_K_M"])] = None
    context_length: Count | None = None
    opset: Count | None = None
    details: dict[str, Json] = Field(
        default_factory=dict, description="What else the format tells."
    )
    notes: Annotated[
        tuple[str, ...], Field(description="What was wrong or left out; nothing was refused.")
    ] = ()


class Facts(Part):
    """What all files together say about the model."""

    architecture: str | None = None
    parameters: Count | None = None
    precision: Annotated[
        str | None, Field(description="The type of most parameters.", examples=["bfloat16"])
    ] = None
    dtypes: dict[Name, Count] = Field(default_factory=dict)
    quantization: str | None = None
    context_length: Count | None = None
    files: tuple[FileFacts, ...] = ()
    notes: tuple[str, ...] = ()


class Finding(Part):
    """Something in a file that may do harm when it is loaded."""

    path: Annotated[Text, Field(description="The file; what lies in an archive follows after !.")]
    what: Annotated[Text, Field(examples=["os.system"])]
    severity: Annotated[str, Field(examples=["dangerous", "suspicious"])]
    why: str | None = None


class Hazards(Part):
    """What a scan found; never that something is safe."""

    verdict: Annotated[str, Field(examples=["clean", "suspicious", "dangerous"])]
    scanner: Annotated[str | None, Field(examples=["lading 0.1.0, picklescan 1.0.3"])] = None
    files: Annotated[Count, Field(description="How many files were looked into.")] = 0
    findings: tuple[Finding, ...] = ()
