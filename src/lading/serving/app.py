"""The application: addresses, what each answers, and what is told of every request.

The protocol is in ``protocol``, the model in ``asker``; here they meet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lading.errors import LadingError
from lading.serving import describe
from lading.serving.answers import error_response, json_response
from lading.serving.asker import Asker
from lading.serving.body import Bodies
from lading.serving.failures import TooLarge
from lading.serving.journal import Journal
from lading.serving.limits import Limits
from lading.serving.metrics import CONTENT_TYPE, Metrics
from lading.serving.protocol import binary, request, response
from lading.serving.protocol.given import Given
from lading.serving.protocol.rows import plain_rows
from lading.serving.shadow import Shadow
from lading.serving.slot import Slot
from lading.serving.watched import Watched, of_request
from lading.signatures.answers import plain_answer

_HTML: Final = "text/html; charset=utf-8"
# A name may have slashes, so an address of any other method would be that of another model.
_METHODS: Final = ("POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
_NO_SCRIPTS: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


@dataclass(slots=True)
class House:
    """What the application works with."""

    # Whose answers these are before it is loaded, as far as that is known.
    expected: str
    slot: Slot
    limits: Limits
    journal: Journal
    metrics: Metrics
    shadow: Shadow | None = None
    # What is counted everywhere, where others serve the same model in processes of their own.
    everywhere: Callable[[], Awaitable[bytes]] | None = None
    bodies: Bodies = field(init=False)

    def __post_init__(self) -> None:
        self.bodies = Bodies(self.limits)

    def count_waiting(self) -> None:
        """Say in the figures how many wait now."""
        if asker := self.slot.loaded:
            self.metrics.of(asker.model).waiting.set(asker.waiting)

    def demand_few(self, given: Given) -> None:
        """Refuse more rows than one may ask about.

        Raises:
            TooLarge: there are more.
        """
        if (given.rows or 0) > self.limits.rows:
            raise TooLarge(
                f"{given.rows} rows at once", cause=f"at most {self.limits.rows} are answered"
            )


def build(house: House) -> ASGIApp:
    """The application of one server."""
    pages = _Pages(house)
    model = "/v2/models/{name:path}"
    versioned = f"{model}/versions/{{version}}"
    routes = [
        *(Route(f"{at}/infer", pages.infer, methods=_METHODS) for at in (versioned, model)),
        Route("/predict", pages.predict, methods=["POST"]),
        Route("/v2/health/live", pages.live),
        Route("/v2/health/ready", pages.ready),
        *(Route(f"{at}/ready", pages.model_ready) for at in (versioned, model)),
        *(Route(at, pages.model) for at in (versioned, model)),
        Route("/v2", pages.server),
        Route("/v2/", pages.server),
        Route("/metrics", pages.metrics),
        Route("/openapi.json", pages.openapi),
        Route("/docs", pages.docs),
        Route("/", pages.docs),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={LadingError: _refused, HTTPException: _unknown, 500: _failed},
    )
    app.router.redirect_slashes = False
    return Watched(app, house.slot, house.metrics, house.journal, house.expected)


class _Pages:
    """What each address answers."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def infer(self, asked: Request) -> Response:
        of_request(asked).endpoint = "infer"
        if asked.method != "POST":
            raise HTTPException(405, headers={"allow": "POST"})
        with self._named(asked) as asker:
            body = await self._house.bodies.read(asked)
            try:
                return await self._infer(asked, asker, body)
            finally:
                self._house.bodies.let_go(len(body))

    async def _infer(self, asked: Request, asker: Asker, body: bytes) -> Response:
        parsed = request.parse(body, asked.headers.get(binary.HEADER))
        asker.outputs.check(parsed.outputs)
        given = asker.inputs.given(parsed)
        answer = await self._ask(asked, asker, given)
        tensors = asker.outputs.tensors(answer, parsed.outputs)
        model = asker.model
        encoded = response.encode(parsed, model.name, model.version, tensors)
        if encoded.header_length is None:
            made = Response(encoded.body, media_type="application/json")
        else:
            made = Response(encoded.body, media_type="application/octet-stream")
            made.headers[binary.HEADER] = str(encoded.header_length)
        return self._shadowed(made, given, answer)

    async def predict(self, asked: Request) -> Response:
        of_request(asked).endpoint = "predict"
        with self._house.slot.current as asker:
            of_request(asked).asker = asker
            body = await self._house.bodies.read(asked)
            try:
                given = plain_rows(asker.inputs, request.loads(body))
                answer = await self._ask(asked, asker, given)
            finally:
                self._house.bodies.let_go(len(body))
            model = asker.model
            told = {
                "model": model.name,
                "version": model.version,
                "digest": model.digest,
                "predictions": _plain(answer),
            }
            return self._shadowed(json_response(told), given, answer)

    async def _ask(self, asked: Request, asker: Asker, given: Given) -> Any:
        of_request(asked).rows = given.rows
        self._house.demand_few(given)
        return await asker.ask(given)

    def _shadowed(self, made: Response, given: Given, answer: Any) -> Response:
        shadow = self._house.shadow
        if shadow is not None and shadow.has_room:
            made.background = BackgroundTask(shadow.ask, given, answer)
        elif shadow is not None:
            shadow.drop()
        return made

    def _named(self, asked: Request) -> Asker:
        """Who answers, if the address means that model."""
        of_request(asked).asker = self._house.slot.current
        name, version = asked.path_params["name"], asked.path_params.get("version")
        return self._house.slot.called(name, version)

    async def model(self, asked: Request) -> Response:
        of_request(asked).endpoint = "model"
        return json_response(describe.metadata(self._named(asked).model))

    async def model_ready(self, asked: Request) -> Response:
        of_request(asked).endpoint = "ready"
        if not self._house.slot.is_ready:
            return json_response({"name": asked.path_params["name"][:512], "ready": False}, 503)
        name = self._named(asked).model.name
        return json_response({"name": name, "ready": True})

    async def live(self, asked: Request) -> Response:
        of_request(asked).endpoint = "live"
        slot = self._house.slot
        alive = slot.loaded is None or not slot.loaded.is_stuck
        return json_response({"live": alive}, 200 if alive else 503)

    async def ready(self, asked: Request) -> Response:
        of_request(asked).endpoint = "ready"
        ready = self._house.slot.is_ready
        return json_response({"ready": ready}, 200 if ready else 503)

    async def server(self, asked: Request) -> Response:
        of_request(asked).endpoint = "server"
        return json_response(describe.server())

    async def metrics(self, asked: Request) -> Response:
        of_request(asked).endpoint = "metrics"
        self._house.count_waiting()
        if self._house.everywhere is not None:
            return Response(await self._house.everywhere(), media_type=CONTENT_TYPE)
        return Response(self._house.metrics.text(), media_type=CONTENT_TYPE)

    async def openapi(self, asked: Request) -> Response:
        of_request(asked).endpoint = "docs"
        return json_response(describe.openapi(self._house.slot.current.model))

    async def docs(self, asked: Request) -> Response:
        of_request(asked).endpoint = "docs"
        page = describe.page(self._house.slot.current.model)
        headers = {"content-security-policy": _NO_SCRIPTS}
        return Response(page, media_type=_HTML, headers=headers)


def _plain(answer: Any) -> Any:
    """The answer as lists; numbers quickly."""
    if getattr(getattr(answer, "dtype", None), "kind", "") in "biuf" and hasattr(answer, "tolist"):
        return answer.tolist()
    return plain_answer(answer)


async def _refused(asked: Request, error: Exception) -> Response:
    assert isinstance(error, LadingError)
    return error_response(error)


async def _unknown(asked: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {404: "there is nothing at this address", 405: "not with this method"}
    made = json_response({"error": said.get(error.status_code, "no")}, error.status_code)
    for name, value in (error.headers or {}).items():
        made.headers[name] = value
    return made


async def _failed(asked: Request, error: Exception) -> Response:
    return json_response({"error": "the model failed"}, 500)
