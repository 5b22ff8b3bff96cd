"""A server of several workers, as a process: ``python -m serving.crew FOLDER WORKERS [grpc]``.

What its model does is up to files in the folder: ``stage`` names the letter of the digest that is
followed, ``broken`` makes loading fail, ``killed`` makes it end the process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lading.errors import LadingError, LocalFailure
from lading.serving.follow import Followed
from lading.serving.limits import Limits
from lading.serving.model import Example, Model
from lading.serving.plan import Plan
from lading.serving.workers.supervisor import run_several
from lading.spec.signature import Signature, Tensor

MATRIX = Signature(
    inputs=(Tensor(dtype="float64", shape=(-1, 2)),),
    outputs=(Tensor(dtype="float64", shape=(-1,)),),
)
SLOW = 77.0


def answer(data: Any) -> Any:
    """Sums of rows; some take their time."""
    if data[0][0] == SLOW:
        time.sleep(data[0][1])
    return data.sum(axis=1)


def main(folder: Path, workers: int, *, grpc: bool) -> None:
    """Serve until a signal."""

    def letter() -> str:
        return (folder / "stage").read_text() if (folder / "stage").exists() else "a"

    def load() -> Model:
        if (folder / "broken").exists():
            raise LocalFailure("the model is broken", cause="on purpose", hint="mend it")
        if (folder / "killed").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return Model(
            name="tiny",
            version="1.0.0",
            digest=f"sha256:{letter() * 64}",
            reference="ml/tiny:1.0.0",
            predict=answer,
            signature=MATRIX,
            example=Example([[1.0, 2.0]], "tensor"),
        )

    plan = Plan(
        load=load,
        port=0,
        grpc_port=0 if grpc else None,
        followed=Followed(lambda: f"sha256:{letter() * 64}", load, 0.1, "prod"),
        limits=Limits(shutdown=5),
        on_line=lambda line: os.write(2, f"{line}\n".encode()) and None,
        on_grpc=lambda port: print(f"grpc {port}", flush=True),
        on_ready=lambda port, model: print(f"ready {port}", flush=True),
    )
    try:
        run_several(plan, workers, lambda digest: load)
    except LadingError as error:
        print(f"error {type(error).__name__}: {error} ({error.hint})", flush=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), grpc="grpc" in sys.argv[3:])
