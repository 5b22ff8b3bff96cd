"""ONNX for MLServer, which has no runtime for it: what its documentation teaches one to write."""

from __future__ import annotations

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri


class Onnx(MLModel):  # type: ignore[misc]  # MLServer lives in an environment of its own
    """A graph with one input and one output."""

    async def load(self) -> bool:
        """Open the graph."""
        path = await get_model_uri(self._settings)
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer one request."""
        given = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        (found,) = self._session.run(None, {payload.inputs[0].name: given})
        output = NumpyCodec.encode_output("y", found)
        return InferenceResponse(model_name=self.name, outputs=[output])
