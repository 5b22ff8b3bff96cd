"""What somebody would write in an afternoon: one FastAPI handler around the same model.

    python bare_handler.py typed|raw array|graph MODEL-FILE PORT

``typed`` is FastAPI as its documentation teaches it: a pydantic model, a function in a thread.
``raw`` takes the JSON as it comes and asks the model in the event loop: no check, no thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel


class Tensor(BaseModel):
    """One input."""

    name: str
    datatype: str
    shape: list[int]
    data: list[float]


class Infer(BaseModel):
    """A request."""

    inputs: list[Tensor]


def answering(which: str, path: str) -> Callable[[Any, Any], dict[str, Any]]:
    """What the model answers, as the protocol has it."""
    if which == "array":
        import joblib

        model = joblib.load(path)

        def of_array(data: Any, shape: Any) -> dict[str, Any]:
            found = model.predict(np.array(data, dtype="f8").reshape(shape))
            return _told("INT64", found)

        return of_array
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def of_graph(data: Any, shape: Any) -> dict[str, Any]:
        return _told("FP32", session.run(None, {"x": np.array(data, dtype="f4").reshape(shape)})[0])

    return of_graph


def _told(datatype: str, found: Any) -> dict[str, Any]:
    output = {"name": "y", "datatype": datatype, "shape": list(found.shape)}
    return {"model_name": "m", "outputs": [{**output, "data": found.ravel().tolist()}]}


def main(kind: str, which: str, path: str, port: str) -> None:
    """Serve."""
    answer = answering(which, path)
    app = FastAPI()

    def typed(asked: Infer) -> dict[str, Any]:
        return answer(asked.inputs[0].data, asked.inputs[0].shape)

    async def raw(request: Request) -> JSONResponse:
        tensor = (await request.json())["inputs"][0]
        return JSONResponse(answer(tensor["data"], tensor["shape"]))

    handler: Callable[..., Any] = typed if kind == "typed" else raw
    # FastAPI reads types by name, which functions inside functions do not have.
    handler.__annotations__ = {"asked": Infer} if kind == "typed" else {"request": Request}
    app.post("/v2/models/m/infer", response_model=None)(handler)
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="error")


if __name__ == "__main__":
    main(*sys.argv[1:])
