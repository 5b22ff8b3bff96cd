"""The application: addresses, what each answers, and what is told of every request.

What asks the model is in ``asking``; here is everything beside it.
"""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lading.errors import LadingError
from lading.serving import describe
from lading.serving.answers import error_response, json_response
from lading.serving.asker import Asker
from lading.serving.asking import PREDICT, Asking
from lading.serving.house import House
from lading.serving.metrics import CONTENT_TYPE
from lading.serving.watched import Watched, of_request

_HTML: Final = "text/html; charset=utf-8"
# A name may have slashes, so an address of any other method would be that of another model.
_METHODS: Final = ("POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
_NO_SCRIPTS: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def build(house: House) -> ASGIApp:
    """The application of one server."""
    pages = _Pages(house)
    model = "/v2/models/{name:path}"
    versioned = f"{model}/versions/{{version}}"
    routes = [
        *(Route(f"{at}/infer", pages.infer, methods=_METHODS) for at in (versioned, model)),
        Route(PREDICT, pages.predict),
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
    asking = Asking(house, app)
    return Watched(asking, house.slot, house.metrics, house.journal, house.expected)


class _Pages:
    """What each address answers."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def infer(self, asked: Request) -> Response:
        """Any method but the one that ``asking`` answers."""
        of_request(asked).endpoint = "infer"
        raise HTTPException(405, headers={"allow": "POST"})

    async def predict(self, asked: Request) -> Response:
        """The same."""
        raise HTTPException(405, headers={"allow": "POST"})

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
        page = describe.page(self._house.slot.current.model, asked.headers.get("host", ""))
        headers = {"content-security-policy": _NO_SCRIPTS}
        return Response(page, media_type=_HTML, headers=headers)


async def _refused(asked: Request, error: Exception) -> Response:
    assert isinstance(error, LadingError)
    return error_response(error)


async def _unknown(asked: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    methods = headers.get("allow")
    wanted = f": this address takes {methods}" if methods else ""
    said = {
        404: "there is nothing at this address",
        405: f"{asked.method} is not what is asked here{wanted}",
    }
    told = {"error": said.get(error.status_code, "no"), "hint": "GET /docs says what there is"}
    made = json_response(told, error.status_code)
    for name, value in headers.items():
        made.headers[name] = value
    return made


async def _failed(asked: Request, error: Exception) -> Response:
    return json_response({"error": "the model failed"}, 500)
