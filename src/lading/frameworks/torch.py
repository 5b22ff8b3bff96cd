"""PyTorch: the weights of modules as safetensors, TorchScript and ``torch.export`` archives.

Weights are numbers, and loading them runs nothing; the module around them is code, which the caller
has and Lading does not import. The two archives are programs: TorchScript runs ``__setstate__`` of
its modules while it loads, which may write files, and ``torch.export.load`` falls back to pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from lading.errors import InvalidInput, Unsupported
from lading.frameworks import consent, installed
from lading.frameworks import how as words
from lading.frameworks.adapter import LoadOptions, Saved, SaveOptions
from lading.frameworks.arrays import as_array, as_arrays
from lading.frameworks.classes import class_name, inherits, reference
from lading.frameworks.door import loading, predicting, saving
from lading.frameworks.files import Wanted, find

if TYPE_CHECKING:
    from lading.spec.part import Json

WEIGHTS_FILE: Final = "model.safetensors"
SCRIPT_FILE: Final = "model.pt"
EXPORT_FILE: Final = "model.pt2"

_MODULE: Final = "torch.nn.modules.module.Module"
_SCRIPT: Final = "torch.jit._script.ScriptModule"
_EXPORT: Final = "torch.export.exported_program.ExportedProgram"
_FILES: Final = {"safetensors": WEIGHTS_FILE, "torchscript": SCRIPT_FILE, "pt2": EXPORT_FILE}
KINDS: Final = {
    "safetensors": Wanted((WEIGHTS_FILE,), ("safetensors",), (".safetensors",)),
    # What torch.save wrote. Its endings are TorchScript's, too, which torch.load tells apart.
    "pytorch": Wanted(
        ("pytorch_model.bin",), ("pytorch", "pytorch-legacy"), (".pt", ".pth", ".bin")
    ),
    "torchscript": Wanted((SCRIPT_FILE,), ("torchscript",)),
    "pt2": Wanted((EXPORT_FILE,), ("torch-export",), (".pt2",)),
}
# What each kind is called where it is refused, and why it is.
_PROGRAMS: Final = {
    "pytorch": "file of torch.save",
    "torchscript": "torchscript program",
    "pt2": "pt2 program",
}
_WHY: Final = {
    "pytorch": "torch.save writes pickles",
    "torchscript": "it can write files, or hold a pickle",
    "pt2": "torch.export reads parts of it as pickles",
}


@dataclass(frozen=True)
class StateDict(Mapping[str, Any]):
    """The weights of a module by name, waiting for the module they belong to."""

    tensors: Mapping[str, Any]
    # The class that they were taken from, as "module:Class"; empty where nobody said.
    module_class: str = ""

    def __getitem__(self, name: str) -> Any:
        """The tensor of that name."""
        return self.tensors[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the tensors."""
        return iter(self.tensors)

    def __len__(self) -> int:
        """How many tensors there are."""
        return len(self.tensors)

    def into(self, module: Any, *, strict: bool = True) -> Any:
        """The module, filled with these weights.

        Raises:
            InvalidInput: they are not the weights of such a module.
        """
        try:
            module.load_state_dict(dict(self.tensors), strict=strict)
        except (RuntimeError, AttributeError, TypeError) as error:
            raise InvalidInput(
                f"these weights do not fit into {type(module).__name__}",
                cause=str(error)[:500],
                hint=f"they were saved from {self.module_class}" if self.module_class else None,
            ) from error
        return module


class Torch:
    """Modules, mappings of tensors, ScriptModules and ExportedPrograms."""

    name: Final = "torch"
    framework: Final = "pytorch"
    distributions: Final = ("torch", "safetensors")
    concurrent: Final = True
    by_row: Final = True

    def takes(self, model: object) -> bool:
        """Whether it is a module, a program made of one, or tensors by name."""
        return inherits(model, _MODULE, _EXPORT) or _is_tensors(model)

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """``model.safetensors``, ``model.pt`` or ``model.pt2``."""
        kind, write = _writer(model)
        weights = kind == "safetensors"
        with saving(self.framework, *(_own_errors() if weights else ())):
            notes = write(model, folder / _FILES[kind])
        return Saved(
            how={"format": kind, **_class_of(model, kind)},
            format=kind,
            class_name=class_name(model),
            framework_version=installed.version_of("torch"),
            # Answers are arrays, and torch itself does not need numpy.
            roots=("torch", "numpy", *(("safetensors",) if weights else ())),
            notes=tuple(notes),
        )

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """A :class:`StateDict`, or ``options.into`` filled with it; of archives, the program.

        Raises:
            PolicyRefused: it is a program or a pickle, and nobody allowed it to run.
        """
        kind, path = find(folder, how, options.files, KINDS)
        if kind == "safetensors":
            return _load_weights(path, words.text(how, "class", ""), options)
        consent.require(
            options.allow_pickle,
            f"this model is a {_PROGRAMS[kind]}, and loading it may run what is in it",
            because=_WHY[kind],
        )
        return _load_program(kind, path, options)

    def predict(self, model: Any, data: object) -> object:
        """What the module answers, as arrays.

        Raises:
            Unsupported: these are weights without their module.
        """
        if isinstance(model, StateDict):
            raise Unsupported(
                "weights alone answer nothing",
                hint=f"into= a module of {model.module_class or 'their class'}",
            )
        torch = installed.require("torch")
        with predicting(self.framework), torch.inference_mode():
            if inherits(model, _EXPORT):
                return as_arrays(_call(torch, model.module(), data))
            with _evaluating(model):
                return as_arrays(_call(torch, model, data))


