"""A first look at everything: a small real model goes into the local store and comes back.

The model is a logistic regression, trained here in plain Python and written as safetensors by
hand: eight bytes of length, a JSON header, the numbers. No framework is needed to make or run it.
"""

from __future__ import annotations

import json
import math
import shlex
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lading.errors import Conflict, InvalidInput, LocalFailure

if TYPE_CHECKING:
    from lading.settings import Settings

REFERENCE = "quickstart/ripeness:0.1.0"
FOLDER = "lading-quickstart"


@dataclass(frozen=True, slots=True)
class QuickstartFile:
    """A file of the model."""

    path: str
    size: int
    role: str | None


@dataclass(frozen=True, slots=True)
class QuickstartStep:
    """Something to try next."""

    meaning: str
    command: str


@dataclass(frozen=True, slots=True)
class QuickstartResult:
    """What was made, where it went and where it came back."""

    folder: str
    reference: str
    digest: str
    status: Literal["created", "unchanged"]
    path: str
    files: tuple[QuickstartFile, ...]
    next: tuple[QuickstartStep, ...]


def quickstart(
    folder: str | Path = FOLDER,
    *,
    settings: Settings | None = None,
) -> QuickstartResult:
    """Make a model in a folder, push it to the local store, pull it by digest, look at it.

    Running it again finds everything there and changes nothing.

    Raises:
        Conflict: the folder holds something else; it is left as it is.
    """
    from lading.operations.inspect import inspect
    from lading.operations.pull import pull
    from lading.operations.push import push
    from lading.settings import load
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference

    # A default registry is left out: the first steps need nothing but this machine.
    settings = replace(settings or load(), registry=None)
    place = Reference.parse(REFERENCE)
    target = Path(folder)
    _write(target, model_files())
    about = "Tells ripe fruit from unripe by softness and sugar."
    pushed = push(target, place, description=about, settings=settings)
    by_digest = place.with_digest(Digest(pushed.digest))
    pulled = pull(by_digest, settings=settings)
    seen = inspect(by_digest, settings=settings)
    return QuickstartResult(
        folder=str(target),
        reference=str(place),
        digest=pushed.digest,
        status="unchanged" if pushed.status == "unchanged" else "created",
        path=pulled.path,
        files=tuple(QuickstartFile(file.path, file.size, file.role) for file in seen.files),
        next=_next(target),
    )


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """The files in their folder; what is there and the same is left alone."""
    try:
        if folder.exists() and not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder", hint="choose another with --folder")
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        strangers = sorted(names - files.keys())
        changed = [name for name, raw in files.items() if _is_other(folder / name, raw)]
        if strangers or changed:
            raise Conflict(
                f"{folder} holds something else",
                cause=f"{(changed or strangers)[0]} is not what the quickstart writes",
                hint="choose another folder with --folder, or push yours as the next version: "
                f"lading push {folder} {REFERENCE.partition(':')[0]} --bump patch",
            )
        for name, raw in files.items():
            if not (folder / name).exists():
                (folder / name).write_bytes(raw)
    except OSError as error:
        raise LocalFailure(f"cannot write to {folder}", cause=error.strerror) from error


def _is_other(path: Path, raw: bytes) -> bool:
    return path.exists() and path.read_bytes() != raw


def _next(folder: Path) -> tuple[QuickstartStep, ...]:
    name = REFERENCE.partition(":")[0]
    there = shlex.quote(str(folder))
    return (
        QuickstartStep("look at it", f"lading inspect {REFERENCE}"),
        QuickstartStep("run it", f"python3 $(lading pull -q {name})/predict.py 7.5 12.0"),
        QuickstartStep(
            f"change a file in {folder}, then push the next version",
            f"lading push {there} {name} --bump patch && lading list {name}",
        ),
        QuickstartStep(
            "put it into production, and see how it stands",
            f"lading promote {REFERENCE} prod && lading status {name}",
        ),
        QuickstartStep(
            "start a registry (apt install docker-registry; zot, Harbor or GHCR do as well)",
            f"printf '{_REGISTRY}' | docker-registry serve /dev/stdin &",
        ),
        QuickstartStep("copy it there", f"lading copy {REFERENCE} {_HOST}/{REFERENCE}"),
        QuickstartStep("pull it like any image", f"docker pull {_HOST}/{REFERENCE}"),
    )


