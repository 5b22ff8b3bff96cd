"""What a model may need of a machine, guessed from what is known of it. Pure, and only a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.deploy.wish import Facts

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB

# An interpreter with its framework, the server, and room for requests, in MiB: what a server of a
# tiny model takes, rounded up. Frameworks that nobody knows may be anything.
_INTERPRETER: Final = {
    "catboost": 384,
    "keras": 1024,
    "lightgbm": 384,
    "onnx": 256,
    "pytorch": 768,
    "scikit-learn": 384,
    "sentence-transformers": 1024,
    "tensorflow": 1024,
    "transformers": 1024,
    "xgboost": 384,
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
    - Memory that is allowed: half as much again for the interpreter, and twice the files. While a
      model is loaded its file and its weights may both be there, and compressed files grow. A limit
      protects the other pods of a node from a leak, and must not end an honest model.
    - Processors that are asked for: half a one, one from 1 GiB of files, two from 8 GiB. There is
      no limit: a limit of processors makes answers slow while others are idle.
    - Room on the disk: twice the files, and 256 MiB: the next version may be larger, and only
      digests change when it comes.
    - Time to be ready: two minutes, and what reading the files at 20 MiB a second takes.

    Trees and forests grow more than that, quantised models less: whoever has measured says so.
    """
    files = max(0, facts.size)
    interpreter = _INTERPRETER.get(facts.framework or "", _UNKNOWN) * MIB
    return Guess(
        cpu=_processors(files),
        memory=_rounded(interpreter + files * 12 // 10),
        memory_limit=_rounded(interpreter * 3 // 2 + files * 2),
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
