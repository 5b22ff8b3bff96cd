"""What the server says of itself and of its model: metadata, OpenAPI, and a page for people."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from lading import __version__
from lading.serving.model import Model
from lading.signatures.inference_protocol import to_v2_metadata
from lading.signatures.json_schema import to_json_schema
from lading.spec.signature import Column, FieldType, Signature, Tensor

EXTENSIONS: Final = ("binary_tensor_data",)
_LONGEST: Final = 4000
# As a header of a request has it: a name or an address, and a port.
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


def server() -> dict[str, Any]:
    """Server metadata of the protocol."""
    return {"name": "lading", "version": __version__, "extensions": list(EXTENSIONS)}


def metadata(model: Model) -> dict[str, Any]:
    """Model metadata of the protocol."""
    signature = model.signature or Signature()
    return to_v2_metadata(signature, name=model.name, version=model.version).value


def openapi(model: Model) -> dict[str, Any]:
    """An OpenAPI document of this model."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.name,
            "version": model.version,
            "description": (model.description or "")[:_LONGEST],
            "x-model-digest": model.digest,
        },
        "paths": _paths(model),
        "components": {"schemas": _schemas(model)},
    }


def _schemas(model: Model) -> dict[str, Any]:
    schemas: dict[str, Any] = {
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"type": "string"}, "hint": {"type": "string"}},
        },
        "Tensor": {
            "type": "object",
            "required": ["name", "datatype", "shape"],
            "properties": {
                "name": {"type": "string"},
                "datatype": {"type": "string"},
                "shape": {"type": "array", "items": {"type": "integer"}},
                "parameters": {"type": "object"},
                "data": {"type": "array"},
            },
        },
        "Rows": {},
        "Predictions": {},
    }
    if model.signature is not None:
        for name, part in (("Rows", "inputs"), ("Predictions", "outputs")):
            schema = to_json_schema(model.signature, part).value  # type: ignore[arg-type]  # the two words that there are
            schemas[name] = _moved(schema, f"#/components/schemas/{name}/")
    return schemas


def _moved(value: Any, to: str) -> Any:
    """A schema whose references to itself hold where it stands now."""
    if isinstance(value, list):
        return [_moved(each, to) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: to + part[2:]
        if name == "$ref" and isinstance(part, str) and part.startswith("#/")
        else _moved(part, to)
        for name, part in value.items()
    }


def _paths(model: Model) -> dict[str, Any]:
    infer = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    }
    predicted = {
        "type": "object",
        "properties": {
            **{name: {"type": "string"} for name in ("model", "version", "digest")},
            "predictions": {"$ref": "#/components/schemas/Predictions"},
        },
    }
    rows = {"$ref": "#/components/schemas/Rows"}
    return {
        "/predict": {"post": _operation("Ask with plain rows.", rows, predicted)},
        f"/v2/models/{model.name}/infer": {
            "post": _operation("Ask by the Open Inference Protocol.", infer, infer)
        },
        f"/v2/models/{model.name}": {"get": _operation("What goes in and comes out.")},
        "/v2/health/live": {"get": _operation("Whether the server runs.")},
        "/v2/health/ready": {"get": _operation("Whether the model answers.")},
        "/metrics": {"get": _operation("Figures for Prometheus.")},
    }


def _operation(summary: str, body: Any = None, answer: Any = None) -> dict[str, Any]:
    wrong = {"$ref": "#/components/schemas/Error"}
    told: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "The answer.", **_content(answer)},
            "default": {"description": "Why not.", **_content(wrong)},
        },
    }
    return told if body is None else {**told, "requestBody": {"required": True, **_content(body)}}


def _content(schema: Any) -> dict[str, Any]:
    return {} if schema is None else {"content": {"application/json": {"schema": schema}}}


_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ccc }
pre { background: #f4f4f4; padding: .8rem; overflow: auto }
code { font-family: ui-monospace, monospace }
"""


def page(model: Model, host: str = "") -> str:
    """A page about this model, whole in itself: no script, nothing from elsewhere.

    ``host`` is how the reader reached it: so the example can be copied as it stands.
    """
    signature = model.signature or Signature()
    parts = [
        f"<h1>{escape(model.name)} {escape(model.version)}</h1>",
        f"<p><code>{escape(model.digest)}</code></p>",
        f"<p>{escape((model.description or '')[:_LONGEST])}</p>",
        "<h2>What goes in</h2>",
        _table(signature.inputs, metadata(model)["inputs"]),
        "<h2>What comes out</h2>",
        _table(signature.outputs, metadata(model)["outputs"]),
        "<h2>Ask</h2>",
        "<p>With plain rows:</p>",
        f"<pre>{escape(_curl(host, '/predict', example_rows(model)))}</pre>",
        "<p>By the Open Inference Protocol, version 2, with JSON or binary tensors:</p>",
        f"<pre>POST /v2/models/{escape(model.name)}/infer\n"
        f"GET  /v2/models/{escape(model.name)}</pre>",
        '<p><a href="/openapi.json">OpenAPI</a> · <a href="/metrics">metrics</a></p>',
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(model.name)}</title><style>{_STYLE}</style>{''.join(parts)}</html>"
    )


def _table(fields: Sequence[FieldType], described: Sequence[dict[str, Any]]) -> str:
    if not fields:
        return "<p>The version does not say.</p>"
    rows = "".join(
        f"<tr><td>{escape(told['name'])}<td>{escape(_type(field))}"
        f"<td>{told['datatype']} {told['shape']}<td>{escape((field.description or '')[:300])}"
        for field, told in zip(fields, described, strict=True)
    )
    return f"<table><tr><th>name<th>type<th>tensor<th>{rows}</table>"


def _type(field: FieldType) -> str:
    if isinstance(field, Tensor):
        return f"{field.dtype}{list(field.shape)}"
    return field.dtype if isinstance(field, Column) else "JSON"


def example_rows(model: Model) -> Any:
    """The input example as somebody would send it; a placeholder where there is none."""
    value = model.example.value if model.example else []
    return value.tolist() if hasattr(value, "tolist") else value


def _curl(host: str, path: str, value: Any) -> str:
    body = json.dumps(value)
    # The example came with the model: in a shell it may be one word and nothing else.
    body = shlex.quote(body if len(body) <= _LONGEST else "…")
    host = host if _HOST.fullmatch(host) else "HOST:PORT"
    return f"curl -H 'content-type: application/json' --data {body} http://{host}{path}"
