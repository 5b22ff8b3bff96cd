"""The two addresses that ask the model, answered without a framework in between.

Whatever else is at an address, and whatever else is done at these, is another application's: it
looks for a route, and makes an object of each request and each answer, which takes longer than a
small model does.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from lading.errors import LadingError
from lading.serving.answers import error_response, json_response
from lading.serving.asker import Asker
from lading.serving.exchange import JSON, header_of, send_body
from lading.serving.house import House
from lading.serving.protocol import binary, request, response
from lading.serving.protocol.given import Given
from lading.serving.protocol.outputs import plain
from lading.serving.protocol.rows import plain_rows
from lading.serving.watched import Seen, of_scope

PREDICT: Final = "/predict"
_MODELS: Final = "/v2/models/"
_VERSIONS: Final = "/versions/"
_INFER: Final = "/infer"
_BYTES: Final = b"application/octet-stream"
_HEADER: Final = binary.HEADER.lower().encode()


class _Answered(NamedTuple):
    """What is sent, and what it was made of."""

    body: bytes
    # How much of it is JSON, where there is more.
    header_length: int | None
    given: Given
    answer: Any


class Asking:
    """Answers who asks the model; everybody else is another application's."""

    def __init__(self, house: House, others: ASGIApp) -> None:
        self._house = house
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path: str = scope["path"]
        if scope["method"] != "POST" or not (path == PREDICT or _asks(path)):
            await self._others(scope, receive, send)
            return
        try:
            made = await self._answered(scope, receive)
        except LadingError as error:
            await error_response(error)(scope, receive, send)
            return
        except Exception:
            await json_response({"error": "the model failed"}, 500)(scope, receive, send)
            # Whoever called writes down what nobody foresaw.
            raise
        if made.header_length is None:
            await send_body(send, made.body, JSON)
        else:
            length = (_HEADER, b"%d" % made.header_length)
            await send_body(send, made.body, _BYTES, length)
        await self._shadowed(made)

    async def _answered(self, scope: Scope, receive: Receive) -> _Answered:
        seen = of_scope(scope)
        seen.endpoint = "predict" if scope["path"] == PREDICT else "infer"
        asker = seen.asker = self._house.slot.current
        if seen.endpoint == "infer":
            self._house.slot.called(*named_in(scope["path"]))
        with asker:
            body = await self._house.bodies.read(scope, receive)
            try:
                if seen.endpoint == "predict":
                    return await self._predict(seen, asker, body)
                return await self._infer(seen, asker, body, header_of(scope, _HEADER))
            finally:
                self._house.bodies.let_go(len(body))

    async def _infer(
        self, seen: Seen, asker: Asker, body: bytes, header: bytes | None
    ) -> _Answered:
        parsed = request.parse(body, None if header is None else header.decode("latin-1"))
        asker.outputs.check(parsed.outputs)
        self._house.demand_few(asker.inputs.rows_of_tensors(parsed.inputs))
        given = asker.inputs.given(parsed)
        answer = await self._ask(seen, asker, given)
        tensors = asker.outputs.tensors(answer, parsed.outputs)
        encoded = response.encode(parsed, asker.model.name, asker.model.version, tensors)
        return _Answered(encoded.body, encoded.header_length, given, answer)

    async def _predict(self, seen: Seen, asker: Asker, body: bytes) -> _Answered:
        value = request.loads(body)
        self._house.demand_few(asker.inputs.rows_of_value(value))
        given = plain_rows(asker.inputs, value)
        answer = await self._ask(seen, asker, given)
        model = asker.model
        told = {
            "model": model.name,
            "version": model.version,
            "digest": model.digest,
            "predictions": _plain(answer),
        }
        return _Answered(response.dumps(told), None, given, answer)

    async def _ask(self, seen: Seen, asker: Asker, given: Given) -> Any:
        seen.rows = given.rows
        self._house.demand_few(given.rows)
        return await asker.ask(given, alone=self._house.present.alone)

    async def _shadowed(self, made: _Answered) -> None:
        shadow = self._house.shadow
        if shadow is None:
            return
        if shadow.has_room:
            await shadow.ask(made.given, made.answer)
        else:
            shadow.drop()


def _asks(path: str) -> bool:
    return (
        path.endswith(_INFER)
        and path.startswith(_MODELS)
        and len(path) >= len(_MODELS) + len(_INFER)
    )


def named_in(path: str) -> tuple[str, str | None]:
    """The model and the version that an address of ``infer`` means; a name may have slashes."""
    whole = path[len(_MODELS) : -len(_INFER)]
    name, marker, version = whole.rpartition(_VERSIONS)
    return (name, version) if marker and version and "/" not in version else (whole, None)


def _plain(answer: Any) -> Any:
    """The answer as lists; numbers quickly."""
    if getattr(getattr(answer, "dtype", None), "kind", "") in "biuf" and hasattr(answer, "tolist"):
        return answer.tolist()
    return plain(answer)
