"""The messages of the protocol and of gRPC's health checks, made from the tables below.

No code is generated: that would be for one version of protobuf, and would claim the protocol's
names in the pool of the whole process, where a client of the protocol has claimed them already. A
table and a pool of our own take a millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

INFERENCE: Final = "inference"
INFERENCE_SERVICE: Final = "inference.GRPCInferenceService"
HEALTH: Final = "grpc.health.v1"
HEALTH_SERVICE: Final = "grpc.health.v1.Health"

_Fields = Mapping[int, str]
_TENSOR: Final[_Fields] = {
    1: "string name",
    2: "string datatype",
    3: "repeated int64 shape",
    4: "parameters",
    5: "InferTensorContents contents",
}
# By name: what each number means. ``parameters`` is a map from names to InferParameter.
PROTOCOL: Final[Mapping[str, _Fields]] = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {1: "bool live"},
    "ServerReadyRequest": {},
    "ServerReadyResponse": {1: "bool ready"},
    "ModelReadyRequest": {1: "string name", 2: "string version"},
    "ModelReadyResponse": {1: "bool ready"},
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {
        1: "string name",
        2: "string version",
        3: "repeated string extensions",
    },
    "ModelMetadataRequest": {1: "string name", 2: "string version"},
    "ModelMetadataResponse": {
        1: "string name",
        2: "repeated string versions",
        3: "string platform",
        4: "repeated ModelMetadataResponse.TensorMetadata inputs",
        5: "repeated ModelMetadataResponse.TensorMetadata outputs",
    },
    "ModelMetadataResponse.TensorMetadata": {
        1: "string name",
        2: "string datatype",
        3: "repeated int64 shape",
    },
    "ModelInferRequest": {
        1: "string model_name",
        2: "string model_version",
        3: "string id",
        4: "parameters",
        5: "repeated ModelInferRequest.InferInputTensor inputs",
        6: "repeated ModelInferRequest.InferRequestedOutputTensor outputs",
        7: "repeated bytes raw_input_contents",
    },
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": {1: "string name", 2: "parameters"},
    "ModelInferResponse": {
        1: "string model_name",
        2: "string model_version",
        3: "string id",
        4: "parameters",
        5: "repeated ModelInferResponse.InferOutputTensor outputs",
        6: "repeated bytes raw_output_contents",
    },
    "ModelInferResponse.InferOutputTensor": _TENSOR,
    "InferParameter": {
        1: "oneof bool bool_param",
        2: "oneof int64 int64_param",
        3: "oneof string string_param",
        4: "oneof double double_param",
        5: "oneof uint64 uint64_param",
    },
    "InferTensorContents": {
        1: "repeated bool bool_contents",
        2: "repeated int32 int_contents",
        3: "repeated int64 int64_contents",
        4: "repeated uint32 uint_contents",
        5: "repeated uint64 uint64_contents",
        6: "repeated float fp32_contents",
        7: "repeated double fp64_contents",
        8: "repeated bytes bytes_contents",
    },
}
# The status is an enumeration, which looks like a number of 32 bits to whoever reads it.
CHECKS: Final[Mapping[str, _Fields]] = {
    "HealthCheckRequest": {1: "string service"},
    "HealthCheckResponse": {1: "int32 status"},
}
_ONEOF: Final = "parameter_choice"
_PARAMETERS: Final = "parameters"


@cache
def inference() -> Mapping[str, Any]:
    """The classes of the protocol's messages by name."""
    return _made(INFERENCE, PROTOCOL)


@cache
def health() -> Mapping[str, Any]:
    """The classes of the messages of health checks by name."""
    return _made(HEALTH, CHECKS)


def _made(package: str, described: Mapping[str, _Fields]) -> Mapping[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"lading/{package}.proto", package=package, syntax="proto3"
    )
    places: dict[str, Any] = {}
    for name in described:
        outer, _, inner = name.rpartition(".")
        place = places[outer].nested_type if outer else file.message_type
        places[name] = place.add(name=inner)
    for name, fields in described.items():
        for number, text in fields.items():
            _add(places[name], f".{package}.{name}", number, text, package)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in described
    }


def _add(message: Any, full_name: str, number: int, text: str, package: str) -> None:
    kinds = descriptor_pb2.FieldDescriptorProto
    if text == _PARAMETERS:
        text = f"repeated {full_name}.ParametersEntry {_PARAMETERS}"
        entry = message.nested_type.add(name="ParametersEntry")
        entry.options.map_entry = True
        _add(entry, "", 1, "string key", package)
        _add(entry, "", 2, "InferParameter value", package)
    *label, kind, name = text.split()
    field = message.field.add(name=name, number=number, json_name=name)
    field.label = kinds.LABEL_REPEATED if label == ["repeated"] else kinds.LABEL_OPTIONAL
    if label == ["oneof"]:
        if not message.oneof_decl:
            message.oneof_decl.add(name=_ONEOF)
        field.oneof_index = 0
    if not kind.startswith(".") and kind[0].islower():
        field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    else:
        field.type = kinds.TYPE_MESSAGE
        field.type_name = kind if kind.startswith(".") else f".{package}.{kind}"
