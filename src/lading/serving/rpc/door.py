"""The gRPC server: its address, its bounds, its end."""

from __future__ import annotations

from typing import Any, Final

import grpc
import grpc.aio

from lading.errors import LocalFailure
from lading.serving.house import House
from lading.serving.limits import Limits
from lading.serving.rpc.calls import Calls
from lading.serving.rpc.checks import Checks
from lading.serving.rpc.messages import HEALTH_SERVICE, INFERENCE_SERVICE
from lading.serving.rpc.services import Services

_STREAMS: Final = 256
# Of the algorithms of compression, the one that changes nothing.
_ONLY_PLAIN: Final = 1


class Door:
    """One gRPC server; made and used within one event loop."""

    def __init__(self, house: House, *, shared: bool = False) -> None:
        self._house = house
        self._server = grpc.aio.server(
            options=_options(house.limits, shared),
            maximum_concurrent_rpcs=house.limits.connections,
        )
        calls, services, checks = Calls(house), Services(house), Checks(house)
        inference = {
            "ServerLive": ("live", services.live),
            "ServerReady": ("ready", services.ready),
            "ModelReady": ("ready", services.model_ready),
            "ServerMetadata": ("server", services.server),
            "ModelMetadata": ("model", services.model),
            "ModelInfer": ("infer", services.infer),
        }
        health = {"Check": ("ready", checks.check), "Watch": ("watch", checks.watch)}
        for service, methods in ((INFERENCE_SERVICE, inference), (HEALTH_SERVICE, health)):
            handlers = {
                name: calls.handler(f"/{service}/{name}", endpoint, answer)
                for name, (endpoint, answer) in methods.items()
            }
            generic = grpc.method_handlers_generic_handler(service, handlers)
            self._server.add_generic_rpc_handlers((generic,))

    async def open(self, host: str, port: int) -> int:
        """Listen; the port, where any that is free was asked for.

        Raises:
            LocalFailure: the address is taken, or not this machine's.
        """
        shown = f"[{host}]" if ":" in host else host
        try:
            bound = self._server.add_insecure_port(f"{shown}:{port}")
        except RuntimeError as error:
            raise LocalFailure(
                f"cannot listen at {host[:100]}:{port} for gRPC",
                cause="the address is taken, or not this machine's",
                hint="--grpc-port of a free port, --host of an address of this machine",
            ) from error
        await self._server.start()
        return int(bound)

    async def close(self) -> None:
        """Take no more calls, and answer those that came."""
        await self._server.stop(self._house.limits.shutdown)


def _options(limits: Limits, shared: bool) -> list[tuple[str, Any]]:
    return [
        # A port that another server has is taken, unless that one is another worker.
        ("grpc.so_reuseport", int(shared)),
        ("grpc.max_receive_message_length", limits.body),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", limits.head),
        ("grpc.absolute_max_metadata_size", limits.head),
        ("grpc.max_concurrent_streams", _STREAMS),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.server_handshake_timeout_ms", int(limits.head_seconds * 1000)),
        ("grpc.max_connection_idle_ms", int(limits.idle * 1000)),
        # A client that is gone without a word is found out, and its calls with it.
        ("grpc.keepalive_time_ms", int(limits.reading_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.head_seconds * 1000)),
        # Clients may ask whether the connection lives, as often as they like within reason.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Compressed messages are refused, as HTTP refuses them: what they grow to is up to others.
        ("grpc.compression_enabled_algorithms_bitset", _ONLY_PLAIN),
    ]
