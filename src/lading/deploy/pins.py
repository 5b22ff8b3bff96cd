"""What runs, by digest: decided once, when a reference was looked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.spec.digest import Digest

# What documents say of the version that they run.
REFERENCE: Final = "dev.lading/model"
DIGEST: Final = "dev.lading/digest"
VERSION: Final = "dev.lading/version"
STAGE: Final = "dev.lading/stage"
EVENT: Final = "dev.lading/event"


@dataclass(frozen=True, slots=True)
class Runs:
    """The version that runs: never its model's or its ModelPack's manifest, which mount empty."""

    # HOST/NAME, without tag and digest.
    place: str
    # Of the index.
    digest: Digest
    version: str | None
    # The stage that was asked for, and the event that put the version there.
    stage: str | None = None
    event: Digest | None = None

    @property
    def reference(self) -> str:
        """The version, as a cluster is told of it."""
        return f"{self.place}@{self.digest}"

    @property
    def named(self) -> str:
        """The version, as people type it; by digest where nobody gave it a number."""
        # As its tag is: documents that are read may say anything, so it is not parsed.
        tag = (self.version or "").replace("+", "_")
        return f"{self.place}:{tag}" if tag else self.reference


@dataclass(frozen=True, slots=True)
class Serving:
    """The image whose server answers."""

    # HOST/NAME@DIGEST.
    reference: str
    # Whether the model is in it; else it is mounted, or pulled.
    holds_model: bool


@dataclass(frozen=True, slots=True)
class Pins:
    """Everything that documents name by digest."""

    runs: Runs
    serving: Serving
    # Lading's own image, HOST/NAME@DIGEST, where an init container pulls.
    puller: str | None = None
    # An image with the model in it that starts whatever it is told, HOST/NAME@DIGEST: KServe's
    # modelcars start a shell.
    modelcar: str | None = None

    @property
    def annotations(self) -> dict[str, str]:
        """What is written on everything that runs the version."""
        said = {
            REFERENCE: self.runs.place,
            DIGEST: self.runs.digest,
            VERSION: self.runs.version,
            STAGE: self.runs.stage,
            EVENT: self.runs.event,
        }
        return {name: str(text) for name, text in said.items() if text}