def _class_of(model: object, kind: str) -> dict[str, Json]:
    """The class that the weights are of; programs bring their own."""
    return {"class": reference(model)} if kind == "safetensors" and _is_module(model) else {}


def _writer(model: Any) -> tuple[str, Callable[[Any, Path], list[str]]]:
    if inherits(model, _EXPORT):
        return "pt2", _write_export
    if inherits(model, _SCRIPT):
        return "torchscript", _write_script
    return "safetensors", _write_weights


def _write_export(model: Any, path: Path) -> list[str]:
    installed.require("torch").export.save(model, str(path))
    return ["loading it asks for allow_pickle=True: parts of the archive may be pickles"]


def _write_script(model: Any, path: Path) -> list[str]:
    installed.require("torch").jit.save(model, str(path))
    return ["loading it asks for allow_pickle=True: TorchScript is a program and may write files"]


def _write_weights(model: Any, path: Path) -> list[str]:
    """The state of a module; tensors that are one and the same are written once."""
    torch = installed.require("safetensors.torch")
    state = model.state_dict() if _is_module(model) else model
    strange = [name for name, tensor in state.items() if not _is_tensor(tensor)]
    if strange:
        raise InvalidInput(
            "parts of the state are no tensors",
            cause=", ".join(strange[:5])[:300],
            hint="save a mapping that holds tensors only",
        )
    kept, aliases = _once(state)
    separate, cloned = _apart(kept)
    torch.save_file(separate, str(path), metadata={"format": "pt", **aliases})
    if not cloned:
        return []
    return [f"{len(cloned)} tensors shared memory with others and were written whole each"]


def _once(state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Each tensor once, and the names of the others with the name that has theirs.

    Such a file is what ``safetensors.torch.save_model`` writes, and ``load_model`` reads it.
    """
    names: dict[object, str] = {}
    aliases: dict[str, str] = {}
    kept: dict[str, Any] = {}
    for name, tensor in state.items():
        identity = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        first = names.setdefault(identity, name) if tensor.numel() else name
        # Metadata of the file has a name of its own.
        if name in (first, "format"):
            kept[name] = tensor
        else:
            aliases[name] = first
    return kept, aliases


def _apart(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The tensors with memory of their own each, and which were copied for that."""
    owners: set[tuple[object, int]] = set()
    apart: dict[str, Any] = {}
    copied: list[str] = []
    for name, tensor in state.items():
        whole = tensor.detach().contiguous()
        storage = whole.untyped_storage()
        owner = (whole.device, storage.data_ptr())
        needs_copy = storage.nbytes() != whole.numel() * whole.element_size()
        if whole.numel() and (needs_copy or owner in owners):
            whole = whole.clone()
            copied.append(name)
        else:
            owners.add(owner)
        apart[name] = whole
    return apart, copied


def _load_program(kind: str, path: Path, options: LoadOptions) -> object:
    torch = installed.require("torch")
    device = options.device or "cpu"
    with loading("pytorch"):
        if kind == "pt2":
            program: object = torch.export.load(str(path))
            return program
        if kind == "torchscript":
            script: object = torch.jit.load(str(path), map_location=device)
            return script
        model: object = torch.load(str(path), map_location=device, weights_only=False)
    if _is_tensors(model):
        return _filled(StateDict(cast("Mapping[str, Any]", model)), options)
    if options.into is not None:
        raise InvalidInput(
            "this file holds no weights by name to fill a module with",
            cause=f"it holds a {class_name(model)}",
            hint="load it without into",
        )
    return model


def _load_weights(path: Path, module_class: str, options: LoadOptions) -> object:
    safetensors = installed.require("safetensors")
    installed.require("torch")
    with (
        loading("safetensors", safetensors.SafetensorError),
        safetensors.safe_open(str(path), framework="pt", device=options.device or "cpu") as file,
    ):
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        aliases = file.metadata() or {}
    shared = {name: found[kept] for name, kept in aliases.items() if kept in found}
    return _filled(StateDict({**shared, **found}, module_class), options)


def _filled(state: StateDict, options: LoadOptions) -> object:
    return state if options.into is None else state.into(_module(options.into))


def _module(into: object) -> object:
    """A module to fill: the caller's, or one made of the caller's class."""
    return into() if isinstance(into, type) else into


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """While a module neither drops out nor learns; it is afterwards as it was."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _call(torch: Any, module: Any, data: Any) -> object:
    like = next(iter(module.parameters()), None)

    def tensor(value: Any) -> Any:
        found = value if _is_tensor(value) else torch.as_tensor(as_array(value))
        if like is None:
            return found
        # numpy's and JSON's numbers have 64 bits, which weights seldom have.
        is_like = found.is_floating_point() and like.is_floating_point()
        return found.to(like.device, like.dtype if is_like else found.dtype)

    if isinstance(data, Mapping):
        return module(**{str(name): tensor(value) for name, value in data.items()})
    if isinstance(data, tuple):
        return module(*(tensor(value) for value in data))
    return module(tensor(data))


def _is_module(model: object) -> bool:
    return inherits(model, _MODULE)


def _is_tensor(value: object) -> bool:
    return inherits(value, "torch.Tensor")


def _is_tensors(model: object) -> bool:
    return isinstance(model, Mapping) and bool(model) and all(map(_is_tensor, model.values()))


def _own_errors() -> tuple[type[Exception], ...]:
    return (installed.require("safetensors").SafetensorError,)
