"""Servers of the tests' own: a real one on loopback, in a thread, whose model is a function."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lading.serving.follow import Followed
from lading.serving.limits import Limits
from lading.serving.model import Example, Model
from lading.serving.plan import Plan
from lading.serving.server import run
from lading.spec.signature import Column, Signature, Tensor

ROWS = Signature(
    inputs=(Column(name="age", dtype="int64"), Column(name="city", dtype="string")),
    outputs=(Tensor(dtype="float64", shape=(-1,)),),
)
MATRIX = Signature(
    inputs=(Tensor(dtype="float64", shape=(-1, 2)),),
    outputs=(Tensor(dtype="float64", shape=(-1,)),),
)


def digest(letter: str) -> str:
    """A digest that is easily told from others."""
    return f"sha256:{letter * 64}"


def model(
    predict: Callable[[Any], Any],
    signature: Signature | None = MATRIX,
    *,
    letter: str = "a",
    example: Example | None = None,
    **named: Any,
) -> Model:
    """A model that answers as a function does."""
    return Model(
        name="tiny",
        aliases=("ml/tiny",),
        version=named.pop("version", "1.0.0"),
        digest=digest(letter),
        reference="ml/tiny:1.0.0",
        predict=predict,
        signature=signature,
        example=example,
        **named,
    )


def row_sums(data: Any) -> Any:
    """What most of these models answer."""
    return data.sum(axis=1)


EXAMPLE = Example([[1.0, 2.0], [3.0, 4.0]], "tensor")


@dataclass
class Running:
    """A server that answers."""

    port: int = 0
    grpc_port: int = 0
    lines: list[str] = field(default_factory=list)
    failure: BaseException | None = None
    thread: threading.Thread | None = None
    until: threading.Event = field(default_factory=threading.Event)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What it told of itself."""
        return [json.loads(line) for line in self.lines]

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it told of one kind."""
        return [line for line in self.told if line["event"] == name]


@contextmanager
def serving(
    load: Callable[[], Model] | Model,
    *,
    limits: Limits | None = None,
    followed: Followed | None = None,
    shadow: Callable[[], Model] | None = None,
    batches: bool | None = None,
    grpc: bool = False,
) -> Iterator[Running]:
    """A server that has answered its model's example; ended afterwards in good order."""
    running = Running()
    ready = threading.Event()

    def on_ready(port: int, model: Model) -> None:
        running.port = port
        ready.set()

    def on_grpc(port: int) -> None:
        running.grpc_port = port

    plan = Plan(
        load=load if callable(load) else lambda: load,
        port=0,
        grpc_port=0 if grpc else None,
        on_grpc=on_grpc,
        followed=followed,
        shadow=shadow,
        batches=batches,
        limits=limits or Limits(),
        on_line=running.lines.append,
        on_ready=on_ready,
        until=running.until,
    )

    def work() -> None:
        try:
            run(plan)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            running.failure = error
        finally:
            ready.set()

    running.thread = threading.Thread(target=work, daemon=True)
    running.thread.start()
    assert ready.wait(30)
    try:
        yield running
    finally:
        running.until.set()
        running.thread.join(30)
        assert not running.thread.is_alive()
