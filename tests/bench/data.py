"""The models that are moved: made once below the work folder, always the same bytes.

Weights are random (nothing can compress them or find zeros in them) behind a true safetensors
header; the small files are what lies beside weights on a model hub.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIECE = 1 << 20
_TWO_GB = 2_000_000_000
_SMALL = {
    "README.md": 12_000,
    "LICENSE": 11_000,
    "added_tokens.json": 2_000,
    "chat_template.jinja": 4_000,
    "config.json": 1_500,
    "generation_config.json": 200,
    "merges.txt": 450_000,
    "model.safetensors.index.json": 60_000,
    "preprocessor_config.json": 500,
    "special_tokens_map.json": 600,
    "tokenizer.json": 2_100_000,
    "tokenizer_config.json": 7_000,
}


@dataclass(frozen=True, slots=True)
class Model:
    """A flat folder of files, and what each of them must be at the other end."""

    folder: Path
    digests: dict[str, str]
    size: int

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in sorted(self.digests))


def large(work: Path, scale: float) -> Model:
    """2 GB in four files of weights, and twelve small files."""
    weights = {
        f"model-{number}-of-4.safetensors": int(_TWO_GB * scale) // 4 for number in range(1, 5)
    }
    return _made(work / f"large-{scale:g}", weights | _SMALL)


def single(work: Path, scale: float) -> Model:
    """One file of 2 GB."""
    return _made(work / f"single-{scale:g}", {"model.safetensors": int(_TWO_GB * scale)})


def many(work: Path, scale: float) -> Model:
    """1,000 files of 20 KB."""
    count = max(10, round(1000 * scale))
    files = {f"part-{number:04}.bin": 20_000 for number in range(count)}
    return _made(work / f"many-{scale:g}", files)


def tiny(work: Path) -> Model:
    """Hardly anything: what is measured is the start."""
    return _made(work / "tiny", {"config.json": 1_500, "weights.bin": 20_000})


def trained(project: Path) -> Path:
    """A real model of scikit-learn with what lies beside it, committed to git."""
    import joblib
    from sklearn.ensemble import RandomForestClassifier

    folder = project / "model"
    folder.mkdir(parents=True)
    rows = [[float(number), float(number % 7)] for number in range(200)]
    labels = [number % 2 for number in range(200)]
    forest = RandomForestClassifier(20, random_state=0).fit(rows, labels)
    joblib.dump(forest, folder / "model.joblib")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A forest\n")
    (folder / "predict.py").write_text("import joblib\nimport numpy\n")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for line in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "Train")):
        subprocess.run(["git", "-C", project, *line], check=True)
    return folder


def sparse(work: Path, scale: float) -> Path:
    """A file of 8 GB that takes no room."""
    path = work / f"sparse-{scale:g}" / "model.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(int(8_000_000_000 * scale))
    return path


def _made(folder: Path, sizes: dict[str, int]) -> Model:
    # The list is written last: a folder that was not finished is made again.
    listed = folder.with_suffix(folder.suffix + ".json")
    if not listed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        digests = {name: _write(folder / name, size) for name, size in sizes.items()}
        listed.write_text(json.dumps(digests))
    digests = json.loads(listed.read_text())
    return Model(folder, digests, sum(path.stat().st_size for path in folder.iterdir()))


def _write(path: Path, size: int) -> str:
    written = hashlib.sha256()
    with path.open("wb") as file:
        for piece in _content(path.name, size):
            file.write(piece)
            written.update(piece)
    return written.hexdigest()


def _content(name: str, size: int) -> Iterator[bytes]:
    source = random.Random(name)
    if name.endswith(".json"):
        yield json.dumps({"content": source.randbytes(size // 2).hex()}).encode()
        return
    if not name.endswith((".safetensors", ".bin")):
        yield source.randbytes(size // 2).hex().encode()
        return
    if name.endswith(".safetensors"):
        yield _safetensors_header(size)
    for begin in range(0, size, _PIECE):
        yield source.randbytes(min(_PIECE, size - begin))


def _safetensors_header(size: int) -> bytes:
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    header = json.dumps({"weights": tensor}).encode()
    return len(header).to_bytes(8, "little") + header
