"""A version on a registry, and the model it was made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from parts.registry import DockerRegistry
from peers.plain import Repository

from lading.operations.push import PushResult

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shipped:
    """A version on a registry, and what it was made of."""

    registry: DockerRegistry
    repository: str
    result: PushResult
    files: dict[str, bytes]

    @property
    def tagged(self) -> str:
        """Its reference by tag, for people."""
        return f"{self.registry.host}/{self.repository}:{self.result.version}"

    @property
    def pinned(self) -> str:
        """Its reference by digest, for runtimes."""
        return f"{self.registry.host}/{self.repository}@{self.result.digest}"

    @property
    def model(self) -> str:
        """The reference of the model manifest inside it."""
        return f"{self.registry.host}/{self.repository}@{self.result.model_digest}"

    @property
    def plain(self) -> Repository:
        """The repository without Lading."""
        return Repository(self.registry.host, self.repository)


def make_model(folder: Path) -> Path:
    """Two large files, small ones of every role, names that are a trial for tar, empty ones."""
    long_name = "l" * 120 + ".json"
    files = {
        "weights.safetensors": os.urandom(5 * MIB + 7),
        "nested/second.bin": os.urandom(4 * MIB),
        "config.json": b'{"hidden": 8}',
        "README.md": b"# A model\n",
        "nested/deeper/train.py": b"print('trained')\n",
        "data/rows.csv": b"a,b\n1,2\n",
        "empty.bin": b"",
        "größe 模型.txt": b"umlauts\n",
        f"nested/{long_name}": b"{}",
    }
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (folder / "hollow").mkdir()
    return folder
