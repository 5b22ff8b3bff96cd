"""What each method of the protocol answers."""

from __future__ import annotations

import asyncio
from typing import Any

from google.protobuf.message import DecodeError

from lading.errors import InvalidInput
from lading.serving import describe
from lading.serving.asker import Asker
from lading.serving.house import House
from lading.serving.protocol.given import Given
from lading.serving.rpc import translate
from lading.serving.rpc.calls import Call
from lading.serving.rpc.messages import inference
from lading.serving.rpc.receiving import demand_few_fields


class Services:
    """The protocol's methods, each handed the bytes of its message."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._messages = inference()
        # Shadows that are asked beside; held so that nobody collects them.
        self._beside: set[asyncio.Task[None]] = set()

    def parsed(self, name: str, message: bytes) -> Any:
        """The message in some bytes.

        Raises:
            InvalidInput: there is none in them.
        """
        try:
            return self._messages[name].FromString(message)
        except DecodeError as error:
            raise InvalidInput(f"the message is no {name}") from error

    async def live(self, call: Call, message: bytes) -> None:
        """Whether the server lives."""
        loaded = self._house.slot.loaded
        alive = loaded is None or not loaded.is_stuck
        await call.send(self._messages["ServerLiveResponse"](live=alive))

    async def ready(self, call: Call, message: bytes) -> None:
        """Whether requests are answered."""
        ready = self._house.slot.is_ready
        await call.send(self._messages["ServerReadyResponse"](ready=ready))

    async def model_ready(self, call: Call, message: bytes) -> None:
        """Whether this model is served."""
        asked = self.parsed("ModelReadyRequest", message)
        ready = self._house.slot.is_ready
        if ready:
            call.of(self._house.slot.called(asked.name, asked.version or None))
        await call.send(self._messages["ModelReadyResponse"](ready=ready))

    async def server(self, call: Call, message: bytes) -> None:
        """What the server is."""
        await call.send(self._messages["ServerMetadataResponse"](**describe.server()))

    async def model(self, call: Call, message: bytes) -> None:
        """What the model takes and answers."""
        asked = self.parsed("ModelMetadataRequest", message)
        asker = call.of(self._house.slot.called(asked.name, asked.version or None))
        told = describe.metadata(asker.model)
        await call.send(self._messages["ModelMetadataResponse"](**told))

    async def infer(self, call: Call, message: bytes) -> None:
        """Ask the model."""
        with call.of(self._house.slot.current):
            demand_few_fields(message)
            asked = self.parsed("ModelInferRequest", message)
            asker = self._house.slot.called(asked.model_name, asked.model_version or None)
            await self._infer(call, call.of(asker), asked)

    async def _infer(self, call: Call, asker: Asker, message: Any) -> None:
        asked = translate.read(message)
        asker.outputs.check(asked.outputs)
        self._house.demand_few(asker.inputs.rows_of_tensors(asked.inputs))
        given = asker.inputs.given(asked)
        call.seen.rows = given.rows
        self._house.demand_few(given.rows)
        answer = await asker.ask(given)
        tensors = asker.outputs.tensors(answer, asked.outputs)
        model, raw = asker.model, bool(message.raw_input_contents)
        await call.send(translate.answer(asked, model.name, model.version, tensors, raw=raw))
        self._shadow(given, answer)

    def _shadow(self, given: Given, answer: Any) -> None:
        shadow = self._house.shadow
        if shadow is None:
            return
        if not shadow.has_room:
            shadow.drop()
            return
        task = asyncio.create_task(shadow.ask(given, answer))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
