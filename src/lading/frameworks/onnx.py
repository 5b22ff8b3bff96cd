"""ONNX: graphs for every runtime, loaded as a session of onnxruntime.

Weights that do not fit into the graph's own file lie beside it, and never anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput, LocalFailure, PolicyRefused, Unsupported
from lading.formats.cursor import Broken
from lading.formats.onnx_tree import places
from lading.formats.window import FileWindow
from lading.frameworks import installed
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.arrays import as_array, named_arrays
from lading.frameworks.classes import comes_from
from lading.frameworks.door import loading, predicting, saving
from lading.frameworks.files import Wanted, find

if TYPE_CHECKING:
    from lading.spec.part import Json

MODEL_FILE: Final = "model.onnx"
_KINDS: Final = {"onnx": Wanted((MODEL_FILE,), ("onnx",), (".onnx",))}
DATA_FILE: Final = "model.onnx.data"
# A protobuf message ends at 2 GiB; what is larger than this is kept beside it.
INLINE: Final = 1024 * 1024 * 1024
_PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "rocm": "ROCMExecutionProvider",
}
# The tag of the version's field, the version, and the tag of a field of ModelProto after it.
_HEAD: Final = 3
_NEXT: Final = frozenset(b"\x12\x1a\x22\x28\x32\x3a\x42")
_DTYPES: Final = {
    "tensor(bool)": "bool",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}


class Onnx:
    """``onnx.ModelProto``, the path of a file, or its bytes."""

    name: Final = "onnx"
    framework: Final = "onnx"
    distributions: Final = ("onnxruntime",)
    versioned_by: Final = "onnx"
    concurrent: Final = True
    by_row: Final = True

    def takes(self, model: object) -> bool:
        """Whether it is a graph, names a file of one, or is the bytes of one."""
        if isinstance(model, (bytes, bytearray, memoryview)):
            return _begins_like_graph(bytes(model[:_HEAD]))
        if isinstance(model, (str, Path)):
            return PurePosixPath(model).suffix == ".onnx"
        return type(model).__name__ == "ModelProto" and comes_from(model, "onnx")

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.onnx``, and ``model.onnx.data`` beside it where the weights are large."""
        onnx = installed.require("onnx")
        from google.protobuf.message import DecodeError, EncodeError

        own = (DecodeError, EncodeError, onnx.checker.ValidationError)
        with saving(self.framework, *own):
            graph, is_callers = _graph(onnx, model)
            _check_complete(graph)
            _write(onnx, graph, folder, is_callers)
        return Saved(
            how={"format": "onnx"},
            format="onnx",
            class_name="onnx.ModelProto",
            framework_version=installed.version_of("onnx"),
            # Answers are arrays; the package onnx only writes graphs.
            roots=("onnxruntime", "numpy"),
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """An ``onnxruntime.InferenceSession``."""
        runtime = installed.require("onnxruntime")

        _, path = find(folder, how, options.files, _KINDS)
        _check_places(path)
        own = _errors_of(runtime)
        with loading("onnxruntime", *own):
            session: object = runtime.InferenceSession(
                str(path), providers=_providers(runtime, options.device)
            )
        return session

    def predict(self, model: Any, data: object) -> object:
        """The one output, or all of them by name."""
        runtime = installed.require("onnxruntime")
        with predicting(self.framework, *_errors_of(runtime)):
            model = _session(runtime, model)
            given = model.get_inputs()
            feeds = named_arrays(data, [part.name for part in given])
            types = {part.name: _DTYPES.get(part.type) for part in given}
            fitting = {name: as_array(value, types.get(name)) for name, value in feeds.items()}
            answers = model.run(None, fitting)
        names = [part.name for part in model.get_outputs()]
        return answers[0] if len(answers) == 1 else dict(zip(names, answers, strict=True))


def _begins_like_graph(head: bytes) -> bool:
    """Whether these are the first bytes of a ModelProto, which has no magic number.

    Every writer begins with the version, a small number, and one of the next fields follows.
    """
    return len(head) == _HEAD and head[0] == 0x08 and 0 < head[1] < 0x80 and head[2] in _NEXT


def _session(runtime: Any, model: Any) -> Any:
    """What can be asked: a session is one, a graph that is being saved is made one."""
    if hasattr(model, "get_inputs"):
        return model
    source = str(model) if isinstance(model, (str, Path)) else model
    raw = source.SerializeToString() if hasattr(source, "SerializeToString") else source
    raw = bytes(raw) if isinstance(raw, (bytearray, memoryview)) else raw
    return runtime.InferenceSession(raw, providers=_providers(runtime, None))


def _graph(onnx: Any, model: object) -> tuple[Any, bool]:
    """The graph, and whether it is the caller's own object."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return onnx.load_from_string(bytes(model)), False
    if isinstance(model, (str, Path)):
        return onnx.load(str(model)), False
    return model, True


def _write(onnx: Any, graph: Any, folder: Path, is_callers: bool) -> None:
    path = str(folder / MODEL_FILE)
    if sum(len(tensor.raw_data) for tensor in graph.graph.initializer) <= INLINE:
        onnx.save_model(graph, path)
        return
    onnx.save_model(graph, path, save_as_external_data=True, location=DATA_FILE)
    if is_callers:
        # Writing took the weights out of the object; the caller still wants it whole.
        onnx.load_external_data_for_model(graph, str(folder))


def _check_complete(graph: Any) -> None:
    if any(tensor.data_location == tensor.EXTERNAL for tensor in tensors(graph)):
        raise InvalidInput(
            "the weights of this graph are in other files, and nobody can tell where",
            hint="give the path of the .onnx file, or onnx.load(path), which brings them along",
        )


def _check_places(path: Path) -> None:
    """Refuse a graph that would have the runtime read files outside its folder."""
    for place in _places(path):
        if not _is_inside(place, path.parent):
            raise PolicyRefused(
                "this graph reads a file outside the model's folder",
                cause=repr(place)[:200],
                hint="nothing allows that; ask whoever made the model for another",
            )


def _places(path: Path) -> Iterator[str]:
    """The files beside a graph that it names; what cannot be read to its end is refused."""
    try:
        with FileWindow(path) as window:
            yield from places(window)
    except Broken as error:
        raise Unsupported(
            f"{path.name} is no ONNX file that can be read", cause=str(error)
        ) from error
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error


def _is_inside(place: str, folder: Path) -> bool:
    try:
        found = (folder / place).resolve()
    except (OSError, ValueError):
        return False
    return found.is_relative_to(folder.resolve()) and not Path(place).is_absolute()


def tensors(graph: Any) -> Iterator[Any]:
    """Every tensor of a graph, of its functions and of the graphs in its nodes."""
    waiting = [graph.graph, *graph.functions]
    if graph.training_info:
        for info in graph.training_info:
            waiting += (info.initialization, info.algorithm)
    while waiting:
        part = waiting.pop()
        yield from getattr(part, "initializer", ())
        for sparse in getattr(part, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for attribute in (attribute for node in part.node for attribute in node.attribute):
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            waiting += (attribute.g, *attribute.graphs) if _holds_graphs(attribute) else ()


def _holds_graphs(attribute: Any) -> bool:
    return attribute.HasField("g") or bool(attribute.graphs)


def _providers(runtime: Any, device: str | None) -> list[object]:
    kind, _, number = (device or "cpu").partition(":")
    provider = _PROVIDERS.get(kind)
    if provider is None or (number and not number.isdecimal()):
        raise InvalidInput(
            f"onnxruntime knows no device {device!r}", hint="cpu, cuda, cuda:1, rocm"
        )
    if provider not in runtime.get_available_providers():
        raise Unsupported(f"the installed onnxruntime cannot use {kind}")
    if kind == "cpu":
        return [provider]
    return [(provider, {"device_id": int(number or 0)}), _PROVIDERS["cpu"]]


@cache
def _errors_of(runtime: Any) -> tuple[type[Exception], ...]:
    """The errors of onnxruntime, which inherit from Exception alone."""
    state = runtime.capi.onnxruntime_pybind11_state
    return tuple(
        kind
        for kind in vars(state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    )
