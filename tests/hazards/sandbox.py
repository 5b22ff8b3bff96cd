"""Loads pickles for the law, each in a process of its own, and says which of them did something.

Run as a program: the paths of pickles come as arguments. Each is loaded in several ways inside
an empty folder; what a pickle does is to make a folder called ``marker``.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Loader = Callable[[bytes], Any]


def _in_a_row(raw: bytes) -> None:
    stream = io.BytesIO(raw)
    for _ in range(4):
        pickle.load(stream)


def _with_joblib(raw: bytes) -> None:
    import joblib

    joblib.load(io.BytesIO(raw))


LOADERS: tuple[Loader, ...] = (
    pickle.loads,
    pickle._loads,  # type: ignore[attr-defined]
    _in_a_row,
    _with_joblib,
    lambda raw: pickle.loads(raw, encoding="bytes"),
)


def did_something(raw: bytes, loader: Loader) -> bool:
    """Whether loading made the marker; crashes and exits are survived."""
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                os.chdir(folder)
                resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
                resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
                null = os.open(os.devnull, os.O_RDWR)
                for descriptor in (0, 1, 2):
                    os.dup2(null, descriptor)
                loader(raw)
            os._exit(0)
        os.waitpid(child, 0)
        return Path(folder, "marker").exists()


def main() -> None:
    """Print the names of those that did something."""
    import joblib  # noqa: F401  once, before the forks
    import numpy  # noqa: F401

    for name in sys.argv[1:]:
        raw = Path(name).read_bytes()
        if any(did_something(raw, loader) for loader in LOADERS):
            print(Path(name).name)


if __name__ == "__main__":
    main()
