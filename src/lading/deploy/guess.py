"""What a model may need of a machine, guessed from what is known of it. Pure, and only a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.deploy.wish import Facts

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB

# An interpreter with its framework and the server, in MiB. Measured with nothing but imports, and
# rounded up: scikit-learn 194, XGBoost 189, LightGBM 187, CatBoost 155, ONNX 56. PyTorch's and
# TensorFlow's are not measured but what people report of them. Any other may be anything.
INTERPRETERS: Final = {
    "catboost": 256,
    "keras": 768,
    "lightgbm": 256,
    "onnx": 128,
    "pytorch": 512,
    "scikit-learn": 256,
    "sentence-transformers": 768,
    "tensorflow": 768,
    "transformers": 768,
    "xgboost": 256,
}
_UNKNOWN: Final = 512
_STEP: Final = 64
# Bytes a second that a model is loaded with from a slow disk, at the least.
_SLOWEST: Final = 20 * MIB


@dataclass(frozen=True, slots=True)
class Guess:
    """What is asked for where nobody said more, in Kubernetes' own words."""

    cpu: str
    memory: str
    # Nobody is throttled; who takes more memory than this is ended.
    memory_limit: str
    # The most that a pulled model may take on a node's disk.
    room: str
    # How long a model may take until it answers, in seconds.
    patience: int


def guess(facts: Facts) -> Guess:
    """What a model of this size and framework may need.

    - Memory that is asked for: the interpreter with its framework, and 1.2 times the files. Weights
      are held once, in about the precision that they are stored in; the rest is what loading needs
      beside them.
    - Memory that is allowed: twice the interpreter, which requests need, too, and twice the files.
      While a model is loaded its file and its weights may both be there, and compressed files grow.
      A limit protects the other pods of a node from a leak, and must not end an honest model.
    - Processors that are asked for: half a one, one from 1 GiB of files, two from 8 GiB. There is
      no limit: a limit of processors makes answers slow while others are idle.
    - Room on the disk: twice the files, and 256 MiB: the next version may be larger, and only
      digests change when it comes.
    - Time to be ready: two minutes, and what reading the files at 20 MiB a second takes.

    Trees and forests grow more than that, quantised models less: whoever has measured says so.
    """
    files = max(0, facts.size)
    interpreter = INTERPRETERS.get(facts.framework or "", _UNKNOWN) * MIB
    return Guess(
        cpu=_processors(files),
        memory=_rounded(interpreter + files * 12 // 10),
        memory_limit=_rounded((interpreter + files) * 2),
        room=_rounded(256 * MIB + files * 2),
        patience=120 + files // _SLOWEST,
    )


def _processors(files: int) -> str:
    if files >= 8 * GIB:
        return "2"
    return "1" if files >= GIB else "500m"


def _rounded(size: int) -> str:
    """A size in whole steps, upwards; large ones in larger steps."""
    step = _STEP * (16 if size >= 8 * GIB else 1)
    count = -(-size // (step * MIB)) * step
    return f"{count // 1024}Gi" if count % 1024 == 0 else f"{count}Mi"
