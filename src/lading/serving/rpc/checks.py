"""The health checks of gRPC, which Kubernetes and load balancers ask.

The server as a whole, the protocol's service and ``readiness`` are served when requests are
answered; ``liveness`` as long as the server lives, so that a probe of it ends no server that loads.
"""

from __future__ import annotations

import asyncio
from typing import Final

from google.protobuf.message import DecodeError

from lading.errors import InvalidInput, NotFound
from lading.serving.house import House
from lading.serving.rpc.calls import Call
from lading.serving.rpc.messages import HEALTH_SERVICE, INFERENCE_SERVICE, health

_SERVING: Final = 1
_NOT_SERVING: Final = 2
_UNKNOWN: Final = 3
_READY: Final = frozenset({"", "readiness", INFERENCE_SERVICE, HEALTH_SERVICE})
_LIVE: Final = "liveness"
# How soon a watcher hears of a change.
_INTERVAL: Final = 0.2


class Checks:
    """The methods of the health service."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._messages = health()

    async def check(self, call: Call, message: bytes) -> None:
        """How it is now.

        Raises:
            NotFound: there is no such service.
        """
        service = self._service(message)
        status = self._status(service)
        if status == _UNKNOWN:
            raise NotFound(f"there is no service {service[:100]!r} here")
        await call.send(self._messages["HealthCheckResponse"](status=status))

    async def watch(self, call: Call, message: bytes) -> None:
        """How it is now, and after every change, until the server ends."""
        service = self._service(message)
        told: int | None = None
        while True:
            status = self._status(service)
            if status != told:
                await call.send(self._messages["HealthCheckResponse"](status=status))
                told = status
            if self._house.slot.ending:
                return
            await asyncio.sleep(_INTERVAL)

    def _service(self, message: bytes) -> str:
        try:
            return str(self._messages["HealthCheckRequest"].FromString(message).service)
        except DecodeError as error:
            raise InvalidInput("the message is no HealthCheckRequest") from error

    def _status(self, service: str) -> int:
        slot = self._house.slot
        if service == _LIVE:
            stuck = slot.loaded is not None and slot.loaded.is_stuck
            return _NOT_SERVING if stuck else _SERVING
        if service not in _READY:
            return _UNKNOWN
        return _SERVING if slot.is_ready else _NOT_SERVING
