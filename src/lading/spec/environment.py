"""What a model was made with and needs again: Python, packages, platform, accelerator."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lading.spec.part import Count, Name, Part, Sha256, Text


class Python(Part):
    """The interpreter."""

    version: Annotated[Text, Field(examples=["3.11.7"])]
    implementation: Annotated[str | None, Field(examples=["cpython"])] = None
    abi: Annotated[str | None, Field(examples=["cp311"])] = None


class Host(Part):
    """The machine, as far as packages care."""

    system: Annotated[str | None, Field(examples=["linux"])] = None
    machine: Annotated[str | None, Field(examples=["x86_64"])] = None
    tag: Annotated[str | None, Field(examples=["manylinux_2_36_x86_64"])] = None
    libc: Annotated[str | None, Field(examples=["glibc 2.36"])] = None


class Lock(Part):
    """The lock that is a file of the version."""

    path: Annotated[Text, Field(description="Below models/.", examples=[".lading/pylock.toml"])]
    sha256: Sha256
    packages: Count
    hashed: Annotated[bool, Field(description="Whether every package has a hash.")] = False
    source: Annotated[
        str | None,
        Field(
            description="What it was made from.",
            examples=["uv.lock", "pylock.toml", "requirements.txt", "installed"],
        ),
    ] = None


class Accelerator(Part):
    """What computed beside the processor."""

    kind: Annotated[Name, Field(examples=["cuda", "rocm", "mps"])]
    name: str | None = None
    count: Count | None = None
    driver: str | None = None
    runtime: Annotated[str | None, Field(examples=["12.4"])] = None


class Images(Part):
    """Base images that a person names for the stages of the serving image."""

    base: str | None = None
    train: str | None = None
    serve: str | None = None


class Environment(Part):
    """Everything that runs the model."""

    python: Python | None = None
    platform: Host | None = None
    lock: Lock | None = None
    requirements: Annotated[
        tuple[str, ...],
        Field(description="Every package, exactly pinned.", examples=[["numpy==2.1.0"]]),
    ] = ()
    direct: Annotated[
        tuple[str, ...],
        Field(description="Those that the model itself needs, by name; the rest came with them."),
    ] = ()
    unindexed: Annotated[
        tuple[str, ...],
        Field(
            description="Those that came from a folder, an archive or git, by name; the lock says"
            " where from. An index may have others of the same name."
        ),
    ] = ()
    system: Annotated[
        tuple[str, ...],
        Field(description="Packages of the operating system.", examples=[["ffmpeg"]]),
    ] = ()
    accelerator: Accelerator | None = None
    images: Images | None = None
