"""Which adapters there are: Lading's own, those of other packages, those of this process.

Lading's own are in a table here, so that they are there without installation, too. Those of other
packages are found by entry point, and loaded only when they are chosen or have to be asked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, LadingError, LocalFailure
from lading.frameworks import installed
from lading.frameworks.adapter import Adapter
from lading.frameworks.classes import class_name
from lading.frameworks.door import RAISED

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

logger = logging.getLogger(__name__)

GROUP: Final = "lading.frameworks"
_OWN_DISTRIBUTION: Final = "lading"

# In the order they are asked: whoever inherits comes before what it inherits from.
_OWN: Final = {
    "xgboost": "lading.frameworks.xgboost:XGBoost",
    "lightgbm": "lading.frameworks.lightgbm:LightGBM",
    "catboost": "lading.frameworks.catboost:CatBoost",
    "sentence_transformers": "lading.frameworks.sentence_transformers:SentenceTransformers",
    "transformers": "lading.frameworks.transformers:Transformers",
    "keras": "lading.frameworks.keras:Keras",
    "tensorflow": "lading.frameworks.tensorflow:TensorFlow",
    "torch": "lading.frameworks.torch:Torch",
    "onnx": "lading.frameworks.onnx:Onnx",
    "sklearn": "lading.frameworks.sklearn:Sklearn",
    "python": "lading.frameworks.python:Python",
}
# It takes whatever can predict, so everyone else is asked before.
_LAST: Final = "python"
_RAISED_AT_IMPORT: Final[tuple[type[Exception], ...]] = (*RAISED, OSError, SyntaxError)
_PARTS: Final = ("name", "framework", "distributions", "takes", "save", "load", "predict")


@dataclass(frozen=True, slots=True)
class Registered:
    """An adapter by name, not loaded yet."""

    name: str
    # "module:Class"
    value: str
    # The package it comes from; empty where this process registered it.
    distribution: str

    def load(self) -> Adapter:
        """The adapter.

        Raises:
            LocalFailure: its package does not give one.
        """
        if self.name in _of_this_process and not self.distribution:
            return _of_this_process[self.name]
        return _made(self)


_of_this_process: dict[str, Adapter] = {}


def register(adapter: Adapter) -> None:
    """Let this process know an adapter, under its name; it is asked before all others.

    Raises:
        InvalidInput: it is no adapter, or has the name of one of Lading's.
    """
    lacking = [part for part in _PARTS if not hasattr(adapter, part)]
    if isinstance(adapter, type) or lacking:
        raise InvalidInput(
            f"{class_name(adapter)} is no adapter",
            cause=f"it has no {', '.join(lacking)}" if lacking else "it is a class",
            hint="lading.frameworks.adapter says what one is",
        )
    if adapter.name in _OWN:
        raise InvalidInput(
            f"{adapter.name} is an adapter of Lading's own", hint="take another name"
        )
    _of_this_process[adapter.name] = adapter


def adapters() -> Mapping[str, Registered]:
    """Every adapter by name; none of them is loaded for this.

    A package cannot take the name of one of Lading's own, nor of one that this process registered.
    """
    found = {point.name: _foreign(point) for point in _entry_points()}
    own = {name: Registered(name, value, _OWN_DISTRIBUTION) for name, value in _OWN.items()}
    here = {
        name: Registered(name, class_name(adapter), "")
        for name, adapter in _of_this_process.items()
    }
    return {
        **here,
        **own,
        **{name: it for name, it in found.items() if name not in {**own, **here}},
    }


def adapter(name: str, version: str | None = None, pins: Iterable[str] = ()) -> Adapter:
    """The adapter of that name.

    Version and pinned requirements are for the hint, should the framework be missing.

    Raises:
        InvalidInput: there is none, or two packages have one.
        LocalFailure: it is broken, or its framework is not installed.
    """
    known = adapters()
    if name not in known:
        raise InvalidInput(
            f"there is no adapter {name!r}",
            cause=f"there are {', '.join(sorted(known))}",
            hint="a package may add one; lading.frameworks.adapter says how",
        )
    _refuse_two(name)
    found = known[name].load()
    for module in found.distributions[:1]:
        if not installed.is_installed(module):
            # The version of a format is none of the package that runs it.
            own = version if getattr(found, "versioned_by", module) == module else None
            raise installed.missing(module, own, pins)
    return found


def adapter_for(model: object) -> Adapter:
    """The adapter that takes this model.

    Raises:
        InvalidInput: none does.
    """
    broken: list[str] = []
    for found in _asked(broken):
        if _takes(found, model, broken):
            return found
    raise InvalidInput(
        f"no adapter takes a {class_name(model)}",
        cause="; ".join(broken) or None,
        hint=f"models of {', '.join(_words())} are taken, and objects with a predict; "
        "lading.frameworks.adapter says how to write an adapter",
    )


def framework_roots(framework: str) -> tuple[str, ...]:
    """The modules whose versions matter for a framework, by its name or its adapter's.

    Empty where no adapter of Lading's own or of this process is called so.
    """
    for found in (*_of_this_process.values(), *(_own(name) for name in _OWN)):
        if framework in (found.name, found.framework):
            return tuple(found.distributions)
    return ()


def _asked(broken: list[str]) -> Iterator[Adapter]:
    """The adapters in the order they are asked; those of other packages late, and one by one."""
    yield from tuple(_of_this_process.values())
    yield from (_own(name) for name in _OWN if name != _LAST)
    for name, registered in adapters().items():
        if name in _OWN or name in _of_this_process:
            continue
        try:
            yield registered.load()
        except LadingError as error:
            logger.warning("%s", error)
            broken.append(str(error))
    yield _own(_LAST)


def _takes(found: Adapter, model: object, broken: list[str]) -> bool:
    """What the adapter says; one that cannot even say it is named, and passed over."""
    try:
        return found.takes(model)
    except RAISED as error:
        broken.append(f"the adapter {found.name} cannot be asked: {error}"[:300])
        logger.warning("%s", broken[-1])
        return False


def _words() -> tuple[str, ...]:
    return tuple(_own(name).framework for name in _OWN if name != _LAST)


@cache
def _own(name: str) -> Adapter:
    return _made(Registered(name, _OWN[name], _OWN_DISTRIBUTION))


def _made(registered: Registered) -> Adapter:
    """The adapter that an entry point names: a class, called without arguments, or an object."""
    module, _, path = registered.value.partition(":")
    try:
        made = import_module(module)
        for part in path.split("."):
            made = getattr(made, part)
        found: Adapter = made() if callable(made) else made
    except _RAISED_AT_IMPORT as error:
        raise _broken(registered, f"{type(error).__name__}: {error}") from error
    lacking = [part for part in _PARTS if not hasattr(found, part)]
    if lacking:
        raise _broken(registered, f"it has no {', '.join(lacking)}")
    return found


def _broken(registered: Registered, cause: str) -> LocalFailure:
    return LocalFailure(
        f"the adapter {registered.name} of the package {registered.distribution} is broken",
        cause=cause[:300],
        hint=f"update or remove {registered.distribution}",
    )


def _refuse_two(name: str) -> None:
    packages = sorted({_distribution(point) for point in _entry_points() if point.name == name})
    if len(packages) > 1 and name not in _OWN and name not in _of_this_process:
        raise InvalidInput(
            f"several packages have an adapter {name!r}",
            cause=", ".join(packages),
            hint="remove all but one of them",
        )


def _entry_points() -> tuple[EntryPoint, ...]:
    """Those of other packages."""
    from importlib.metadata import entry_points

    return tuple(
        point for point in entry_points(group=GROUP) if _distribution(point) != _OWN_DISTRIBUTION
    )


def _foreign(point: EntryPoint) -> Registered:
    return Registered(point.name, point.value, _distribution(point))


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "unknown"