_HOST = "localhost:5000"
# One line for printf: the smallest configuration that docker-registry takes.
_REGISTRY = (
    r"version: 0.1\nstorage: {filesystem: {rootdirectory: /tmp/lading-registry}, "
    rf'delete: {{enabled: true}}}}\nhttp: {{addr: "{_HOST}"}}\n'
)

# Softness (0 hard to 10 soft), sugar (degrees Brix), and whether people called the fruit ripe.
_FRUIT = (
    (1.0, 5.1, 0),
    (1.5, 6.2, 0),
    (2.2, 5.8, 0),
    (2.8, 7.9, 0),
    (3.4, 6.5, 0),
    (3.9, 8.8, 0),
    (5.1, 7.2, 0),
    (4.2, 10.9, 1),
    (5.0, 9.8, 1),
    (5.9, 11.4, 1),
    (6.4, 9.6, 1),
    (7.1, 12.3, 1),
    (7.8, 11.1, 1),
    (8.6, 13.0, 1),
)


def model_files() -> dict[str, bytes]:
    """The model: the same bytes every time."""
    weight, bias = _trained()
    sample = {"softness": 7.5, "sugar": 12.0}
    config = {
        "architecture": "logistic-regression",
        "features": ["softness", "sugar"],
        "labels": ["unripe", "ripe"],
        "threshold": 0.5,
    }
    return {
        "README.md": _CARD.encode(),
        "config.json": _pretty(config),
        "input.json": _pretty(sample),
        "model.safetensors": safetensors({"weight": weight, "bias": [bias]}),
        "predict.py": _PREDICT.encode(),
    }


def _trained(steps: int = 400, rate: float = 0.5) -> tuple[list[float], float]:
    """Gradient descent on the fruit, seen from their middle so that it settles quickly."""
    middle = (5.0, 9.0)
    first, second, bias = 0.0, 0.0, 0.0
    for _ in range(steps):
        slopes = [0.0, 0.0, 0.0]
        for softness, sugar, ripe in _FRUIT:
            x, y = softness - middle[0], sugar - middle[1]
            error = 1 / (1 + math.exp(-(first * x + second * y + bias))) - ripe
            slopes = [slopes[0] + error * x, slopes[1] + error * y, slopes[2] + error]
        first, second, bias = (
            value - rate * slope / len(_FRUIT)
            for value, slope in zip((first, second, bias), slopes, strict=True)
        )
    # Rounded, so that the last bit of some machine's exp() does not change the version's digest.
    first, second = round(first, 3), round(second, 3)
    return [first, second], round(bias - first * middle[0] - second * middle[1], 3)


def safetensors(tensors: Mapping[str, list[float]]) -> bytes:
    """Vectors of float32 in the safetensors format."""
    header, data = {}, b""
    for name, values in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        span = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": span}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants its numbers aligned
    return struct.pack("<Q", len(text)) + text + data


def _pretty(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


_CARD = """\
# Ripeness

Tells ripe fruit from unripe by softness (0 to 10) and sugar (degrees Brix).

A logistic regression on fourteen fruits, made by `lading quickstart` to have something small and
real to push and pull. Do not run a fruit shop on it.

    python3 predict.py 7.5 12.0
"""

_PREDICT = '''\
"""Run the model with nothing but Python: python3 predict.py SOFTNESS SUGAR"""

import json
import math
import shlex
import struct
import sys
from pathlib import Path

here = Path(__file__).parent
config = json.loads((here / "config.json").read_text())
raw = (here / "model.safetensors").read_bytes()
(length,) = struct.unpack_from("<Q", raw)
header = json.loads(raw[8 : 8 + length])


def tensor(name):
    start, end = header[name]["data_offsets"]
    return struct.unpack(f"<{(end - start) // 4}f", raw[8 + length + start : 8 + length + end])


sample = json.loads((here / "input.json").read_text())
values = [float(text) for text in sys.argv[1:]] or [sample[name] for name in config["features"]]
score = sum(w * x for w, x in zip(tensor("weight"), values)) + tensor("bias")[0]
probability = 1 / (1 + math.exp(-score))
label = config["labels"][probability >= config["threshold"]]
print(json.dumps({"label": label, "probability": round(probability, 3)}))
'''
