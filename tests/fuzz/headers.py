"""Feeds mutated model files to the header readers until one of them fails.

    python tests/fuzz/headers.py --seconds 600 --corpus DIR

One target for all formats: the first byte of the input chooses the name that the file has, the
rest is the file. A reader fails if it raises, or if it takes longer than a few seconds. Needs
atheris, which is not among the tests' requirements: it comes for few Pythons.
"""

from __future__ import annotations

import argparse
import pkgutil
import random
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lading.formats as formats_room

atheris: Any = import_module("atheris")

with atheris.instrument_imports(include=["lading.formats"]):
    # Readers are imported when they are needed, which would be too late.
    for module in pkgutil.iter_modules(formats_room.__path__, "lading.formats."):
        import_module(module.name)
    from lading.errors import InvalidInput
    from lading.formats import modelcard, safetensors
    from lading.formats.look import look
    from lading.formats.window import BytesWindow

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from formats.models import write_models  # noqa: E402  tests/ is on no path here

NAMES = (
    "model.safetensors",
    "model.gguf",
    "model.onnx",
    "saved_model.pb",
    "model.keras",
    "model.pkl",
    "model.joblib",
    "model.pkl.gz",
    "model.pt",
    "model.pt2",
    "model.skops",
    "rows.npz",
    "rows.npy",
    "model.json",
    "model.ubj",
    "model.txt",
    "model.cbm",
    "model.h5",
    "config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "adapter_config.json",
    "README.md",
    "model_index.json",
    "config_sentence_transformers.json",
)
LONGEST = 64 * 1024


def target(data: bytes) -> None:
    """Look at one file."""
    if not data:
        return
    name, window = NAMES[data[0] % len(NAMES)], BytesWindow(data[1:])
    found = look(name, window)
    if found is not None:
        found.facts.as_json()
    if name == "README.md":
        modelcard.read_card(name, window)
    if name == "model.safetensors":
        with suppress(InvalidInput):
            safetensors.header(window)


def seeds(corpus: Path) -> None:
    """Write real files, each under the name that it goes by."""
    endings = {Path(name).suffix: number for number, name in reversed(list(enumerate(NAMES)))}
    with TemporaryDirectory() as folder:
        for name, path in write_models(Path(folder)).items():
            number = NAMES.index(name) if name in NAMES else endings.get(path.suffix, 5)
            raw = path.read_bytes()[:LONGEST]
            (corpus / f"seed-{name}").write_bytes(bytes([number]) + raw)


def main() -> None:
    """Run for as long as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as made:
        corpus = arguments.corpus or Path(made)
        corpus.mkdir(parents=True, exist_ok=True)
        seeds(corpus)
        options = [
            f"-max_total_time={arguments.seconds}",
            f"-max_len={LONGEST}",
            "-timeout=20",
            "-rss_limit_mb=1024",
            f"-seed={random.randrange(2**31)}",
            "-print_final_stats=1",
            f"-artifact_prefix={corpus.parent}/",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
